//! Pauses: a person holds the execution. What runs may end, and its end is recorded; no step, attempt, item or round
//! begins until a person lets it go on. Waits go on: an instant that passes meanwhile counts when the execution goes on,
//! and the deadline of the execution ends it even then. A pause for a failure is begun and ended elsewhere (`last_failure`). Owns the begin and the end of a pause; the walk and `fill` ask
//! [`Machine::is_paused`] before they begin something.

use std::sync::Arc;

use updraft_protocol::limits::PAUSE_LOOK;
use updraft_protocol::{
    Applied, Asked, ControlKind, ControlRecord, ControlRefusal, ExecutionState, ExecutionStatus, Pause,
    PauseCause, Timestamp,
};

use super::task::Task;
use super::{Act, Effects, Machine, Timer};

impl Machine {
    /// Whether a person holds the execution.
    pub fn is_paused(&self) -> bool {
        self.state.execution_status == ExecutionStatus::Paused
    }

    /// Pauses the execution. Calls that wait for a permit wait no longer: they have not been attempted.
    pub(super) fn pause_execution(
        &mut self,
        asked: Asked,
        now: Timestamp,
        effects: &mut Effects,
    ) -> Result<Applied, ControlRefusal> {
        if !asked.is_sound() {
            return Err(ControlRefusal::NotAsker);
        }
        if self.is_paused() && !self.is_paused_for_failure() {
            return Ok(Applied::Repeated);
        }
        // What cleans up before an end is not held.
        if let Some(status) = self.ending() {
            return Err(ControlRefusal::Ended(status));
        }
        self.take_back_waiting_calls(effects);
        // That of a pause for a failure: the new one begins now.
        self.give_back_cleanup_time(now, effects);
        let pause = Arc::new(Pause { since: now, cause: PauseCause::Asked(asked.clone()) });
        self.note_control(ControlRecord::new(ControlKind::Pause, now, asked));
        self.write_pause(ExecutionStatus::Paused, Some(pause), now, effects);
        Ok(Applied::Paused)
    }

    /// The paused execution goes on. Instants that have passed meanwhile are due at once.
    pub(super) fn go_on(
        &mut self,
        asked: Asked,
        now: Timestamp,
        effects: &mut Effects,
    ) -> Result<Applied, ControlRefusal> {
        if !asked.is_sound() {
            return Err(ControlRefusal::NotAsker);
        }
        if !self.is_paused() {
            return Err(ControlRefusal::NotPaused);
        }
        self.note_control(ControlRecord::new(ControlKind::Resume, now, asked));
        self.begin_held_again(now, effects);
        self.end_pause(now, effects);
        Ok(Applied::Resumed)
    }

    /// The execution executes again.
    pub(super) fn end_pause(&mut self, now: Timestamp, effects: &mut Effects) {
        self.give_back_cleanup_time(now, effects);
        self.write_pause(ExecutionStatus::Executing, None, now, effects);
        self.end_overdue_loops(now, effects);
        self.arm_again(effects);
    }

    /// Sets the timers of all waits: those that fired during a pause were ignored.
    pub(super) fn arm_again(&self, effects: &mut Effects) {
        let due = |task: &Task| task.due().map(|due| Act::Arm(Timer::Task(task.seq), due));
        effects.acts.extend(self.tasks.iter().filter_map(due));
    }

    /// While the execution is paused: when it has to be in memory again, unless a person asks for it before.
    pub(super) fn paused_until(&self) -> Option<Timestamp> {
        let pause = self.state.pause.as_ref().filter(|_| self.is_paused())?;
        let ends = [self.deadline(), self.next_expiry()].into_iter().flatten().min();
        Some(ends.unwrap_or_else(|| pause.since.after(PAUSE_LOOK)))
    }

    /// The execution is paused, or goes on.
    pub(super) fn write_pause(
        &mut self,
        execution_status: ExecutionStatus,
        pause: Option<Arc<Pause>>,
        now: Timestamp,
        effects: &mut Effects,
    ) {
        let controls = self.state.controls.clone();
        let change = ExecutionState { execution_status, pause, controls, ..self.unchanged_execution(now) };
        self.state.merge(change.clone());
        self.write_execution(change, false, effects);
    }
}
