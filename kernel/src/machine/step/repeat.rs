//! The steps `while` and `until`: open a scope for each round, one after the other, and continue when the condition says so.

use std::collections::BTreeMap;
use std::sync::Arc;

use updraft_protocol::limits::ITEM_WORK;
use updraft_protocol::{
    Effect, Failure, FailureKind, Json, Progress, ScopePath, Span, Timestamp, Wait, WaitKind,
};

use super::Arrival;
use crate::condition::Condition;
use crate::machine::cancel::Cancel;
use crate::machine::rounds::{CarriedValue, Rounds};
use crate::machine::scope::{Locals, ScopeId};
use crate::machine::task::{Ending, Phase, Task};
use crate::machine::task_seq::TaskSeq;
use crate::machine::walk::Go;
use crate::machine::{Effects, Machine, Undecided};
use crate::plan::{OUTPUT, PlannedKind, PlannedRepeat, RESULT};

impl Machine {
    pub(super) fn arrive_at_repeat(
        &mut self,
        at: Arrival,
        repeat: &PlannedRepeat,
        effects: &mut Effects,
        work: &mut Vec<Go>,
    ) {
        if self.is_put_off(at) {
            return;
        }
        let mut carried = Vec::with_capacity(repeat.carry.len());
        for value in &repeat.carry {
            match self.json_rendered_in(at.scope, self.began(at.recorded, at.now), &value.first) {
                Ok(first) => carried.push((value.name.clone(), first)),
                Err(failure) => {
                    let task = at.ending_task(self);
                    return work.push(self.end_task(task, Ending::Failed(failure), at.now, effects));
                }
            }
        }
        if let Some(failure) = self.holds_too_much(None, Rounds::bytes_of(&carried)) {
            let task = at.ending_task(self);
            return work.push(self.end_task(task, Ending::Failed(failure), at.now, effects));
        }
        let task = at.task(self, effects);
        let started = self.task(task).state.started_date.unwrap_or(at.now);
        let deadline = repeat.timeout.map(|timeout| started.after(timeout));
        // Its time runs, whether or not there is room for the item that it is in.
        if deadline.is_some() {
            self.leave_queue(at.scope);
        }
        let rounds = Rounds { next: 0, carried, due: None, deadline, is_over: false, ended_path: false };
        self.task_mut(task).phase = Phase::Rounds(Box::new(rounds));
        self.wait_in_phase(task, effects);
        work.push(Go::Round(task));
    }

    /// Opens the next round, or ends the step.
    pub(in crate::machine) fn go_on_with_rounds(
        &mut self,
        task: TaskSeq,
        now: Timestamp,
        effects: &mut Effects,
        work: &mut Vec<Go>,
    ) {
        let plan = self.plan.clone();
        let Some((scope, step)) = self.tasks.get(task).map(|task| (task.scope, task.step)) else { return };
        let PlannedKind::Repeat(repeat) = &plan.step(step).kind else { return };
        let path = self.next_round(task);
        let begun = path.as_ref().is_some_and(|path| self.recorded.has_in(path));
        if !begun && (self.turn_is_spent() || self.is_paused()) {
            return self.undecided.push_back(Undecided::Round(task));
        }
        let Phase::Rounds(rounds) = &mut self.task_mut(task).phase else { return };
        rounds.due = None;
        if !begun && rounds.deadline.is_some_and(|deadline| deadline <= now) {
            rounds.leave();
        }
        let (number, carried, is_over) = (rounds.next, rounds.carried.clone(), rounds.is_over);
        if is_over && !begun {
            return self.end_rounds(task, Ok(()), repeat, now, effects, work);
        }
        let locals = Locals::of_round(number, self.with_verified((scope, repeat), carried));
        if let Some(before) = &repeat.before {
            match self.holds(before, (scope, task), Some(&locals)) {
                Ok(true) => {}
                Ok(false) => return self.end_rounds(task, Ok(()), repeat, now, effects, work),
                Err(failure) => return self.end_rounds(task, Err(failure), repeat, now, effects, work),
            }
        }
        if number >= repeat.at_most {
            return self.end_rounds(task, Err(too_many_rounds(repeat)), repeat, now, effects, work);
        }
        self.turn.work += ITEM_WORK;
        if let Phase::Rounds(rounds) = &mut self.task_mut(task).phase {
            rounds.next += 1;
        }
        let Some(path) = path else { return };
        let inner = self.scopes.open(path, (scope, task), Some(locals));
        work.push(Go::Enter(inner, repeat.start));
    }

    /// A round has ended: the step ends with it, or hands on what it carries and goes on after the pause.
    pub(in crate::machine) fn end_round(
        &mut self,
        (scope, task): (ScopeId, TaskSeq),
        result: Result<Option<Json>, Failure>,
        now: Timestamp,
        effects: &mut Effects,
        work: &mut Vec<Go>,
    ) {
        let plan = self.plan.clone();
        let PlannedKind::Repeat(repeat) = &plan.step(self.task(task).step).kind else { return };
        let decided = match result {
            Ok(result) => self.hand_on((scope, task), result, repeat),
            Err(failure) => {
                let number = self.scopes.get(scope).and_then(|scope| scope.locals.as_ref());
                let number = number.map_or(0, |locals| locals.number);
                let message = format!("round {number}: {}", failure.message);
                let kind =
                    if repeat.verifies.is_some() { FailureKind::Unverified } else { FailureKind::Round };
                Err(Failure::new(kind, message).with_retryable(false))
            }
        };
        let ended = self.scopes.drop(scope);
        self.leave(ended);
        let Phase::Rounds(rounds) = &mut self.task_mut(task).phase else { return };
        let (carried, is_last) = match decided {
            Ok(decided) => decided,
            Err(failure) => return self.end_rounds(task, Err(failure), repeat, now, effects, work),
        };
        rounds.carried = carried;
        if is_last || rounds.is_over {
            return self.end_rounds(task, Ok(()), repeat, now, effects, work);
        }
        // What is looked at after a round is not waited for where no round may follow.
        if repeat.before.is_none() && rounds.next >= repeat.at_most {
            return self.end_rounds(task, Err(too_many_rounds(repeat)), repeat, now, effects, work);
        }
        match repeat.pause {
            None => work.push(Go::Round(task)),
            Some(pause) => self.pause(task, now, now.after(pause), effects, work),
        }
    }

    /// An `end` in a round ends the path that the loop is on: the loop has the output of the `end`.
    pub(in crate::machine) fn end_path_in_round(
        &mut self,
        (scope, task): (ScopeId, TaskSeq),
        output: Option<Json>,
        now: Timestamp,
        effects: &mut Effects,
        work: &mut Vec<Go>,
    ) {
        let ended = self.scopes.drop(scope);
        self.leave(ended);
        if let Phase::Rounds(rounds) = &mut self.task_mut(task).phase {
            rounds.ended_path = true;
        }
        work.push(self.end_opener(task, Ending::Completed(output), now, effects));
    }

    /// Whether an `end` in a round of this loop has ended its path.
    pub(in crate::machine) fn has_ended_path(&self, task: TaskSeq) -> bool {
        self.wait_of(task).and_then(|wait| wait.progress.as_ref()).is_some_and(|progress| progress.ended_path)
    }

    /// Waits until the next round is due. One that was recorded has begun already, and a wait that was recorded counts.
    fn pause(
        &mut self,
        task: TaskSeq,
        now: Timestamp,
        due: Timestamp,
        effects: &mut Effects,
        work: &mut Vec<Go>,
    ) {
        let Some(path) = self.next_round(task) else { return };
        if self.recorded.has_in(&path) {
            return work.push(Go::Round(task));
        }
        let Phase::Rounds(rounds) = &self.task(task).phase else { return };
        let subject: Arc<str> = rounds.next.to_string().into();
        let same = |wait: &&Wait| wait.kind == WaitKind::Round && wait.subject.as_ref() == Some(&subject);
        let recorded = self.wait_of(task).filter(same).and_then(|wait| wait.until);
        if recorded.is_none() {
            let wait = Wait { subject: Some(subject), ..Wait::until(WaitKind::Round, now, due) };
            self.write_wait(task, wait, now, effects);
        }
        if let Phase::Rounds(rounds) = &mut self.task_mut(task).phase {
            rounds.due = Some(recorded.unwrap_or(due));
        }
        self.wait_in_phase(task, effects);
    }

    /// An instant is due for which a loop waits: its next round, or its deadline.
    pub(in crate::machine) fn round_due(&mut self, task: TaskSeq, now: Timestamp, effects: &mut Effects) {
        let plan = self.plan.clone();
        let PlannedKind::Repeat(repeat) = &plan.step(self.task(task).step).kind else { return };
        let Phase::Rounds(rounds) = &mut self.task_mut(task).phase else { return };
        let mut work = Vec::new();
        if rounds.deadline.is_some_and(|deadline| deadline <= now) {
            rounds.leave();
            let open: Vec<ScopeId> = self.scopes.opened_by(task).collect();
            let over = open.into_iter().all(|scope| self.cancel_scope(scope, Cancel::Path, now, effects));
            if over {
                self.end_rounds(task, Ok(()), repeat, now, effects, &mut work);
            }
        } else if rounds.due.is_some_and(|due| due <= now) {
            rounds.due = None;
            self.wait_in_phase(task, effects);
            work.push(Go::Round(task));
        }
        work.into_iter().for_each(|go| self.go(go, now, effects));
    }

    /// Ends the loops whose time was over before the walk over recorded tasks: no attempt is made again in their rounds.
    pub(in crate::machine) fn end_overdue_loops(&mut self, now: Timestamp, effects: &mut Effects) {
        let is_overdue = |task: &&Task| match &task.phase {
            Phase::Rounds(rounds) => rounds.deadline.is_some_and(|deadline| deadline <= now),
            _ => false,
        };
        let overdue: Vec<TaskSeq> = self.tasks.iter().filter(is_overdue).map(|task| task.seq).collect();
        for task in overdue {
            // One inside of another may have ended with it.
            if self.tasks.get(task).is_some_and(|task| task.phase.has_scopes()) {
                self.round_due(task, now, effects);
            }
        }
    }

    /// What the next round is handed, and whether there is none.
    fn hand_on(
        &mut self,
        (scope, task): (ScopeId, TaskSeq),
        result: Option<Json>,
        repeat: &PlannedRepeat,
    ) -> Result<(Vec<CarriedValue>, bool), Failure> {
        let began = self.began_of(task);
        let mut carried = Vec::with_capacity(repeat.carry.len());
        for value in &repeat.carry {
            carried.push((value.name.clone(), self.json_rendered_in(scope, began, &value.then)?));
        }
        if let Some(failure) = self.holds_too_much(Some(task), Rounds::bytes_of(&carried)) {
            return Err(failure);
        }
        let is_last = match &repeat.after {
            Some(after) => {
                let result = Locals::of_ended(RESULT, result.unwrap_or_else(Json::null));
                let locals = repeat.verifies.map(|_| &result);
                self.holds(after, (scope, task), locals)?
            }
            None => false,
        };
        Ok((carried, is_last))
    }

    /// What a round is handed: that of a `verify` the output of its action, too.
    fn with_verified(
        &self,
        (scope, repeat): (ScopeId, &PlannedRepeat),
        mut carried: Vec<CarriedValue>,
    ) -> Vec<CarriedValue> {
        if let Some(step) = repeat.verifies {
            carried.push((OUTPUT.into(), self.output_of(scope, step)));
        }
        carried
    }

    fn holds(
        &mut self,
        condition: &Condition,
        (scope, task): (ScopeId, TaskSeq),
        locals: Option<&Locals>,
    ) -> Result<bool, Failure> {
        let view = self.view_with(scope, self.began_of(task), locals);
        let (decided, spent) = condition.decide_metered(&view);
        self.turn.work += spent.work;
        decided
    }

    fn end_rounds(
        &mut self,
        task: TaskSeq,
        result: Result<(), Failure>,
        repeat: &PlannedRepeat,
        now: Timestamp,
        effects: &mut Effects,
        work: &mut Vec<Go>,
    ) {
        let Phase::Rounds(rounds) = &self.task(task).phase else { return };
        let timed_out = rounds.is_over && rounds.deadline.is_some_and(|deadline| deadline <= now);
        let output = rounds.output();
        let result = match repeat.timeout.filter(|_| timed_out) {
            Some(timeout) => {
                let message = format!("it did not end within {}", Span(timeout));
                Err(Failure::new(FailureKind::Timeout, message).with_may_have_acted(false))
            }
            None => result,
        };
        let ending = match (self.keep(output, Effect::Write), result) {
            (Ok(output), Ok(())) => Ending::Completed(Some(output)),
            (Ok(output), Err(failure)) => Ending::EndedFailed(failure.with_retryable(false), output),
            (Err(failure), _) => Ending::Failed(failure),
        };
        work.push(self.end_opener(task, ending, now, effects));
    }

    /// The record of the variables that the rounds of a loop have set, and of an `end` in one, for what follows the loop after a
    /// crash.
    pub(in crate::machine) fn record_of_rounds(&self, task: TaskSeq, now: Timestamp) -> Option<Wait> {
        let Phase::Rounds(rounds) = &self.task(task).phase else { return None };
        let PlannedKind::Repeat(repeat) = &self.plan.step(self.task(task).step).kind else { return None };
        let (set, ended_path) = (self.set_by_rounds(task, repeat), rounds.ended_path);
        if set.is_none() && !ended_path {
            return None;
        }
        let progress = Some(Box::new(Progress { rounds: rounds.next, set, ended_path }));
        // The last pause stays as it was.
        let last = self.wait_of(task).filter(|wait| wait.kind == WaitKind::Round).cloned();
        let last = last.unwrap_or_else(|| Wait { until: None, ..Wait::until(WaitKind::Round, now, now) });
        Some(Wait { progress, ..last })
    }

    /// The variables that the rounds of a loop have set, by their names; `None` if its rounds set none.
    fn set_by_rounds(&self, task: TaskSeq, repeat: &PlannedRepeat) -> Option<Json> {
        if repeat.sets.is_empty() {
            return None;
        }
        let all = self.variables_of(self.task(task).scope).iter();
        let set = all.filter(|(name, _)| repeat.sets.contains(name));
        let set: BTreeMap<&str, &Json> = set.map(|(name, value)| (&**name, value)).collect();
        // Cannot fail: its values are JSON already, and its keys are texts.
        let text = serde_json::to_string(&set).unwrap_or_default();
        Json::parse(&text).ok()
    }

    /// The path of the next round's scope.
    fn next_round(&self, task: TaskSeq) -> Option<ScopePath> {
        let Phase::Rounds(rounds) = &self.task(task).phase else { return None };
        let task = self.task(task);
        let step = &self.plan.step(task.step).id;
        Some(self.scopes.path(task.scope).inside(step, &rounds.next.to_string()))
    }
}

/// Why a loop ends whose condition does not hold after all rounds that it may have.
fn too_many_rounds(repeat: &PlannedRepeat) -> Failure {
    let rounds = repeat.at_most;
    if repeat.verifies.is_some() {
        let message = format!("what was done is not to be seen after {rounds} looks");
        return Failure::new(FailureKind::Unverified, message);
    }
    Failure::new(FailureKind::Round, format!("the condition asks for more than {rounds} rounds"))
}
