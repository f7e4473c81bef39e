//! Controls are recorded: who asked for what, when and why, in the document of the execution. Owns the record, and the change of
//! the end of a wait; what else a control does is elsewhere.

use std::sync::Arc;

use updraft_protocol::limits::SPAN;
use updraft_protocol::{
    Applied, Asked, ControlHistory, ControlKind, ControlRecord, ControlRefusal, ExecutionState,
    ExecutionStatus, TaskId, Timestamp, Wait, WaitKind,
};

use super::task::Phase;
use super::task_seq::TaskSeq;
use super::{Effects, Machine};

impl Machine {
    /// Records a control: the next write of the execution has it.
    pub(super) fn note_control(&mut self, record: ControlRecord) {
        let history = self.state.controls.take().map_or_else(ControlHistory::default, Arc::unwrap_or_clone);
        self.state.controls = Some(Arc::new(history.with(record)));
    }

    /// A person has asked something of the execution.
    pub(super) fn write_controls(&mut self, now: Timestamp, effects: &mut Effects) {
        let controls = self.state.controls.clone();
        let change = ExecutionState { controls, ..self.unchanged_execution(now) };
        self.state.merge(change.clone());
        self.write_execution(change, false, effects);
    }

    /// The execution is cancelled, unless its end is decided.
    pub(super) fn cancel(&mut self, asked: Option<Asked>, now: Timestamp, effects: &mut Effects) {
        if let Some(asked) = asked.filter(|_| self.is_executing()) {
            self.note_control(ControlRecord::new(ControlKind::Cancel, now, asked));
        }
        self.stop(ExecutionStatus::Cancelled, None, now, effects);
    }

    /// The wait of a task that a person asks to end, or to end at another time; `None` if it is not there or does not wait.
    ///
    /// # Errors
    /// The task has ended.
    pub(super) fn wait_to_change(&self, id: TaskId) -> Result<Option<(TaskSeq, Wait)>, ControlRefusal> {
        let Some(task) = self.tasks.iter().find(|task| task.id == id) else { return Ok(None) };
        if task.state.status.ended() {
            return Err(ControlRefusal::Over(task.state.status));
        }
        let waits = match &task.phase {
            Phase::Waiting(_) => true,
            Phase::Asking(asking) => asking.ending.is_none(),
            Phase::Rounds(rounds) => rounds.due.is_some(),
            _ => false,
        };
        let wait = task.state.wait.as_deref().filter(|_| waits);
        Ok(wait.map(|wait| (task.seq, wait.clone())))
    }

    /// A person changes when the wait of a task ends: that of a `delay`, a `wait_until`, a `wait_for` or an approval.
    pub(super) fn extend_wait(
        &mut self,
        id: TaskId,
        until: Timestamp,
        asked: Asked,
        now: Timestamp,
        effects: &mut Effects,
    ) -> Result<Applied, ControlRefusal> {
        if !asked.is_sound() {
            return Err(ControlRefusal::NotAsker);
        }
        let found = self.wait_to_change(id)?.filter(|(_, wait)| wait.kind.is_extendable());
        let (seq, wait) = found.ok_or(ControlRefusal::NotExtendable(id))?;
        if wait.until == Some(until) {
            return Ok(Applied::Repeated);
        }
        // An end that has passed would not be a change of the wait, but a skip under another name.
        if until <= now || until > now.after(SPAN) {
            return Err(ControlRefusal::NotAhead(until));
        }
        // What follows an approval that expired may go on: people are not to be left out by a short time.
        if wait.kind == WaitKind::Approval && wait.until.is_some_and(|before| until < before) {
            return Err(ControlRefusal::LessTime);
        }
        let record = ControlRecord::new(ControlKind::ExtendWait, now, asked);
        self.note_control(ControlRecord { task: Some(id), until: Some(until), ..record });
        self.write_controls(now, effects);
        self.write_wait(seq, Wait { until: Some(until), ..wait }, now, effects);
        match &mut self.task_mut(seq).phase {
            Phase::Asking(asking) => {
                asking.until = until;
                self.wait_in_phase(seq, effects);
            }
            _ => self.wait(seq, until, effects),
        }
        Ok(Applied::Extended)
    }
}
