//! Which steps of a playbook guardrails concern, and what their author should know of that. Runs nothing.

use updraft_protocol::{Effect, Name, StepId, UnknownTarget};

use super::PlannedGuardrail;
use crate::plan::{Plan, PlannedAction};

/// A step of a playbook that a guardrail concerns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuardrailConcern {
    /// The step.
    pub step: StepId,
    /// The integration and action that it calls.
    pub tool: (Name, Name),
    /// The guardrail.
    pub guardrail: Name,
    /// Why its calls are refused in any case, or cannot be compared.
    pub notes: Vec<&'static str>,
}

impl PlannedGuardrail {
    /// The steps of a playbook that it concerns, for tenants that it is for. An effect that depends on values is that of
    /// the call as it is written.
    pub fn steps_of(&self, plan: &Plan) -> Vec<GuardrailConcern> {
        let concern = |step: &crate::plan::PlannedStep| {
            let action = PlannedAction::of(step).filter(|action| action.undoes.is_none())?;
            self.names(&step.integration, &step.action, action.guarded_effect).then(|| GuardrailConcern {
                step: step.id.clone(),
                tool: (step.integration.clone(), step.action.clone()),
                guardrail: self.name().clone(),
                notes: self.notes(action),
            })
        };
        plan.steps.iter().filter_map(concern).collect()
    }

    fn notes(&self, action: &PlannedAction) -> Vec<&'static str> {
        let has_target = action.target.is_some() || action.containment.is_some();
        let protects =
            self.form().protected.as_ref().filter(|_| action.guarded_effect == Effect::Write && !has_target);
        let counts_active = self.cap().is_some_and(|cap| cap.active.is_some());
        let leads_nowhere =
            self.form().only.as_ref().is_some_and(|only| !only.hosts.is_empty()) && action.url.is_none();
        let is_led_on = self.form().only.as_ref().is_some_and(|only| !only.hosts.is_empty())
            && action.leads_on.is_some_and(|name| {
                let written = action.arguments.written_out();
                written.get(name).is_some_and(|most| !most.is_null() && most.as_u64() != Some(0))
            });
        let only_reads = self.form().only.as_ref().is_some_and(|only| only.reads)
            && action.guarded_effect == Effect::Write;
        [
            self.form().kill_switch.then_some("the kill switch is on: its calls are refused"),
            protects.map(|protected| match protected.unknown {
                UnknownTarget::Refuse => {
                    "its action declares no target, which is taken for protected: its calls are refused"
                }
                UnknownTarget::Allow => "its action declares no target: nothing of it is compared",
            }),
            (counts_active && action.containment.is_none()).then_some(
                "it has no `expires`, so that nobody knows when its effect ends: its calls are refused",
            ),
            only_reads.then_some("it changes something: its calls are refused"),
            leads_nowhere.then_some("its action declares no URL: its calls are refused"),
            is_led_on.then_some("it may be redirected to other hosts: its calls are refused"),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}
