//! Skips: a person ends the wait of a task before its time. Owns what follows: a `delay`, a `wait_until` and a `wait_for` go
//! on, an attempt or a round that waits is made at once, an approval fails, since only an approval goes on, and a step whose last attempt
//! has failed fails.

use updraft_protocol::{
    Applied, Asked, ControlKind, ControlRecord, ControlRefusal, Failure, FailureKind, TaskId, Timestamp,
    Wait, WaitKind,
};

use super::task::{Ending, Phase};
use super::task_seq::TaskSeq;
use super::{Effects, Machine, Ready};

impl Machine {
    /// A person skips the wait of a task.
    pub(super) fn skip(
        &mut self,
        id: TaskId,
        asked: Asked,
        may_operate: bool,
        now: Timestamp,
        effects: &mut Effects,
    ) -> Result<Applied, ControlRefusal> {
        if !asked.is_sound() {
            return Err(ControlRefusal::NotAsker);
        }
        let (seq, wait) = self.wait_to_change(id)?.ok_or(ControlRefusal::NotSkippable(id))?;
        let ending = match wait.kind {
            WaitKind::Delay | WaitKind::Signal => Ending::Completed(None),
            WaitKind::Approval if !may_operate => return Err(ControlRefusal::NotOperator),
            WaitKind::Approval => {
                let message = format!("{} has skipped it: {}", asked.uid, asked.reason);
                Ending::Failed(Failure::new(FailureKind::Skipped, message))
            }
            // Whoever mends the cause resumes the execution; a skip gives up.
            WaitKind::LastFailure => Ending::Failed(self.last_failure(seq)),
            // A crash must not wait again.
            WaitKind::Retry => {
                self.record_skip(id, asked, now, effects);
                self.write_wait(seq, Wait { until: Some(now), ..wait }, now, effects);
                self.make_ready(seq);
                return Ok(Applied::Skipped);
            }
            // It looks again at once, and may find the same missing, or its tool as it was.
            WaitKind::Configuration | WaitKind::Guardrail | WaitKind::Cooldown => {
                self.record_skip(id, asked, now, effects);
                self.make_ready(seq);
                return Ok(Applied::Skipped);
            }
            WaitKind::Round => {
                self.record_skip(id, asked, now, effects);
                self.write_wait(seq, Wait { until: Some(now), ..wait }, now, effects);
                if let Phase::Rounds(rounds) = &mut self.task_mut(seq).phase {
                    rounds.due = Some(now);
                }
                self.round_due(seq, now, effects);
                return Ok(Applied::Skipped);
            }
            // The child would go on unseen: a person cancels it, or skips what waits in it.
            WaitKind::Child | WaitKind::Branches | WaitKind::Cleanup => {
                return Err(ControlRefusal::NotSkippable(id));
            }
        };
        self.record_skip(id, asked, now, effects);
        if matches!(self.task(seq).phase, Phase::Waiting(_)) {
            self.settle(seq, ending, now, effects);
            return Ok(Applied::Skipped);
        }
        self.decide_asked(seq, ending, now, effects);
        if self.tasks.get(seq).is_some_and(|task| task.phase != Phase::Ended) {
            // Calls beside it are waited for: a resume must not ask again, and ends it as one whose time is over.
            self.write_wait(seq, Wait { until: Some(now), ..wait }, now, effects);
        }
        Ok(Applied::Skipped)
    }

    fn record_skip(&mut self, task: TaskId, asked: Asked, now: Timestamp, effects: &mut Effects) {
        let record = ControlRecord::new(ControlKind::Skip, now, asked);
        self.note_control(ControlRecord { task: Some(task), ..record });
        self.write_controls(now, effects);
    }

    fn make_ready(&mut self, task: TaskSeq) {
        self.task_mut(task).phase = Phase::Ready;
        self.ready.push_back(Ready::Again(task));
    }
}
