//! Signals: each ends the oldest wait for its name and key, or is kept for one that comes. What is kept and what has come
//! is in the document of the execution, written with the wait that it ends, so that a crash neither loses a signal nor
//! repeats it.

use std::sync::Arc;

use updraft_protocol::limits::{KEY_BYTES, SIGNAL_BYTES, SIGNALS_KEPT, SIGNALS_KEPT_BYTES};
use updraft_protocol::{
    Applied, Asked, ControlKind, ControlRecord, ControlRefusal, Effect, GivenSignal, Json, ReceivedSignals,
    Signal, StepId, Timestamp, Wait, WaitKind,
};

use super::task::{Ending, Phase, Task};
use super::task_seq::TaskSeq;
use super::{Effects, Machine};
use crate::plan::{PlannedKind, PlannedStep};
use crate::rerun::{Opener, openers};

impl Machine {
    /// A signal came from a person or a service. A repeated one changes nothing.
    pub(super) fn signalled(
        &mut self,
        signal: Signal,
        asked: Asked,
        now: Timestamp,
        effects: &mut Effects,
    ) -> Result<Applied, ControlRefusal> {
        if !asked.is_sound() {
            return Err(ControlRefusal::NotAsker);
        }
        let mut signals = self.received();
        if signals.knows(&signal.id) {
            return Ok(Applied::Repeated);
        }
        self.admit(&signal)?;
        if let Some(task) = self.wait_for(&signal) {
            self.record_signal(&signal, asked, now, effects);
            signals.remember(signal.id);
            self.write_signals(signals, now, effects);
            let ending = self.ending_with(signal.payload);
            self.settle(task, ending, now, effects);
            return Ok(Applied::Taken);
        }
        let bytes = signals.kept.iter().map(Signal::bytes).sum::<usize>() + signal.bytes();
        if signals.kept.len() >= SIGNALS_KEPT || bytes > SIGNALS_KEPT_BYTES {
            return Err(ControlRefusal::TooManySignals);
        }
        self.record_signal(&signal, asked, now, effects);
        signals.kept.push(signal);
        self.write_signals(signals, now, effects);
        Ok(Applied::Kept)
    }

    fn record_signal(&mut self, signal: &Signal, asked: Asked, now: Timestamp, effects: &mut Effects) {
        let given = GivenSignal { id: signal.id.clone(), name: signal.name.clone() };
        let record = ControlRecord::new(ControlKind::Signal, now, asked);
        self.note_control(ControlRecord { signal: Some(given), ..record });
        self.write_controls(now, effects);
    }

    /// The payload of the oldest kept signal with this name and key, which is taken.
    pub(super) fn take_signal(
        &mut self,
        name: &str,
        key: Option<&str>,
        now: Timestamp,
        effects: &mut Effects,
    ) -> Option<Json> {
        let mut signals = self.received();
        let signal = signals.take(name, key)?;
        self.write_signals(signals, now, effects);
        Some(signal.payload)
    }

    /// The ending of a step that took a signal with this payload: it is bounded as an answer is.
    pub(super) fn ending_with(&self, payload: Json) -> Ending {
        self.keep(payload, Effect::Read)
            .map_or_else(Ending::Failed, |payload| Ending::Completed(Some(payload)))
    }

    /// Whether a signal is kept that a task waits for: never, as either takes the other.
    pub(crate) fn overlooks_a_signal(&self) -> bool {
        let signals = self.state.signals.as_deref();
        signals.is_some_and(|signals| signals.kept.iter().any(|signal| self.wait_for(signal).is_some()))
    }

    fn received(&self) -> ReceivedSignals {
        self.state.signals.as_deref().cloned().unwrap_or_default()
    }

    fn admit(&self, signal: &Signal) -> Result<(), ControlRefusal> {
        let is_key = |key: &Arc<str>| (1..=KEY_BYTES).contains(&key.len());
        if !is_key(&signal.id) || !signal.key.as_ref().is_none_or(is_key) {
            return Err(ControlRefusal::NotKey);
        }
        let bytes = signal.payload.as_str().len();
        if bytes > SIGNAL_BYTES {
            return Err(ControlRefusal::TooLarge(bytes));
        }
        let awaits = |step: &&PlannedStep| matches!(&step.kind, PlannedKind::WaitFor(wait) if wait.name == signal.name);
        let mut awaiting = self.plan.steps.iter().filter(awaits).peekable();
        if awaiting.peek().is_none() {
            return Err(ControlRefusal::NotAwaited(signal.name.clone()));
        }
        if awaiting.all(|step| self.has_run(step)) {
            return Err(ControlRefusal::NoLongerAwaited(signal.name.clone()));
        }
        Ok(())
    }

    /// Whether a step has ended, and cannot run again: it is in no item or round, and in no body beside a wait.
    fn has_run(&self, step: &PlannedStep) -> bool {
        let runs_again = |(_, opener, _): Opener<'_>| {
            let opener = StepId::new(opener).ok().and_then(|opener| self.plan.index_of(&opener));
            opener.is_none_or(|opener| {
                let kind = &self.plan.step(opener).kind;
                !matches!(kind, PlannedKind::Parallel(_) | PlannedKind::Finally(_))
            })
        };
        let of_this = |task: &&Task| self.plan.step(task.step).id == step.id && task.state.status.ended();
        self.tasks.iter().find(of_this).is_some_and(|task| !openers(&task.path).any(runs_again))
    }

    /// The oldest task that waits for this signal.
    fn wait_for(&self, signal: &Signal) -> Option<TaskSeq> {
        let asks = |wait: &Wait| {
            wait.kind == WaitKind::Signal
                && signal.is_for(wait.subject.as_deref().unwrap_or_default(), wait.key.as_deref())
        };
        let waits = |task: &&Task| {
            matches!(task.phase, Phase::Waiting(_)) && task.state.wait.as_deref().is_some_and(asks)
        };
        self.tasks.iter().find(waits).map(|task| task.seq)
    }
}
