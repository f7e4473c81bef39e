//! The branches of a schema: whether it is known which of them applies to the arguments. Looks at the schema and at the
//! places of unknown values; checks nothing against anything.

use serde_json::Value as Tree;

/// Keywords whose fields are names, not keywords.
const OF_NAMES: [&str; 4] = ["properties", "patternProperties", "dependentSchemas", "$defs"];

/// Keywords that look at the names of a map only, not at its values.
const ON_NAMES: [&str; 6] =
    ["required", "dependentRequired", "propertyNames", "minProperties", "maxProperties", "type"];

/// Keywords with a schema, or schemas, for the value itself.
const IN_PLACE: [&str; 7] = ["allOf", "anyOf", "oneOf", "not", "if", "then", "else"];

/// Whether an error is caused by a `then` or `else` that depends on something unknown. `path` leads to its keyword in
/// `schema`, `pointer` is the value that it is about, `unknown` are the places in the arguments that are not known yet.
pub(super) fn is_open(schema: &Tree, path: &str, pointer: &str, unknown: &[String]) -> bool {
    let (mut at, mut is_name) = (Some(schema), false);
    for part in path.split('/').skip(1) {
        let keyword = if is_name { "" } else { part };
        if matches!(keyword, "then" | "else") && decides(at.and_then(|at| at.get("if")), pointer, unknown) {
            return true;
        }
        at = match keyword {
            "$ref" => at
                .and_then(|at| at.get("$ref")?.as_str()?.strip_prefix('#'))
                .and_then(|to| schema.pointer(to)),
            _ => at.and_then(|at| at.pointer(&format!("/{part}"))),
        };
        is_name = OF_NAMES.contains(&keyword);
    }
    false
}

/// Whether a schema has branches, so that the allowed values depend on the branch.
pub(super) fn stand_in(schema: &Tree) -> bool {
    let branches = ["if", "anyOf", "oneOf", "allOf", "$ref", "$dynamicRef"];
    branches.iter().any(|keyword| schema.get(keyword).is_some())
}

/// Whether a condition depends on something unknown. It is about the value of the error, or one around it.
fn decides(condition: Option<&Tree>, pointer: &str, unknown: &[String]) -> bool {
    let ends = pointer.match_indices('/').map(|(at, _)| at).chain([pointer.len()]);
    let mut values = ends.filter_map(|end| pointer.get(..end));
    values.any(|value| {
        let below = unknown.iter().filter_map(|unknown| unknown.strip_prefix(value));
        let mut inside = below.filter(|rest| rest.is_empty() || rest.starts_with('/'));
        inside.any(|rest| condition.is_none_or(|condition| looks_at(condition, rest)))
    })
}

/// Whether a schema's verdict on a value depends on the part of it at `rest`; an unknown keyword is assumed to.
fn looks_at(schema: &Tree, rest: &str) -> bool {
    let Some(keywords) = schema.as_object() else { return false };
    let Some(inner) = rest.strip_prefix('/') else { return true };
    let (name, below) = inner.find('/').map_or((inner, ""), |at| inner.split_at(at));
    keywords.iter().any(|(keyword, value)| match keyword.as_str() {
        "properties" => value.pointer(&format!("/{name}")).is_some_and(|schema| looks_at(schema, below)),
        keyword if ON_NAMES.contains(&keyword) => false,
        keyword if IN_PLACE.contains(&keyword) => match value.as_array() {
            Some(schemas) => schemas.iter().any(|schema| looks_at(schema, rest)),
            None => looks_at(value, rest),
        },
        "title" | "description" | "$comment" => false,
        _ => true,
    })
}
