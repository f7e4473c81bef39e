//! Suggestions: the known word that is most similar to a wrong word. Knows no words itself.

/// The most edits of a likely slip.
const EDITS: usize = 2;

/// `; did you mean "http"?`, or nothing if no known word is similar.
pub fn suggestion<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> String {
    let near = known
        .filter(|candidate| candidate.len().abs_diff(word.len()) <= EDITS)
        .filter_map(|candidate| Some((distance(word.as_bytes(), candidate.as_bytes())?, candidate)))
        .filter(|(edits, candidate)| *edits < candidate.len())
        .min();
    near.map(|(_, candidate)| format!("; did you mean \"{candidate}\"?")).unwrap_or_default()
}

/// How many letters must be added, dropped or changed to turn `a` into `b` (Levenshtein), if at most [`EDITS`].
/// Compares only letters at most that far apart (E. Ukkonen, "Algorithms for approximate string matching", 1985): a
/// playbook may have a thousand long wrong words.
fn distance(a: &[u8], b: &[u8]) -> Option<usize> {
    let far = EDITS + 1;
    let mut row: Vec<usize> = (0..=b.len()).map(|edits| edits.min(far)).collect();
    for (i, x) in a.iter().enumerate() {
        let (first, end) = (i.saturating_sub(EDITS).min(b.len()), (i + EDITS + 1).min(b.len()));
        let mut corner = row[first];
        row[first] = if first == 0 { (i + 1).min(far) } else { far };
        let mut least = row[first];
        for j in first..end {
            let changed = corner + usize::from(*x != b[j]);
            corner = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(corner + 1).min(far);
            least = least.min(row[j + 1]);
        }
        if least > EDITS {
            return None;
        }
    }
    row.last().copied().filter(|edits| *edits <= EDITS)
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

    /// Levenshtein's distance by its definition.
    fn plainly(a: &[u8], b: &[u8]) -> usize {
        match (a.split_first(), b.split_first()) {
            (None, _) => b.len(),
            (_, None) => a.len(),
            (Some((x, a)), Some((y, b))) if x == y => plainly(a, b),
            (Some((_, shorter_a)), Some((_, shorter_b))) => {
                1 + plainly(shorter_a, b).min(plainly(a, shorter_b)).min(plainly(shorter_a, shorter_b))
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn a_distance_is_that_of_its_definition_or_too_large(a in "[abc]{0,6}", b in "[abc]{0,6}") {
            let edits = plainly(a.as_bytes(), b.as_bytes());
            let found = distance(a.as_bytes(), b.as_bytes());
            proptest::prop_assert_eq!(found, (edits <= EDITS).then_some(edits), "{} {}", a, b);
        }
    }
}
