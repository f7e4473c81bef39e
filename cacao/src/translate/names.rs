//! Names of the translation: ids of steps, and names of variables. Owns that each is there once.

use std::collections::BTreeSet;

use updraft_protocol::limits::NAME_BYTES;

/// The names that are taken.
#[derive(Debug, Default)]
pub(super) struct Names {
    steps: BTreeSet<String>,
    variables: BTreeSet<String>,
}

impl Names {
    /// The names of a playbook whose steps have these ids, which stay theirs.
    pub(super) fn with_steps(ids: impl IntoIterator<Item = String>) -> Self {
        Self { steps: ids.into_iter().collect(), variables: BTreeSet::new() }
    }

    /// The id of a step that belongs to the step `of`: `ID.delay`, with a number where that is taken.
    pub(super) fn step(&mut self, of: &str, word: &str) -> String {
        let suffix = |number: usize| match number {
            1 => format!(".{word}"),
            _ => format!(".{word}.{number}"),
        };
        taken_next(&mut self.steps, |number| {
            let suffix = suffix(number);
            // Ids have characters of one byte each.
            let kept = of.len().min(NAME_BYTES.saturating_sub(suffix.len()));
            format!("{}{suffix}", of.get(..kept).unwrap_or_default())
        })
    }

    /// The name of a variable or a machine that is called so in the playbook: letters, digits and `_` alone, and no digit first.
    pub(super) fn variable(&mut self, written: &str) -> String {
        let plain: String =
            written.chars().map(|char| if char.is_ascii_alphanumeric() { char } else { '_' }).collect();
        let digit = plain.starts_with(|char: char| char.is_ascii_digit());
        let plain = if digit { format!("_{plain}") } else { plain };
        taken_next(&mut self.variables, |number| match number {
            1 => plain.clone(),
            _ => format!("{plain}{number}"),
        })
    }
}

fn taken_next(taken: &mut BTreeSet<String>, name: impl Fn(usize) -> String) -> String {
    let mut number = 1;
    loop {
        let name = name(number);
        if taken.insert(name.clone()) {
            return name;
        }
        number += 1;
    }
}
