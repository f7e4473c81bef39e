//! References: the data of an execution that a template or a condition names. Owns no rule on which data a step may
//! see.

mod wanted;

use std::collections::{BTreeMap, BTreeSet};

pub(crate) use wanted::{Wanted, WantedKey, WantedPart};

/// The data that the templates of a step, or its condition, read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct References {
    /// Whether `input` is read.
    pub(crate) input: bool,
    /// Whether `variables` is read.
    pub(crate) variables: bool,
    /// Whether `constants` is read.
    pub(crate) constants: bool,
    /// The names of loops around the text that are read.
    pub(crate) locals: BTreeSet<String>,
    /// The ids of the steps that are read, each with the place that reads it first.
    pub(crate) steps: BTreeMap<String, String>,
    /// The parts of them that are read.
    pub(crate) wanted: Wanted,
}

impl References {
    /// Adds a step that `path` reads.
    pub(crate) fn read_step(&mut self, id: &str, path: &str) {
        if !self.steps.contains_key(id) {
            self.steps.insert(id.to_owned(), path.to_owned());
        }
    }

    /// Their approximate size in memory.
    pub(crate) fn bytes(&self) -> usize {
        /// A node of the map has room for eleven, and is half full.
        const STEP_BYTES: usize = 4 * size_of::<(String, String)>() + 64;
        let steps = self.steps.iter().map(|(id, path)| STEP_BYTES + id.len() + path.len());
        let first = if self.steps.is_empty() { 0 } else { 11 * size_of::<(String, String)>() };
        let locals: usize = self.locals.iter().map(|name| STEP_BYTES + name.len()).sum();
        first + steps.sum::<usize>() + locals + self.wanted.bytes()
    }

    /// Adds the references of another text.
    pub(crate) fn merge(&mut self, other: Self) {
        self.input |= other.input;
        self.variables |= other.variables;
        self.constants |= other.constants;
        self.wanted.merge(other.wanted);
        self.locals.extend(other.locals);
        for (id, path) in other.steps {
            self.steps.entry(id).or_insert(path);
        }
    }
}

/// The readable fields of an earlier step.
const STEP_FIELDS: [&str; 3] = ["output", "status", "error"];
/// The readable fields of an earlier step's error.
const ERROR_FIELDS: [&str; 5] = ["kind", "message", "status", "headers", "body"];

/// Why `steps` cannot be read like this; `None` if it can. `keys` are the constant keys after `steps`, up to the first
/// that is computed; `whole` says that none is computed.
pub(crate) fn step_read(keys: &[&str], whole: bool) -> Option<String> {
    match keys {
        [] if whole => Some("`steps` is read one step at a time: `steps.ID.output`".to_owned()),
        [] => Some("a step is named by its id, not by a computed text".to_owned()),
        [_] => None,
        [id, field, rest @ ..] if !STEP_FIELDS.contains(field) => {
            let why = format!("`steps.{id}` has no `{field}`; a step has `output`, `status` and `error`");
            // The next key is a field of a step, so the two keys may be the parts of an id.
            let dotted = rest.first().is_some_and(|read| STEP_FIELDS.contains(read));
            let brackets = format!("; one whose id is `{id}.{field}` is written `steps['{id}.{field}']`");
            Some(if dotted { why + &brackets } else { why })
        }
        [id, "error", field, ..] if !ERROR_FIELDS.contains(field) => Some(format!(
            "`steps.{id}.error` has no `{field}`; an error has `kind`, `message`, `status`, `headers` and `body`"
        )),
        _ => None,
    }
}
