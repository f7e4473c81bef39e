//! The keywords of a JSON Schema, and misspelt ones. The standard takes a keyword that it does not know for a remark, so that `requried` would
//! ask for nothing. Finds none that is like no keyword: authors make remarks of their own.

use serde_json::Value as Tree;

use super::malformed::SchemaFlaw;

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

/// The words for types.
pub(super) const TYPES: [&str; 7] = ["array", "boolean", "integer", "null", "number", "object", "string"];

/// The JSON pointer of a field of a map.
fn below(place: &str, name: &str) -> String {
    format!("{place}/{}", name.replace('~', "~0").replace('/', "~1"))
}

/// The keywords that are like known ones.
pub(super) fn misspelt(schema: &Tree) -> Vec<SchemaFlaw> {
    let (mut left, mut found) = (vec![(String::new(), schema)], Vec::new());
    while let Some((place, schema)) = left.pop() {
        let Some(fields) = schema.as_object() else { continue };
        for (name, value) in fields {
            let below = below(&place, name);
            if let Some(near) = near(name, value) {
                let message = format!("there is no such keyword; did you mean \"{near}\"?");
                found.push(SchemaFlaw { pointer: below.clone(), message });
            }
            match name.as_str() {
                "properties" | "patternProperties" | "$defs" | "definitions" | "dependentSchemas" => {
                    let schemas = value.as_object().into_iter().flatten();
                    left.extend(schemas.map(|(name, schema)| (self::below(&below, name), schema)));
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
    found
}

fn near(name: &str, value: &Tree) -> Option<&'static str> {
    if name.starts_with("x-") || KNOWN.contains(&name) {
        return None;
    }
    if name.len() >= LETTERS
        && let Some(known) = KNOWN.iter().find(|known| is_slip(name.as_bytes(), known.as_bytes()))
    {
        return Some(known);
    }
    // Many words are like a short keyword. A slip has what only the keyword would have.
    let is_type = |value: &Tree| value.as_str().is_some_and(|word| TYPES.contains(&word));
    let items = value.as_array().filter(|items| !items.is_empty());
    let are_types = items.is_some_and(|items| items.iter().all(is_type));
    let short = [("type", is_type(value) || are_types), ("enum", items.is_some())];
    let slip = |keyword: &str| name != keyword && is_slip(name.as_bytes(), keyword.as_bytes());
    short.into_iter().find_map(|(keyword, fits)| (fits && slip(keyword)).then_some(keyword))
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
