//! The execution machine: `apply(event, now) → effects`. Decides what one execution does next; performs
//! nothing, reads no clock. The shell makes the writes durable, then performs the acts, in their order.
//!
//! Control is a tree of paths. The main path begins at the first step; a `parallel` step opens a path for
//! each branch and goes on when they have ended. Every run of a step is a task with a document, so that a
//! machine is rebuilt by walking the same paths over the recorded tasks (`resume`). Steps that bring further
//! paths (loops, sub-playbooks, undo) open them the same way; steps that wait for someone wait as `delay` does.

mod abandon;
mod attempt;
mod configuration;
mod effect;
mod end;
mod event;
mod output;
mod path;
mod resume;
mod start;
mod task;
mod view;
mod writes;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use updraft_protocol::limits::{TURN_PAUSE, TURN_WORK};
use updraft_protocol::{ExecutionHead, ExecutionId, ExecutionState, ExecutionStatus, Revision, Timestamp};

pub use abandon::{cancel_abandoned, fail_abandoned};
pub use effect::{Act, Effects, StartAttempt, Timer};
pub use event::Event;
pub use resume::Unfit;
pub use start::Terms;
pub use task::TaskSeq;

use crate::plan::{Plan, StepIndex};
use path::{Path, PathId};
use task::Task;

/// One execution at work.
#[derive(Debug)]
pub struct Machine {
    plan: Arc<Plan>,
    peid: ExecutionId,
    head: Arc<ExecutionHead>,
    state: ExecutionState,
    /// The fencing number that every write carries.
    epoch: u64,
    /// That of the execution's newest update.
    revision: Revision,
    /// By `task_seq - 1`.
    tasks: Vec<Task>,
    paths: Vec<Path>,
    /// Work that waits for a free place.
    ready: VecDeque<Ready>,
    /// Steps that a path came to when the turn was spent: what they decide follows in the next.
    undecided: VecDeque<(PathId, StepIndex)>,
    turn: Turn,
    /// Attempts under way.
    running: usize,
    tasks_at_once: usize,
    configuration_wait: Duration,
    /// No further attempt begins: the engine shuts down.
    held: bool,
    /// What the outputs of all tasks take, and the answers of their failures, for the limit.
    output_bytes: usize,
    /// Tasks of an earlier life that the walk has not come to yet; empty but during `resume`.
    recorded: BTreeMap<StepIndex, TaskSeq>,
}

/// Work that waits for a free place among the tasks that run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ready {
    /// A path came to an action.
    Enter(PathId, StepIndex),
    /// A task's next attempt is due.
    Again(TaskSeq),
}

/// What one execution does at once on its shard, where all others wait.
#[derive(Debug, Default)]
struct Turn {
    /// Work of its templates and conditions so far.
    work: u64,
    /// Whether the next one is awaited.
    awaited: bool,
}

impl Turn {
    fn is_spent(&self) -> bool {
        self.work >= TURN_WORK
    }
}

impl Machine {
    /// Applies an event. After the end nothing changes any more: the effects are empty.
    pub fn apply(&mut self, event: Event, now: Timestamp) -> Effects {
        let mut effects = Effects::default();
        if self.ended() {
            return effects;
        }
        self.turn.work = 0;
        match event {
            Event::AttemptEnded { task, attempt, outcome } => {
                self.attempt_ended(task, attempt, outcome, now, &mut effects);
            }
            Event::TimerDue(timer) => self.timer_due(timer, now, &mut effects),
            Event::Cancel => self.stop(ExecutionStatus::Cancelled, None, now, &mut effects),
            Event::Fail(failure) => self.stop(ExecutionStatus::Failed, Some(failure), now, &mut effects),
        }
        self.fill(now, &mut effects);
        debug_assert_eq!(crate::invariant::machine(self), Ok(()));
        effects
    }

    /// Begins no further attempt. What runs may end; what would follow is left to be resumed.
    pub fn hold(&mut self) {
        self.held = true;
    }

    /// Which execution this is.
    pub fn peid(&self) -> ExecutionId {
        self.peid
    }

    /// What of it never changes.
    pub fn head(&self) -> &Arc<ExecutionHead> {
        &self.head
    }

    /// The plan that it follows.
    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// Where it stands.
    pub fn status(&self) -> ExecutionStatus {
        self.state.execution_status
    }

    /// Whether nothing more can happen to it.
    pub fn ended(&self) -> bool {
        self.status().ended()
    }

    /// Attempts under way, and the most that may be.
    pub fn places(&self) -> (usize, usize) {
        (self.running, self.tasks_at_once)
    }

    /// When the next timer is due, where the execution does nothing but wait for it.
    pub fn idle_until(&self) -> Option<Timestamp> {
        if self.ended() || self.running > 0 || !self.ready.is_empty() || !self.undecided.is_empty() {
            return None;
        }
        let task_due = self.tasks.iter().filter_map(Task::due).min();
        [task_due, self.deadline()].into_iter().flatten().min()
    }

    fn deadline(&self) -> Option<Timestamp> {
        self.plan.timeout.map(|timeout| self.head.createddate.after(timeout))
    }

    fn timer_due(&mut self, timer: Timer, now: Timestamp, effects: &mut Effects) {
        match timer {
            Timer::Execution => self.stop(ExecutionStatus::TimedOut, None, now, effects),
            Timer::Turn => self.turn.awaited = false,
            Timer::Task(task) => self.task_due(task, now, effects),
        }
    }

    /// Decides what is undecided, and starts what is ready while there are places; what the turn is spent for, the next does.
    fn fill(&mut self, now: Timestamp, effects: &mut Effects) {
        while !self.held && !self.ended() {
            let has_place = self.running < self.tasks_at_once && !self.ready.is_empty();
            if self.undecided.is_empty() && !has_place {
                return;
            }
            if self.turn.is_spent() {
                if !std::mem::replace(&mut self.turn.awaited, true) {
                    effects.acts.push(Act::Arm(Timer::Turn, now.after(TURN_PAUSE)));
                }
                return;
            }
            if let Some((path, step)) = self.undecided.pop_front() {
                self.enter(path, step, now, effects);
                continue;
            }
            match self.ready.pop_front() {
                Some(Ready::Enter(path, step)) => self.begin_action(path, step, now, effects),
                Some(Ready::Again(task)) => self.begin_attempt(task, now, effects),
                None => return,
            }
        }
    }
}

#[cfg(test)]
mod tests;
