//! The circuit of one tool, as one tenant calls one host of it with one credential: whether calls may be made, by how the
//! last ones ended and by what the tool has asked for. Reads no clock, and makes no call.
//!
//! A circuit breaker as in M. Nygard, "Release It!" (2nd edition, 5.2): *closed*, calls are made; *open*, none is, after too
//! many failures; *half-open*, some are made as probes, of which the first success closes it and a failure opens it again.

use std::collections::VecDeque;
use std::time::Duration;

use serde::Deserialize;
use updraft_protocol::limits::{BREAKER_OPEN, COOLDOWN, COOLDOWN_LONGEST, RAMP_STEP, RAMP_STEPS};
use updraft_protocol::{BreakerPolicy, Failure, FailureKind};

/// Parts of the window in which failures are counted: it moves by one of them at a time.
const PARTS: u32 = 10;

/// How a call ended, for its circuit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallEnd {
    /// The tool answered.
    Answered,
    /// It was not reached, did not answer in time, broke off, or answered that it does not work.
    Failed,
    /// It asks to be left alone for so long.
    Asked(Duration),
    /// It was not called, or how that ended says nothing of it.
    Nothing,
}

impl CallEnd {
    /// What the outcome of a call that was made says of its tool.
    pub fn of(failure: Option<&Failure>) -> Self {
        let Some(failure) = failure else { return Self::Answered };
        if failure.kind == FailureKind::RateLimited || failure.retry_after().is_some() {
            return Self::Asked(failure.retry_after().unwrap_or(COOLDOWN).min(COOLDOWN_LONGEST));
        }
        match failure.kind {
            FailureKind::Unreachable => Self::Failed,
            // Of one that was never sent it was not the tool that took too long.
            FailureKind::Timeout | FailureKind::Interrupted if failure.may_have_acted() => Self::Failed,
            FailureKind::Status if status(failure).is_some_and(|status| status >= 500) => Self::Failed,
            FailureKind::Status | FailureKind::TooLarge | FailureKind::InvalidResponse => Self::Answered,
            _ => Self::Nothing,
        }
    }
}

/// The status in the answer of a tool.
fn status(failure: &Failure) -> Option<u16> {
    #[derive(Deserialize)]
    struct Answered {
        status: u16,
    }
    let answer: Answered = serde_json::from_str(failure.answer.as_ref()?.as_str()).ok()?;
    Some(answer.status)
}

/// What a person has decided of a circuit, whatever its calls say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ForcedCircuit {
    /// No call is made.
    Open,
    /// No failure opens it. What the tool asks for counts still.
    Closed,
}

/// Whether a call may be made now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum CircuitVerdict {
    /// It may.
    Pass,
    /// It may as a probe, of which there are few at once.
    Probe,
    /// Not before this instant.
    Later(Duration),
    /// Not before a probe has ended.
    Probing,
}

/// The state of a circuit, for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CircuitState {
    /// Calls are made.
    Closed,
    /// The tool has asked to be left alone until then.
    Cooling(Duration),
    /// Too many calls failed; until then none is made.
    Open(Duration),
    /// So many calls are made as probes.
    HalfOpen(u32),
    /// A person has decided that no call is made.
    ForcedOpen,
}

/// What a circuit has seen, since it was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CircuitCounts {
    /// Calls that the tool answered.
    pub answered: u64,
    /// Calls that failed.
    pub failed: u64,
    /// How often it opened.
    pub opened: u64,
    /// How often the tool asked to be left alone.
    pub asked: u64,
}

/// A circuit. All times are durations since one instant of a clock that never goes back.
#[derive(Debug)]
pub struct Circuit {
    policy: BreakerPolicy,
    state: State,
    /// Before that the tool wants no call.
    cool_until: Duration,
    /// Since the last success.
    in_row: u32,
    window: Window,
    ramp: Option<Ramp>,
    forced: Option<ForcedCircuit>,
    counts: CircuitCounts,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Closed,
    /// Until then; from then on half-open, with so many probes under way.
    Open {
        until: Duration,
        probes: u32,
    },
}

/// The calls of the last time, by parts of the window.
#[derive(Debug, Default)]
struct Window {
    /// The number of the part since the first instant, the calls in it, and how many of them failed.
    parts: VecDeque<(u64, u32, u32)>,
}

/// The way back from a pause: in each step twice as many calls pass as in the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Ramp {
    from: Duration,
    passed: u64,
}

impl Circuit {
    /// A closed circuit.
    pub fn new(policy: BreakerPolicy) -> Self {
        Self {
            policy,
            state: State::Closed,
            cool_until: Duration::ZERO,
            in_row: 0,
            window: Window::default(),
            ramp: None,
            forced: None,
            counts: CircuitCounts::default(),
        }
    }

    /// A person decides; `None` leaves it to its calls again, as if there had been none.
    pub fn force(&mut self, forced: Option<ForcedCircuit>) {
        if self.forced != forced {
            (self.forced, self.state, self.ramp) = (forced, State::Closed, None);
            (self.in_row, self.window) = (0, Window::default());
        }
    }

    /// Whether a call may be made at `now`.
    pub fn verdict(&self, now: Duration) -> CircuitVerdict {
        if self.forced == Some(ForcedCircuit::Open) {
            return CircuitVerdict::Later(now + BREAKER_OPEN);
        }
        if now < self.cool_until {
            return CircuitVerdict::Later(self.cool_until);
        }
        match self.state {
            State::Open { until, .. } if now < until => CircuitVerdict::Later(until),
            State::Open { probes, .. } if probes < self.policy.probes_at_once() => CircuitVerdict::Probe,
            State::Open { .. } => CircuitVerdict::Probing,
            State::Closed => match self.ramp.and_then(|ramp| ramp.next(now)) {
                Some(at) => CircuitVerdict::Later(at),
                None => CircuitVerdict::Pass,
            },
        }
    }

    /// Whether a call that was let pass may make a further request at `now`: how it ends says whether its tool works, so that
    /// it goes on while the circuit is open. What the tool asks for and what a person decides hold it back.
    pub fn verdict_of_request(&self, now: Duration) -> CircuitVerdict {
        match self.verdict(now) {
            CircuitVerdict::Later(at)
                if self.forced == Some(ForcedCircuit::Open)
                    || now < self.cool_until
                    || self.state == State::Closed =>
            {
                CircuitVerdict::Later(at)
            }
            _ => CircuitVerdict::Pass,
        }
    }

    /// Counts a further request that is made at `now`.
    pub fn pass_request(&mut self, now: Duration) {
        if self.state == State::Closed {
            self.pass(now);
        }
    }

    /// Counts a call that is made at `now`; returns whether it is a probe.
    pub fn pass(&mut self, now: Duration) -> bool {
        if let State::Open { probes, .. } = &mut self.state {
            *probes += 1;
            return true;
        }
        match &mut self.ramp {
            Some(ramp) if ramp.is_over(now) => self.ramp = None,
            Some(ramp) => ramp.passed += 1,
            None => {}
        }
        false
    }

    /// A call has ended at `now`.
    pub fn ended(&mut self, end: CallEnd, is_probe: bool, now: Duration) {
        if is_probe && let State::Open { probes, .. } = &mut self.state {
            *probes = probes.saturating_sub(1);
        }
        match end {
            CallEnd::Nothing => {}
            CallEnd::Asked(pause) => {
                self.counts.asked += 1;
                self.cool_until = self.cool_until.max(now.saturating_add(pause));
                // Who asks for a pause is there.
                if is_probe {
                    self.state = State::Closed;
                }
                (self.in_row, self.ramp) = (0, Some(Ramp { from: self.cool_until, passed: 0 }));
            }
            CallEnd::Answered => {
                self.counts.answered += 1;
                self.in_row = 0;
                self.window.count(self.policy.window(), now, false);
                // A call that began before it opened closes it too: the tool answers.
                if matches!(self.state, State::Open { .. }) {
                    (self.state, self.window) = (State::Closed, Window::default());
                    self.ramp = Some(Ramp { from: now.max(self.cool_until), passed: 0 });
                }
            }
            CallEnd::Failed => {
                self.counts.failed += 1;
                self.in_row = self.in_row.saturating_add(1);
                self.window.count(self.policy.window(), now, true);
                self.failed(is_probe, now);
            }
        }
    }

    fn failed(&mut self, is_probe: bool, now: Duration) {
        let (failed, calls) = self.window.counts(self.policy.window(), now);
        let is_open = matches!(self.state, State::Open { .. });
        let opens = match is_open {
            // One that began before it opened says nothing new.
            true => is_probe,
            false => self.in_row >= self.policy.failures_in_row() || self.policy.is_too_many(failed, calls),
        };
        if opens && self.policy.is_on() && self.forced.is_none() {
            let probes = match self.state {
                State::Open { probes, .. } => probes,
                State::Closed => 0,
            };
            self.state = State::Open { until: now.saturating_add(self.policy.opens_for()), probes };
            (self.in_row, self.ramp) = (0, None);
            self.counts.opened += 1;
        }
    }

    /// Its state at `now`.
    pub fn state(&self, now: Duration) -> CircuitState {
        match self.state {
            _ if self.forced == Some(ForcedCircuit::Open) => CircuitState::ForcedOpen,
            State::Open { until, .. } if now < until => CircuitState::Open(until),
            State::Open { probes, .. } => CircuitState::HalfOpen(probes),
            State::Closed if now < self.cool_until => CircuitState::Cooling(self.cool_until),
            State::Closed => CircuitState::Closed,
        }
    }

    /// What it has seen.
    pub fn counts(&self) -> CircuitCounts {
        self.counts
    }

    /// Whether a new circuit would decide the same from `now` on.
    pub fn is_idle(&self, now: Duration) -> bool {
        self.in_row == 0 && self.is_quiet(now)
    }

    /// Whether it may be forgotten at `now`, to make room: it is closed, and no call of the window failed. What is lost is how many
    /// failed in a row before that.
    pub fn is_quiet(&self, now: Duration) -> bool {
        let (failed, _) = self.window.counts(self.policy.window(), now);
        self.state == State::Closed
            && self.forced.is_none()
            && now >= self.cool_until
            && failed == 0
            && self.ramp.is_none_or(|ramp| ramp.is_over(now))
    }

    /// Invariant: no more probes than may be, and an open circuit has no ramp.
    pub fn is_sound(&self) -> bool {
        match self.state {
            State::Closed => true,
            State::Open { probes, .. } => {
                probes <= self.policy.probes_at_once() && self.policy.is_on() && self.ramp.is_none()
            }
        }
    }
}

impl Window {
    fn count(&mut self, window: Duration, now: Duration, failed: bool) {
        let part = part(window, now);
        self.parts.retain(|(at, ..)| at + u64::from(PARTS) > part);
        match self.parts.back_mut() {
            Some((at, calls, of_failed)) if *at == part => {
                *calls = calls.saturating_add(1);
                *of_failed = of_failed.saturating_add(u32::from(failed));
            }
            _ => self.parts.push_back((part, 1, u32::from(failed))),
        }
    }

    /// The calls that failed, and all.
    fn counts(&self, window: Duration, now: Duration) -> (u32, u32) {
        let first = part(window, now);
        let recent = self.parts.iter().filter(|(at, ..)| at + u64::from(PARTS) > first);
        recent.fold((0, 0), |(failed, all), (_, calls, of_failed)| {
            (failed.saturating_add(*of_failed), all.saturating_add(*calls))
        })
    }
}

/// The number of the part of a window in which an instant is.
fn part(window: Duration, now: Duration) -> u64 {
    let part = (window / PARTS).as_nanos().max(1);
    u64::try_from(now.as_nanos() / part).unwrap_or(u64::MAX - u64::from(PARTS))
}

impl Ramp {
    /// When the next call may pass, if that is later than `now`.
    fn next(self, now: Duration) -> Option<Duration> {
        // Before step `n` ends, 2^(n+1) - 1 calls may have passed.
        let step = u32::try_from(now.saturating_sub(self.from).as_nanos() / RAMP_STEP.as_nanos());
        let step = step.ok().filter(|step| *step < RAMP_STEPS)?;
        let until_now = (1_u64 << (step + 1)) - 1;
        (self.passed >= until_now).then(|| self.from + RAMP_STEP * (step + 1))
    }

    fn is_over(self, now: Duration) -> bool {
        now >= self.from + RAMP_STEP * RAMP_STEPS
    }
}

#[cfg(test)]
mod tests;
