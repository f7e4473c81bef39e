//! `lock` of an action, or of a step with bodies: two steps of a tenant, of whatever playbooks, do not act on one target at once.
//! Owns its fields.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::time::Span;
use crate::value::Value;

/// The lock that a step has while it acts, or while the steps in its body do: one step at a time of all playbooks of its tenant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    /// What is acted on: a host, an account. Spellings of one target are one lock.
    pub target: Value,
    /// How long a call waits for its turn; an hour where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait: Option<Span>,
}

#[cfg(test)]
mod tests {
    use crate::Playbook;

    #[test]
    fn calls_and_steps_with_bodies_have_a_lock_and_no_other_step_has() {
        let read = |step: &str| {
            let text =
                format!("format: 1\nname: p\nversion: 1\nsteps:\n  - {{{step}, lock: {{target: h}}}}\n");
            Playbook::parse(text.as_bytes()).map_err(|error| error.to_string())
        };
        let body = "[{delay: 1s}]";
        for step in [
            "action: a.b".to_owned(),
            format!("if: x, then: {body}"),
            format!("switch: x, cases: [{{is: 1, do: {body}}}]"),
            format!("parallel: all, branches: {{b: {body}}}"),
            format!("for_each: x, do: {body}"),
            format!("while: x, do: {body}"),
            format!("do: {body}, finally: {body}"),
        ] {
            let read = read(&step).unwrap();
            let written = serde_json::to_vec(&read).unwrap();
            assert_eq!(Playbook::parse(&written).unwrap(), read, "{step}");
        }
        for step in ["delay: 1s", "approval: q", "playbook: p", "set: {a: 1}", "end: 1"] {
            let told = read(step).unwrap_err();
            assert!(told.contains("has no field `lock`") && told.contains("line 5"), "{told}");
        }
    }
}
