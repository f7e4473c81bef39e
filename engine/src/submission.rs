//! A submission: which playbook, for whom, with what. Owns its own checks.

use std::collections::BTreeMap;

use updraft_kernel::idempotency::OnReuse;
use updraft_protocol::limits::{INPUT_BYTES, KEY_BYTES};
use updraft_protocol::{InputHash, Json, Name, PlaybookId, TenantCode, Value};

use crate::error::Refusal;

/// Which playbook to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlaybookChoice {
    /// This version.
    Id(PlaybookId),
    /// By name: this version, or the newest.
    Named(Name, Option<u32>),
}

impl From<PlaybookId> for PlaybookChoice {
    fn from(pid: PlaybookId) -> Self {
        Self::Id(pid)
    }
}

impl From<Name> for PlaybookChoice {
    fn from(name: Name) -> Self {
        Self::Named(name, None)
    }
}

/// What is handed to the engine to be executed.
#[derive(Debug, Clone, PartialEq)]
pub struct Submission {
    pub(crate) tenant: TenantCode,
    pub(crate) playbook: PlaybookChoice,
    pub(crate) input: Value,
    pub(crate) variables: BTreeMap<String, Value>,
    pub(crate) alert_id: Option<String>,
    pub(crate) uid: Option<String>,
    pub(crate) priority: u8,
    pub(crate) idempotency_key: Option<String>,
    pub(crate) on_reuse: OnReuse,
}

impl Submission {
    /// A playbook for a tenant, by id ([`PlaybookId`]) or by name ([`Name`]: its newest version).
    pub fn new(tenant: TenantCode, playbook: impl Into<PlaybookChoice>) -> Self {
        Self {
            tenant,
            playbook: playbook.into(),
            input: Value::Null,
            variables: BTreeMap::new(),
            alert_id: None,
            uid: None,
            priority: 0,
            idempotency_key: None,
            on_reuse: OnReuse::Refuse,
        }
    }

    /// The alert, or any other JSON value; at most 1 MiB of text. From JSON text, [`Value::parse`] keeps every
    /// digit of its numbers, which a `serde_json::Value` does not.
    #[must_use]
    pub fn input(mut self, input: impl Into<Value>) -> Self {
        self.input = input.into();
        self
    }

    /// Another value for a variable of the playbook.
    #[must_use]
    pub fn variable(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.variables.insert(name.into(), value.into());
        self
    }

    /// The alert's id, by which its tasks can be found.
    #[must_use]
    pub fn alert_id(mut self, alert_id: impl Into<String>) -> Self {
        self.alert_id = Some(alert_id.into());
        self
    }

    /// The analyst or service that submits it.
    #[must_use]
    pub fn uid(mut self, uid: impl Into<String>) -> Self {
        self.uid = Some(uid.into());
        self
    }

    /// 0 is the lowest.
    #[must_use]
    pub fn priority(mut self, priority: u8) -> Self {
        self.priority = priority;
        self
    }

    /// The same key of the same tenant for a playbook of the same name, in whichever version, gives the same
    /// execution, however often it is submitted. For another playbook it is another key. With another input or other
    /// variables the submission is refused ([`Refusal::KeyReused`]), unless [`Submission::on_reuse`] says otherwise.
    #[must_use]
    pub fn idempotency_key(mut self, key: impl Into<String>) -> Self {
        self.idempotency_key = Some(key.into());
        self
    }

    /// What happens where the key was used with another input or other variables: refused, unless it is said here.
    #[must_use]
    pub fn on_reuse(mut self, on_reuse: OnReuse) -> Self {
        self.on_reuse = on_reuse;
        self
    }

    /// What it asks for, as submitted: the playbook's own variables are no part of it.
    pub(crate) fn input_hash(&self) -> InputHash {
        let variables = self.variables.iter().map(|(name, value)| (name.clone(), value.clone().into()));
        InputHash::of(&self.input.clone().into(), &variables.collect())
    }

    /// The variables: the playbook's, with those of the submission over them.
    pub(crate) fn merged(&self, defaults: &BTreeMap<String, Value>, as_text: &Json) -> Result<Json, Refusal> {
        if self.variables.is_empty() {
            return Ok(as_text.clone());
        }
        if let Some(unknown) = self.variables.keys().find(|name| !defaults.contains_key(*name)) {
            let known: Vec<&str> = defaults.keys().map(String::as_str).collect();
            let message = format!("the playbook has no such variable; it has {}", known.join(", "));
            return Err(Refusal::Invalid { place: format!("variables.{unknown}"), message });
        }
        let mut merged = defaults.clone();
        merged.extend(self.variables.clone());
        bounded("variables", &Value::Object(merged))
    }

    /// The input as text, and the bounds of all other fields.
    pub(crate) fn checked(&self) -> Result<Json, Refusal> {
        let keys =
            [("alert_id", &self.alert_id), ("uid", &self.uid), ("idempotency_key", &self.idempotency_key)];
        for (place, key) in keys {
            if key.as_ref().is_some_and(|key| key.is_empty() || key.len() > KEY_BYTES) {
                let message = format!("1 to {KEY_BYTES} bytes are allowed");
                return Err(Refusal::Invalid { place: place.to_owned(), message });
            }
        }
        bounded("input", &self.input)
    }
}

/// A value as text, not too large and not too deep to be read again.
fn bounded(place: &str, value: &Value) -> Result<Json, Refusal> {
    let invalid = |message: String| Refusal::Invalid { place: place.to_owned(), message };
    let text = value.to_string();
    if text.len() > INPUT_BYTES {
        return Err(invalid(format!("{} bytes; at most {INPUT_BYTES} are allowed", text.len())));
    }
    Json::parse(&text).map_err(|error| invalid(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn submission() -> Submission {
        Submission::new(TenantCode::new("acme").unwrap(), Name::new("triage").unwrap())
    }

    #[test]
    fn an_input_too_large_too_deep_or_a_bad_key_is_refused_with_its_place() {
        let large = submission().input(json!("x".repeat(INPUT_BYTES)));
        assert!(large.checked().unwrap_err().to_string().starts_with("input: "));
        let deep = (0..200).fold(json!(1), |value, _| json!([value]));
        assert!(submission().input(deep).checked().unwrap_err().to_string().starts_with("input: nested"));
        let empty = submission().idempotency_key("").checked().unwrap_err().to_string();
        assert_eq!(empty, "idempotency_key: 1 to 256 bytes are allowed");
    }

    #[test]
    fn variables_lie_over_those_of_the_playbook_and_unknown_ones_are_refused() {
        let defaults =
            BTreeMap::from([("a".to_owned(), Value::from(json!(1))), ("b".to_owned(), json!(2).into())]);
        let text = Json::from(json!({"a": 1, "b": 2}));
        let merged = submission().variable("b", json!([3])).merged(&defaults, &text).unwrap();
        assert_eq!(merged.value(), json!({"a": 1, "b": [3]}));
        let error = submission().variable("c", json!(1)).merged(&defaults, &text).unwrap_err();
        assert_eq!(error.to_string(), "variables.c: the playbook has no such variable; it has a, b");
    }
}
