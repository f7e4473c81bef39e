//! The mistakes in the shape of a playbook, all at once: each field in which one is found is left out, or the step around it is
//! replaced by a step without mistakes where that makes another mistake, and the rest is read again. Owns what is replaced, and
//! which mistakes come of that alone.

use std::rc::Rc;

use super::deserialize;
use super::mistake::{Mistake, Step};
use super::node::{Field, Kind, Node};
use crate::ids::StepId;
use crate::limits::{MISTAKES, SHAPE_READ_BYTES};
use crate::playbook::Playbook;

/// What a text gives.
pub(super) struct Reading {
    /// The mistakes, in the order of the text within each body.
    pub(super) mistakes: Vec<Mistake>,
    /// The playbook, or what is left of it without its mistakes; none where that is not known.
    pub(super) playbook: Option<Playbook>,
    /// What stood where the mistakes were.
    pub(super) left_out: Vec<Rc<Node>>,
}

/// Reads a playbook.
pub(super) fn read(mut node: Rc<Node>) -> Reading {
    let whole = node.clone();
    let (mut found, mut replaced) = (Vec::new(), Vec::new());
    let mut playbook = None;
    let most = MISTAKES.min(1 + SHAPE_READ_BYTES / node.work());
    for _ in 0..2 * most {
        let mistake = match deserialize::read::<Playbook>(&node) {
            Ok(read) => {
                playbook = Some(read);
                break;
            }
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
    let left_out = replaced.iter().filter_map(|path| at(&whole, path)).collect();
    Reading { mistakes: found, playbook, left_out }
}

/// The node at a place; that around it, where it is a field that is left out with its name.
fn at(node: &Rc<Node>, path: &[Step]) -> Option<Rc<Node>> {
    let Some((first, rest)) = path.split_first() else { return Some(Rc::clone(node)) };
    match (&node.kind, first) {
        (Kind::List(items), Step::Item(number)) => at(items.get(*number)?, rest),
        (Kind::Map(fields), Step::Field(name)) => {
            let field = fields.iter().find(|field| field.name == *name)?;
            if !rest.is_empty() {
                return at(&field.node, rest);
            }
            let field = Field { at: field.at, name: field.name.clone(), node: field.node.clone() };
            Some(Rc::new(Node::map(node.at, vec![field])))
        }
        _ => None,
    }
}

fn stand_in(node: &Rc<Node>, id: Option<&Field>) -> Rc<Node> {
    let field = |name: &str, node: Rc<Node>| Field { at: node.at, name: name.to_owned(), node };
    let id = id.filter(|id| matches!(&id.node.kind, Kind::Text(id) if StepId::new(id.as_str()).is_ok()));
    let id = id.map(|id| field("id", id.node.clone()));
    let name = Rc::new(Node::scalar(node.at, Kind::Text("left-out".to_owned())));
    Rc::new(Node::map(node.at, id.into_iter().chain([field("playbook", name)]).collect()))
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

/// The same tree with another step at this place; without the field, where the place is one. The step has the id of the one that
/// stood there, goes on, and has any output.
fn without(node: &Rc<Node>, path: &[Step]) -> Rc<Node> {
    let Some((first, rest)) = path.split_first() else {
        let Kind::Map(fields) = &node.kind else { return stand_in(node, None) };
        return stand_in(node, fields.iter().find(|field| field.name == "id"));
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
