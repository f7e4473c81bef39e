//! What the clients of an execution in a run are told of their controls, which the oracle sees.

use updraft_kernel::execution::ControlOutcome;
use updraft_protocol::{Applied, ControlRefusal, ExecutionStatus};

use super::{Ask, HeldAsk, SimulatedExecution, Verdict};
use crate::context::Context;

impl SimulatedExecution {
    /// Tells the client what a control came to.
    pub(super) fn answer(&mut self, control: &HeldAsk, outcome: ControlOutcome, cx: &mut Context) {
        self.answered.push(control.number);
        let machine = self.execution.machine();
        let status = machine.ending().unwrap_or(machine.status());
        match &control.ask {
            Ask::Cancel(cancel) => {
                let stopped = outcome == ControlOutcome::Stopped;
                let verdict = if stopped { Verdict::Cancelled } else { Verdict::AlreadyEnded(status) };
                cx.oracle.cancel_told(*cancel, self.peid, verdict);
            }
            Ask::Answer(control, task, answer) => {
                let told = reply_of(outcome, status);
                cx.statistics.count(if told.is_ok() { "answers applied" } else { "answers refused" });
                cx.oracle.answer_told(*control, *task, answer, told);
            }
            Ask::Signal(control, signal, _) => {
                let told = reply_of(outcome, status);
                cx.statistics.count(if told.is_ok() { "signals applied" } else { "signals refused" });
                let told = cx.oracle.signal_told(*control, self.peid, signal, told);
                cx.check(told);
            }
            Ask::Pause(control, _) | Ask::Resume(control, _) => {
                let told = reply_of(outcome, status);
                cx.statistics.count(if told.is_ok() {
                    "pauses and resumes"
                } else {
                    "pauses and resumes refused"
                });
                let told = cx.oracle.pause_told(*control, self.execution.machine(), &told);
                cx.check(told);
            }
            Ask::Skip(control, task, _) => {
                let told = reply_of(outcome, status);
                cx.statistics.count(if told.is_ok() { "skips applied" } else { "skips refused" });
                let told = cx.oracle.skip_told(*control, *task, self.execution.machine(), &told);
                cx.check(told);
            }
            Ask::ExtendWait(control, task, until, _) => {
                let told = reply_of(outcome, status);
                cx.statistics.count(if told.is_ok() {
                    "ends of waits changed"
                } else {
                    "ends of waits kept"
                });
                cx.oracle.end_told(*control, *task, *until, &told);
            }
            Ask::Hold(_) | Ask::LetGo(_) => cx.oracle.scope_told(self.execution.machine()),
            Ask::Prioritise(control, _) => cx.oracle.prioritised(*control),
            Ask::Stop | Ask::Child(..) | Ask::Fail(_) => {}
        }
    }
}

/// What is told of a control that does not stop the execution.
fn reply_of(outcome: ControlOutcome, status: ExecutionStatus) -> Result<Applied, ControlRefusal> {
    match outcome {
        ControlOutcome::Replied(reply) => reply,
        ControlOutcome::Stopped | ControlOutcome::Untouched => Err(ControlRefusal::Ended(status)),
    }
}
