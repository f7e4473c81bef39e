//! Suggestions: the known word that a wrong word most looks like.

use std::collections::BTreeMap;

/// Edits that still look like a slip.
const EDITS: usize = 2;

/// `; did you mean "http"?`, or nothing where no known word is near.
pub(super) fn suggestion<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> String {
    let near = known
        .filter(|candidate| candidate.len().abs_diff(word.len()) <= EDITS)
        .map(|candidate| (distance(word.as_bytes(), candidate.as_bytes()), candidate))
        .filter(|(edits, candidate)| *edits <= EDITS && *edits < candidate.len())
        .min();
    near.map(|(_, candidate)| format!("; did you mean \"{candidate}\"?")).unwrap_or_default()
}

/// How many letters must be added, dropped or changed to make `b` of `a` (Levenshtein).
fn distance(a: &[u8], b: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut corner = i;
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let changed = corner + usize::from(x != y);
            corner = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(corner + 1);
        }
    }
    row[b.len()]
}

/// Remembers what was suggested: a word can be wrong in a thousand places.
#[derive(Debug, Default)]
pub(super) struct Suggestions(BTreeMap<String, String>);

impl Suggestions {
    /// As [`suggestion`].
    pub(super) fn get<'a>(&mut self, word: &str, known: impl Iterator<Item = &'a str>) -> String {
        self.0.entry(word.to_owned()).or_insert_with(|| suggestion(word, known)).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_suggested_and_a_far_one_is_not() {
        let known = ["http", "virustotal", "misp"];
        assert_eq!(suggestion("htp", known.into_iter()), "; did you mean \"http\"?");
        assert_eq!(suggestion("virustotl", known.into_iter()), "; did you mean \"virustotal\"?");
        assert_eq!(suggestion("slack", known.into_iter()), "");
        assert_eq!(suggestion("x", ["a"].into_iter()), "");
    }
}
