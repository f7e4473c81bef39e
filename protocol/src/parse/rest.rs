//! The rest of a playbook that has mistakes of form: what is left without them, so that its other mistakes can be told with these.
//! Owns which mistakes of the rest may come of what is left out.

use std::collections::BTreeSet;
use std::rc::Rc;

use super::node::{Kind, Node};
use super::{node, shape};
use crate::limits::PLAYBOOK_BYTES;
use crate::playbook::{FORMAT, Playbook};
use crate::text;

/// Maps of which the fields are names that other places read.
const NAMING: [&str; 8] =
    ["variables", "constants", "integrations", "carry", "properties", "branches", "choices", "set"];

/// What is left of a playbook without its mistakes of form. No playbook to run.
#[derive(Debug)]
pub struct PlaybookRest {
    /// The rest: another step stands in for each that is left out.
    pub playbook: Playbook,
    /// The names in what is left out.
    names: BTreeSet<String>,
    /// Whether a step may be left out that has no id: the numbers in the ids that are made of others differ then.
    renumbers: bool,
}

impl PlaybookRest {
    /// The rest of a text that [`Playbook::parse`] refuses; none where it cannot be read without its mistakes.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        let text = text::decode(bytes).ok().filter(|_| bytes.len() <= PLAYBOOK_BYTES)?;
        let read = shape::read(node(&text).ok()?);
        let playbook = read.playbook.filter(|playbook| playbook.format == FORMAT)?;
        let mut names = BTreeSet::from(["left-out".to_owned()]);
        let mut renumbers = false;
        for node in &read.left_out {
            if let Kind::Map(only) = &node.kind
                && let [field] = &only[..]
            {
                // A message says `no variable` where `variables` is left out.
                let one = field.name.strip_suffix('s').unwrap_or(&field.name);
                names.extend([field.name.clone(), one.to_owned()]);
            }
            renumbers |= name(node, &mut names);
        }
        Some(Self { playbook, names, renumbers })
    }

    /// Whether a mistake of the rest stands in the text, as far as is known: it names nothing that is left out.
    pub fn has(&self, mistake: &str) -> bool {
        let is_part = |letter: char| letter.is_alphanumeric() || "_-".contains(letter);
        let is_made = |word: &str| {
            let number = word.rsplit_once('_').map(|(_, number)| number);
            self.renumbers && number.is_some_and(|number| number.parse::<u32>().is_ok())
        };
        !mistake.split(|letter| !is_part(letter)).any(|word| self.names.contains(word) || is_made(word))
    }
}

/// Adds what other places may call by its name: ids of steps, names of items, variables and the like. Gives whether there is a map
/// without an id.
fn name(node: &Rc<Node>, names: &mut BTreeSet<String>) -> bool {
    match &node.kind {
        Kind::List(items) => items.iter().fold(false, |any, item| name(item, names) | any),
        Kind::Map(fields) => {
            let mut any = !fields.iter().any(|field| field.name == "id");
            for field in fields {
                match &field.node.kind {
                    Kind::Text(text) if field.name == "id" || field.name == "as" => {
                        names.insert(text.clone());
                    }
                    Kind::Map(inner) if NAMING.contains(&field.name.as_str()) => {
                        names.extend(inner.iter().map(|inner| inner.name.clone()));
                    }
                    _ => {}
                }
                any |= name(&field.node, names);
            }
            any
        }
        _ => false,
    }
}
