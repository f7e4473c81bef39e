//! Load: submits executions in a closed loop, or as arrivals come due, and measures each. In an open loop
//! latencies count from the moment that an arrival was due, so that a slow engine hides nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;
use updraft::limits::EXECUTIONS_IN_FLIGHT_OF_TENANT;
use updraft::{ExecutionStatus, Handle};

use crate::latencies::Meter;
use crate::options::Length;
use crate::random::Random;
use crate::scenario::Rates;
use crate::workload::Workload;

/// Arrivals that have not ended; one that finds so many is dropped, and counted.
pub(crate) const ARRIVALS: usize = 200_000;
/// Executions of one tenant that a pile may have, below what the engine accepts.
const PILE_OF_TENANT: usize = EXECUTIONS_IN_FLIGHT_OF_TENANT / 5 * 4;
/// The most that a pile has.
const PILE: usize = 80_000;
/// How long the arrivals sleep before they look whether the run was stopped.
const LOOK: Duration = Duration::from_millis(50);
/// The pause of a submitter that was refused.
const REFUSED: Duration = Duration::from_millis(10);
/// The number of the tenant that floods.
const FLOODING: usize = 0;

/// Submits in a closed loop until the length is reached or the run is stopped; answers when all have ended.
pub async fn closed(work: &Arc<Workload>, meter: &Arc<Meter>, length: Length, submitters: usize) {
    let (of, meter) = (work.clone(), meter.clone());
    let submit = move |_| {
        let (work, meter) = (of.clone(), meter.clone());
        async move {
            arrived(&work, &meter);
            one(&work, &meter, work.anyone(), Instant::now(), false).await
        }
    };
    loops(work, length, submitters, usize::MAX, submit).await;
}

/// Submits as fast as it is accepted, without waiting for ends; answers when the pile is high enough.
pub(crate) async fn pile(work: &Arc<Workload>, meter: &Arc<Meter>, length: Length, submitters: usize) {
    let most = work.pile().min(PILE).min(PILE_OF_TENANT.saturating_mul(work.tenants()));
    let (of, meter) = (work.clone(), meter.clone());
    // In turn, so that no tenant has more than its places.
    let submit = move |number: u64| {
        let (work, meter) = (of.clone(), meter.clone());
        async move {
            let due = Instant::now();
            arrived(&work, &meter);
            let Some(handle) = submit(&work, &meter, number as usize, due).await else { return false };
            tokio::spawn(async move { end(&work, &meter, &handle, due, false).await });
            true
        }
    };
    loops(work, length, submitters, most, submit).await;
}

/// Loops of submitters, until the length is reached, so many are in flight, or the run is stopped.
async fn loops<F: Future<Output = bool> + Send>(
    work: &Arc<Workload>,
    length: Length,
    submitters: usize,
    most: usize,
    submit: impl Fn(u64) -> F + Clone + Send + 'static,
) {
    let (began, next) = (Instant::now(), Arc::new(AtomicU64::new(0)));
    let mut loops = JoinSet::new();
    for _ in 0..submitters {
        let (work, next, submit) = (work.clone(), next.clone(), submit.clone());
        loops.spawn(async move {
            while work.tally.in_flight.load(Ordering::Relaxed) < most {
                let number = next.fetch_add(1, Ordering::Relaxed);
                let over = match length {
                    Length::Time(time) => began.elapsed() >= time,
                    Length::Executions(executions) => number >= executions,
                };
                if over || work.stopped() {
                    return;
                }
                if !submit(number).await {
                    tokio::time::sleep(REFUSED).await;
                }
            }
        });
    }
    // What stops the run drops what they wait for.
    tokio::select! {
        _ = loops.join_all() => {}
        () = work.stopping() => {}
    }
}

/// Sends arrivals with random gaps (a Poisson process) until the length is reached or the run is stopped.
/// Blocks: sleeping threads wake more exactly than timers of the runtime.
pub(crate) fn open(
    work: &Arc<Workload>,
    meter: &Arc<Meter>,
    length: Length,
    rates: Rates,
    random: &Random,
    runtime: &tokio::runtime::Handle,
) {
    let began = Instant::now();
    let (mut due, mut number) = (Duration::ZERO, 0_u64);
    loop {
        let progress = match length {
            Length::Time(time) => due.as_secs_f64() / time.as_secs_f64(),
            Length::Executions(executions) => number as f64 / executions as f64,
        };
        if progress >= 1.0 {
            return;
        }
        if progress >= 0.5 {
            meter.half.get_or_init(|| (number, work.tally.in_flight.load(Ordering::Relaxed)));
        }
        let base = rates.from + (rates.to - rates.from) * progress;
        let rate = (base + rates.flood).max(1.0);
        due += Duration::from_secs_f64(random.gap() / rate);
        let over = length.time().is_some_and(|time| due >= time);
        let until = length.time().map_or(due, |time| due.min(time));
        while let Some(left) = until.checked_sub(began.elapsed()).filter(|left| !left.is_zero()) {
            if work.stopped() {
                return;
            }
            std::thread::sleep(left.min(LOOK));
        }
        if over || work.stopped() {
            return;
        }
        number += 1;
        let floods = rates.flood > 0.0 && random.share() < rates.flood / rate;
        arrive(work, meter, began + due, (floods, rates.flood > 0.0), runtime);
    }
}

/// One arrival, in a task of its own.
fn arrive(
    work: &Arc<Workload>,
    meter: &Arc<Meter>,
    due: Instant,
    (floods, spared): (bool, bool),
    runtime: &tokio::runtime::Handle,
) {
    meter.late.record(due.elapsed());
    if work.tally.in_flight.load(Ordering::Relaxed) >= ARRIVALS {
        work.tally.dropped.increment(1);
        return;
    }
    let tenant = match (floods, spared) {
        (true, _) => FLOODING,
        (false, true) => work.anyone_else(),
        (false, false) => work.anyone(),
    };
    // Before its task runs: a machine that is too busy to begin with it has it in flight all the same.
    arrived(work, meter);
    let (work, meter) = (work.clone(), meter.clone());
    runtime.spawn(async move {
        // A refusal is counted, and an arrival is not repeated.
        let _ = one(&work, &meter, tenant, due, floods).await;
    });
}

fn arrived(work: &Workload, meter: &Meter) {
    meter.arrivals.fetch_add(1, Ordering::Relaxed);
    work.tally.in_flight.fetch_add(1, Ordering::Relaxed);
}

/// One execution from its arrival to its end; whether it was accepted.
async fn one(work: &Workload, meter: &Meter, tenant: usize, due: Instant, floods: bool) -> bool {
    let submitted = submit(work, meter, tenant, due).await;
    if let Some(handle) = &submitted {
        end(work, meter, handle, due, floods).await;
    }
    submitted.is_some()
}

async fn submit(work: &Workload, meter: &Meter, tenant: usize, due: Instant) -> Option<Handle> {
    match work.engine.submit(work.submission(tenant)).await {
        Ok(handle) => {
            let latency = due.elapsed();
            meter.submit.record(latency);
            work.tally.submit.record(latency);
            work.tally.submitted.increment(1);
            Some(handle)
        }
        Err(error) => {
            work.tally.refuse(&error);
            work.tally.in_flight.fetch_sub(1, Ordering::Relaxed);
            None
        }
    }
}

async fn end(work: &Workload, meter: &Meter, handle: &Handle, due: Instant, floods: bool) {
    match handle.wait().await {
        Ok(document) => {
            let latency = due.elapsed();
            let kept = if floods { &meter.flood } else { &meter.execution };
            kept.record(latency);
            work.tally.execution.record(latency);
            let completed = document.state.execution_status == ExecutionStatus::Completed;
            let count = if completed { &work.tally.completed } else { &work.tally.failed };
            count.increment(1);
        }
        // The run was stopped before its end, which is no mistake of the engine.
        Err(_) if work.stopped() => {}
        Err(error) => work.tally.refuse(&error),
    }
    work.tally.in_flight.fetch_sub(1, Ordering::Relaxed);
}
