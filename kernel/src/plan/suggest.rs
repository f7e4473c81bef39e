//! Suggestions for the words of one playbook, each made once.

use std::collections::BTreeMap;

use updraft_protocol::suggest::suggestion;

/// Caches suggestions: a word can be wrong in a thousand places.
#[derive(Debug, Default)]
pub(super) struct Suggestions(BTreeMap<String, String>);

impl Suggestions {
    /// As [`suggestion`].
    pub(super) fn get<'a>(&mut self, word: &str, known: impl Iterator<Item = &'a str>) -> String {
        self.0.entry(word.to_owned()).or_insert_with(|| suggestion(word, known)).clone()
    }
}
