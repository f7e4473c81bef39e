//! What of a JSON answer is kept: a JSONPath (RFC 9535) whose cost is bounded before it runs.

use serde::{Serialize, Serializer};
use serde_json::Value;
use serde_json_path::JsonPath;
use updraft_protocol::limits::HTTP_KEEP_BYTES;

/// A JSONPath that cannot take long: the work grows with the size of the answer, not with its square.
#[derive(Debug, Clone)]
pub(crate) struct Keep(JsonPath);

/// What a path keeps of a value.
#[derive(Debug, PartialEq)]
pub(crate) enum Kept<'a> {
    One(&'a Value),
    Several(Vec<&'a Value>),
}

impl Keep {
    /// Reads a path. A mistake comes back as what is wrong with it.
    ///
    /// One `..`, one filter, one query from the root and few unions: each of them, nested in another of
    /// its kind, would multiply the work by the size of the answer.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        if text.len() > HTTP_KEEP_BYTES {
            return Err(format!("a JSONPath of at most {HTTP_KEEP_BYTES} bytes is needed"));
        }
        for (sign, most) in [("..", 1), ("?", 1), ("$", 1), (",", 2), ("(", 8)] {
            if text.matches(sign).count() > most {
                return Err(format!("a JSONPath may have `{sign}` {most} times at most"));
            }
        }
        JsonPath::parse(text).map(Self).map_err(|error| format!("not a JSONPath: {error}"))
    }

    /// What the path keeps; nothing where it matches nothing.
    pub(crate) fn apply<'a>(&self, value: &'a Value) -> Option<Kept<'a>> {
        let mut nodes = self.0.query(value).all();
        match nodes.len() {
            0 => None,
            1 => nodes.pop().map(Kept::One),
            _ => Some(Kept::Several(nodes)),
        }
    }
}

impl Serialize for Kept<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::One(value) => value.serialize(serializer),
            Self::Several(values) => values.serialize(serializer),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn one_match_is_the_value_several_are_a_list_and_none_is_nothing() {
        let value = json!({"data": [{"id": 1, "bad": true}, {"id": 2, "bad": true}], "list": [[]]});
        let keep = |path: &str| {
            let keep = Keep::read(path).unwrap();
            keep.apply(&value).map(|kept| serde_json::to_value(kept).unwrap())
        };
        assert_eq!(keep("$.data[0].id"), Some(json!(1)));
        assert_eq!(keep("$.data[*].id"), Some(json!([1, 2])));
        assert_eq!(keep("$..id"), Some(json!([1, 2])));
        assert_eq!(keep("$.data[?@.bad == true && @.id > 1].id"), Some(json!(2)));
        assert_eq!(keep("$.list[0]"), Some(json!([])));
        assert_eq!(keep("$.missing"), None);
        assert_eq!(keep("$.data[?length(@.id) > 3]"), None);
    }

    #[test]
    fn a_path_whose_work_could_explode_is_refused() {
        let unions = "$[*,*][*,*][*,*]";
        let nested = format!("$[?{}@.a{}]", "(".repeat(60), ")".repeat(60));
        let long = format!("$.{}", "a".repeat(HTTP_KEEP_BYTES));
        for path in ["$..*..*", "$[?@[?@.a]]", "$[?$[*]]", unions, &nested, &long] {
            assert!(Keep::read(path).is_err(), "{path}");
        }
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for path in ["", "data", "$.", "$[", "$[?match(@.a, 'x')]"] {
            assert!(Keep::read(path).is_err(), "{path}");
        }
    }
}
