//! A submission: the playbook, the tenant and the input. Owns its own checks.

use std::collections::BTreeMap;
use std::time::Duration;

use thiserror::Error;
use updraft_kernel::idempotency::OnReuse;
use updraft_kernel::plan::Plan;
use updraft_protocol::limits::{DEDUPLICATION_WINDOW, INPUT_BYTES, KEY_BYTES};
use updraft_protocol::{CacheMode, InputHash, Json, PlaybookChoice, Priority, TenantCode, Value};

use crate::error::Refusal;

/// A request to run a playbook.
#[derive(Debug, Clone, PartialEq)]
pub struct Submission {
    pub(crate) tenant: TenantCode,
    pub(crate) playbook: PlaybookChoice,
    pub(crate) input: Value,
    pub(crate) variables: BTreeMap<String, Value>,
    pub(crate) endpoints: BTreeMap<String, Value>,
    pub(crate) alert_id: Option<String>,
    pub(crate) uid: Option<String>,
    pub(crate) priority: Priority,
    pub(crate) idempotency_key: Option<String>,
    pub(crate) on_reuse: OnReuse,
    pub(crate) deduplicate: Option<Duration>,
    pub(crate) cache: CacheMode,
}

impl Submission {
    /// A playbook for a tenant, by id ([`PlaybookId`](crate::PlaybookId)) or by name ([`Name`](crate::Name): its newest version).
    pub fn new(tenant: TenantCode, playbook: impl Into<PlaybookChoice>) -> Self {
        Self {
            tenant,
            playbook: playbook.into(),
            input: Value::Null,
            variables: BTreeMap::new(),
            endpoints: BTreeMap::new(),
            alert_id: None,
            uid: None,
            priority: Priority::Normal,
            idempotency_key: None,
            on_reuse: OnReuse::Refuse,
            deduplicate: None,
            cache: CacheMode::Use,
        }
    }

    /// The alert, or any other JSON value; at most 1 MiB of text. From JSON text, [`Value::parse`] keeps every
    /// digit of its numbers, which a `serde_json::Value` does not.
    #[must_use]
    pub fn input(mut self, input: impl Into<Value>) -> Self {
        self.input = input.into();
        self
    }

    /// Every tool is asked, whatever answers are kept for others who ask the same; and nothing of this execution is kept. Holds
    /// for its sub-playbooks too.
    #[must_use]
    pub fn no_cache(mut self) -> Self {
        self.cache = CacheMode::Skip;
        self
    }

    /// Another value for a variable of the playbook. A variable that gives a URL its host is set by
    /// [`Submission::endpoint`] only.
    #[must_use]
    pub fn variable(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.variables.insert(name.into(), value.into());
        self
    }

    /// Another value for a variable that gives an endpoint to which the playbook connects: `https://edr.example/api`.
    /// The backend must choose it; it must never be data of an alert.
    #[must_use]
    pub fn endpoint(mut self, name: impl Into<String>, place: impl Into<Value>) -> Self {
        self.endpoints.insert(name.into(), place.into());
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

    /// How far ahead of others of its tenant its calls stand in line at the limits of tools; `normal` unless it is said.
    /// Its sub-playbooks and its reruns have it too.
    #[must_use]
    pub fn priority(mut self, priority: Priority) -> Self {
        self.priority = priority;
        self
    }

    /// The same key of the same tenant for a playbook of the same name, in any version, gives the same execution,
    /// however often it is submitted. For another playbook it is another key. With another input or other variables the
    /// submission is refused ([`Refusal::KeyReused`]), unless [`Submission::on_reuse`] is set.
    #[must_use]
    pub fn idempotency_key(mut self, key: impl Into<String>) -> Self {
        self.idempotency_key = Some(key.into());
        self
    }

    /// The result if the key was used before with another input or other variables; by default a refusal.
    #[must_use]
    pub fn on_reuse(mut self, on_reuse: OnReuse) -> Self {
        self.on_reuse = on_reuse;
        self
    }

    /// Gives the newest execution of the same playbook, in any version, for the same alert ([`Submission::alert_id`]) that was
    /// accepted within this time, whatever has become of it and however it was submitted; a new one only where there is none.
    /// Submissions at once with such a time give one. At most 31 days.
    #[must_use]
    pub fn deduplicate(mut self, window: Duration) -> Self {
        self.deduplicate = Some(window.min(DEDUPLICATION_WINDOW));
        self
    }

    /// The hash of the submission: the playbook's own variables are no part of it.
    pub(crate) fn input_hash(&self) -> InputHash {
        let mut given = self.variables.clone();
        given.extend(self.endpoints.clone());
        InputHash::of(&self.input, &given)
    }

    /// The variables: the playbook's, with those of the submission over them.
    pub(crate) fn merged(
        &self,
        plan: &Plan,
        defaults: &BTreeMap<String, Value>,
        as_text: &Json,
    ) -> Result<Json, Refusal> {
        let value = |name: &str| self.endpoints.get(name).or_else(|| defaults.get(name));
        if let Some(variable) = plan.lacks_endpoint(value) {
            return Err(Refusal::Endpoint { variable: variable.to_owned() });
        }
        if self.variables.is_empty() && self.endpoints.is_empty() {
            typed(plan, || Value::Object(defaults.clone()))?;
            return Ok(as_text.clone());
        }
        let mut given = self.variables.keys().chain(self.endpoints.keys());
        if let Some(unknown) = given.find(|name| !defaults.contains_key(*name)) {
            let known: Vec<&str> = defaults.keys().map(String::as_str).collect();
            let message = format!("the playbook has no such variable; it has {}", known.join(", "));
            return Err(Refusal::Invalid { place: format!("variables.{unknown}"), message });
        }
        if let Some(variable) = self.variables.keys().find(|name| plan.connects_to(name)) {
            return Err(Refusal::Endpoint { variable: variable.clone() });
        }
        for (name, value) in &self.endpoints {
            plan.check_endpoint(name, value)
                .map_err(|message| Refusal::Invalid { place: format!("variables.{name}"), message })?;
        }
        let mut merged = defaults.clone();
        merged.extend(self.variables.clone());
        merged.extend(self.endpoints.clone());
        let merged = Value::Object(merged);
        typed(plan, || merged.clone())?;
        bounded("variables", &merged)
    }

    /// The input as its playbook asks for it, with the defaults of what it lacks; `as_text` is the one that was given.
    pub(crate) fn fitted(&self, plan: &Plan, as_text: Json) -> Result<Json, Refusal> {
        match &plan.inputs {
            Some(inputs) => bounded("input", &inputs.filled(&self.input).map_err(Refusal::Input)?),
            None => Ok(as_text),
        }
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

/// Checks the values of all variables by the types that the playbook gives them.
pub(crate) fn typed(plan: &Plan, values: impl FnOnce() -> Value) -> Result<(), Refusal> {
    let mistakes = plan.types.as_ref().map(|types| types.mistakes(&values())).unwrap_or_default();
    if mistakes.is_empty() { Ok(()) } else { Err(Refusal::Input(mistakes)) }
}

/// A value as text, within the limits on size and depth.
fn bounded(place: &str, value: &Value) -> Result<Json, Refusal> {
    let invalid = |message: String| Refusal::Invalid { place: place.to_owned(), message };
    let text = value.to_string();
    if text.len() > INPUT_BYTES {
        return Err(invalid(format!("{} bytes; at most {INPUT_BYTES} are allowed", text.len())));
    }
    Json::parse(&text).map_err(|error| invalid(error.to_string()))
}

/// A submission that was not accepted, returned.
#[derive(Debug, Error)]
#[error("{refusal}")]
pub struct SubmitError {
    /// The submission.
    pub submission: Box<Submission>,
    /// Why it was not accepted.
    #[source]
    pub refusal: Refusal,
}

impl SubmitError {
    /// Whether the same submission can succeed later.
    pub fn retryable(&self) -> bool {
        self.refusal.retryable()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use updraft_protocol::{
        ActionSpec, Answer, Argument, Call, Catalogue, Failure, FailureKind, Integration, Name, Playbook,
    };

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

    /// The plan of a playbook that connects to its variable `edr`.
    fn plan() -> Plan {
        struct Web;
        impl Integration for Web {
            fn actions(&self) -> &[&str] {
                &["get"]
            }

            fn spec(&self, _: &str) -> ActionSpec {
                ActionSpec { arguments: &[("url", Argument::Url)], ..ActionSpec::default() }
            }

            fn call(&self, _: Call) -> Answer<'_> {
                Box::pin(async { Err(Failure::new(FailureKind::Unreachable, "nothing is called here")) })
            }
        }
        let step = json!({
            "id": "a", "integration": "web", "action": "get",
            "arguments": {"url": "{{ variables.edr }}/hosts/{{ variables.b }}"}
        });
        let playbook = json!({
            "format": 1, "name": "p", "version": 1, "steps": [step], "variables": {"edr": "https://edr.example", "b": 2}
        });
        let playbook = Playbook::parse(playbook.to_string().as_bytes()).unwrap();
        let mut catalogue = Catalogue::default();
        catalogue.add_integration(Name::new("web").unwrap(), std::sync::Arc::new(Web));
        Plan::check(&playbook, &catalogue).unwrap()
    }

    #[test]
    fn an_input_is_what_its_playbook_asks_for_or_each_mistake_in_it_is_told() {
        let playbook = json!({
            "format": 1, "name": "p", "version": 1, "steps": [{"end": "{{ input.host }} {{ input.hours }}"}],
            "inputs": {
                "type": "object", "required": ["host"], "additionalProperties": false,
                "properties": {
                    "host": {"type": "string"},
                    "hours": {"type": "integer", "default": 4, "maximum": 72},
                    "who": {"type": "object", "properties": {"role": {"default": "soc"}}}
                }
            }
        });
        let playbook = Playbook::parse(playbook.to_string().as_bytes()).unwrap();
        let plan = Plan::check(&playbook, &Catalogue::default()).unwrap();
        let fitted = |input: serde_json::Value| {
            let submission = submission().input(input);
            submission.fitted(&plan, submission.checked()?)
        };
        let given = fitted(json!({"host": "pc-7", "who": {}})).unwrap();
        assert_eq!(given.value(), json!({"host": "pc-7", "hours": 4, "who": {"role": "soc"}}));
        let refusal = fitted(json!({"hots": "pc-7", "hours": 80, "who": 1})).unwrap_err();
        assert!(matches!(&refusal, Refusal::Input(mistakes) if mistakes.len() == 4) && !refusal.retryable());
        assert_eq!(
            refusal.to_string(),
            "input.host: is needed\n\
             input.hots: there is no such field; did you mean \"host\"?; there are host, hours, who\n\
             input.hours: must be at most 72\n\
             input.who: a map is needed"
        );
        assert_eq!(fitted(json!(null)).unwrap_err().to_string(), "input.host: is needed");
        assert_eq!(fitted(json!([1])).unwrap_err().to_string(), "input: a map is needed");
    }

    #[test]
    fn where_a_playbook_connects_to_is_said_by_what_the_backend_marks_alone() {
        let defaults = BTreeMap::from([
            ("edr".to_owned(), Value::from(json!("https://edr.example"))),
            ("b".to_owned(), json!(2).into()),
        ]);
        let text = Json::from(json!({"edr": "https://edr.example", "b": 2}));
        let merged = |submission: Submission| submission.merged(&plan(), &defaults, &text);
        let refusal = merged(submission().variable("edr", json!("https://evil.example"))).unwrap_err();
        assert!(
            matches!(&refusal, Refusal::Endpoint { variable } if variable == "edr") && !refusal.retryable()
        );
        assert_eq!(
            refusal.to_string(),
            "variables.edr: the playbook connects to it; `Submission::endpoint` gives it, and nothing else"
        );
        let given =
            merged(submission().endpoint("edr", "http://127.0.0.1:1/api").variable("b", json!(3))).unwrap();
        assert_eq!(given.value(), json!({"edr": "http://127.0.0.1:1/api", "b": 3}));
        for value in [json!("edr.example"), json!("https://u:p@edr.example"), json!(5), json!(["https://a"])]
        {
            let refusal = merged(submission().endpoint("edr", value)).unwrap_err().to_string();
            assert!(refusal.starts_with("variables.edr: steps[0].arguments.url connects to "), "{refusal}");
        }
        assert!(
            merged(submission().endpoint("c", "https://a"))
                .unwrap_err()
                .to_string()
                .contains("no such variable")
        );
    }

    #[test]
    fn a_place_to_connect_to_that_nobody_gives_refuses_the_submission_by_its_name() {
        let defaults =
            BTreeMap::from([("edr".to_owned(), Value::Null), ("b".to_owned(), Value::from(json!(2)))]);
        let text = Json::from(json!({"edr": null, "b": 2}));
        let merged = |submission: Submission| submission.merged(&plan(), &defaults, &text);
        for submission in [
            submission(),
            submission().variable("b", json!(3)),
            submission().endpoint("edr", json!(null)),
            submission().variable("edr", "https://edr.example"),
        ] {
            let refusal = merged(submission).unwrap_err();
            assert!(matches!(&refusal, Refusal::Endpoint { variable } if variable == "edr"), "{refusal}");
        }
        let given = merged(submission().endpoint("edr", "https://edr.example")).unwrap();
        assert_eq!(given.value(), json!({"edr": "https://edr.example", "b": 2}));
    }

    #[test]
    fn variables_lie_over_those_of_the_playbook_and_unknown_ones_are_refused() {
        let defaults =
            BTreeMap::from([("a".to_owned(), Value::from(json!(1))), ("b".to_owned(), json!(2).into())]);
        let text = Json::from(json!({"a": 1, "b": 2}));
        let merged = submission().variable("b", json!([3])).merged(&plan(), &defaults, &text).unwrap();
        assert_eq!(merged.value(), json!({"a": 1, "b": [3]}));
        let error = submission().variable("c", json!(1)).merged(&plan(), &defaults, &text).unwrap_err();
        assert_eq!(error.to_string(), "variables.c: the playbook has no such variable; it has a, b");
    }
}
