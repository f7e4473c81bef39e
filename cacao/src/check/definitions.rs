//! Checks that what is named by its id is defined: agents, targets, authentication, markings.

use updraft_protocol::suggest::suggestion;

use super::Check;
use crate::model::{AgentTarget, CacaoId, WorkflowStepKind};
use crate::path::property;
use crate::rule::Rule;

pub(super) fn check(check: &mut Check<'_>) {
    let playbook = check.playbook;
    for (id, step) in &playbook.steps {
        if let WorkflowStepKind::Action(action) = &step.kind {
            if !playbook.agents.contains_key(&action.agent) {
                let message = unknown(&action.agent, "agent", "agent_definitions", playbook.agents.keys());
                check.tell_step(Rule::AgentUndefined, id, "agent", message);
            }
            for (number, target) in action.targets.iter().enumerate() {
                if !playbook.targets.contains_key(target) {
                    let message = unknown(target, "target", "target_definitions", playbook.targets.keys());
                    check.tell_step(Rule::TargetUndefined, id, &format!("targets[{number}]"), message);
                }
            }
        }
    }
    authentications(check, "agent_definitions", &playbook.agents);
    authentications(check, "target_definitions", &playbook.targets);
    for (number, marking) in playbook.markings.iter().enumerate() {
        if !playbook.marking_definitions.contains_key(marking) {
            let path = format!("markings[{number}]");
            let message =
                unknown(marking, "marking", "data_marking_definitions", playbook.marking_definitions.keys());
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
            let message = unknown(named, "authentication", "authentication_info_definitions", known.keys());
            let path = property(&property(definitions, id.as_str()), "authentication_info");
            check.tell(Rule::AuthenticationUndefined, &path, message);
        }
    }
}

fn unknown<'i>(
    id: &CacaoId,
    what: &str,
    definitions: &str,
    known: impl Iterator<Item = &'i CacaoId>,
) -> String {
    let near = suggestion(id.as_str(), known.map(CacaoId::as_str));
    format!("names `{id}`, and there is no such {what} in `{definitions}`{near}")
}
