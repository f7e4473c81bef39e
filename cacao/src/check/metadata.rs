//! Checks of what a playbook says of itself: whether it is revoked, when it counts, its version, its signatures, what it says that it
//! has.

use super::Check;
use crate::model::{CacaoPlaybook, CommandKind, WorkflowStepKind};
use crate::path::property;
use crate::rule::Rule;

pub(super) fn check(check: &mut Check<'_>) {
    let playbook = check.playbook;
    if playbook.revoked {
        check.tell(Rule::Revoked, "revoked", "the playbook is revoked by who made it");
    }
    if !playbook.modified.is_stand_in() {
        let seconds = playbook.modified.seconds();
        if u32::try_from(seconds).map_or(true, |version| version == 0) {
            let message =
                "is before 1970 or after 2106: it is the version of the playbook, as seconds since 1970";
            check.tell(Rule::VersionNumber, "modified", message);
        }
        if !playbook.created.is_stand_in() && seconds < playbook.created.seconds() {
            check.tell(Rule::ModifiedOrder, "modified", "is before `created`");
        }
    }
    if let (Some(from), Some(until)) = (&playbook.valid_from, &playbook.valid_until)
        && until.seconds() < from.seconds()
    {
        check.tell(Rule::ValidityOrder, "valid_until", "is before `valid_from`: the playbook never counts");
    }
    if !playbook.signatures.is_empty() {
        check.tell(Rule::SignatureUnverified, "signatures", "signatures are not verified");
    }
    summary(check);
}

/// What the summary says, and what is there.
fn summary(check: &mut Check<'_>) {
    let playbook = check.playbook;
    let has = |is: fn(&WorkflowStepKind) -> bool| playbook.steps.values().any(|step| is(&step.kind));
    let told = [
        ("manual_playbook", only_manual(playbook)),
        ("external_playbooks", has(|kind| matches!(kind, WorkflowStepKind::PlaybookAction(_)))),
        ("parallel_processing", has(|kind| matches!(kind, WorkflowStepKind::Parallel(_)))),
        ("if_logic", has(|kind| matches!(kind, WorkflowStepKind::If(_)))),
        ("while_logic", has(|kind| matches!(kind, WorkflowStepKind::While(_)))),
        ("switch_logic", has(|kind| matches!(kind, WorkflowStepKind::Switch(_)))),
        ("data_markings", !playbook.markings.is_empty()),
        ("digital_signatures", !playbook.signatures.is_empty()),
    ];
    for (name, is_there) in told {
        if playbook.processing_summary.get(name).is_some_and(|said| *said != is_there) {
            let there = if is_there { "is" } else { "is not" };
            let path = property("playbook_processing_summary", name);
            check.tell(Rule::ProcessingSummary, &path, format!("says {}, and it {there} so", !is_there));
        }
    }
}

fn only_manual(playbook: &CacaoPlaybook) -> bool {
    let mut commands = playbook.steps.values().flat_map(|step| match &step.kind {
        WorkflowStepKind::Action(action) => action.commands.as_slice(),
        _ => &[],
    });
    commands.all(|command| matches!(command.kind, CommandKind::Manual(_)))
}
