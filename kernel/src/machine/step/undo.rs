//! Undos before the end of an execution: once nothing else is left to be done, what its steps did is taken back, the newest
//! first, one after the other. Each is a task in a scope of its own, which no cancel reaches. What expires is released
//! instead: the reconciler of containments undoes it, unless others hold the same target.

use updraft_protocol::limits::ITEM_WORK;
use updraft_protocol::playbook::UndoOn;
use updraft_protocol::{Failure, FailureKind, TaskStatus, Timestamp};

use super::Arrival;
use crate::machine::scope::ScopeId;
use crate::machine::task::{Ending, Phase};
use crate::machine::walk::Go;
use crate::machine::{Effects, Machine, Undecided};
use crate::plan::{PlannedAction, UNDO};

impl Machine {
    /// Whether the execution, whose end is decided, undoes something before it. The end is recorded when that begins.
    pub(in crate::machine) fn undoes_before_its_end(
        &mut self,
        now: Timestamp,
        effects: &mut Effects,
    ) -> bool {
        let Some(on) = self.ending().and_then(UndoOn::end) else { return false };
        if self.undos.is_given_up {
            self.give_up_undos(on, now, effects);
            return false;
        }
        if !self.undos.has_begun && self.undos.has_any(on) {
            self.undos.has_begun = true;
            self.record_end(now, effects);
            self.undecided.push_back(Undecided::TakeBack);
        }
        // The last one has been made, or each leads to the next.
        self.undos.has_begun && (self.undos.current.is_some() || self.undos.has_any(on))
    }

    /// Undoes the newest of what is left, or ends the execution.
    pub(in crate::machine) fn take_back(
        &mut self,
        now: Timestamp,
        effects: &mut Effects,
        work: &mut Vec<Go>,
    ) {
        let Some(on) = self.ending().and_then(UndoOn::end) else { return };
        let Some((at, is_held, reason)) = self.next_undo(on, now) else {
            return self.end_when_clean(now, effects);
        };
        let plan = self.plan.clone();
        let Some(action) = PlannedAction::of(plan.step(at.step)) else { return };
        if let Some((task, ending)) = at.recorded.and_then(|task| self.recorded_ending(task)) {
            return work.push(self.follow(task, ending));
        }
        let ending = match reason {
            _ if is_held => Ending::Completed(None),
            Some(reason) => Ending::Failed(Failure::new(FailureKind::Undo, reason)),
            None => return self.arrive_at_action(at, action, effects, work),
        };
        let task = at.ending_task(self);
        work.push(self.end_task(task, ending, now, effects));
    }

    /// Control comes to the next undo: its place, whether it is a release, and why it cannot be made.
    fn next_undo(&mut self, on: UndoOn, now: Timestamp) -> Option<(Arrival, bool, Option<String>)> {
        let plan = self.plan.clone();
        let registered = self.undos.take(on)?;
        let step =
            PlannedAction::of(plan.step(registered.step)).and_then(|action| action.undo.as_ref()?.step)?;
        self.turn.work += ITEM_WORK;
        let path = registered.path.inside(&plan.step(registered.step).id, UNDO);
        let scope = self.scopes.open_apart(path.clone());
        let recorded = self.undos.recorded(&path);
        let recorded = recorded.map(|task| self.take_over(task, step, scope, Phase::Ready));
        let is_held = registered.record.hold.is_some();
        let reason = registered.record.reason.as_deref().map(str::to_owned);
        self.undos.current = Some(registered);
        Some((Arrival { scope, step, recorded, now }, is_held, reason))
    }

    /// An undo has ended: the next one follows.
    pub(in crate::machine) fn end_undo(&mut self, scope: ScopeId, is_done: bool) {
        let ended = self.scopes.drop(scope);
        let registered = self.undos.end(is_done);
        // The tasks of ended items are not in memory, and nothing reads their undos.
        if registered.is_some_and(|registered| self.tasks.get(registered.task).is_none()) {
            self.leave(ended);
        }
        self.undecided.push_back(Undecided::TakeBack);
    }

    /// The execution cannot continue: of what is left, each is told as not undone.
    fn give_up_undos(&mut self, on: UndoOn, now: Timestamp, effects: &mut Effects) {
        if self.undos.current.is_some() {
            self.undos.end(false);
        }
        while let Some((at, is_held, _)) = self.next_undo(on, now) {
            let recorded = at.recorded.and_then(|task| self.recorded_ending(task));
            if recorded.is_none() {
                let task = at.ending_task(self);
                let status = if is_held { TaskStatus::Completed } else { TaskStatus::Cancelled };
                self.write_end(task, status, None, None, now, effects);
                self.task_mut(task).phase = Phase::Ended;
            }
            self.scopes.drop(at.scope);
            self.undos.end(is_held);
        }
    }
}
