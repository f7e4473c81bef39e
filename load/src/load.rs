//! Load: submits executions in a closed loop, or as arrivals come due, and measures each. In an open loop
//! latencies count from the moment that an arrival was due, so that a slow engine hides nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use metrics::counter;
use tokio::task::JoinSet;
use tokio::time::Instant;
use updraft::{ExecutionStatus, Handle};

use crate::latencies::Meter;
use crate::options::Length;
use crate::random::Random;
use crate::scenario::Rates;
use crate::workload::Workload;

/// Arrivals that have not ended; one that finds so many is dropped, and counted.
pub(crate) const ARRIVALS: usize = 200_000;
/// How long the arrivals sleep before they look whether the run was stopped.
const LOOK: Duration = Duration::from_millis(50);
/// The pause of a submitter that was refused.
const REFUSED: Duration = Duration::from_millis(10);
/// The number of the tenant that floods.
const FLOODING: usize = 0;

/// Submits in a closed loop until the length is reached or the run is stopped; answers when all have ended.
pub async fn closed(work: &Arc<Workload>, meter: &Arc<Meter>, length: Length, submitters: usize) {
    submit(work, meter, length, submitters, None).await;
}

/// The same; where a pile of so many is asked for, as fast as they are accepted, without waiting for ends, until it is that high.
pub(crate) async fn submit(
    work: &Arc<Workload>,
    meter: &Arc<Meter>,
    length: Length,
    submitters: usize,
    pile: Option<usize>,
) {
    let (began, next) = (Instant::now(), Arc::new(AtomicU64::new(0)));
    let mut loops = JoinSet::new();
    for _ in 0..submitters {
        let (work, meter, next) = (work.clone(), meter.clone(), next.clone());
        loops.spawn(async move {
            while work.tally.in_flight.load(Ordering::Relaxed) < pile.unwrap_or(usize::MAX) {
                let number = next.fetch_add(1, Ordering::Relaxed);
                let over = match length {
                    Length::Time(time) => began.elapsed() >= time,
                    Length::Executions(executions) => number >= executions,
                };
                if over || work.stopped() {
                    return;
                }
                // A pile takes tenants in turn, so that none has more than its places.
                let tenant = if pile.is_some() { number as usize } else { work.anyone(false) };
                arrived(&work, &meter);
                let due = Instant::now();
                let Some(handle) = accepted(&work, &meter, tenant, due).await else {
                    tokio::time::sleep(REFUSED).await;
                    continue;
                };
                let ended = end(work.clone(), meter.clone(), handle, due, false);
                if pile.is_some() {
                    tokio::spawn(ended);
                } else {
                    ended.await;
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
        meter.late.record((began + due).elapsed());
        if work.tally.in_flight.load(Ordering::Relaxed) >= ARRIVALS {
            counter!("load_dropped").increment(1);
            continue;
        }
        let floods = rates.flood > 0.0 && random.share() < rates.flood / rate;
        let tenant = if floods { FLOODING } else { work.anyone(rates.flood > 0.0) };
        // Before its task runs: a machine that is too busy to begin with it has it in flight all the same.
        arrived(work, meter);
        let (work, meter, due) = (work.clone(), meter.clone(), began + due);
        // A refusal is counted, and an arrival is not repeated.
        runtime.spawn(async move {
            if let Some(handle) = accepted(&work, &meter, tenant, due).await {
                end(work, meter, handle, due, floods).await;
            }
        });
    }
}

fn arrived(work: &Workload, meter: &Meter) {
    meter.arrivals.fetch_add(1, Ordering::Relaxed);
    work.tally.in_flight.fetch_add(1, Ordering::Relaxed);
}

/// One execution to its durable acknowledgement; none where it was refused.
async fn accepted(work: &Workload, meter: &Meter, tenant: usize, due: Instant) -> Option<Handle> {
    match work.submit(tenant).await {
        Ok(handle) => {
            let latency = due.elapsed();
            meter.submit.record(latency);
            work.tally.submit.record(latency);
            counter!("load_submitted").increment(1);
            Some(handle)
        }
        Err(error) => {
            work.tally.refuse(&error);
            work.tally.in_flight.fetch_sub(1, Ordering::Relaxed);
            None
        }
    }
}

/// One execution to its end.
async fn end(work: Arc<Workload>, meter: Arc<Meter>, handle: Handle, due: Instant, floods: bool) {
    match handle.wait().await {
        Ok(document) => {
            let latency = due.elapsed();
            let kept = if floods { &meter.flood } else { &meter.execution };
            kept.record(latency);
            work.tally.execution.record(latency);
            match document.state.execution_status {
                ExecutionStatus::Completed => counter!("load_completed").increment(1),
                _ => counter!("load_failed").increment(1),
            }
        }
        // The run was stopped before its end, which is no mistake of the engine.
        Err(_) if work.stopped() => {}
        Err(error) => work.tally.refuse(&error),
    }
    work.tally.in_flight.fetch_sub(1, Ordering::Relaxed);
}
