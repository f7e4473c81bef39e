//! JSON Schemas of values: compiled once, and what they find wrong in an author's words. Owns no schema of its own.

use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::{JsonType, PatternOptions, ValidationError, Validator};
use serde_json::Value as Tree;
use updraft_protocol::limits::{MISTAKES, SCHEMA_PATTERN_BYTES};
use updraft_protocol::suggest::suggestion;
use updraft_protocol::{Json, Value};

use super::branch;
use super::malformed::{SchemaFlaw, flaws};
use crate::mistake::Mistake;
use crate::template::at::field;

/// The requirements on a value.
#[derive(Debug)]
pub(super) struct Schema {
    validator: Validator,
    /// The word for a field of the value.
    noun: &'static str,
    /// The schema as it was written, for messages.
    tree: Tree,
}

/// Checks that a text is a schema that can check arguments.
///
/// # Errors
/// What is wrong with it, for the developer who wrote it.
pub fn check_schema(schema: &Json) -> Result<(), String> {
    let told = |flaw: SchemaFlaw| format!("{}: {}", flaw.pointer, flaw.message);
    let told = |flaws: Vec<SchemaFlaw>| flaws.into_iter().map(told).collect::<Vec<_>>().join("; ");
    Schema::compile(schema, "argument").map(drop).map_err(told)
}

impl Schema {
    /// Compiles a schema; `noun` is the word for a field of the value in messages.
    pub(super) fn compile(schema: &Json, noun: &'static str) -> Result<Self, Vec<SchemaFlaw>> {
        let tree: Tree = serde_json::from_str(schema.as_str())
            .map_err(|error| vec![SchemaFlaw { pointer: String::new(), message: error.to_string() }])?;
        // Its patterns run on text of tenants: the time of a match must be linear in the length of the text.
        let patterns = PatternOptions::regex().size_limit(SCHEMA_PATTERN_BYTES);
        let options = jsonschema::draft202012::options().with_pattern_options(patterns);
        let built = options.build(&tree);
        let flaws = flaws(&tree, built.as_ref().err());
        match built {
            Ok(validator) if flaws.is_empty() => Ok(Self { validator, noun, tree }),
            _ => Err(flaws),
        }
    }

    /// The part of the schema that contains the keyword of an error.
    fn around(&self, error: &ValidationError<'_>) -> Option<&Tree> {
        let (around, _) = error.schema_path().as_str().rsplit_once('/')?;
        self.tree.pointer(around)
    }

    fn unexpected(&self, place: &str, name: &str, known: &[&str]) -> Mistake {
        let near = suggestion(name, known.iter().copied());
        let there =
            if known.is_empty() { String::new() } else { format!("; there are {}", known.join(", ")) };
        Mistake::new(field(place, name), format!("there is no such {}{near}{there}", self.noun))
    }
}

/// A value that is checked against a schema.
pub(super) struct Held<'a> {
    pub(super) place: &'a str,
    pub(super) written: &'a Value,
    /// The places of templates and secrets, as JSON pointers.
    pub(super) unknown: Vec<String>,
}

impl Held<'_> {
    pub(super) fn against(&self, schema: &Schema) -> Vec<Mistake> {
        // Numbers beyond what JSON libraries keep are replaced by the nearest that they do.
        let Ok(tree) = serde_json::from_str::<Tree>(&self.written.to_string()) else { return Vec::new() };
        let errors = schema.validator.iter_errors(&tree).filter(|error| self.is_known(error, schema));
        let mut mistakes: Vec<Mistake> =
            errors.flat_map(|error| self.told(&error, schema)).take(MISTAKES).collect();
        mistakes.sort_by(|a, b| a.path.cmp(&b.path));
        mistakes.dedup();
        mistakes
    }

    /// Whether an error remains whatever the templates give.
    fn is_known(&self, error: &ValidationError<'_>, schema: &Schema) -> bool {
        let pointer = error.instance_path().as_str();
        let inside = |unknown: &String| unknown.strip_prefix(pointer).is_some_and(is_below);
        let above = |unknown: &String| pointer.strip_prefix(unknown.as_str()).is_some_and(is_below);
        let path = error.evaluation_path().as_str();
        if self.unknown.iter().any(above) || branch::is_open(&schema.tree, path, pointer, &self.unknown) {
            return false;
        }
        // The names of a map, and that it is a map, are the author's, whatever its values are.
        let of_names = matches!(
            error.kind(),
            ValidationErrorKind::Type { .. }
                | ValidationErrorKind::AdditionalProperties { .. }
                | ValidationErrorKind::PropertyNames { .. }
                | ValidationErrorKind::Required { .. }
                | ValidationErrorKind::MinProperties { .. }
                | ValidationErrorKind::MaxProperties { .. }
        ) || matches!(error.kind(), ValidationErrorKind::UnevaluatedProperties { .. })
            && !schema.around(error).is_some_and(branch::stand_in);
        of_names || !self.unknown.iter().any(inside)
    }

    fn told(&self, error: &ValidationError<'_>, schema: &Schema) -> Vec<Mistake> {
        let place = self.path(error.instance_path().as_str());
        let around = schema.around(error);
        match error.kind() {
            ValidationErrorKind::AdditionalProperties { unexpected }
            | ValidationErrorKind::UnevaluatedProperties { unexpected } => {
                let known = around.and_then(|around| around.get("properties")).and_then(Tree::as_object);
                let known: Vec<&str> =
                    known.into_iter().flat_map(|known| known.keys()).map(String::as_str).collect();
                unexpected.iter().take(MISTAKES).map(|name| schema.unexpected(&place, name, &known)).collect()
            }
            ValidationErrorKind::Required { property } => {
                let name = property.as_str().unwrap_or_default();
                vec![Mistake::new(field(&place, name), "is needed")]
            }
            kind => {
                let described = around.and_then(|around| around.get("description")).and_then(Tree::as_str);
                vec![Mistake::new(place, message(kind, described))]
            }
        }
    }

    fn path(&self, pointer: &str) -> String {
        place_in(self.place, pointer, Some(self.written))
    }
}

/// A JSON pointer into the arguments at `base`, in the notation of authors. A number is taken for the index of an item.
pub(super) fn place(base: &str, pointer: &str) -> String {
    place_in(base, pointer, None)
}

/// The same, for a value that distinguishes lists and maps.
pub(super) fn place_in(base: &str, pointer: &str, value: Option<&Value>) -> String {
    let mut at = value;
    pointer.split('/').skip(1).fold(base.to_owned(), |path, part| {
        let name = part.replace("~1", "/").replace("~0", "~");
        let is_item = at.map_or_else(
            || name.bytes().all(|byte| byte.is_ascii_digit()),
            |value| value.as_array().is_some(),
        );
        at = match at {
            Some(Value::Array(items)) => name.parse().ok().and_then(|number: usize| items.get(number)),
            Some(value) => value.get(&name),
            None => None,
        };
        if is_item { format!("{path}[{name}]") } else { field(&path, &name) }
    })
}

fn is_below(rest: &str) -> bool {
    rest.is_empty() || rest.starts_with('/')
}

/// What is needed, in an author's words. If the schema only says that something does not hold, its `description` says
/// what is needed.
pub(super) fn message(kind: &ValidationErrorKind, described: Option<&str>) -> String {
    match kind {
        ValidationErrorKind::Type { kind } => format!("{} is needed", types(kind)),
        ValidationErrorKind::Enum { options } => match options.as_array() {
            Some(options) => {
                format!(
                    "one of {} is needed",
                    options
                        .iter()
                        .filter(|option| !option.is_null())
                        .map(word)
                        .collect::<Vec<_>>()
                        .join(", ")
                )
            }
            None => "is not one of what is allowed".to_owned(),
        },
        ValidationErrorKind::Constant { expected_value } => format!("{} is needed", word(expected_value)),
        ValidationErrorKind::Minimum { limit } => format!("must be at least {limit}"),
        ValidationErrorKind::Maximum { limit } => format!("must be at most {limit}"),
        ValidationErrorKind::ExclusiveMinimum { limit } => format!("must be more than {limit}"),
        ValidationErrorKind::ExclusiveMaximum { limit } => format!("must be less than {limit}"),
        ValidationErrorKind::MultipleOf { multiple_of } => format!("must be a multiple of {multiple_of}"),
        ValidationErrorKind::MinLength { limit } => format!("at least {limit} characters are needed"),
        ValidationErrorKind::MaxLength { limit } => format!("at most {limit} characters are allowed"),
        ValidationErrorKind::MinItems { limit } => format!("at least {limit} items are needed"),
        ValidationErrorKind::MaxItems { limit } => format!("at most {limit} items are allowed"),
        ValidationErrorKind::AdditionalItems { limit } => format!("at most {limit} items are allowed"),
        ValidationErrorKind::MinProperties { limit } => format!("at least {limit} fields are needed"),
        ValidationErrorKind::MaxProperties { limit } => format!("at most {limit} fields are allowed"),
        ValidationErrorKind::UniqueItems => "the same item comes twice".to_owned(),
        ValidationErrorKind::PropertyNames { error } => {
            format!("the name of a field: {}", message(error.kind(), None))
        }
        other => match (described, other) {
            (Some(described), _) => format!("is not what is needed: {described}"),
            (None, ValidationErrorKind::Pattern { pattern }) => format!("must match `{pattern}`"),
            (None, ValidationErrorKind::Format { format }) => {
                format!("a text of the format {format} is needed")
            }
            (None, _) => "is not what its schema allows".to_owned(),
        },
    }
}

/// A value in the notation of authors.
fn word(value: &Tree) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn types(kind: &TypeKind) -> String {
    let name = |kind: JsonType| match kind {
        JsonType::Array => "a list",
        JsonType::Boolean => "true or false",
        JsonType::Integer => "a whole number",
        JsonType::Null => "null",
        JsonType::Number => "a number",
        JsonType::Object => "a map",
        JsonType::String => "a text",
    };
    match kind {
        TypeKind::Single(kind) => name(*kind).to_owned(),
        TypeKind::Multiple(kinds) => {
            // An optional value may always be left out, so `null` is not listed.
            let kinds: Vec<&str> = kinds.iter().filter(|kind| *kind != JsonType::Null).map(name).collect();
            match kinds.split_last() {
                Some((last, [])) => (*last).to_owned(),
                Some((last, others)) => format!("{} or {last}", others.join(", ")),
                None => "null".to_owned(),
            }
        }
    }
}
