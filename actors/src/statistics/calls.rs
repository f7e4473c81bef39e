//! The statistics of the calls of one tool. A call costs some additions: its labels are made once.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use metrics::SharedString;
use tokio::time::Instant;
use updraft_kernel::circuit::CircuitState;
use updraft_protocol::FailureKind;

use crate::labelled::Labelled;
use crate::quotas::TenantClass;

/// The states of circuits in which calls are not made as they come.
const CIRCUIT_STATES: [&str; 4] = ["cooling", "open", "half_open", "forced_open"];

/// The statistics of the calls of one tool.
#[derive(Debug)]
pub struct CallStatistics {
    integration: Arc<str>,
    completed: Ends,
    failed: RwLock<HashMap<FailureKind, Arc<Ends>>>,
    refused: RwLock<HashMap<FailureKind, Arc<Counter>>>,
    retries: Counter,
    openings: Counter,
    cooldowns: Counter,
    running: Level,
    waiting: Level,
    /// Circuits in each of [`CIRCUIT_STATES`], as they were shown last.
    circuits: [(AtomicU64, Labelled); CIRCUIT_STATES.len()],
    /// How long calls have waited for a place, by the classes of their tenants.
    waits: [Labelled; TenantClass::ALL.len()],
    waited: Counted,
}

/// What has been counted of the calls of one tool since the engine began.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CallCounts {
    /// Attempts that completed.
    pub completed: u64,
    /// Attempts that failed, by the kind of failure.
    pub failed: Vec<(FailureKind, u64)>,
    /// Attempts that are not the first of their task.
    pub retried: u64,
    /// How long all attempts together took.
    pub took: Duration,
    /// Calls that were not made, since their turn did not come: by the kind of failure.
    pub refused: Vec<(FailureKind, u64)>,
    /// Attempts under way.
    pub running: u64,
    /// Calls that wait for a place.
    pub waiting: u64,
    /// Calls that have waited for a place and got one.
    pub waited: u64,
    /// How long these waited, all together.
    pub waited_for: Duration,
    /// How often a circuit breaker opened.
    pub openings: u64,
    /// How often the tool asked to be left alone.
    pub cooldowns: u64,
}

/// How many circuits of one tool are in each state in which calls are not made as they come.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct CircuitLevels([u64; CIRCUIT_STATES.len()]);

impl CircuitLevels {
    /// Counts a circuit.
    pub(crate) fn add(&mut self, circuit: CircuitState) {
        let place = match circuit {
            CircuitState::Closed => return,
            CircuitState::Cooling(_) => 0,
            CircuitState::Open(_) => 1,
            CircuitState::HalfOpen(_) => 2,
            CircuitState::ForcedOpen => 3,
        };
        self.0[place] += 1;
    }

    /// Counts what another has counted.
    pub(super) fn join(&mut self, other: &Self) {
        self.0.iter_mut().zip(other.0).for_each(|(all, more)| *all += more);
    }
}

/// A count with the metric that shows it.
#[derive(Debug)]
struct Counter(AtomicU64, Labelled);

/// How many there are now, with the metric that shows it.
#[derive(Debug)]
struct Level(AtomicU64, Labelled);

/// A number of things, and how long they took together.
#[derive(Debug, Default)]
struct Counted {
    number: AtomicU64,
    nanos: AtomicU64,
}

/// Attempts that ended in one way.
#[derive(Debug)]
struct Ends {
    counted: Counted,
    total: Labelled,
    seconds: Labelled,
}

/// A call that waits for a place; dropped, it waits no more.
pub(crate) struct WaitingCall {
    of: Arc<CallStatistics>,
    class: TenantClass,
    since: Instant,
}

impl CallStatistics {
    pub(super) fn new(integration: &str) -> Self {
        let integration: Arc<str> = integration.into();
        let of = |name| Labelled::new(name, [("integration", label(&integration))]);
        let counter = |name| Counter(AtomicU64::new(0), of(name));
        let level = |name| Level(AtomicU64::new(0), of(name));
        Self {
            completed: Ends::new(&integration, "completed"),
            failed: RwLock::default(),
            refused: RwLock::default(),
            retries: counter("updraft_attempt_retries_total"),
            openings: counter("updraft_breaker_openings_total"),
            cooldowns: counter("updraft_cooldowns_total"),
            running: level("updraft_attempts_running"),
            waiting: level("updraft_calls_waiting"),
            circuits: CIRCUIT_STATES.map(|state| {
                let labels = [("integration", label(&integration)), ("state", state.into())];
                (AtomicU64::new(0), Labelled::new("updraft_circuits", labels))
            }),
            waits: TenantClass::ALL.map(|class| {
                let labels = [("integration", label(&integration)), ("class", class.as_str().into())];
                Labelled::new("updraft_call_wait_seconds", labels)
            }),
            waited: Counted::default(),
            integration,
        }
    }

    /// An attempt begins.
    pub(crate) fn began(&self, is_retry: bool) {
        self.running.change(true);
        if is_retry {
            self.retries.count();
        }
    }

    /// An attempt is over, whether it has ended or was dropped.
    pub(crate) fn over(&self) {
        self.running.change(false);
    }

    /// An attempt has ended.
    pub(crate) fn ended(&self, failure: Option<FailureKind>, took: Duration) {
        match failure {
            None => self.completed.count(took),
            Some(kind) => {
                kept(&self.failed, kind, || Ends::new(&self.integration, kind.as_str())).count(took)
            }
        }
    }

    /// A call is not made, since its turn does not come.
    pub(crate) fn refused(&self, kind: FailureKind) {
        let new = || {
            let labels = [("integration", label(&self.integration)), ("kind", kind.as_str().into())];
            Counter(AtomicU64::new(0), Labelled::new("updraft_calls_refused_total", labels))
        };
        kept(&self.refused, kind, new).count();
    }

    /// A call has to wait for a place.
    pub(crate) fn waits(self: &Arc<Self>, class: TenantClass) -> WaitingCall {
        self.waiting.change(true);
        WaitingCall { of: self.clone(), class, since: Instant::now() }
    }

    /// A circuit breaker of the tool has opened.
    pub(crate) fn opened(&self) {
        self.openings.count();
    }

    /// The tool has asked to be left alone.
    pub(crate) fn cooled(&self) {
        self.cooldowns.count();
    }

    /// So many circuits of the tool are in each state.
    pub(crate) fn show_circuits(&self, circuits: &CircuitLevels) {
        for ((shown, gauge), now) in self.circuits.iter().zip(circuits.0) {
            if shown.swap(now, Relaxed) != now {
                gauge.set(now as f64);
            }
        }
    }

    /// What was counted until now.
    pub fn counts(&self) -> CallCounts {
        let failed = read(&self.failed);
        let failed: Vec<_> = failed.iter().map(|(kind, ends)| (*kind, ends.counted.get())).collect();
        let refused =
            read(&self.refused).iter().map(|(kind, count)| (*kind, count.0.load(Relaxed))).collect();
        let (completed, mut took) = self.completed.counted.get();
        took += failed.iter().map(|(_, (_, took))| *took).sum::<Duration>();
        let (waited, waited_for) = self.waited.get();
        let mut counts = CallCounts {
            completed,
            failed: failed.into_iter().map(|(kind, (number, _))| (kind, number)).collect(),
            retried: self.retries.0.load(Relaxed),
            took,
            refused,
            running: self.running.0.load(Relaxed),
            waiting: self.waiting.0.load(Relaxed),
            waited,
            waited_for,
            openings: self.openings.0.load(Relaxed),
            cooldowns: self.cooldowns.0.load(Relaxed),
        };
        for by_kind in [&mut counts.failed, &mut counts.refused] {
            by_kind.sort_unstable_by_key(|(kind, _)| kind.as_str());
        }
        counts
    }

    /// Whether anything was counted.
    pub(super) fn is_used(&self) -> bool {
        self.counts() != CallCounts::default()
    }
}

impl WaitingCall {
    /// The call has got its place.
    pub(crate) fn passed(self) {
        let waited = self.since.elapsed();
        self.of.waited.add(waited);
        self.of.waits[self.class as usize].record(waited.as_secs_f64());
    }
}

impl Drop for WaitingCall {
    fn drop(&mut self) {
        self.of.waiting.change(false);
    }
}

impl Counter {
    fn count(&self) {
        self.0.fetch_add(1, Relaxed);
        self.1.count();
    }
}

impl Level {
    fn change(&self, is_more: bool) {
        if is_more {
            self.0.fetch_add(1, Relaxed);
        } else {
            self.0.fetch_sub(1, Relaxed);
        }
        self.1.change(is_more);
    }
}

impl Counted {
    fn add(&self, took: Duration) {
        self.number.fetch_add(1, Relaxed);
        self.nanos.fetch_add(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX), Relaxed);
    }

    fn get(&self) -> (u64, Duration) {
        (self.number.load(Relaxed), Duration::from_nanos(self.nanos.load(Relaxed)))
    }
}

impl Ends {
    fn new(integration: &Arc<str>, outcome: &'static str) -> Self {
        let labels = || [("integration", label(integration)), ("outcome", outcome.into())];
        Self {
            counted: Counted::default(),
            total: Labelled::new("updraft_attempts_total", labels()),
            seconds: Labelled::new("updraft_attempt_seconds", labels()),
        }
    }

    fn count(&self, took: Duration) {
        self.counted.add(took);
        self.total.count();
        self.seconds.record(took.as_secs_f64());
    }
}

fn label(of: &Arc<str>) -> SharedString {
    SharedString::from_shared(of.clone())
}

fn read<T>(lock: &RwLock<T>) -> std::sync::RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

/// What is kept of a kind of failure; kinds are few, and each is made once.
fn kept<T>(
    by_kind: &RwLock<HashMap<FailureKind, Arc<T>>>,
    kind: FailureKind,
    new: impl FnOnce() -> T,
) -> Arc<T> {
    if let Some(found) = read(by_kind).get(&kind) {
        return found.clone();
    }
    let mut by_kind = by_kind.write().unwrap_or_else(PoisonError::into_inner);
    by_kind.entry(kind).or_insert_with(|| Arc::new(new())).clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn attempts_waits_and_refusals_are_counted_by_how_they_end() {
        let calls = Arc::new(CallStatistics::new("intel"));
        assert!(!calls.is_used());
        for (is_retry, failure) in [(false, Some(FailureKind::Timeout)), (true, None), (false, None)] {
            calls.began(is_retry);
            calls.ended(failure, Duration::from_millis(20));
            calls.over();
        }
        calls.began(false);
        calls.refused(FailureKind::Unavailable);
        let waits = calls.waits(TenantClass::Default);
        drop(calls.waits(TenantClass::Own));
        assert_eq!(calls.counts().waiting, 1);
        tokio::time::advance(Duration::from_secs(3)).await;
        waits.passed();
        let expected = CallCounts {
            completed: 2,
            failed: vec![(FailureKind::Timeout, 1)],
            retried: 1,
            took: Duration::from_millis(60),
            refused: vec![(FailureKind::Unavailable, 1)],
            running: 1,
            waited: 1,
            waited_for: Duration::from_secs(3),
            ..CallCounts::default()
        };
        assert_eq!(calls.counts(), expected);
    }
}
