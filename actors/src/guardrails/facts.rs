//! What guardrails are told of a call. Owns the values, so that they outlive the turn of the execution.

use updraft_kernel::guardrail::{CallTargets, CapAsk, GuardedCall};
use updraft_protocol::{
    ContainmentId, Effect, ExecutionId, GivenAnswer, Name, StepId, TaskId, TenantCode, Timestamp,
};

/// A call that a playbook wants to make.
#[derive(Debug, Clone)]
pub(crate) struct GuardedFacts {
    pub(crate) tenant: TenantCode,
    pub(crate) peid: ExecutionId,
    pub(crate) task: TaskId,
    pub(crate) step: StepId,
    pub(crate) integration: Name,
    pub(crate) action: Name,
    pub(crate) effect: Effect,
    pub(crate) is_undo: bool,
    pub(crate) targets: CallTargets,
    pub(crate) hosts: Option<Vec<String>>,
    pub(crate) containment: Option<ContainmentId>,
    /// Since when it waits for room.
    pub(crate) since: Option<Timestamp>,
    /// The guardrails of which people let it pass, and who did of the last.
    pub(crate) passed: Option<(Vec<String>, Vec<GivenAnswer>)>,
}

impl GuardedFacts {
    /// What is known of a call of which people were asked.
    pub(crate) fn of_answer(
        (tenant, peid, task): (TenantCode, ExecutionId, TaskId),
        (step, integration, action): (&StepId, &Name, &Name),
    ) -> Self {
        Self {
            tenant,
            peid,
            task,
            step: step.clone(),
            integration: integration.clone(),
            action: action.clone(),
            effect: Effect::Write,
            is_undo: false,
            targets: CallTargets::unknown(),
            hosts: None,
            containment: None,
            since: None,
            passed: None,
        }
    }

    /// As the kernel asks it.
    pub(crate) fn call(&self) -> GuardedCall<'_> {
        GuardedCall {
            tenant: &self.tenant,
            integration: &self.integration,
            action: &self.action,
            effect: self.effect,
            is_undo: self.is_undo,
            targets: &self.targets,
            hosts: self.hosts.as_deref(),
        }
    }

    /// As it asks the cap of this guardrail.
    pub(super) fn ask(&self, guardrail: &Name, now: Timestamp) -> CapAsk {
        CapAsk {
            tenant: self.tenant.clone(),
            task: self.task,
            since: self.since.unwrap_or(now),
            containment: self.containment,
            is_approved: self.is_passed(guardrail),
        }
    }

    /// Whether people let it pass this guardrail.
    fn is_passed(&self, guardrail: &Name) -> bool {
        let names = self.passed.as_ref().map_or(&[][..], |(names, _)| names);
        names.iter().any(|name| name == guardrail.as_str())
    }

    /// The answer by which people let it pass this guardrail, the last they were asked about.
    pub(super) fn answer(&self, guardrail: &Name) -> Option<&GivenAnswer> {
        let (names, answers) = self.passed.as_ref()?;
        answers.last().filter(|_| names.last().is_some_and(|name| name == guardrail.as_str()))
    }
}
