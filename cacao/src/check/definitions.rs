//! Checks that what is named by its id is defined: agents, targets, authentication, markings.

use super::Check;
use crate::model::{AgentTarget, CacaoId, MarkingKind, WorkflowStepKind};
use crate::path::property;
use crate::rule::Rule;

pub(super) fn check(check: &mut Check<'_>) {
    let playbook = check.playbook;
    for (id, step) in &playbook.steps {
        if let WorkflowStepKind::Action(action) = &step.kind {
            if !playbook.agents.contains_key(&action.agent) {
                let message =
                    unknown(check, &action.agent, "agent", "agent_definitions", playbook.agents.keys());
                check.tell_step(Rule::AgentUndefined, id, "agent", message);
            }
            for (number, target) in action.targets.iter().enumerate() {
                if !playbook.targets.contains_key(target) {
                    let message =
                        unknown(check, target, "target", "target_definitions", playbook.targets.keys());
                    check.tell_step(Rule::TargetUndefined, id, &format!("targets[{number}]"), message);
                }
            }
        }
    }
    authentications(check, "agent_definitions", &playbook.agents);
    authentications(check, "target_definitions", &playbook.targets);
    for (number, marking) in playbook.markings.iter().enumerate() {
        let definition = playbook.marking_definitions.get(marking);
        if definition.is_some_and(|definition| matches!(definition.kind, MarkingKind::Iep(_))) {
            let message = "is a policy for the exchange of information; a playbook of Updraft has levels of TLP and statements, and not this";
            check.tell(Rule::MarkingPolicy, &format!("markings[{number}]"), message);
        }
        if definition.is_none() {
            let path = format!("markings[{number}]");
            let message = unknown(
                check,
                marking,
                "marking",
                "data_marking_definitions",
                playbook.marking_definitions.keys(),
            );
            check.tell(Rule::MarkingUndefined, &path, message);
        }
    }
    for (id, marking) in &playbook.marking_definitions {
        let path = property("data_marking_definitions", id.as_str());
        if !marking.id.is_stand_in() && marking.id != *id {
            let message =
                format!("is `{}`, and the definition stands under `{id}`, which counts", marking.id);
            check.tell(Rule::MarkingId, &property(&path, "id"), message);
        }
        if marking.revoked {
            check.tell(
                Rule::MarkingRevoked,
                &property(&path, "revoked"),
                "the marking is revoked; it is kept",
            );
        }
    }
}

fn authentications(
    check: &mut Check<'_>,
    definitions: &str,
    all: &std::collections::BTreeMap<CacaoId, AgentTarget>,
) {
    let known = &check.playbook.authentications;
    for (id, object) in all {
        let named = object.kind.machine().and_then(|machine| machine.authentication.as_ref());
        if let Some(named) = named.filter(|named| !known.contains_key(*named)) {
            let message =
                unknown(check, named, "authentication", "authentication_info_definitions", known.keys());
            let path = property(&property(definitions, id.as_str()), "authentication_info");
            check.tell(Rule::AuthenticationUndefined, &path, message);
        }
    }
}

fn unknown<'i>(
    check: &Check<'_>,
    id: &CacaoId,
    what: &str,
    definitions: &str,
    known: impl Iterator<Item = &'i CacaoId>,
) -> String {
    let near = check.findings.near(id.as_str(), known.map(CacaoId::as_str));
    format!("names `{id}`, and there is no such {what} in `{definitions}`{near}")
}
