//! The arguments of a step, checked against the declaration of its integration: the schema, the defaults, and the
//! integration's own checks. Looks at constants only; the values of templates and secrets are not known yet.

use std::collections::BTreeMap;

use updraft_protocol::{ActionSpec, Catalogue, Flaw, Json, Name, Value};

use super::malformed::SchemaFlaw;
use super::schema::{Held, Schema, place as place_below};
use crate::mistake::Mistake;
use crate::template::Template;

/// The schemas of actions, each compiled once for a playbook.
#[derive(Default)]
pub(super) struct Schemas(BTreeMap<(Name, Name), Option<Schema>>);

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
        let schema =
            self.0.entry(key).or_insert_with(|| Schema::compile(spec.schema.as_ref()?, "argument").ok());
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

/// The mistakes in the arguments of one call by the schema of its action; `place` is theirs.
pub fn check_arguments(place: &str, arguments: &Template, spec: &ActionSpec) -> Vec<Mistake> {
    let schema = spec.schema.as_ref().and_then(|schema| Schema::compile(schema, "field").ok());
    let written = arguments.written_out();
    let held = Held { place, written: &written, unknown: arguments.unknown() };
    schema.map_or_else(Vec::new, |schema| held.against(&schema))
}

/// What arguments have to be, compiled once: for integrations that check those of a call.
#[derive(Debug)]
pub struct ArgumentsSchema(Schema);

impl ArgumentsSchema {
    /// Compiles a schema.
    ///
    /// # Errors
    /// The mistakes in it, each at its place below `place`.
    pub fn compile(place: &str, schema: &Json) -> Result<Self, Vec<Mistake>> {
        let told = |flaw: SchemaFlaw| Mistake::new(place_below(place, &flaw.pointer), flaw.message);
        Schema::compile(schema, "argument").map(Self).map_err(|flaws| flaws.into_iter().map(told).collect())
    }

    /// The mistakes in the arguments of a call, all of whose values are known.
    pub fn mistakes(&self, arguments: &Value) -> Vec<Mistake> {
        Held { place: "arguments", written: arguments, unknown: Vec::new() }.against(&self.0)
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

#[cfg(test)]
mod tests;
