//! Suggestions for the words of one playbook, each made once.

use std::collections::BTreeMap;

use updraft_protocol::StepId;
use updraft_protocol::suggest::suggestion;

use super::StepIndex;
use super::mistakes::Mistakes;

/// Remembers what was suggested: a word can be wrong in a thousand places.
#[derive(Debug, Default)]
pub(super) struct Suggestions(BTreeMap<String, String>);

impl Suggestions {
    /// As [`suggestion`].
    pub(super) fn get<'a>(&mut self, word: &str, known: impl Iterator<Item = &'a str>) -> String {
        self.0.entry(word.to_owned()).or_insert_with(|| suggestion(word, known)).clone()
    }

    /// That the playbook has no step of this id, with the one that may be meant. Empty where no more mistakes are taken.
    pub(super) fn no_step(
        &mut self,
        id: &str,
        known: &BTreeMap<StepId, StepIndex>,
        mistakes: &Mistakes,
    ) -> String {
        if mistakes.full() {
            return String::new();
        }
        let near = self.get(id, known.keys().map(StepId::as_str));
        format!("no step \"{id}\"{near}")
    }
}
