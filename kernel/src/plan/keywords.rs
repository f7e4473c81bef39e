//! Misspelt keywords of a JSON Schema. The standard takes a keyword that it does not know for a remark, so that `requried` would
//! ask for nothing. Refuses none that is like no keyword: authors make remarks of their own.

use serde_json::Value as Tree;

/// The keywords of JSON Schema 2020-12 and of the drafts before it, and remarks that OpenAPI makes in schemas. Short ones are like
/// many words.
const KNOWN: &[&str] = &[
    "$anchor",
    "$comment",
    "$dynamicAnchor",
    "$dynamicRef",
    "$schema",
    "$vocabulary",
    "additionalItems",
    "additionalProperties",
    "allOf",
    "anyOf",
    "const",
    "contains",
    "contentEncoding",
    "contentMediaType",
    "contentSchema",
    "default",
    "definitions",
    "dependencies",
    "dependentRequired",
    "dependentSchemas",
    "deprecated",
    "description",
    "discriminator",
    "example",
    "examples",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "externalDocs",
    "format",
    "items",
    "maxContains",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minContains",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "multipleOf",
    "nullable",
    "oneOf",
    "pattern",
    "patternProperties",
    "prefixItems",
    "properties",
    "propertyNames",
    "readOnly",
    "required",
    "title",
    "unevaluatedItems",
    "unevaluatedProperties",
    "uniqueItems",
    "writeOnly",
];

/// The length from which a word is compared.
const LETTERS: usize = 5;

/// The first keyword that is like a known one, with its place as a JSON pointer.
pub(super) fn misspelt(schema: &Tree) -> Option<String> {
    let mut left = vec![(String::new(), schema)];
    while let Some((place, schema)) = left.pop() {
        let Some(fields) = schema.as_object() else { continue };
        for (name, value) in fields {
            if let Some(near) = near(name) {
                return Some(format!("{place}/{name}: there is no such keyword{near}"));
            }
            let below = format!("{place}/{name}");
            match name.as_str() {
                "properties" | "patternProperties" | "$defs" | "definitions" | "dependentSchemas" => {
                    let schemas = value.as_object().into_iter().flatten();
                    left.extend(schemas.map(|(name, schema)| (format!("{below}/{name}"), schema)));
                }
                "allOf" | "anyOf" | "oneOf" | "prefixItems" => {
                    let schemas = value.as_array().into_iter().flatten().enumerate();
                    left.extend(schemas.map(|(number, schema)| (format!("{below}/{number}"), schema)));
                }
                "additionalProperties"
                | "contains"
                | "else"
                | "if"
                | "items"
                | "not"
                | "propertyNames"
                | "then"
                | "unevaluatedItems"
                | "unevaluatedProperties" => left.push((below, value)),
                _ => {}
            }
        }
    }
    None
}

fn near(name: &str) -> Option<String> {
    if name.len() < LETTERS || name.starts_with("x-") || KNOWN.contains(&name) {
        return None;
    }
    let near = KNOWN.iter().find(|known| is_slip(name.as_bytes(), known.as_bytes()))?;
    Some(format!("; did you mean \"{near}\"?"))
}

/// Whether one word is the other with a letter more, less or changed, or with two neighbours exchanged.
fn is_slip(word: &[u8], known: &[u8]) -> bool {
    let same = |(a, b): &(&u8, &u8)| a == b;
    let front = word.iter().zip(known).take_while(same).count();
    let (word, known) = (&word[front..], &known[front..]);
    let back = word.iter().rev().zip(known.iter().rev()).take_while(same).count();
    match (&word[..word.len() - back], &known[..known.len() - back]) {
        ([] | [_], [] | [_]) => true,
        ([a, b], [c, d]) => (a, b) == (d, c),
        _ => false,
    }
}
