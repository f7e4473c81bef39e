//! The parts of a JSON answer that are kept: the values that a JSONPath matches, or several paths, each under a name. Decides from
//! a path whether it gives one value or a list; never from the answer.

use serde::{Serialize, Serializer};
use updraft_protocol::Value;
use updraft_protocol::limits::HTTP_KEEP_PATHS;

use super::jsonpath::{self, Exhausted, Query};

/// What `keep` asks for.
#[derive(Debug, Clone)]
pub(crate) enum Keep {
    /// A path.
    Path(Query),
    /// Several, by their names.
    Named(Vec<(String, Query)>),
}

/// The matches in a value.
#[derive(Debug, PartialEq)]
pub(crate) enum Kept<'a> {
    One(&'a Value),
    /// The matches of a path that may match several.
    List(Vec<&'a Value>),
    /// Those of each path that matches, by its name.
    Named(Vec<(&'a str, Kept<'a>)>),
}

/// A mistake: the name of its path, where there are several, and what is wrong.
pub(crate) type Mistake = (Option<String>, String);

impl Keep {
    /// Reads a path, or a map of names to paths.
    pub(crate) fn read(value: &Value) -> Result<Self, Mistake> {
        let paths = match value {
            Value::String(text) => {
                return Query::read(text).map(Self::Path).map_err(|message| (None, message));
            }
            Value::Object(paths) => paths,
            _ => return Err((None, "a JSONPath, or a map of names to such, is needed".to_owned())),
        };
        if !(1..=HTTP_KEEP_PATHS).contains(&paths.len()) {
            return Err((None, format!("from 1 to {HTTP_KEEP_PATHS} names are allowed")));
        }
        let path = |(name, path): (&String, &Value)| {
            let query = path.as_str().ok_or_else(|| "a JSONPath is needed".to_owned()).and_then(Query::read);
            query.map(|query| (name.clone(), query)).map_err(|message| (Some(name.clone()), message))
        };
        paths.iter().map(path).collect::<Result<_, _>>().map(Self::Named)
    }

    /// Whether it visits each value at most a few times.
    pub(crate) fn is_linear(&self) -> bool {
        match self {
            Self::Path(query) => query.is_linear(),
            Self::Named(paths) => paths.iter().all(|(_, query)| query.is_linear()),
        }
    }

    /// Whether it may match several values, and so gives a list.
    pub(crate) fn gives_list(&self) -> bool {
        matches!(self, Self::Path(query) if !query.is_singular())
    }

    /// The matches in a value, for at most `work`; `None` if there is none where one is needed.
    pub(crate) fn apply<'a>(&'a self, value: &'a Value, work: u64) -> Result<Option<Kept<'a>>, Exhausted> {
        let paths = match self {
            Self::Path(query) => return matches(query, value, work),
            Self::Named(paths) => paths,
        };
        let of_each = work / paths.len().max(1) as u64;
        let mut kept = Vec::with_capacity(paths.len());
        for (name, query) in paths {
            kept.extend(matches(query, value, of_each)?.map(|found| (name.as_str(), found)));
        }
        Ok((!kept.is_empty()).then_some(Kept::Named(kept)))
    }
}

/// The matches of a path; `None` if one to one value matches none.
fn matches<'a>(query: &Query, value: &'a Value, work: u64) -> Result<Option<Kept<'a>>, Exhausted> {
    let nodes = jsonpath::select(query, value, work)?;
    if !query.is_singular() {
        return Ok(Some(Kept::List(nodes)));
    }
    Ok(nodes.first().map(|node| Kept::One(node)))
}

impl Serialize for Kept<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::One(value) => value.serialize(serializer),
            Self::List(values) => values.serialize(serializer),
            Self::Named(parts) => serializer.collect_map(parts.iter().map(|(name, part)| (name, part))),
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
        let keep = Keep::read(&path.into()).unwrap();
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

    #[test]
    fn each_of_several_paths_gives_its_value_under_its_name_where_there_is_one() {
        let named = |paths: serde_json::Value| {
            let value =
                Value::from(json!({"page": {"ip": "192.0.2.1"}, "lists": {"ips": [1, 2]}, "data": "long"}));
            let keep = Keep::read(&paths.into()).unwrap();
            let kept = keep.apply(&value, HTTP_KEEP_WORK).unwrap();
            kept.map(|kept| serde_json::to_value(kept).unwrap())
        };
        assert_eq!(
            named(
                json!({"page": "$.page", "ips": "$.lists.ips[*]", "none": "$.missing", "all": "$.missing[*]"})
            ),
            Some(json!({"page": {"ip": "192.0.2.1"}, "ips": [1, 2], "all": []}))
        );
        assert_eq!(named(json!({"none": "$.missing", "no": "$.data.x"})), None);
    }

    #[test]
    fn a_mistake_in_one_of_several_paths_names_it() {
        let mistake = |value: serde_json::Value| Keep::read(&value.into()).unwrap_err();
        assert_eq!(mistake(json!({"a": "$.a", "b": "b"})).0.as_deref(), Some("b"));
        assert_eq!(mistake(json!({"a": 7})), (Some("a".to_owned()), "a JSONPath is needed".to_owned()));
        let many: serde_json::Map<_, _> =
            (0..=HTTP_KEEP_PATHS).map(|at| (at.to_string(), json!("$.a"))).collect();
        for value in [json!({}), json!(many), json!(7), json!(["$.a"])] {
            assert_eq!(mistake(value).0, None);
        }
    }
}
