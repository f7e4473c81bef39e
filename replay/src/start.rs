//! How a dry run begins: the alert and the variables, held against what the playbook asks for, as a submission is.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use updraft_protocol::limits::INPUT_BYTES;
use updraft_protocol::suggest::suggestion;
use updraft_protocol::{Asked, CacheMode, ExecutionHead, Json, Priority, TenantCode, Timestamp, Value};

use crate::plans::Planned;

/// The instant at which test cases begin that say no other: 2026-01-01T00:00:00Z.
pub const TEST_CLOCK: Timestamp = Timestamp(1_767_225_600_000);

/// How a dry run begins.
#[derive(Debug, Clone)]
pub struct Start {
    /// For whom.
    pub tenant: TenantCode,
    /// The alert.
    pub input: Value,
    /// Other values for variables of the playbook.
    pub variables: BTreeMap<String, Value>,
    /// When it begins.
    pub now: Timestamp,
    /// Who begins it.
    pub uid: Option<Arc<str>>,
    /// The id of the alert.
    pub alert_id: Option<Arc<str>>,
    /// A cancel, so long after it has begun.
    pub cancel: Option<(Duration, Asked)>,
}

impl Start {
    /// A start with this alert.
    pub fn new(tenant: TenantCode, input: Value, now: Timestamp) -> Self {
        Self { tenant, input, variables: BTreeMap::new(), now, uid: None, alert_id: None, cancel: None }
    }

    /// The head of the execution.
    ///
    /// # Errors
    /// What the playbook would refuse, one mistake each with its place.
    pub(crate) fn head(&self, planned: &Planned) -> Result<ExecutionHead, Vec<String>> {
        let plan = &planned.plan;
        let mut mistakes = Vec::new();
        let input = match &plan.inputs {
            Some(inputs) => inputs.filled(&self.input).unwrap_or_else(|found| {
                mistakes.extend(found.iter().map(ToString::to_string));
                Value::Null
            }),
            None => self.input.clone(),
        };
        let input = Json::from(&input);
        if input.as_str().len() > INPUT_BYTES {
            mistakes
                .push(format!("input: {} bytes; at most {INPUT_BYTES} are allowed", input.as_str().len()));
        }
        if let Some(what) = input.unreadable() {
            mistakes.push(format!("input: it is {what}"));
        }
        let variables = self.variables(planned, &mut mistakes);
        if !mistakes.is_empty() {
            return Err(mistakes);
        }
        Ok(ExecutionHead {
            tenant_code: self.tenant.clone(),
            pid: planned.pid,
            playbook_name: plan.name.clone(),
            playbook_version: plan.version,
            uid: self.uid.clone(),
            alert_id: self.alert_id.clone(),
            priority: Priority::Normal,
            createddate: self.now,
            input,
            variables,
            idempotency_key: None,
            input_hash: None,
            parent: None,
            rerun_of: None,
            cache: CacheMode::Use,
        })
    }

    fn variables(&self, planned: &Planned, mistakes: &mut Vec<String>) -> Json {
        let known = &planned.variables;
        for name in self.variables.keys().filter(|name| !known.contains_key(*name)) {
            let near = suggestion(name, known.keys().map(String::as_str));
            mistakes.push(format!("variables.{name}: the playbook has no such variable{near}"));
        }
        let mut merged = known.clone();
        merged.extend(self.variables.clone());
        if let Some(name) = planned.plan.lacks_endpoint(|name| merged.get(name)) {
            mistakes.push(format!("variables.{name}: the playbook connects to it, and it is null"));
        }
        for (name, value) in
            self.variables.iter().filter(|(name, value)| planned.plan.connects_to(name) && !value.is_null())
        {
            if let Err(message) = planned.plan.check_endpoint(name, value) {
                mistakes.push(format!("variables.{name}: {message}"));
            }
        }
        let merged = Value::Object(merged);
        let types = planned.plan.types.as_ref().map(|types| types.mistakes(&merged)).unwrap_or_default();
        mistakes.extend(types.iter().map(ToString::to_string));
        let merged = Json::from(&merged);
        if merged.as_str().len() > INPUT_BYTES {
            mistakes.push(format!("variables: more than {INPUT_BYTES} bytes"));
        }
        merged
    }
}
