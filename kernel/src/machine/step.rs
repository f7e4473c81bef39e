//! Steps: what happens when control reaches one. Owns what all kinds have in common: a task recorded before a restart
//! is continued, and one that had ended is passed over. The rest of each kind is in its own file.

mod action;
mod approval;
mod beside;
mod choice;
mod delay;
mod end;
mod finally;
mod for_each;
mod parallel;
mod repeat;
mod set;
mod sub_playbook;
mod switch;
mod undo;
mod wait_for;
mod wait_until;

use updraft_protocol::Timestamp;

use super::cancel::cancelled;
use super::scope::ScopeId;
use super::task::Ending;
use super::task_seq::TaskSeq;
use super::walk::{EndedBy, Go};
use super::{Effects, Machine, Undecided};
use crate::plan::{PlannedKind, StepIndex};

/// A step that control has reached.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arrival {
    scope: ScopeId,
    step: StepIndex,
    /// The task of this step that was recorded before the machine was resumed.
    recorded: Option<TaskSeq>,
    now: Timestamp,
}

impl Arrival {
    /// The recorded task, or a new one with its intent among the writes.
    fn task(self, machine: &mut Machine, effects: &mut Effects) -> TaskSeq {
        self.recorded.unwrap_or_else(|| machine.create(self.scope, self.step, self.now, effects))
    }

    /// The recorded task, or a new one that ends at once, so that only its end is written.
    fn ending_task(self, machine: &mut Machine) -> TaskSeq {
        self.recorded.unwrap_or_else(|| machine.add(self.scope, self.step, self.now))
    }
}

impl Machine {
    /// Control has reached a step; work that follows at once is added to `work`.
    pub(super) fn arrive(
        &mut self,
        (scope, step): (ScopeId, StepIndex),
        now: Timestamp,
        effects: &mut Effects,
        work: &mut Vec<Go>,
    ) {
        let plan = self.plan.clone();
        self.scopes.leave_bodies(scope, |lock| lock.holds_at(&plan, step));
        let at = Arrival { scope, step, recorded: self.recall(scope, step), now };
        // Nothing begins in a cancelled scope; what is recorded there is walked, as later steps may see it.
        if at.recorded.is_none()
            && let Some(here) = self.scopes.get(scope).filter(|scope| scope.cancelled)
        {
            let last = here.opener.map_or(TaskSeq(0), |(_, opener)| opener);
            return work.push(Go::End(scope, last, Err(cancelled()), EndedBy::Body));
        }
        if at.recorded.is_none() && self.is_paused() {
            return self.undecided.push_back(Undecided::Step(scope, step));
        }
        if at.recorded.is_none() && self.is_held_in_queue(scope, step) {
            return;
        }
        if let Some(lock) = plan.step(step).lock_of_whole() {
            if self.is_put_off(at) {
                return;
            }
            let locked = self.lock_body(lock, (scope, step), self.began(at.recorded, now));
            if let (Err(failure), None) = (locked, at.recorded) {
                let task = at.ending_task(self);
                return work.push(self.end_task(task, Ending::Failed(failure), now, effects));
            }
        }
        // An ended step is passed over, unless later steps see the tasks in its scopes.
        let kind = &plan.step(step).kind;
        let is_seen_into = matches!(kind, PlannedKind::Parallel(_) | PlannedKind::Finally(_));
        if !is_seen_into && let Some((task, ending)) = at.recorded.and_then(|task| self.recorded_ending(task))
        {
            self.skip_recorded_inside(scope, step, None);
            return work.push(self.follow(task, ending));
        }
        if let Some(task) = at.recorded.filter(|task| self.is_cleaning_up(*task))
            && !matches!(kind, PlannedKind::Finally(_))
        {
            if self.recorded_ending(task).is_none() {
                return self.go_on_cleaning_up(at, task, effects, work);
            }
            self.skip_recorded_cleanup(scope, step);
        }
        match kind {
            PlannedKind::Action(action) => self.arrive_at_action(at, action, effects, work),
            PlannedKind::Parallel(parallel) => self.arrive_at_parallel(at, parallel, effects, work),
            PlannedKind::If(choice) => self.arrive_at_choice(at, choice, effects, work),
            PlannedKind::Switch(switch) => self.arrive_at_switch(at, switch, effects, work),
            PlannedKind::ForEach(each) => self.arrive_at_for_each(at, each, effects, work),
            PlannedKind::Repeat(repeat) => self.arrive_at_repeat(at, repeat, effects, work),
            PlannedKind::Set(set) => self.arrive_at_set(at, set, effects, work),
            PlannedKind::Delay(delay) => self.arrive_at_delay(at, delay, effects),
            PlannedKind::WaitUntil(wait) => self.arrive_at_wait_until(at, wait, effects, work),
            PlannedKind::WaitFor(wait) => self.arrive_at_wait_for(at, wait, effects, work),
            PlannedKind::Approval(approval) => self.arrive_at_approval(at, approval, effects, work),
            PlannedKind::Finally(finally) => self.arrive_at_finally(at, finally, effects, work),
            PlannedKind::SubPlaybook(child) => self.arrive_at_sub_playbook(at, child, effects, work),
            PlannedKind::End(end) => self.arrive_at_end(at, end, effects, work),
        }
    }

    /// A wait that was recorded goes on until the same instant. False if there is none: control is here for the first time.
    fn goes_on_waiting(&mut self, at: Arrival, effects: &mut Effects) -> bool {
        let Some(task) = at.recorded else { return false };
        let due = self.wait_of(task).and_then(|wait| wait.until).unwrap_or(at.now);
        self.wait(task, due, effects);
        true
    }

    /// Whether a step that computes is postponed to the next turn.
    fn is_put_off(&mut self, at: Arrival) -> bool {
        let put_off = at.recorded.is_none() && self.turn_is_spent();
        if put_off {
            self.undecided.push_back(Undecided::Step(at.scope, at.step));
        }
        put_off
    }
}
