//! The end of an execution: by its playbook, by cancel, by timeout, or because it cannot continue. The first end that is
//! decided is final. What cleans up before it (`finally`, `on_cancel`) changes nothing of it.

use updraft_protocol::{ExecutionEnding, ExecutionStatus, Failure, FailureKind, Json, TaskStatus, Timestamp};

use super::cancel::{Cancel, unknown};
use super::scope::ScopeId;
use super::task::Phase;
use super::task_seq::TaskSeq;
use super::{Act, Effects, FAILED_CLEANUP, Machine};
use crate::plan::{PlannedAction, PlannedKind};

/// Whether an execution executes, ends, or has ended.
#[derive(Debug)]
pub(super) enum ExecutionPhase {
    /// Its playbook is walked.
    Executing,
    /// Its end is decided; what cleans up before it runs.
    Ending(Box<Outcome>),
    /// Nothing changes any more.
    Ended,
}

/// How an execution ends.
#[derive(Debug)]
pub(super) struct Outcome {
    status: ExecutionStatus,
    output: Option<Json>,
    error: Option<Failure>,
}

impl Machine {
    /// Whether its end is not decided yet.
    pub(super) fn is_executing(&self) -> bool {
        matches!(self.phase, ExecutionPhase::Executing)
    }

    /// The status that it ends with, if that is decided and it still cleans up.
    pub fn ending(&self) -> Option<ExecutionStatus> {
        match &self.phase {
            ExecutionPhase::Ending(outcome) => Some(outcome.status),
            ExecutionPhase::Executing | ExecutionPhase::Ended => None,
        }
    }

    /// Ends the execution from outside of its playbook. What has a cleanup is cancelled, and cleans up before the end; a
    /// failure of the execution that comes then ends it at once.
    pub(super) fn stop(
        &mut self,
        status: ExecutionStatus,
        error: Option<Failure>,
        now: Timestamp,
        effects: &mut Effects,
    ) {
        if !self.is_executing() {
            if status == ExecutionStatus::Failed {
                self.undos.give_up();
                self.stop_at_once(status, now, effects);
            }
            return;
        }
        let has_cleanup = |task: &super::task::Task| {
            task.phase != Phase::Ended && self.plan.step(task.step).cleanup.is_some()
        };
        let cleans_up = self.tasks.iter().any(has_cleanup);
        self.phase = ExecutionPhase::Ending(Box::new(Outcome { status, output: None, error: error.clone() }));
        if !cleans_up && !self.plan.takes_back() {
            return self.stop_at_once(status, now, effects);
        }
        let was_paused = self.is_paused();
        self.give_back_cleanup_time(now, effects);
        self.write_ending(ExecutionEnding { status, error, stopped: true, since: now }, now, effects);
        effects.durable = true;
        self.stop_and_clean_up(status, now, effects);
        if was_paused {
            self.arm_again(effects);
        }
    }

    /// Cancels what the execution does, but for what cleans up.
    fn stop_and_clean_up(&mut self, status: ExecutionStatus, now: Timestamp, effects: &mut Effects) {
        self.cancel_scope(ScopeId::MAIN, Cancel::Execution(status), now, effects);
        // A driver withdraws all calls in line before it stops the execution: those that clean up get in line again.
        self.take_back_waiting_calls(effects);
        let unsent = self.tasks.iter().filter(|task| task.phase == Phase::Unsent).map(|task| task.seq);
        let unsent: Vec<TaskSeq> = unsent.collect();
        let plan = self.plan.clone();
        for task in unsent {
            if let Some(action) = PlannedAction::of(plan.step(self.task(task).step)) {
                self.make_again(task, action, now, effects);
            }
        }
        if self.tasks.iter().all(|task| task.phase == Phase::Ended) {
            self.end_when_clean(now, effects);
        }
    }

    /// Ends what runs, at once.
    fn stop_at_once(&mut self, status: ExecutionStatus, now: Timestamp, effects: &mut Effects) {
        let open = self.tasks.iter().filter(|task| task.phase != Phase::Ended);
        let open: Vec<TaskSeq> = open.map(|task| task.seq).collect();
        for seq in open {
            let running = self.task(seq).phase == Phase::Running;
            self.stop_child(seq, now, effects);
            let at_most_once = matches!(
                &self.plan.step(self.task(seq).step).kind,
                PlannedKind::Action(action) if action.at_most_once
            );
            let (task_status, failure) = if running && at_most_once {
                (TaskStatus::Unknown, Some(unknown(status)))
            } else if matches!(self.task(seq).phase, Phase::CleaningUp(_)) {
                let message = format!("{FAILED_CLEANUP}: the execution could not continue");
                (TaskStatus::Cancelled, Some(Failure::new(FailureKind::Cleanup, message)))
            } else {
                (TaskStatus::Cancelled, None)
            };
            self.write_end(seq, task_status, None, failure, now, effects);
            self.task_mut(seq).phase = Phase::Ended;
            if running {
                effects.acts.push(Act::Stop(seq));
            }
        }
        self.running = 0;
        self.waiting_calls.clear();
        self.ready.clear();
        self.undecided.clear();
        self.end_when_clean(now, effects);
    }

    /// The main line has ended with this task, which decides how the execution ends, unless that is decided. An end that was
    /// recorded is computed again, as its output was not recorded.
    pub(super) fn decide_end(
        &mut self,
        last: TaskSeq,
        result: Result<Option<Json>, Failure>,
        now: Timestamp,
    ) {
        let is_cancelled = result.as_ref().is_err_and(|failure| failure.kind == FailureKind::Cancelled);
        let is_recorded = self.state.ending.as_ref().is_some_and(|ending| !ending.stopped);
        if is_cancelled || !(self.is_executing() || is_recorded) {
            return;
        }
        let outcome = match self.with_outputs(result, now) {
            Ok(output) => Outcome { status: ExecutionStatus::Completed, output, error: None },
            Err(failure) => {
                let output = self.failed_output(last);
                Outcome { status: ExecutionStatus::Failed, output, error: Some(failure) }
            }
        };
        // An output that reads the clock may fail at one time and not at another.
        if self.state.ending.as_ref().is_none_or(|ending| ending.status == outcome.status) {
            self.phase = ExecutionPhase::Ending(Box::new(outcome));
        }
    }

    /// The main line has ended, and what runs in any case follows: the end that was decided is recorded.
    pub(super) fn record_end(&mut self, now: Timestamp, effects: &mut Effects) {
        if let ExecutionPhase::Ending(outcome) = &self.phase
            && self.state.ending.is_none()
        {
            let (status, error) = (outcome.status, outcome.error.clone());
            self.write_ending(ExecutionEnding { status, error, stopped: false, since: now }, now, effects);
        }
    }

    /// Ends the execution if its end is decided. Called when nothing is left to be done before.
    pub(super) fn end_when_clean(&mut self, now: Timestamp, effects: &mut Effects) {
        if matches!(self.phase, ExecutionPhase::Ending(_))
            && !self.undoes_before_its_end(now, effects)
            && let ExecutionPhase::Ending(outcome) = std::mem::replace(&mut self.phase, ExecutionPhase::Ended)
        {
            let Outcome { status, output, error } = *outcome;
            let error = self.undos.failed_beside(error);
            self.write_execution_end(status, output, error, now, effects);
            effects.acts.push(Act::End(status));
        }
    }

    /// Whether the end of the main line is that of a `finally`.
    pub(super) fn has_main_finally(&self) -> bool {
        let first = &self.plan.step(self.plan.start).kind;
        matches!(first, PlannedKind::Finally(finally) if finally.is_main_line)
    }

    /// The end that was decided before the machine was resumed.
    pub(super) fn recall_ending(&mut self) {
        if let Some(ending) = self.state.ending.clone() {
            let ExecutionEnding { status, error, stopped, .. } = *ending;
            self.phase = ExecutionPhase::Ending(Box::new(Outcome { status, output: None, error }));
            if stopped {
                self.let_nothing_begin();
            }
        }
    }

    /// Of what is recorded the walk goes as far as it went; only what cleans up goes on.
    pub(super) fn let_nothing_begin(&mut self) {
        if let Some(main) = self.scopes.get_mut(ScopeId::MAIN) {
            main.cancelled = true;
        }
    }

    /// After the walk of an execution that is stopped, or the time of which was over: what is left is cancelled.
    pub(super) fn stop_recorded(&mut self, now: Timestamp, effects: &mut Effects) {
        match self.ending() {
            Some(status) => self.stop_and_clean_up(status, now, effects),
            None if !self.ended() => self.stop(ExecutionStatus::TimedOut, None, now, effects),
            None => {}
        }
    }
}
