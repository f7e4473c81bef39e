//! The machine of a containment: what registrations, people, instants and the ends of undos make of it. Pure: every change
//! is stored by the caller, on condition that the document is as it was read, before anything follows from it.
//!
//! The target stays contained until its last holder has ended. Then a round of its undo begins, an execution of its own
//! under the key of containment and round, so that a round that is begun again after a crash is the same execution.

use std::sync::Arc;
use std::time::Duration;

use updraft_protocol::limits::{
    COMMENT_BYTES, CONTAINMENT_HISTORY, CONTAINMENT_HOLDERS, CONTAINMENT_PAUSE, CONTAINMENT_PAUSE_MAX,
    CONTAINMENT_WATCH, SPAN,
};
use updraft_protocol::playbook::UndoOn;
use updraft_protocol::{
    ContainmentApplied, ContainmentAsk, ContainmentChange, ContainmentDetails, ContainmentDocument,
    ContainmentEntry, ContainmentId, ContainmentRefusal, ContainmentStatus, ExecutionId, Hold, Holder,
    TaskDocument, TaskId, Timestamp, UndoCall, UndoRecord, UndoStatus,
};

mod asked;
mod before;
mod calls;
mod reconciler;
mod round;

use before::{ended_before, waits_for_others};
pub use reconciler::{DueCursor, HoldCursor, Reconciler, ReconcilerCommand, ReconcilerEvent, ReconcilerMode};
pub use round::{RoundProgress, UndoRound, is_round};

/// Something that happens to a containment.
#[derive(Debug, Clone, PartialEq)]
pub enum ContainmentEvent {
    /// An instant at which something may be due.
    Due,
    /// The round has not ended; its execution, if it has one already.
    UndoRuns(u32, Option<ExecutionId>),
    /// The round has ended, or could not begin.
    UndoEnded(u32, Result<(), Arc<str>>),
    /// A person asks.
    Asked {
        /// The person.
        uid: Arc<str>,
        /// For what.
        ask: ContainmentAsk,
        /// Why.
        reason: Arc<str>,
    },
}

/// The containment that a task holds or held, if it does.
pub fn containment_of(task: &TaskDocument) -> Option<(ContainmentId, &UndoRecord, &Hold)> {
    let undo = task.state.undo.as_deref()?;
    let hold = undo.hold.as_ref()?;
    let tool = (&undo.call.integration, &undo.call.action);
    Some((ContainmentId::derive(&task.head.tenant_code, tool, &hold.target), undo, hold))
}

/// The containment after a task has told its newest undo record; `None` if nothing changes. `before` is what is stored. A
/// task that is known is not counted twice.
pub fn register(
    before: Option<&ContainmentDocument>,
    task: &TaskDocument,
    now: Timestamp,
) -> Option<ContainmentDocument> {
    let (id, undo, hold) = containment_of(task)?;
    if undo.was_so && before.is_none_or(|document| ended_before(document, task)) {
        return None;
    }
    let holder = held_by(task, undo);
    let known =
        |document: &ContainmentDocument| document.details.holders.iter().any(|known| known.task == holder);
    if let Some(document) = before.filter(|document| known(document)) {
        return release(document, task, undo, now);
    }
    // An execution has made the undo, or could not: it is made again when a person asks.
    let has_failed = undo.of.is_some() && undo.status == UndoStatus::Failed;
    let holder = Holder {
        peid: task.head.peid,
        task: holder,
        step_id: task.head.step_id.clone(),
        alert_id: task.head.alert_id.clone(),
        since: task.state.updated_date,
        until: hold.until,
        ended: has_failed.then_some(now),
        undo: undo.call.hash(),
    };
    let mut document = match before {
        Some(document) => document.clone(),
        None => new(id, task, undo, hold),
    };
    if document.status.ended() {
        begin_anew(&mut document, &undo.call, holder.since);
    }
    let is_undoing = document.status == ContainmentStatus::Undoing;
    let details = Arc::make_mut(&mut document.details);
    if undo.call.arguments.is_some() || details.undo.arguments.is_none() {
        calls::add(details, &undo.call, is_undoing, now);
        details.on.clone_from(&undo.on);
    }
    let can_be_undone = details.undo.arguments.is_some() && !has_failed;
    details.reason = if can_be_undone { None } else { undo.reason.clone() };
    hold_by(details, holder);
    note(details, now, ContainmentChange::Contained, None, None);
    if has_failed {
        note(details, now, ContainmentChange::Failed, None, undo.reason.clone());
    }
    if document.status != ContainmentStatus::Undoing {
        document.status =
            if can_be_undone { ContainmentStatus::Active } else { ContainmentStatus::UndoFailed };
    }
    let document = settled(document);
    Some(release(&document, task, undo, now).unwrap_or(document))
}

fn new(id: ContainmentId, task: &TaskDocument, undo: &UndoRecord, hold: &Hold) -> ContainmentDocument {
    ContainmentDocument {
        id,
        tenant_code: task.head.tenant_code.clone(),
        target: hold.target.clone(),
        status: ContainmentStatus::Active,
        since: task.state.updated_date,
        until: hold.until,
        open_until: None,
        due: None,
        revision: 0,
        details: Arc::new(ContainmentDetails {
            undo: undo.call.clone(),
            also: Vec::new(),
            on: undo.on.clone(),
            holders: Vec::new(),
            extended: None,
            round: 0,
            failures: 0,
            began: None,
            execution: None,
            reason: None,
            history: Vec::new(),
        }),
    }
}

/// The task that holds what this one tells of.
fn held_by(task: &TaskDocument, undo: &UndoRecord) -> TaskId {
    undo.of.unwrap_or(task.task_request_id)
}

/// A target that was contained before is contained again.
fn begin_anew(document: &mut ContainmentDocument, call: &UndoCall, since: Timestamp) {
    document.since = since;
    document.status = ContainmentStatus::Active;
    let details = Arc::make_mut(&mut document.details);
    (details.extended, details.failures, details.execution) = (None, 0, None);
    // What was made for others undoes nothing of this one.
    (details.undo, details.also) = (call.clone(), Vec::new());
}

/// Adds a holder. Where there are too many, the one is forgotten that matters least.
fn hold_by(details: &mut ContainmentDetails, holder: Holder) {
    if details.holders.len() >= CONTAINMENT_HOLDERS {
        let matters = |holder: &Holder| (holder.ended.is_none(), holder.until);
        let least = (0..details.holders.len()).min_by_key(|at| matters(&details.holders[*at]));
        least.map(|at| details.holders.remove(at));
    }
    details.holders.push(holder);
}

/// The task's execution has taken back what it did, if it has.
fn release(
    document: &ContainmentDocument,
    task: &TaskDocument,
    undo: &UndoRecord,
    now: Timestamp,
) -> Option<ContainmentDocument> {
    if undo.status != UndoStatus::Released {
        return None;
    }
    let mut document = document.clone();
    let details = Arc::make_mut(&mut document.details);
    let id = held_by(task, undo);
    let held = |holder: &&mut Holder| holder.task == id && holder.ended.is_none();
    details.holders.iter_mut().find(held)?.ended = Some(now);
    note(details, now, ContainmentChange::Released, None, None);
    if open_holders(&document).next().is_none() && document.details.extended.is_none() {
        document.until = document.until.min(now);
    }
    Some(settled(document))
}

/// The containment after an event; `None` if nothing changes.
///
/// # Errors
/// A person asks for what it refuses.
pub fn apply(
    before: &ContainmentDocument,
    event: ContainmentEvent,
    now: Timestamp,
) -> Result<Option<ContainmentDocument>, ContainmentRefusal> {
    let mut document = before.clone();
    let changed = match event {
        ContainmentEvent::Due => begin_when_due(&mut document, now),
        ContainmentEvent::UndoRuns(round, execution) => runs(&mut document, round, execution, now),
        ContainmentEvent::UndoEnded(round, outcome) => ended(&mut document, round, outcome, now),
        ContainmentEvent::Asked { uid, ask, reason } => asked::asked(&mut document, (uid, ask, reason), now)?,
    };
    Ok(changed.then(|| settled(document)))
}

/// What an event of a person comes to.
pub fn applied(after: &Option<ContainmentDocument>) -> ContainmentApplied {
    if after.is_some() { ContainmentApplied::Changed } else { ContainmentApplied::Unchanged }
}

fn begin_when_due(document: &mut ContainmentDocument, now: Timestamp) -> bool {
    let is_due = document.due.is_some_and(|due| due <= now);
    let waits = matches!(document.status, ContainmentStatus::Active | ContainmentStatus::UndoFailed);
    if is_due && waits {
        begin_round(document, now);
    }
    is_due && waits
}

/// A round of the undo begins.
fn count_round(document: &mut ContainmentDocument, now: Timestamp) {
    document.status = ContainmentStatus::Undoing;
    document.due = Some(now);
    let details = Arc::make_mut(&mut document.details);
    details.round = details.round.saturating_add(1);
    (details.began, details.execution) = (Some(now), None);
}

/// The first round begins since the target was held: those who held the target until now do not any more.
fn begin_round(document: &mut ContainmentDocument, now: Timestamp) {
    count_round(document, now);
    let details = Arc::make_mut(&mut document.details);
    details.extended = None;
    for holder in details.holders.iter_mut().filter(|holder| holder.ended.is_none()) {
        holder.ended = Some(now);
    }
}

/// The undo runs: it is looked at again later, the longer it runs the later.
fn runs(
    document: &mut ContainmentDocument,
    round: u32,
    execution: Option<ExecutionId>,
    now: Timestamp,
) -> bool {
    if document.status != ContainmentStatus::Undoing || document.details.round != round {
        return false;
    }
    let details = Arc::make_mut(&mut document.details);
    let ran = Duration::from_millis(now.since(details.began.unwrap_or(now)) / 2);
    details.execution = execution.or(details.execution);
    document.due = Some(now.after(ran.clamp(Duration::from_secs(1), CONTAINMENT_WATCH)));
    true
}

fn ended(
    document: &mut ContainmentDocument,
    round: u32,
    outcome: Result<(), Arc<str>>,
    now: Timestamp,
) -> bool {
    if document.status != ContainmentStatus::Undoing || document.details.round != round {
        return false;
    }
    let is_held = open_holders(document).next().is_some();
    let details = Arc::make_mut(&mut document.details);
    match outcome {
        Ok(()) => {
            (details.failures, details.reason) = (0, None);
            if calls::next(details) {
                count_round(document, now);
                return true;
            }
            note(details, now, ContainmentChange::Undone, None, None);
            // A task that contained the target while it was undone holds it until its own time: which of the two the tool
            // did last is not known.
            document.status = if is_held { ContainmentStatus::Active } else { ContainmentStatus::Undone };
        }
        Err(reason) => {
            details.failures = details.failures.saturating_add(1);
            details.reason = Some(reason.clone());
            note(details, now, ContainmentChange::Failed, None, Some(reason));
            document.due = Some(now.after(pause(details.failures)));
            // The others are not kept waiting by a tool that is down.
            calls::rotate(details);
            document.status = if is_held { ContainmentStatus::Active } else { ContainmentStatus::UndoFailed };
        }
    }
    true
}

/// The pause after so many failures in a row.
fn pause(failures: u32) -> Duration {
    let doubled = 2_u32.saturating_pow(failures.saturating_sub(1).min(16));
    CONTAINMENT_PAUSE.saturating_mul(doubled).min(CONTAINMENT_PAUSE_MAX)
}

fn note(
    details: &mut ContainmentDetails,
    at: Timestamp,
    what: ContainmentChange,
    uid: Option<Arc<str>>,
    reason: Option<Arc<str>>,
) {
    if details.history.len() >= CONTAINMENT_HISTORY {
        details.history.remove(0);
    }
    details.history.push(ContainmentEntry { at, what, uid, reason });
}

/// The tasks that still hold it.
pub(crate) fn open_holders(document: &ContainmentDocument) -> impl Iterator<Item = &Holder> {
    document.details.holders.iter().filter(|holder| holder.ended.is_none())
}

/// The document with what follows from its status and its holders.
fn settled(mut document: ContainmentDocument) -> ContainmentDocument {
    let last = open_holders(&document).map(|holder| holder.until).chain(document.details.extended).max();
    document.until = last.unwrap_or(document.until);
    document.due = match document.status {
        ContainmentStatus::Active => Some(document.until),
        ContainmentStatus::UndoFailed if document.details.undo.arguments.is_none() => None,
        ContainmentStatus::Undoing | ContainmentStatus::UndoFailed => document.due,
        ContainmentStatus::Undone | ContainmentStatus::Kept => None,
    };
    document.open_until = (!document.status.ended()).then_some(document.until);
    document.revision = document.revision.saturating_add(1);
    document
}

#[cfg(test)]
mod tests;
