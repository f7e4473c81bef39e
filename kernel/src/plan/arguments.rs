//! The arguments of a step, checked against the declaration of its integration: the schema, the defaults, and the
//! integration's own checks. Looks at constants only; the values of templates and secrets are not known yet.

use std::collections::BTreeMap;

use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::{JsonType, PatternOptions, ValidationError, Validator};
use serde_json::Value as Tree;
use updraft_protocol::limits::MISTAKES;
use updraft_protocol::suggest::suggestion;
use updraft_protocol::{ActionSpec, Catalogue, Flaw, Json, Name, Value};

use super::branch;
use crate::mistake::Mistake;
use crate::template::Template;
use crate::template::at::field;

/// The schemas of actions, each compiled once for a playbook.
#[derive(Default)]
pub(super) struct Schemas(BTreeMap<(Name, Name), Option<Schema>>);

/// The requirements on the arguments of an action.
struct Schema {
    validator: Validator,
    /// The schema as it was written, for messages.
    tree: Tree,
}

/// Checks that a text is a schema that can check arguments.
///
/// # Errors
/// What is wrong with it, for the developer who wrote it.
pub fn check_schema(schema: &Json) -> Result<(), String> {
    Schema::compile(schema).map(drop)
}

impl Schema {
    fn compile(schema: &Json) -> Result<Self, String> {
        let tree: Tree = serde_json::from_str(schema.as_str()).map_err(|error| error.to_string())?;
        // Its patterns run on text of tenants: the time of a match must be linear in the length of the text.
        let options = jsonschema::draft202012::options().with_pattern_options(PatternOptions::regex());
        let validator =
            options.build(&tree).map_err(|error| format!("{}: {error}", error.instance_path()))?;
        Ok(Self { validator, tree })
    }

    /// The part of the schema that contains the keyword of an error.
    fn around(&self, error: &ValidationError<'_>) -> Option<&Tree> {
        let (around, _) = error.schema_path().as_str().rsplit_once('/')?;
        self.tree.pointer(around)
    }
}

/// The arguments, with the defaults of those that are not given.
pub(super) fn with_defaults(
    given: &BTreeMap<String, Value>,
    spec: &ActionSpec,
) -> Option<BTreeMap<String, Value>> {
    let schema = spec.schema.as_ref()?.value();
    let properties = schema.get("properties")?.as_object()?;
    let defaults = properties.iter().filter(|(name, _)| !given.contains_key(*name));
    let defaults = defaults.filter_map(|(name, schema)| Some((name.clone(), schema.get("default")?.clone())));
    let mut all = given.clone();
    all.extend(defaults);
    Some(all)
}

impl Schemas {
    /// The mistakes in the arguments of a step, whose place is `place`.
    pub(super) fn mistakes(
        &mut self,
        (integration, action): (&Name, &Name),
        place: &str,
        arguments: &Template,
        catalogue: &Catalogue,
    ) -> Vec<Mistake> {
        let written = arguments.written_out();
        let spec = catalogue.spec(integration, action.as_str());
        let key = (integration.clone(), action.clone());
        let schema = self.0.entry(key).or_insert_with(|| Schema::compile(spec.schema.as_ref()?).ok());
        let mut mistakes = schema.as_ref().map_or_else(Vec::new, |schema| {
            let held = Held { place, written: &written, unknown: arguments.unknown() };
            held.against(schema)
        });
        let told = |path: &str| mistakes.iter().any(|mistake: &Mistake| mistake.path == path);
        let flaws: Vec<Mistake> = catalogue
            .flaws(integration, action.as_str(), &written)
            .into_iter()
            .map(|flaw| flawed(place, flaw))
            .filter(|mistake| !told(&mistake.path))
            .collect();
        mistakes.extend(flaws);
        mistakes
    }
}

fn flawed(place: &str, flaw: Flaw) -> Mistake {
    let at = |inner: &str| match inner.chars().next() {
        None => place.to_owned(),
        Some('[') => format!("{place}{inner}"),
        Some(_) => format!("{place}.{inner}"),
    };
    Mistake::new(at(&flaw.place), flaw.message)
}

/// Arguments that are checked against a schema.
struct Held<'a> {
    place: &'a str,
    written: &'a Value,
    /// The places of templates and secrets, as JSON pointers.
    unknown: Vec<String>,
}

impl Held<'_> {
    fn against(&self, schema: &Schema) -> Vec<Mistake> {
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
                unexpected.iter().take(MISTAKES).map(|name| unexpected_name(&place, name, &known)).collect()
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
fn place_in(base: &str, pointer: &str, value: Option<&Value>) -> String {
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

fn unexpected_name(place: &str, name: &str, known: &[&str]) -> Mistake {
    let near = suggestion(name, known.iter().copied());
    let there = if known.is_empty() { String::new() } else { format!("; there are {}", known.join(", ")) };
    Mistake::new(field(place, name), format!("there is no such argument{near}{there}"))
}

/// What is needed, in an author's words. If the schema only says that something does not hold, its `description` says
/// what is needed.
fn message(kind: &ValidationErrorKind, described: Option<&str>) -> String {
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
            (None, _) => "is not what the action takes".to_owned(),
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

#[cfg(test)]
mod tests;
