//! Names of the translation: ids of steps, and names of variables. Owns that each is there once, and what each is to the author of
//! the file.

use std::collections::{BTreeMap, BTreeSet};

use updraft_protocol::authored::{AGAIN, EXCEPTION};
use updraft_protocol::limits::NAME_BYTES;
use updraft_protocol::{AuthoredNames, AuthoredStep, StepId, StepPart};

/// The names that are taken.
#[derive(Debug, Default)]
pub(super) struct Names {
    steps: BTreeSet<String>,
    variables: BTreeSet<String>,
    /// The step of the file of each step that is made, and what of it that is.
    made: BTreeMap<String, (String, StepPart)>,
    /// The steps that hold others together.
    wraps: BTreeSet<String>,
    /// The name in the file of each variable whose native name is another one.
    written: BTreeMap<String, String>,
}

impl Names {
    /// The names of a playbook whose steps have these ids, which stay theirs.
    pub(super) fn with_steps(ids: impl IntoIterator<Item = String>) -> Self {
        Self { steps: ids.into_iter().collect(), ..Self::default() }
    }

    /// The id of a step that belongs to the step `of`: `ID.delay`, with a number where that is taken.
    pub(super) fn step(&mut self, of: &str, word: &str) -> String {
        let suffix = |number: usize| match number {
            1 => format!(".{word}"),
            _ => format!(".{word}.{number}"),
        };
        let made = taken_next(&mut self.steps, |number| {
            let suffix = suffix(number);
            // Ids have characters of one byte each.
            let kept = of.len().min(NAME_BYTES.saturating_sub(suffix.len()));
            format!("{}{suffix}", of.get(..kept).unwrap_or_default())
        });
        let (written, _) = self.made.get(of).cloned().unwrap_or_else(|| (of.to_owned(), StepPart::Whole));
        let part = match (word, word.parse()) {
            (AGAIN | EXCEPTION, _) => StepPart::Whole,
            (_, Ok(number)) => StepPart::Call(number),
            _ => StepPart::Inner,
        };
        self.made.insert(made.clone(), (written, part));
        made
    }

    /// The step with this id holds others together, and does nothing else.
    pub(super) fn wraps(&mut self, id: &str) {
        self.wraps.insert(id.to_owned());
    }

    /// The names that the author of the file has.
    pub(super) fn authored(self) -> AuthoredNames {
        let own = self.steps.iter().filter(|id| !self.made.contains_key(*id));
        let own = own.map(|id| (id, (id, StepPart::Whole)));
        let made = self.made.iter().map(|(id, (written, part))| (id, (written, *part)));
        let step = |(native, (written, part)): (&String, (&String, StepPart))| {
            let step = StepId::new(written).ok()?;
            Some((StepId::new(native).ok()?, AuthoredStep { step, part }))
        };
        AuthoredNames {
            steps: own.chain(made).filter_map(step).collect(),
            wraps: self.wraps.iter().filter_map(|id| StepId::new(id).ok()).collect(),
            variables: self.written,
        }
    }

    /// The name of a variable or a machine that is called so in the playbook: letters, digits and `_` alone, and no digit first.
    pub(super) fn variable(&mut self, written: &str) -> String {
        let plain: String =
            written.chars().map(|char| if char.is_ascii_alphanumeric() { char } else { '_' }).collect();
        let digit = plain.starts_with(|char: char| char.is_ascii_digit());
        let plain = if digit { format!("_{plain}") } else { plain };
        let native = taken_next(&mut self.variables, |number| match number {
            1 => plain.clone(),
            _ => format!("{plain}{number}"),
        });
        if native != written {
            self.written.insert(native.clone(), written.to_owned());
        }
        native
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
