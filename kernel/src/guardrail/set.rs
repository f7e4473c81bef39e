//! The guardrails of an engine together: what the first of them says that refuses a call, and which caps count it. Never
//! changed: another set takes its place.

use std::sync::Arc;

use updraft_protocol::{Cap, Name, TenantCode, Timestamp};

use super::{GuardedCall, GuardrailRefusal, PlannedGuardrail};

/// Guardrails in the order of their names.
#[derive(Debug, Default)]
pub struct GuardrailSet(Vec<Arc<PlannedGuardrail>>);

impl GuardrailSet {
    /// These guardrails; of several of one name the last.
    pub fn new(guardrails: impl IntoIterator<Item = Arc<PlannedGuardrail>>) -> Self {
        let named = guardrails.into_iter().map(|guardrail| (guardrail.name().clone(), guardrail));
        Self(named.collect::<std::collections::BTreeMap<_, _>>().into_values().collect())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<PlannedGuardrail>> {
        self.0.iter()
    }

    /// Whether one of them may have a say in calls of this action, by their effect and their target.
    pub fn concerns(&self, tenant: &TenantCode, integration: &Name, action: &Name) -> bool {
        self.0.iter().any(|guardrail| guardrail.is_for(tenant) && guardrail.names_tool(integration, action))
    }

    /// Why a call is refused, whatever was counted: what the first says that refuses it.
    pub fn refusal(&self, call: &GuardedCall<'_>, now: Timestamp) -> Option<GuardrailRefusal> {
        self.0.iter().find_map(|guardrail| guardrail.refusal(call, now))
    }

    /// The guardrails whose caps count a call.
    pub fn caps<'a>(
        &'a self,
        call: &'a GuardedCall<'a>,
    ) -> impl Iterator<Item = (&'a Arc<PlannedGuardrail>, &'a Cap)> {
        self.0.iter().filter_map(|guardrail| Some((guardrail, guardrail.caps(call)?)))
    }
}
