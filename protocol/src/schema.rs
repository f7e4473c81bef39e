//! The JSON Schemas of playbooks and triggers, made from the types that read them, with what editors show of each field.

use serde_json::Value;

use crate::playbook::Playbook;
use crate::trigger::Trigger;

mod hints;
mod snippets;
#[cfg(test)]
mod tests;

/// The schema, as it is committed in `docs/playbook.schema.json`: each field has a title, a description and examples, and
/// steps have snippets for the YAML language server (`defaultSnippets`).
pub fn playbook_schema() -> Value {
    let mut schema = schemars::schema_for!(Playbook).to_value();
    for (name, title) in hints::TITLES {
        add(definition(&mut schema, name), "title", title.into());
    }
    for (name, field, title, examples) in hints::fields() {
        let mut found = property(definition(&mut schema, name), field);
        add(found.as_deref_mut(), "title", title.into());
        add(found, "examples", examples);
    }
    add(Some(&mut schema), "defaultSnippets", snippets::playbook());
    add(definition(&mut schema, "Step"), "defaultSnippets", snippets::steps());
    schema
}

/// The schema of triggers, as it is committed in `docs/trigger.schema.json`.
pub fn trigger_schema() -> Value {
    schemars::schema_for!(Trigger).to_value()
}

/// The schema of a type; that of `Playbook` is the whole.
fn definition<'s>(schema: &'s mut Value, name: &str) -> Option<&'s mut Value> {
    if name == "Playbook" { Some(schema) } else { schema.get_mut("$defs")?.get_mut(name) }
}

/// A property of a type, or of one of the forms that it may have.
fn property<'s>(definition: Option<&'s mut Value>, field: &str) -> Option<&'s mut Value> {
    let definition = definition?;
    if definition.get("properties").is_some_and(|properties| properties.get(field).is_some()) {
        return definition.get_mut("properties")?.get_mut(field);
    }
    let forms = definition.get_mut("oneOf")?.as_array_mut()?;
    forms.iter_mut().find_map(|form| form.get_mut("properties")?.get_mut(field))
}

fn add(to: Option<&mut Value>, key: &str, value: Value) {
    if let Some(Value::Object(fields)) = to {
        fields.insert(key.to_owned(), value);
    }
}
