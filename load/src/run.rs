//! One run: the phases of a scenario, one after another, and what each came to. Judges nothing.

use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::Instant;
use updraft::process::{self, Used};
use updraft::{Detail, ExecutionQuery, ExecutionsOf};

use crate::Say;
use crate::breaking::Verdict;
use crate::error::Error;
use crate::latencies::Meter;
use crate::load;
use crate::options::{Length, LoadOptions};
use crate::outcome::{PhaseResult, Reference, RunOutcome, STALLED, Trouble};
use crate::random::Random;
use crate::recorder::Metrics;
use crate::reference;
use crate::run_store::RunStore;
use crate::sampler::{self, Sampler};
use crate::scenario::{Load, LoadScenario, Phase, Rates};
use crate::workload::{self, Workload};

/// How long executions may take to end after the last arrival, beyond what their tools take.
const DRAIN: Duration = Duration::from_secs(60);
/// The same after an interruption, for engine and store.
const STOP: Duration = Duration::from_secs(5);
/// The pause between two reads, and how many executions each reads.
const READ: Duration = Duration::from_millis(200);
const READ_LIMIT: usize = 20;
/// The pause between two looks at what is still under way.
const LOOK: Duration = Duration::from_millis(5);
/// What the engine may need to end once all is stored.
const SHUTDOWN: Duration = Duration::from_secs(30);

/// A run under way.
struct Run<'a> {
    options: &'a LoadOptions,
    work: Arc<Workload>,
    metrics: Metrics,
    began: Instant,
    /// Executions per second that open loops take for full load.
    full: Option<f64>,
    trouble: Option<Trouble>,
}

/// Runs the scenario in this directory until it ends or `stop` does; none where `stop` came before it could begin.
pub async fn run(
    options: &LoadOptions,
    directory: &Path,
    store: &RunStore,
    metrics: Metrics,
    stop: impl Future<Output = ()> + Send + 'static,
    say: &Say,
) -> Result<Option<RunOutcome>, Error> {
    let mut stop = Box::pin(stop);
    let work = tokio::select! {
        biased;
        () = &mut stop => return Ok(None),
        work = Workload::start(options, directory, store) => Arc::new(work?),
    };
    let (stopping, look) = (work.clone(), Used::now());
    let listening = tokio::spawn(async move {
        stop.await;
        stopping.end();
    });
    let names = options.scenario.phases().iter().map(|phase| phase.name).collect();
    let sampler = Sampler::start(work.clone(), metrics.clone(), names, say.clone());
    let sampler = sampler.map_err(|error| Error::of("no threads", error))?;
    let reading = tokio::spawn(read(work.clone()));
    let mut run = Run { options, work, metrics, began: Instant::now(), full: options.rate, trouble: None };
    let phases = run.phases(&sampler).await?;
    reading.abort();
    let left = run.drain().await;
    let stored = run.flush().await.is_some();
    if left > 0 && !run.work.stopped() {
        let why = format!("{left} executions had not ended when the run stopped waiting for them");
        run.trouble.get_or_insert(Trouble::Engine(why));
    }
    let lasted = run.began.elapsed();
    let seen = sampler.end();
    let mut outcome = RunOutcome {
        phases,
        seen,
        counted: run.metrics.counted(),
        read_mean: run.work.tally.read.mean(),
        enriched: run.work.enriched(),
        first_error: run.work.tally.first_error(),
        trouble: run.trouble.take(),
        cpu_s: Used::since(&look).cpu_s,
        resident_peak_bytes: process::usage().map(|usage| usage.resident_peak_bytes),
        lasted,
        left,
        not_stored: if stored { 0 } else { run.metrics.pending_documents() as u64 },
        interrupted: run.work.stopped(),
        server: store.is_server(),
        reference: None,
    };
    // What is left is measured; the directory is removed.
    let _ = run.work.engine.shutdown(if left == 0 && stored { SHUTDOWN } else { Duration::ZERO }).await;
    // Once the engine is gone, so that the one does not take the other's cores.
    if options.reference && !outcome.interrupted {
        say("the reference: tasks one after another, one awaited write for each change of a status");
        outcome.reference = Some(match store.bare(&directory.join("reference"), options.durability) {
            Ok(store) => reference::measure(options, &run.work, store, &run.metrics, say).await?,
            Err(error) => Reference { trouble: Some(error.to_string()), ..Reference::default() },
        });
        outcome.interrupted = run.work.stopped();
    }
    listening.abort();
    Ok(Some(outcome))
}

/// Reads the newest executions of one tenant after another, a few times a second: what an analyst's list costs beside the load.
async fn read(work: Arc<Workload>) {
    let mut pause = READ;
    for number in 0.. {
        tokio::time::sleep(pause).await;
        let (tenant, _) = work.playbook(number);
        let query = ExecutionQuery {
            tenant: tenant.clone(),
            of: ExecutionsOf::Any,
            after: None,
            limit: READ_LIMIT,
            detail: Detail::Whole,
        };
        let began = Instant::now();
        if work.engine.reader().executions(query).await.is_ok() {
            work.tally.read.record(began.elapsed());
        }
        // A store that reads slowly is asked less often: reads take a fiftieth of the time at most.
        pause = READ.max(began.elapsed() * 50);
    }
}

impl Run<'_> {
    async fn phases(&mut self, sampler: &Sampler) -> Result<Vec<PhaseResult>, Error> {
        let mut ended: Vec<PhaseResult> = Vec::new();
        for (number, phase) in self.options.scenario.phases().into_iter().enumerate() {
            sampler.enter(number);
            let end = self.phase(phase, number).await?;
            sampler.enter(sampler::BETWEEN);
            // Each is judged alone: one that broke ends the run, and what is under way ends before the next.
            let alone = self.options.scenario == LoadScenario::Stress;
            let broke = alone && matches!(end.verdict(), Verdict::Broke(_));
            ended.push(end);
            // An engine that has failed, or whose store is gone, takes no further load.
            let over = broke || self.trouble.is_some() || self.work.stopped();
            if over || (alone && self.drain().await > 0) {
                break;
            }
        }
        Ok(ended)
    }

    async fn phase(&mut self, phase: Phase, number: usize) -> Result<PhaseResult, Error> {
        let meter = Arc::new(Meter::new()?);
        let (began, counted) = (Instant::now(), self.metrics.counted());
        let (look, pending) = (Used::now(), self.metrics.pending_documents());
        let length = self.options.length().share(phase.share);
        let submitters = usize::from(self.options.concurrency);
        let (mut rates, mut behind, mut drained) = (None, None, None);
        if let Load::Open(multiples) = phase.load {
            let of = multiples.of(self.full.unwrap_or(1.0));
            self.open(&meter, length, of, number).await?;
            rates = Some(of);
        } else {
            let pile = (phase.load == Load::Pile).then(|| self.work.pile());
            self.work.let_tools_answer(pile.is_none());
            let work = self.work.clone();
            self.unless_stalled(load::submit(&work, &meter, length, submitters, pile)).await;
            let (piled, opened) = (self.work.tally.in_flight.load(Ordering::Relaxed), Instant::now());
            self.work.let_tools_answer(true);
            if pile.is_some() && self.drain().await == 0 {
                drained = Some((piled, opened.elapsed()));
            }
            behind = self.flush().await;
        }
        let lasted = began.elapsed();
        let in_flight = self.work.tally.in_flight.load(Ordering::Relaxed);
        let counted = self.metrics.counted().since(counted);
        if phase.load == Load::Closed {
            let measured = counted.get("ended") as f64 / lasted.as_secs_f64();
            self.full.get_or_insert(measured.max(1.0));
        }
        Ok(PhaseResult {
            began_s: (began - self.began).as_secs_f64(),
            rates,
            ideal: workload::ideal(self.options),
            in_flight,
            pending: (pending, self.metrics.pending_documents()),
            behind,
            drained,
            ..PhaseResult::new(phase, meter, lasted, counted, Used::since(&look))
        })
    }

    /// Sends arrivals from a thread of their own.
    async fn open(
        &self,
        meter: &Arc<Meter>,
        length: Length,
        rates: Rates,
        number: usize,
    ) -> Result<(), Error> {
        let (work, meter) = (self.work.clone(), meter.clone());
        let random = Random::new(self.options.seed, 16 + number as u64);
        let runtime = tokio::runtime::Handle::current();
        let sending = move || load::open(&work, &meter, length, rates, &random, &runtime);
        tokio::task::spawn_blocking(sending).await.map_err(|error| Error::of("the arrivals", error))
    }

    /// Waits until all has ended; returns how many had not when the time to wait was over.
    async fn drain(&self) -> usize {
        let until = Instant::now() + DRAIN + workload::ideal(self.options) * 4;
        loop {
            let left = self.work.tally.in_flight.load(Ordering::Relaxed);
            let given_up = self.trouble.is_some() || self.work.stopped();
            if left == 0 || given_up || Instant::now() > until {
                return left;
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Waits until the store has everything, as long as it takes some; how long that took, or none where it does not get
    /// all.
    async fn flush(&mut self) -> Option<Duration> {
        // One that was given up is not waited for again.
        if self.trouble == Some(Trouble::Store) {
            return None;
        }
        let (began, work) = (Instant::now(), self.work.clone());
        let flushed = async {
            tokio::select! {
                flushed = work.engine.flush() => Some(flushed),
                () = async { work.stopping().await; tokio::time::sleep(STOP).await } => None,
            }
        };
        if let Err(error) = self.unless_stalled(flushed).await?? {
            self.trouble.get_or_insert(Trouble::Engine(error.to_string()));
            return None;
        }
        Some(began.elapsed())
    }

    /// Waits for this, unless the store takes nothing more, for which it may wait for ever.
    async fn unless_stalled<T>(&mut self, this: impl Future<Output = T>) -> Option<T> {
        let metrics = self.metrics.clone();
        tokio::select! {
            done = this => Some(done),
            () = stalled(&metrics) => {
                self.trouble.get_or_insert(Trouble::Store);
                None
            }
        }
    }
}

/// Waits until the store has taken nothing for long, of what waits for it.
async fn stalled(metrics: &Metrics) {
    let look = || (metrics.counted().get("store.updates"), metrics.pending_documents());
    let (mut seen, mut since) = (look(), Instant::now());
    while since.elapsed() < STALLED {
        tokio::time::sleep(LOOK * 20).await;
        let now = look();
        if now != seen || now.1 == 0.0 {
            (seen, since) = (now, Instant::now());
        }
    }
}
