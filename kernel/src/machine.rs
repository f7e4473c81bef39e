//! The execution machine: `apply(event, now) → effects`. Decides what one execution does next; performs
//! nothing, reads no clock. The shell makes the writes durable, then performs the acts, in their order.
//!
//! Control is a tree of scopes, each one run of one body. The main line begins at the first step; a `parallel` step
//! opens a scope for each branch and continues when they have ended; a scope that has ended is dropped. Every run of a
//! step in a scope is a task with a document, found again by scope and step. A machine is therefore rebuilt by walking
//! the same steps over the recorded tasks (`resume`). New kinds of step that open scopes do it as `parallel` does;
//! those that wait do it as `delay` does.

mod abandon;
mod approval;
mod asking;
mod attempt;
mod body_lock;
mod branches;
mod cached;
mod cancel;
mod child;
mod cleanup;
mod configuration;
mod controls;
mod cooldown;
mod effect;
mod end;
mod event;
mod forget;
mod guarded;
mod items;
mod items_of_file;
mod last_failure;
mod loops;
mod output;
mod pause;
mod permit;
mod queued;
mod recorded;
mod rerun;
mod resume;
mod rounds;
mod scope;
mod signal;
mod skip;
mod start;
mod step;
mod task;
mod task_seq;
mod undo;
mod undos;
mod view;
mod wait;
mod walk;
mod writes;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use updraft_protocol::limits::{TURN_PAUSE, TURN_WORK};
use updraft_protocol::{
    ExecutionHead, ExecutionId, ExecutionState, ExecutionStatus, Priority, Revision, Timestamp, Update,
};

pub use abandon::{cancel_abandoned, fail_abandoned};
pub use approval::late_answer;
pub use body_lock::NeededLock;
pub use cached::{CachedCall, LookedUp};
pub use child::{ChildReport, children_of, head_of_child};
pub(crate) use cleanup::FAILED_CLEANUP;
pub use effect::{Act, Effects, StartAttempt, StartChild, Timer};
pub use event::MachineEvent;
pub use guarded::{CallHold, GuardedWait, pass_choices, refuses_to_pass};
pub use loops::{LoopProgress, RunningLoop};
pub use resume::Unfit;
pub use start::{DefaultWaits, Terms};
pub use task_seq::TaskSeq;

use crate::guardrail::GuardrailSet;
use crate::item_files::ItemFiles;
use crate::outline::Outlines;
use crate::plan::{Plan, StepIndex};
use crate::shared::GatedTools;
use end::ExecutionPhase;
use permit::WaitingCall;
use recorded::Recorded;
use scope::{ScopeId, Scopes};
use task::{Phase, Tasks};
use undos::Undos;
use wait::Waits;

/// One running execution.
#[derive(Debug)]
pub struct Machine {
    plan: Arc<Plan>,
    peid: ExecutionId,
    head: Arc<ExecutionHead>,
    state: ExecutionState,
    /// The fencing number that every write carries.
    epoch: u64,
    /// The revision of the execution's newest update.
    revision: Revision,
    phase: ExecutionPhase,
    tasks: Tasks,
    scopes: Scopes,
    outlines: Outlines,
    waits: Waits,
    /// Work that waits until another task may run.
    ready: VecDeque<Ready>,
    /// Work of the walk that is left for the next turn, since this one is used up.
    undecided: VecDeque<Undecided>,
    turn: Turn,
    /// Calls that wait for a permit of their tool.
    waiting_calls: Vec<WaitingCall>,
    /// The tools whose calls stand in line though they take no permits.
    gated: GatedTools,
    /// The items of files of executions.
    files: Option<Arc<dyn ItemFiles>>,
    /// Attempts under way, and calls that wait for a permit.
    running: usize,
    /// How many calls were begun.
    calls: u32,
    tasks_at_once: usize,
    configuration_wait: Duration,
    default_waits: DefaultWaits,
    /// What the operator lets it do: asked by the driver, before a call that they concern.
    guardrails: Arc<GuardrailSet>,
    /// No further attempt begins: the engine shuts down.
    held: bool,
    /// Bytes of the outputs of all tasks, and of the answers in their failures, for the limit.
    output_bytes: usize,
    /// Recorded tasks that the walk has not reached yet; empty except during `resume`.
    recorded: Recorded,
    /// While a rerun begins: the results that its walk has come to.
    taken: Option<Vec<Update>>,
    /// Tasks that nothing here reads any more; the shell still does until their writes are durable.
    leaving: Vec<TaskSeq>,
    /// Tasks whose outcome was decided while recorded tasks were walked, or before: what is left in their scopes is cancelled
    /// after it.
    losers: Vec<TaskSeq>,
    /// What the execution undoes before its end, if it does not complete.
    undos: Undos,
}

/// Work of the walk that is left for the next turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Undecided {
    /// Control reached a step that computes.
    Step(ScopeId, StepIndex),
    /// Further items of a `for_each` may begin.
    Items(TaskSeq),
    /// The next round of a loop may begin.
    Round(TaskSeq),
    /// The cleanup of a task begins.
    CleanUp(TaskSeq),
    /// The next undo begins, or the execution ends.
    TakeBack,
}

/// Work that waits until another task may run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ready {
    /// Control reached an action.
    Enter(ScopeId, StepIndex),
    /// A task's next attempt is due.
    Again(TaskSeq),
}

/// The work of one execution before its shard serves the others.
#[derive(Debug, Default)]
struct Turn {
    /// The bound of a turn in which results are taken over: all of them are walked in it.
    results_work: Option<u64>,
    /// The work of its templates and conditions so far.
    work: u64,
    /// Whether the timer of the next turn is set.
    awaited: bool,
}

impl Machine {
    /// Applies an event. After the end nothing changes any more: the effects are empty.
    pub fn apply(&mut self, event: MachineEvent, now: Timestamp) -> Effects {
        let mut effects = Effects::default();
        if self.ended() {
            return effects;
        }
        self.turn.work = 0;
        match event {
            MachineEvent::AttemptEnded { task, call, outcome } => {
                self.attempt_ended(task, call, outcome, now, &mut effects);
            }
            MachineEvent::Acquired { task, outcome } => self.acquired(task, outcome, now, &mut effects),
            MachineEvent::LookedUp { task, found } => self.looked_up(task, found, now, &mut effects),
            MachineEvent::HeldBack { task, hold } => self.held_back(task, *hold, now, &mut effects),
            MachineEvent::TimerDue(timer) => self.timer_due(timer, now, &mut effects),
            MachineEvent::Answer { task, answer } => {
                effects.reply = Some(self.answered(task, answer, now, &mut effects));
            }
            MachineEvent::Signal(signal, asked) => {
                effects.reply = Some(self.signalled(signal, asked, now, &mut effects));
            }
            MachineEvent::Pause(asked) => {
                effects.reply = Some(self.pause_execution(asked, now, &mut effects))
            }
            MachineEvent::Resume(asked) => effects.reply = Some(self.go_on(asked, now, &mut effects)),
            MachineEvent::Skip { task, asked, may_operate } => {
                effects.reply = Some(self.skip(task, asked, may_operate, now, &mut effects));
            }
            MachineEvent::Child { task, report } => self.child_reported(task, report, now, &mut effects),
            MachineEvent::ExtendWait { task, until, asked } => {
                effects.reply = Some(self.extend_wait(task, until, asked, now, &mut effects));
            }
            MachineEvent::Cancel(asked) => self.cancel(asked, now, &mut effects),
            MachineEvent::Fail(failure) => {
                self.stop(ExecutionStatus::Failed, Some(failure), now, &mut effects)
            }
        }
        self.end_pause_for_failures(now, &mut effects);
        self.fill(now, &mut effects);
        self.settle_waits();
        self.let_go(&mut effects);
        debug_assert_eq!(crate::invariant::machine(self), Ok(()));
        effects
    }

    /// Begins no further attempt, and takes back the calls that wait for a permit. Attempts under way may end; what
    /// follows them is left for the resume.
    pub fn hold(&mut self) {
        self.held = true;
        self.requeue_waiting_calls();
    }

    /// The id of the execution.
    pub fn peid(&self) -> ExecutionId {
        self.peid
    }

    /// The fields of its document that never change.
    pub fn head(&self) -> &Arc<ExecutionHead> {
        &self.head
    }

    /// Whether what is new has to wait for the next turn.
    fn turn_is_spent(&self) -> bool {
        let bound = self.turn.results_work.filter(|_| !self.recorded.is_empty());
        self.turn.work >= bound.unwrap_or(TURN_WORK)
    }

    /// The plan of its playbook.
    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// How far ahead of others of its tenant it stands in line.
    pub fn priority(&self) -> Priority {
        self.state.reprioritised.unwrap_or(self.head.priority)
    }

    /// Its status.
    pub fn status(&self) -> ExecutionStatus {
        self.state.execution_status
    }

    /// Whether it has ended.
    pub fn ended(&self) -> bool {
        self.status().ended()
    }

    /// Attempts under way, including calls that wait for a permit, and the most that may be.
    pub fn places(&self) -> (usize, usize) {
        (self.running, self.tasks_at_once)
    }

    /// The number of open scopes, including the main line.
    #[cfg(test)]
    pub(crate) fn open_scopes(&self) -> usize {
        self.scopes.open_count()
    }

    /// Whether a scope is open whose opener has ended.
    pub(crate) fn has_an_orphan(&self) -> bool {
        self.scopes
            .openers()
            .any(|opener| self.tasks.get(opener).is_none_or(|task| task.phase == Phase::Ended))
    }

    /// When the next timer is due; `None` unless the execution does nothing but wait for it.
    pub fn idle_until(&self) -> Option<Timestamp> {
        if self.ended() || self.running > 0 {
            return None;
        }
        if let Some(until) = self.paused_until() {
            return Some(until);
        }
        if !self.ready.is_empty() || !self.undecided.is_empty() {
            return None;
        }
        [self.next_due(), self.deadline()].into_iter().flatten().min()
    }

    fn deadline(&self) -> Option<Timestamp> {
        // The time in the backlog does not count.
        let began = self.state.started_date.unwrap_or(self.head.createddate);
        let deadline = self.plan.timeout.map(|timeout| began.after(timeout));
        deadline.filter(|_| self.is_executing())
    }

    fn timer_due(&mut self, timer: Timer, now: Timestamp, effects: &mut Effects) {
        match timer {
            Timer::Execution => self.stop(ExecutionStatus::TimedOut, None, now, effects),
            Timer::Turn => self.turn.awaited = false,
            Timer::Task(task) => self.task_due(task, now, effects),
        }
    }

    /// Decides the undecided steps, and starts ready work while tasks may run. The rest follows in the next turn once
    /// this one is used up.
    fn fill(&mut self, now: Timestamp, effects: &mut Effects) {
        while !self.held && !self.is_paused() && !self.ended() {
            let has_place = self.running < self.tasks_at_once && !self.ready.is_empty();
            if self.undecided.is_empty() && !has_place {
                return;
            }
            if self.turn_is_spent() {
                if !std::mem::replace(&mut self.turn.awaited, true) {
                    effects.acts.push(Act::Arm(Timer::Turn, now.after(TURN_PAUSE)));
                }
                return;
            }
            if let Some(undecided) = self.undecided.pop_front() {
                self.decide(undecided, now, effects);
                continue;
            }
            match self.ready.pop_front() {
                Some(work) => self.begin_attempt(work, now, effects),
                None => return,
            }
        }
    }
}

#[cfg(test)]
mod tests;
