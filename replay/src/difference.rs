//! Differences between the value that is expected and the one that came: each with its place, in the notation of authors.

use updraft_protocol::Value;
use updraft_protocol::limits::TEST_DIFFERENCES;

/// How much of a value is told.
const TOLD_CHARACTERS: usize = 200;

/// Whether everything that the first value says is so in the second one, which may have more fields; lists are as long.
pub fn is_part(part: &Value, whole: &Value) -> bool {
    match (part, whole) {
        (Value::Object(part), Value::Object(whole)) => {
            part.iter().all(|(name, value)| whole.get(name).is_some_and(|there| is_part(value, there)))
        }
        (Value::Array(part), Value::Array(whole)) => {
            part.len() == whole.len() && part.iter().zip(whole).all(|(part, whole)| is_part(part, whole))
        }
        (part, whole) => is_same(part, whole),
    }
}

/// What is other than expected: `output.body.score: expected 5, got 7`. `exactly`: there are no further fields.
pub fn differences(place: &str, expected: &Value, got: &Value, exactly: bool) -> Vec<String> {
    let mut found = Vec::new();
    compare(place, expected, got, exactly, &mut found);
    found.truncate(TEST_DIFFERENCES);
    found
}

fn compare(place: &str, expected: &Value, got: &Value, exactly: bool, found: &mut Vec<String>) {
    if found.len() > TEST_DIFFERENCES {
        return;
    }
    match (expected, got) {
        (Value::Object(expected), Value::Object(fields)) => {
            for (name, value) in expected {
                let place = field(place, name);
                match fields.get(name) {
                    Some(there) => compare(&place, value, there, exactly, found),
                    None => found.push(format!("{place}: expected {}, and it is not there", told(value))),
                }
            }
            let more = fields.iter().filter(|(name, _)| exactly && !expected.contains_key(*name));
            found.extend(
                more.map(|(name, value)| {
                    format!("{}: not expected, got {}", field(place, name), told(value))
                }),
            );
        }
        (Value::Array(expected), Value::Array(items)) => {
            if expected.len() != items.len() {
                found.push(format!(
                    "{place}: expected {} items, got {}: {}",
                    expected.len(),
                    items.len(),
                    told(got)
                ));
            }
            for (at, (value, there)) in expected.iter().zip(items).enumerate() {
                compare(&format!("{place}[{at}]"), value, there, exactly, found);
            }
        }
        (expected, got) if is_same(expected, got) => {}
        (expected, got) => {
            found.push(format!("{place}: expected {}, got {}", told(expected), told(got)));
        }
    }
}

/// Whether two values are the same; numbers are by what they are worth: `1` and `1.0`.
fn is_same(one: &Value, other: &Value) -> bool {
    one == other || matches!((worth(one), worth(other)), (Some(one), Some(other)) if one == other)
}

/// What a number is worth that a double holds exactly.
fn worth(value: &Value) -> Option<f64> {
    /// Beyond it doubles leave out whole numbers.
    const EXACT: u64 = 1 << 53;
    let number = value.as_number()?;
    let whole = number.as_i64().filter(|whole| whole.unsigned_abs() <= EXACT).map(|whole| whole as f64);
    number.as_exact_f64().or(whole)
}

fn field(place: &str, name: &str) -> String {
    let is_plain =
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    if is_plain { format!("{place}.{name}") } else { format!("{place}[{name:?}]") }
}

/// A value for a message, cut where it is long.
pub(crate) fn told(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(TOLD_CHARACTERS) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn found(expected: serde_json::Value, got: serde_json::Value, exactly: bool) -> Vec<String> {
        differences("output", &expected.into(), &got.into(), exactly)
    }

    #[test]
    fn a_difference_says_where_it_is() {
        let got = json!({"body": {"score": 7, "tags": ["a", "b"]}, "odd name": null});
        assert_eq!(
            found(json!({"body": {"score": 5}}), got.clone(), false),
            ["output.body.score: expected 5, got 7"]
        );
        assert_eq!(
            found(json!({"body": {"tags": ["a", "c"], "who": "x"}}), got.clone(), false),
            [
                "output.body.tags[1]: expected \"c\", got \"b\"",
                "output.body.who: expected \"x\", and it is not there"
            ]
        );
        assert_eq!(
            found(json!({"body": {"tags": ["a"]}}), got.clone(), false),
            ["output.body.tags: expected 1 items, got 2: [\"a\",\"b\"]"]
        );
        assert_eq!(
            found(json!({"body": {"score": 7.0, "tags": ["a", "b"]}}), got, true),
            ["output[\"odd name\"]: not expected, got null"]
        );
    }

    #[test]
    fn no_more_differences_are_told_than_a_person_reads_and_values_are_cut() {
        let many = json!((0..1_000).collect::<Vec<u32>>());
        let others = json!((1..1_001).collect::<Vec<u32>>());
        assert_eq!(found(many, others, true).len(), TEST_DIFFERENCES);
        let long = found(json!("x".repeat(9_000)), json!("ü".repeat(9_000)), true);
        assert!(long[0].len() < 1_000, "{}", long[0].len());
    }
}
