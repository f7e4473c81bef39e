//! The mistakes in the shape of a playbook, all at once: each field in which one is found is left out, or the step around it is
//! replaced by a step without mistakes where that makes another mistake, and the rest is read again. Owns what is replaced, and
//! which mistakes come of that alone.

use std::rc::Rc;

use super::deserialize;
use super::mistake::{Mistake, Step};
use super::node::{Field, Kind, Node};
use crate::limits::{MISTAKES, SHAPE_READ_BYTES};
use crate::playbook::Playbook;

/// Reads a playbook.
///
/// # Errors
/// Its mistakes, in the order of the text within each body.
pub(super) fn read(mut node: Rc<Node>) -> Result<Playbook, Vec<Mistake>> {
    let (mut found, mut replaced) = (Vec::new(), Vec::new());
    let most = MISTAKES.min(1 + SHAPE_READ_BYTES / node.work());
    for _ in 0..2 * most {
        let mistake = match deserialize::read::<Playbook>(&node) {
            Ok(playbook) if found.is_empty() => return Ok(playbook),
            Ok(_) => break,
            Err(mistake) => mistake,
        };
        let path = mistake.outermost_first();
        let cut = cut(&path, &replaced);
        if !comes_of(&replaced, &path) {
            found.push(mistake);
        }
        let Some(cut) = cut.filter(|_| found.len() < most) else { break };
        node = without(&node, &cut);
        replaced.push(cut);
    }
    Err(found)
}

/// What is left out or replaced for a mistake at this place: the field or the item there, or else the innermost around it that is
/// not replaced yet; nothing where it is the playbook itself.
fn cut(path: &[Step], replaced: &[Vec<Step>]) -> Option<Vec<Step>> {
    let is_new = |cut: &&[Step]| !replaced.iter().any(|known| cut.starts_with(known));
    (1..=path.len()).rev().map(|end| &path[..end]).find(is_new).map(<[Step]>::to_vec)
}

/// Whether a mistake is one of what was put in place of others: the step that stands there, or a field that is missing around the
/// place of another one, which has another name or was left out.
fn comes_of(replaced: &[Vec<Step>], path: &[Step]) -> bool {
    let is_left_out = |known: &[Step]| match known.split_last() {
        Some((Step::Field(_), around)) => path == around,
        _ => false,
    };
    replaced.iter().any(|known| path.starts_with(known) || is_left_out(known))
}

/// The same tree with a step that ends the path at this place; without the field, where the place is one.
fn without(node: &Rc<Node>, path: &[Step]) -> Rc<Node> {
    let Some((first, rest)) = path.split_first() else {
        let ends = Rc::new(Node::scalar(node.at, Kind::Null));
        return Rc::new(Node::map(node.at, vec![Field { at: node.at, name: "end".to_owned(), node: ends }]));
    };
    match (&node.kind, first) {
        (Kind::List(items), Step::Item(at)) => {
            let changed = |(number, item)| if number == *at { without(item, rest) } else { Rc::clone(item) };
            Rc::new(Node::list(node.at, items.iter().enumerate().map(changed).collect()))
        }
        (Kind::Map(fields), Step::Field(name)) => {
            let kept = fields.iter().filter(|field| field.name != *name || !rest.is_empty());
            let changed = |field: &Field| {
                let inner = &field.node;
                let node = if field.name == *name { without(inner, rest) } else { Rc::clone(inner) };
                Field { at: field.at, name: field.name.clone(), node }
            };
            Rc::new(Node::map(node.at, kept.map(changed).collect()))
        }
        _ => Rc::clone(node),
    }
}
