//! The header of a playbook: its id, its times, its variables and its markings.

use std::collections::BTreeSet;

use updraft_protocol::{Playbook, Value};

use crate::described::parted;
use crate::model::VariableName;
use crate::model::VariableType;

use super::{Exporter, Fields, Names, id_of, object};

/// The names of the native variables and constants.
pub(super) fn names(playbook: &Playbook) -> Names {
    let mut names = Names::default();
    let mut taken = BTreeSet::new();
    for native in playbook.variables.keys().chain(playbook.constants.keys()) {
        let plain: String =
            native.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' }).collect();
        let name = VariableName::read(native).or_else(|| VariableName::read(&named(&plain)));
        if let Some(name) = name
            && taken.insert(name.clone())
        {
            names.0.insert(native.clone(), name);
        }
    }
    // Those that steps set: variables of steps, and the copies that branches have of others, which are called as these.
    for native in playbook.types.keys() {
        let called = native.trim_end_matches(|c: char| c.is_ascii_digit());
        if let (false, Some(name)) = (names.0.contains_key(native), VariableName::read(called)) {
            names.0.insert(native.clone(), name);
        }
    }
    names
}

/// A name with underscores around it; a number behind those that are there stands before them.
fn named(plain: &str) -> String {
    let called = plain.trim_end_matches(|c: char| c.is_ascii_digit());
    let number = plain.get(called.len()..).unwrap_or_default();
    match called.strip_prefix("__").and_then(|rest| rest.strip_suffix("__")) {
        Some(inner) => format!("__{inner}_{number}__"),
        None => format!("__{plain}__"),
    }
}

impl Exporter<'_> {
    /// The whole playbook.
    pub(super) fn playbook(&mut self) -> Fields {
        let playbook = self.playbook;
        let start = self.main();
        let exception = playbook.catch.as_ref().map(|catch| self.exception(catch));
        let id = id_of("playbook", playbook.name.as_str());
        let by = id_of("identity", playbook.name.as_str());
        let time = Value::from(time(u64::from(playbook.version)));
        let (name, more) = parted(playbook.description.as_deref().unwrap_or(playbook.name.as_str()));
        let mut fields = object([
            ("type", Value::from("playbook")),
            ("spec_version", Value::from("cacao-2.0")),
            ("id", Value::from(id)),
            ("name", Value::from(name)),
            ("created_by", Value::from(by.as_str())),
            ("created", time.clone()),
            ("modified", time.clone()),
            ("workflow_start", Value::from(start)),
        ]);
        fields.extend(more.map(|more| ("description".to_owned(), Value::from(more))));
        fields.extend(exception.map(|id| ("workflow_exception".to_owned(), Value::from(id))));
        let variables = self.variables();
        self.markings(&mut fields, (&by, &time));
        self.others();
        let take = std::mem::take::<Fields>;
        for (name, objects) in [
            ("playbook_variables", variables),
            ("workflow", take(&mut self.workflow)),
            ("agent_definitions", take(&mut self.agents)),
            ("target_definitions", take(&mut self.targets)),
            ("authentication_info_definitions", take(&mut self.authentications)),
        ] {
            if !objects.is_empty() {
                fields.insert(name.to_owned(), Value::Object(objects));
            }
        }
        fields
    }

    fn variables(&mut self) -> Fields {
        let playbook = self.playbook;
        let mut variables = Fields::new();
        let all = playbook.variables.iter().map(|one| (one, false));
        for ((native, value), constant) in all.chain(playbook.constants.iter().map(|one| (one, true))) {
            // Machines stand among the targets.
            let is_machine = self.machines.contains(native);
            let Some(name) = self.names.of(native).filter(|_| !is_machine) else { continue };
            let (declared, description) = declared(playbook.types.get(native));
            let word = declared.unwrap_or_else(|| word_of(value));
            let value = match value {
                Value::Null => Value::Null,
                Value::String(text) => Value::from(text.as_str()),
                Value::Array(_) => {
                    self.leave(
                        "",
                        format!("the variable `{native}` is a list, which no variable of CACAO is"),
                    );
                    continue;
                }
                other => Value::from(other.to_string()),
            };
            let mut variable = object([("type", Value::from(word)), ("value", value)]);
            if constant {
                variable.insert("constant".to_owned(), Value::Bool(true));
            }
            if self.external.contains(native) {
                variable.insert("external".to_owned(), Value::Bool(true));
            }
            variable.extend(description.map(|text| ("description".to_owned(), Value::from(text))));
            variables.insert(name, Value::Object(variable));
        }
        variables
    }

    fn markings(&self, fields: &mut Fields, (by, time): (&str, &Value)) {
        let mut definitions = Fields::new();
        let mut ids = Vec::new();
        for text in &self.playbook.markings {
            let (word, property) = match text.starts_with("TLP:") {
                true => ("marking-tlp", "tlpv2_level"),
                false => ("marking-statement", "statement"),
            };
            let id = id_of(word, text);
            let definition = object([
                ("type", Value::from(word)),
                ("id", Value::from(id.as_str())),
                ("created_by", Value::from(by)),
                ("created", time.clone()),
                (property, Value::from(text.as_str())),
            ]);
            definitions.insert(id.clone(), Value::Object(definition));
            ids.push(Value::from(id));
        }
        if !ids.is_empty() {
            fields.insert("markings".to_owned(), Value::Array(ids));
            fields.insert("data_marking_definitions".to_owned(), Value::Object(definitions));
        }
    }

    /// What a header has that CACAO does not.
    fn others(&mut self) {
        let playbook = self.playbook;
        let outputs = playbook.outputs.iter().filter(|(name, value)| {
            let usual = format!("{{{{ variables['{name}'] }}}}");
            value.as_str() != Some(usual.as_str())
        });
        let given = [
            ("inputs", playbook.inputs.is_some()),
            ("outputs", outputs.count() > 0),
            ("output_schema", playbook.output_schema.is_some()),
            ("timeout", playbook.timeout.is_some()),
            ("on_last_failure", playbook.on_last_failure.is_some()),
            ("tasks_at_once", playbook.tasks_at_once.is_some()),
            ("category_id", playbook.category_id.is_some()),
        ];
        for (field, _) in given.into_iter().filter(|(_, given)| *given) {
            self.leave("", format!("`{field}` of the playbook, for which CACAO has no property"));
        }
    }
}

/// The word of CACAO for a declared type, and its description.
pub(super) fn declared(schema: Option<&Value>) -> (Option<&'static str>, Option<String>) {
    let Some(schema) = schema else { return (None, None) };
    let of = |word: &Value| match word.as_str() {
        Some("integer") => Some("integer"),
        Some("number") => Some("float"),
        Some("boolean") => Some("bool"),
        Some("object") => Some("dictionary"),
        Some("string") => Some("string"),
        _ => None,
    };
    let types = schema.get("type").unwrap_or(schema);
    let word = types.as_array().map_or_else(|| of(types), |all| all.first().and_then(of));
    let pattern = schema.get("pattern").and_then(Value::as_str);
    let has_pattern = |word: &&str| pattern.is_some() && VariableType::of(word).pattern() == pattern;
    let word = VariableType::WORDS.iter().copied().find(has_pattern).or(word);
    (word, schema.get("description").and_then(Value::as_str).map(str::to_owned))
}

pub(super) fn word_of(value: &Value) -> &'static str {
    match value {
        Value::Bool(_) => "bool",
        Value::Number(number) if number.as_i64().is_some() => "integer",
        Value::Number(_) => "float",
        Value::Object(_) => "dictionary",
        _ => "string",
    }
}

/// Seconds since 1970 as CACAO writes an instant.
pub(super) fn time(seconds: u64) -> String {
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // By the Gregorian calendar, in years that begin in March, 400 of which have 146,097 days.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute) = (second / 3_600, second / 60 % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{:02}.000Z", second % 60)
}
