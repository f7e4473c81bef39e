//! Steps.

use std::collections::{BTreeMap, BTreeSet};

use super::{Context, Properties, command, variable};
use crate::model::{
    ActionStep, CacaoId, IfCondition, ParallelStep, PlaybookActionStep, SwitchCondition, WhileCondition,
    WorkflowStep, WorkflowStepKind,
};
use crate::path::property;

/// The step with these properties. Where its kind cannot be read, it is an end, and its id is added to `unread`.
pub(super) fn read(
    fields: Properties<'_>,
    id: &CacaoId,
    context: &mut Context<'_>,
    unread: &mut BTreeSet<CacaoId>,
) -> WorkflowStep {
    let kind = kind(fields, context).unwrap_or_else(|| {
        unread.insert(id.clone());
        WorkflowStepKind::End
    });
    let whole_path = context.path.clone();
    context.path = property(&whole_path, "step_variables");
    let variables = variable::all(fields.map("step_variables"), context);
    context.path = whole_path;
    WorkflowStep {
        kind,
        name: fields.text("name"),
        description: fields.text("description"),
        external_references: fields.external_references(),
        delay: fields.whole("delay").filter(|millis| *millis > 0),
        timeout: fields.whole("timeout").filter(|millis| *millis > 0),
        variables,
        owner: fields.id("owner"),
        on_completion: fields.id("on_completion"),
        on_success: fields.id("on_success"),
        on_failure: fields.id("on_failure"),
        extensions: fields.extensions("step_extensions"),
    }
}

fn kind(fields: Properties<'_>, context: &mut Context<'_>) -> Option<WorkflowStepKind> {
    Some(match fields.text("type")?.as_str() {
        "start" => WorkflowStepKind::Start,
        "end" => WorkflowStepKind::End,
        "action" => WorkflowStepKind::Action(action(fields, context)?),
        "playbook-action" => {
            let in_args = variable::arguments(fields, "in_args", context);
            let out_args = variable::arguments(fields, "out_args", context);
            WorkflowStepKind::PlaybookAction(PlaybookActionStep {
                playbook: fields.id("playbook_id")?,
                version: fields.time("playbook_version"),
                in_args,
                out_args,
            })
        }
        "parallel" => WorkflowStepKind::Parallel(ParallelStep { next_steps: fields.ids("next_steps") }),
        "if-condition" => WorkflowStepKind::If(IfCondition {
            condition: fields.text("condition")?,
            on_true: fields.id("on_true")?,
            on_false: fields.id("on_false"),
        }),
        "while-condition" => WorkflowStepKind::While(WhileCondition {
            condition: fields.text("condition")?,
            on_true: fields.id("on_true")?,
        }),
        "switch-condition" => {
            let cases = fields.map("cases").0.iter();
            let cases: BTreeMap<String, CacaoId> = cases
                .filter_map(|(case, id)| Some((case.clone(), CacaoId::new(id.as_str()?).ok()?)))
                .collect();
            WorkflowStepKind::Switch(SwitchCondition { switch: fields.text("switch")?, cases })
        }
        _ => return None,
    })
}

fn action(fields: Properties<'_>, context: &mut Context<'_>) -> Option<ActionStep> {
    let commands = command::all(fields, context);
    let in_args = variable::arguments(fields, "in_args", context);
    let out_args = variable::arguments(fields, "out_args", context);
    Some(ActionStep {
        commands: commands?,
        agent: fields.id("agent")?,
        targets: fields.ids("targets"),
        in_args,
        out_args,
    })
}
