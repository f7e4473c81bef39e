//! The start of an execution: accepted, its document among the writes, its first step entered.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use updraft_protocol::limits::{
    APPROVAL_WAIT, CHILD_WAIT, CONFIGURATION_WAIT, LAST_FAILURE_WAIT, SIGNAL_WAIT, TASKS_AT_ONCE,
    TASKS_AT_ONCE_MAX,
};
use updraft_protocol::{ExecutionHead, ExecutionId, ExecutionState, ExecutionStatus, Revision, Timestamp};

use super::end::ExecutionPhase;
use super::recorded::Recorded;
use super::scope::{ScopeId, Scopes};
use super::task::Tasks;
use super::undos::Undos;
use super::wait::Waits;
use super::{Act, Effects, Machine, Timer, Turn};
use crate::guardrail::GuardrailSet;
use crate::item_files::ItemFiles;
use crate::outline::Outlines;
use crate::plan::Plan;
use crate::shared::GatedTools;

/// The settings of the engine for its machines.
#[derive(Debug, Clone)]
pub struct Terms {
    /// The fencing number that every write carries.
    pub epoch: u64,
    /// Tasks at once in one execution, unless its playbook says otherwise.
    pub tasks_at_once: usize,
    /// How long a task waits for a secret, permission or integration that is missing.
    pub configuration_wait: Duration,
    /// How long steps wait that do not say it.
    pub waits: DefaultWaits,
    /// What the operator lets them do.
    pub guardrails: Arc<GuardrailSet>,
    /// The tools whose calls stand in line though they take no permits.
    pub gated: GatedTools,
    /// The items of files of executions; `None` where there is no directory for them.
    pub files: Option<Arc<dyn ItemFiles>>,
}

/// How long steps wait that do not say it: no wait is without an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DefaultWaits {
    /// For people.
    pub approval: Duration,
    /// For a signal.
    pub signal: Duration,
    /// For the end of a sub-playbook.
    pub child: Duration,
    /// For a person who mends what made the last attempt of a step fail.
    pub last_failure: Duration,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            epoch: 1,
            tasks_at_once: TASKS_AT_ONCE,
            configuration_wait: CONFIGURATION_WAIT,
            waits: DefaultWaits::default(),
            guardrails: Arc::default(),
            gated: GatedTools::default(),
            files: None,
        }
    }
}

impl Default for DefaultWaits {
    fn default() -> Self {
        Self {
            approval: APPROVAL_WAIT,
            signal: SIGNAL_WAIT,
            child: CHILD_WAIT,
            last_failure: LAST_FAILURE_WAIT,
        }
    }
}

impl Machine {
    /// A new execution at its first step.
    pub fn start(
        plan: Arc<Plan>,
        peid: ExecutionId,
        head: Arc<ExecutionHead>,
        terms: Terms,
        now: Timestamp,
    ) -> (Self, Effects) {
        let mut machine = Self::new(plan, peid, head, Self::begun(now), terms);
        let mut effects = Effects::default();
        machine.write_execution(machine.state.clone(), true, &mut effects);
        machine.begin(now, &mut effects);
        (machine, effects)
    }

    /// The state of an execution that begins.
    pub(super) fn begun(now: Timestamp) -> ExecutionState {
        let begins = ExecutionState::change(ExecutionStatus::Executing, now);
        ExecutionState { started_date: Some(now), ..begins }
    }

    pub(super) fn new(
        plan: Arc<Plan>,
        peid: ExecutionId,
        head: Arc<ExecutionHead>,
        state: ExecutionState,
        terms: Terms,
    ) -> Self {
        let tasks_at_once = plan.tasks_at_once.unwrap_or(terms.tasks_at_once).clamp(1, TASKS_AT_ONCE_MAX);
        Self {
            plan,
            peid,
            head,
            state,
            epoch: terms.epoch,
            revision: Revision { epoch: terms.epoch, seq: 0 },
            phase: ExecutionPhase::Executing,
            tasks: Tasks::default(),
            scopes: Scopes::new(),
            outlines: Outlines::default(),
            waits: Waits::default(),
            ready: VecDeque::new(),
            undecided: VecDeque::new(),
            turn: Turn::default(),
            waiting_calls: Vec::new(),
            running: 0,
            calls: 0,
            tasks_at_once,
            configuration_wait: terms.configuration_wait,
            default_waits: terms.waits,
            guardrails: terms.guardrails,
            gated: terms.gated,
            files: terms.files,
            held: false,
            output_bytes: 0,
            recorded: Recorded::default(),
            taken: None,
            leaving: Vec::new(),
            losers: Vec::new(),
            undos: Undos::default(),
        }
    }

    /// Sets the playbook's timeout and enters the first step.
    pub(super) fn begin(&mut self, now: Timestamp, effects: &mut Effects) {
        if let Some(deadline) = self.deadline() {
            effects.acts.push(Act::Arm(Timer::Execution, deadline));
        }
        let start = self.plan.start;
        self.enter(ScopeId::MAIN, start, now, effects);
        self.cancel_left_losers(now, effects);
        if !self.is_paused() {
            self.end_overdue_loops(now, effects);
        }
        if self.scopes.get(ScopeId::MAIN).is_some_and(|main| main.cancelled) {
            self.stop_recorded(now, effects);
        }
        self.end_pause_for_failures(now, effects);
        self.fill(now, effects);
        self.settle_waits();
        self.let_go(effects);
    }
}
