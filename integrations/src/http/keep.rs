//! The part of a JSON answer that is kept: the values that a JSONPath matches. Decides from the path whether they are
//! one value or a list; never from the answer.

use serde::{Serialize, Serializer};
use updraft_protocol::Value;

use super::jsonpath::{self, Exhausted, Query};

/// The JSONPath of `keep`.
#[derive(Debug, Clone)]
pub(crate) struct Keep(Query);

/// The matches of a path in a value.
#[derive(Debug, PartialEq)]
pub(crate) enum Kept<'a> {
    One(&'a Value),
    /// The matches of a path that may match several.
    List(Vec<&'a Value>),
}

impl Keep {
    /// Reads a path. A mistake is returned as its message.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        Query::read(text).map(Self)
    }

    /// Whether it visits each value at most a few times.
    pub(crate) fn is_linear(&self) -> bool {
        self.0.is_linear()
    }

    /// Whether it may match several values, and so gives a list.
    pub(crate) fn gives_list(&self) -> bool {
        !self.0.is_singular()
    }

    /// The matches of the path, for at most `work`; `None` if a path to one value matches none.
    pub(crate) fn apply<'a>(&self, value: &'a Value, work: u64) -> Result<Option<Kept<'a>>, Exhausted> {
        let nodes = jsonpath::select(&self.0, value, work)?;
        if self.gives_list() {
            return Ok(Some(Kept::List(nodes)));
        }
        Ok(nodes.first().map(|node| Kept::One(node)))
    }
}

impl Serialize for Kept<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::One(value) => value.serialize(serializer),
            Self::List(values) => values.serialize(serializer),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use updraft_protocol::limits::HTTP_KEEP_WORK;

    use super::*;

    fn keep(path: &str) -> Option<serde_json::Value> {
        let value =
            Value::from(json!({"data": [{"id": 1, "bad": true}, {"id": 2, "bad": true}], "list": [[]]}));
        let keep = Keep::read(path).unwrap();
        let kept = keep.apply(&value, HTTP_KEEP_WORK).unwrap();
        kept.map(|kept| serde_json::to_value(kept).unwrap())
    }

    #[test]
    fn a_path_to_one_value_gives_it_or_nothing() {
        assert_eq!(keep("$.data[0].id"), Some(json!(1)));
        assert_eq!(keep("$['data'][-1]['id']"), Some(json!(2)));
        assert_eq!(keep("$.list[0]"), Some(json!([])));
        assert_eq!(keep("$.missing"), None);
        assert_eq!(keep("$.data[2]"), None);
    }

    #[test]
    fn a_path_that_may_match_several_gives_a_list_of_none_one_or_more() {
        assert_eq!(keep("$.data[*].id"), Some(json!([1, 2])));
        assert_eq!(keep("$..id"), Some(json!([1, 2])));
        assert_eq!(keep("$.data[?@.bad == true && @.id > 1].id"), Some(json!([2])));
        assert_eq!(keep("$.data[0:1].id"), Some(json!([1])));
        assert_eq!(keep("$.data[0, 1].id"), Some(json!([1, 2])));
        assert_eq!(keep("$.data[?length(@.id) > 3]"), Some(json!([])));
        assert_eq!(keep("$.missing[*]"), Some(json!([])));
    }
}
