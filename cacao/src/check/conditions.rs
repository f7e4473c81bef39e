//! Checks of conditions, and of what a switch compares: that they are written as the standard says. What they mean for the types of
//! variables is looked at by the translation.

use super::Check;
use crate::condition;
use crate::model::{VariableName, WorkflowStepKind};
use crate::path::short;
use crate::rule::Rule;

pub(super) fn check(check: &mut Check<'_>) {
    for (id, step) in &check.playbook.steps {
        let text = match &step.kind {
            WorkflowStepKind::If(step) => &step.condition,
            WorkflowStepKind::While(step) => &step.condition,
            WorkflowStepKind::Switch(step) => {
                let text = step.switch.trim();
                // A name alone can mean nothing else here.
                if VariableName::read(text.strip_suffix(":value").unwrap_or(text)).is_none() {
                    let message = format!(
                        "is a reference to the variable that is compared, such as `__severity__:value`, not {:?}",
                        short(&step.switch)
                    );
                    check.tell_step(Rule::SwitchVariable, id, "switch", message);
                }
                continue;
            }
            _ => continue,
        };
        if let Err(error) = condition::parse(text) {
            check.tell_step(Rule::Condition, id, "condition", error.to_string());
        }
    }
}
