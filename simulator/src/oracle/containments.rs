//! Containments: each hold that a task has told is registered soon, no target is undone before its last holder's time unless a
//! person asks, each round is one execution, what a person keeps stays, and what failed is tried again and shown. A model of its
//! own, fed by what the store was asked to change; the decisions of the product are not asked.

use std::collections::{BTreeMap, BTreeSet};

use updraft_kernel::invariant::{self, Violation};
use updraft_kernel::machine::Machine;
use updraft_protocol::limits::{CONTAINMENT_HOLDERS, CONTAINMENT_PAUSE};
use updraft_protocol::{
    ContainmentAsk, ContainmentDocument, ContainmentId, ContainmentStatus, ExecutionDocument,
    ExecutionStatus, Holder, InputHash, Name, TaskDocument, TaskId, TaskState, Timestamp, UndoRecord,
    UndoStatus,
};

use super::{Oracle, State, broken};
use crate::scenario::MILLIS;
use crate::store::SimulatedStore;

mod known;

use known::Known;

/// How long a hold may wait for its registration: longer than any failure lasts, shorter than the store refuses containments.
const SOON: u64 = 3_600_000 * MILLIS;

/// The containments.
#[derive(Debug, Default)]
pub(super) struct KnownContainments {
    known: BTreeMap<ContainmentId, Known>,
    /// Since when the store has holds that are not registered.
    waiting: BTreeMap<TaskId, u64>,
    /// Those that the store has refused.
    refused: BTreeSet<ContainmentId>,
}

/// Before and after a change.
type Change<'a> = (Option<&'a ContainmentDocument>, &'a ContainmentDocument);

impl Oracle {
    /// The store has a task, which may hold something.
    pub fn holds(&mut self, task: TaskId, now: u64, store: &SimulatedStore) {
        let waits = store.tasks.get(&task).is_some_and(|task| task.state.registration_due.is_some());
        if waits {
            self.containments.waiting.entry(task).or_insert(now);
        }
    }

    /// A task was marked as registered: its containment must say so.
    pub fn is_registered(&mut self, task: &TaskDocument, store: &SimulatedStore) -> Result<(), Violation> {
        let waited = self.containments.waiting.remove(&task.task_request_id);
        let Some((undo, id)) = hold_of(task) else { return Ok(()) };
        let containment = store.containments.get(&id);
        let holder = containment.and_then(|found| holder(found, undo.of.unwrap_or(task.task_request_id)));
        let fits = match holder {
            Some(holder) => undo.status != UndoStatus::Released || holder.ended.is_some(),
            // What others contained before it is held for it too.
            None => {
                undo.was_so
                    && self
                        .containments
                        .known
                        .get(&id)
                        .and_then(|known| known.opened)
                        .is_none_or(|opened| Some(opened) >= waited)
            }
        };
        if fits || containment.is_some_and(is_full) {
            return Ok(());
        }
        broken(
            "holds are registered",
            format!("{} is marked, and {id} is {containment:?}", task.task_request_id),
        )
    }

    /// A round is submitted: its containment must say so first.
    pub fn round_submitted(&self, name: &Name, round: u32, store: &SimulatedStore) -> Result<(), Violation> {
        let mut all = store.containments.values();
        let found = all.find(|found| name.as_str() == format!("undo-{}", found.id));
        if found.is_some_and(|found| found.details.round >= round) {
            return Ok(());
        }
        broken("apply, persist, act", format!("round {round} of {name} begins, and the store has {found:?}"))
    }

    /// The store has a new form of a containment, decided at an instant of a clock, stored at one of the run.
    pub fn containment_changed(
        &mut self,
        change: Change<'_>,
        ask: Option<&ContainmentAsk>,
        (clock, now): (Timestamp, u64),
        store: &SimulatedStore,
    ) -> Result<(), Violation> {
        let (before, after) = change;
        invariant::is_never_forgotten(after)?;
        invariant::is_held_to_the_last(after)?;
        let mut known = self.containments.known.remove(&after.id).unwrap_or_default();
        let rounds = |document: &ContainmentDocument| document.details.round;
        let begins = rounds(after) > before.map_or(0, rounds);
        self.new_holders(&mut known, change, now, store)?;
        let goes_on =
            before.filter(|before| begins && ask.is_none() && before.status == ContainmentStatus::Undoing);
        if let Some(before) = goes_on {
            known.next_call((before, after), store)?;
        } else if begins {
            known.may_be_undone(after, ask, clock)?;
        } else {
            known.are_released(change, ask, store)?;
        }
        if before.is_none_or(|before| before.status.ended()) {
            known.opened = Some(now);
        }
        let was_undoing = before.filter(|before| before.status == ContainmentStatus::Undoing);
        if let Some(before) = was_undoing.filter(|_| after.status != ContainmentStatus::Undoing) {
            known.round_ended((before, after), clock, store)?;
        }
        match ask {
            Some(ContainmentAsk::Extend(until)) => known.extended = Some(*until),
            Some(ContainmentAsk::Keep) => {
                known = Known { is_kept: true, ..Known::default() };
            }
            Some(ContainmentAsk::Undo) | None => {}
        }
        known.opened = known.opened.filter(|_| !after.status.ended());
        self.containments.known.insert(after.id, known);
        Ok(())
    }

    /// The store has refused a containment: what holds it is registered late.
    pub fn containment_refused(&mut self, id: ContainmentId) {
        self.containments.refused.insert(id);
    }

    /// Tasks are registered: as they have told, and in time.
    fn new_holders(
        &mut self,
        known: &mut Known,
        (before, after): Change<'_>,
        now: u64,
        store: &SimulatedStore,
    ) -> Result<(), Violation> {
        let is_new = |new: &&Holder| before.is_none_or(|before| holder(before, new.task).is_none());
        for new in after.details.holders.iter().filter(is_new) {
            let told: Vec<(&TaskDocument, &UndoRecord)> = records_of(new.task, store);
            let fits = |(task, undo): &&(&TaskDocument, &UndoRecord)| {
                hold_of(task).is_some_and(|(_, id)| id == after.id)
                    && undo.hold.as_ref().is_some_and(|hold| hold.until == new.until)
            };
            let Some((_, undo)) = told.iter().find(fits) else {
                return broken("holds are registered", format!("{new:?} is not what {told:?} tells"));
            };
            if undo.was_so && before.is_none() {
                let what = format!("{} holds what was so before by other hands", new.task);
                return broken("what was so before is held by others too", what);
            }
            let since =
                told.iter().filter_map(|(task, _)| self.containments.waiting.get(&task.task_request_id));
            let waited = since.min().map_or(0, |since| now - since);
            if waited > SOON && !self.containments.refused.contains(&after.id) {
                let what = format!("{} is registered {} ms after its end", new.task, waited / MILLIS);
                return broken("holds are registered soon", what);
            }
            if new.undo != undo.call.hash() {
                return broken("every undo is made", format!("{new:?} has another call than its task"));
            }
            if undo.call.arguments.is_some() && !known.calls.contains(&new.undo) {
                known.calls.push(new.undo);
            }
            if undo.of.is_none() || undo.status != UndoStatus::Failed {
                known.held.insert(new.task, new.until);
                // Its own time decides when the next round begins, and not how long ago an earlier one failed.
                known.failed_at = None;
            }
            known.is_kept = false;
        }
        Ok(())
    }

    /// A rerun takes over no result that was undone as a containment.
    pub fn takes_what_stands(&self, machine: &Machine, store: &SimulatedStore) -> Result<(), Violation> {
        for task in machine.task_documents() {
            let taken = task.head.taken_from.and_then(|taken| store.tasks.get(&taken));
            let Some((taken, (undo, id))) = taken.and_then(|taken| Some((taken, hold_of(taken)?))) else {
                continue;
            };
            let containment = store.containments.get(&id).filter(|_| taken.state.registration_due.is_none());
            let is_undone = containment.is_some_and(|found| found.status == ContainmentStatus::Undone);
            if is_undone && !undo.was_so {
                let what = format!("{} is taken over, and {id} is undone", taken.head.step_id);
                return broken("a kept result stands", what);
            }
        }
        Ok(())
    }

    /// Nothing is left: every hold is registered, and every containment has ended, or says why not.
    pub(super) fn containments_are_over(&self, store: &SimulatedStore) -> Result<(), Violation> {
        for task in store.tasks.values() {
            let Some((undo, id)) = hold_of(task) else { continue };
            let is_held = store.containments.get(&id).is_some_and(|found| {
                is_full(found) || holder(found, undo.of.unwrap_or(task.task_request_id)).is_some()
            });
            if task.state.registration_due.is_some() || !(is_held || undo.was_so) {
                return broken("holds are registered", format!("{task:?} is not"));
            }
        }
        for document in store.containments.values() {
            let known = self.containments.known.get(&document.id);
            let fits = match document.status {
                ContainmentStatus::Active | ContainmentStatus::Undoing => false,
                ContainmentStatus::UndoFailed => document.due.is_none() && document.details.reason.is_some(),
                ContainmentStatus::Undone => {
                    known.is_some_and(|known| known.held.is_empty() && !known.is_kept)
                }
                ContainmentStatus::Kept => known.is_some_and(|known| known.is_kept),
            };
            if !fits {
                return broken("nothing is contained for ever", format!("{document:?}, known is {known:?}"));
            }
            rounds_are_one(document, store)?;
        }
        Ok(())
    }
}

/// Whether the store has what was decided, but for the mark of a registered hold.
pub(super) fn is_decided(decided: Option<&State>, stored: Option<&State>) -> bool {
    match (decided, stored) {
        (Some(State::Task(decided)), Some(State::Task(stored))) => {
            let registration_due = stored.registration_due.and(decided.registration_due);
            *stored == TaskState { registration_due, ..decided.clone() }
        }
        _ => decided == stored,
    }
}

fn hold_of(task: &TaskDocument) -> Option<(&UndoRecord, ContainmentId)> {
    let undo = task.state.undo.as_deref()?;
    let hold = undo.hold.as_ref()?;
    let tool = (&undo.call.integration, &undo.call.action);
    Some((undo, ContainmentId::derive(&task.head.tenant_code, tool, &hold.target)))
}

fn holder(document: &ContainmentDocument, task: TaskId) -> Option<&Holder> {
    document.details.holders.iter().find(|holder| holder.task == task)
}

/// Whether holders may have been forgotten.
fn is_full(document: &ContainmentDocument) -> bool {
    document.details.holders.len() >= CONTAINMENT_HOLDERS
}

/// What is told of the hold of a task: by itself, and by the task that took it back, or could not.
fn records_of(holder: TaskId, store: &SimulatedStore) -> Vec<(&TaskDocument, &UndoRecord)> {
    let all = store.tasks.values().filter_map(|task| Some((task, task.state.undo.as_deref()?)));
    all.filter(|(task, undo)| undo.of.unwrap_or(task.task_request_id) == holder).collect()
}

fn is_released(holder: TaskId, store: &SimulatedStore) -> bool {
    records_of(holder, store).iter().any(|(_, undo)| match undo.status {
        UndoStatus::Released => true,
        UndoStatus::Failed => undo.of.is_some(),
        UndoStatus::Registered => false,
    })
}

fn rounds_of<'a>(
    document: &ContainmentDocument,
    store: &'a SimulatedStore,
) -> impl Iterator<Item = &'a ExecutionDocument> {
    let name = format!("undo-{}", document.id);
    store.executions.values().filter(move |found| found.head.playbook_name.as_str() == name)
}

/// Each round is one execution, and the last one of what is undone has completed.
fn rounds_are_one(document: &ContainmentDocument, store: &SimulatedStore) -> Result<(), Violation> {
    let mut rounds: Vec<u32> = rounds_of(document, store).map(|found| found.head.playbook_version).collect();
    rounds.sort_unstable();
    // A last round without arguments has nothing to submit.
    let missing = u32::from(document.details.undo.arguments.is_none());
    let expected = |last: u32| (1..=last).collect::<Vec<u32>>();
    let last = document.details.round;
    if rounds != expected(last) && rounds != expected(last.saturating_sub(missing)) {
        return broken("a round is one execution", format!("there are {rounds:?} of {document:?}"));
    }
    let newest =
        rounds_of(document, store).find(|found| found.head.playbook_version == document.details.round);
    let is_undone = newest.is_some_and(|newest| newest.state.execution_status == ExecutionStatus::Completed);
    if document.status == ContainmentStatus::Undone && !is_undone {
        return broken("what is undone was undone", format!("{document:?}, its last round is {newest:?}"));
    }
    Ok(())
}
