//! What is wrong with a JSON Schema itself, in its author's words: all of it at once, each at its own place. Checks no value
//! against a schema.

use jsonschema::ValidationError;
use serde_json::Value as Tree;
use updraft_protocol::limits::MISTAKES;
use updraft_protocol::suggest::suggestion;

use super::keywords::{self, TYPES};
use super::schema::message;

/// One thing that is wrong with a schema.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SchemaFlaw {
    /// Where it is, as a JSON pointer.
    pub(super) pointer: String,
    pub(super) message: String,
}

/// All that is wrong with a schema. `refused` is why it cannot be compiled, if it cannot.
pub(super) fn flaws(schema: &Tree, refused: Option<&ValidationError<'_>>) -> Vec<SchemaFlaw> {
    let mut flaws = keywords::misspelt(schema);
    if let Some(refused) = refused {
        let before = flaws.len();
        let of_form = jsonschema::draft202012::meta::validator();
        flaws.extend(of_form.iter_errors(schema).take(MISTAKES).map(|error| flaw(schema, &error)));
        // Its form is that of a schema, and a pattern in it cannot be used.
        if flaws.len() == before {
            flaws.push(flaw(schema, refused));
        }
    }
    flaws.sort();
    flaws.dedup();
    flaws.truncate(MISTAKES);
    flaws
}

fn flaw(schema: &Tree, error: &ValidationError<'_>) -> SchemaFlaw {
    let pointer = error.instance_path().as_str().to_owned();
    let message = match (pointer.rsplit('/').next(), schema.pointer(&pointer)) {
        (Some("type"), Some(written)) => no_type(written),
        (Some("pattern"), Some(Tree::String(_))) => {
            "is no pattern that can be used: look-around and references to groups are not available, and its size is \
             bounded"
                .to_owned()
        }
        _ => message(error.kind(), None),
    };
    SchemaFlaw { pointer, message }
}

/// What is wrong with the value of `type`.
fn no_type(written: &Tree) -> String {
    let words = written.as_array().map_or(std::slice::from_ref(written), Vec::as_slice);
    let wrong = words.iter().filter_map(Tree::as_str).find(|word| !TYPES.contains(word));
    let near = wrong.map(|word| (word, suggestion(word, TYPES.iter().copied())));
    match near {
        Some((word, near)) if !near.is_empty() => format!("no type \"{word}\"{near}"),
        Some((word, _)) => format!("no type \"{word}\"; there are {}", TYPES.join(", ")),
        None => format!("one of {} is needed, or a list of them", TYPES.join(", ")),
    }
}
