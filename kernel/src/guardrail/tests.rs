//! Guardrails by example and against an oracle that is written from the words of their documentation.

mod caps;
mod refusals;
mod targets;

use serde_json::{Value as Form, json};
use updraft_protocol::{Effect, Guardrail, Name, TenantCode, Timestamp};

use super::{CallTargets, GuardedCall, GuardrailRefusal, PlannedGuardrail};

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn tenant(text: &str) -> TenantCode {
    TenantCode::new(text).unwrap()
}

fn form(mut form: Form) -> Guardrail {
    form["name"] = json!("g");
    serde_json::from_value(form).unwrap()
}

fn planned(written: Form) -> PlannedGuardrail {
    PlannedGuardrail::checked(form(written), None).unwrap()
}

/// The mistakes of a guardrail, as they are told.
fn mistakes(written: Form) -> Vec<String> {
    let found = PlannedGuardrail::checked(form(written), None).unwrap_err();
    found.iter().map(ToString::to_string).collect()
}

/// What a guardrail says of a call of `edr.isolate` for acme at this target.
fn refusal(guardrail: &PlannedGuardrail, target: &str) -> Option<GuardrailRefusal> {
    let targets = CallTargets::of(Some(&updraft_protocol::Value::String(target.to_owned())), None);
    refusal_of(guardrail, &targets, |_| {})
}

fn refusal_of(
    guardrail: &PlannedGuardrail,
    targets: &CallTargets,
    change: impl FnOnce(&mut GuardedCall<'_>),
) -> Option<GuardrailRefusal> {
    let (integration, action, tenant) = (name("edr"), name("isolate"), tenant("acme"));
    let mut call = GuardedCall {
        tenant: &tenant,
        integration: &integration,
        action: &action,
        effect: Effect::Write,
        is_undo: false,
        targets,
        hosts: None,
    };
    change(&mut call);
    guardrail.refusal(&call, Timestamp(1_767_607_200_000))
}
