//! One run: the phases of a scenario, one after another, and what each came to. Judges nothing.

use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;
use updraft::limits::WRITE_TIMEOUT;

use crate::exit::Error;
use crate::interrupt::Interrupt;
use crate::log::Screen;
use crate::stress::chance::Chance;
use crate::stress::load::{self, Rates};
use crate::stress::measure::{Counts, Meter};
use crate::stress::options::Options;
use crate::stress::process::{self, Thread};
use crate::stress::recorder::{Counted, Metrics};
use crate::stress::reference::{self, Reference};
use crate::stress::rounds;
use crate::stress::sampler::{self, Sampler, Seen};
use crate::stress::scenario::{Load, Phase};
use crate::stress::store::Place;
use crate::stress::verdict::Verdict;
use crate::stress::workload::{self, Workload};

/// How long executions may take to end after the last arrival, beyond what their tools take.
const DRAIN: Duration = Duration::from_secs(60);
/// The same after an interruption, for engine and store.
const STOP: Duration = Duration::from_secs(5);
/// The pause between two looks at what is still under way.
const LOOK: Duration = Duration::from_millis(5);
/// A store that takes nothing of what waits for so long takes nothing more: longer than one batch may take.
const STALLED: Duration = WRITE_TIMEOUT.saturating_add(Duration::from_secs(30));
/// What the engine may need to end once all is stored.
const SHUTDOWN: Duration = Duration::from_secs(30);

/// What one phase came to.
pub(crate) struct PhaseEnd {
    pub(crate) phase: Phase,
    pub(crate) meter: Arc<Meter>,
    /// Seconds of the run at its begin.
    pub(crate) began_s: f64,
    /// Closed loops and piles: until the store has everything.
    pub(crate) lasted: Duration,
    pub(crate) counts: Counts,
    pub(crate) counted: Counted,
    pub(crate) cpu_s: Option<f64>,
    /// The share of the machine's cores that was busy.
    pub(crate) machine: Option<f64>,
    /// CPU seconds of each thread in this phase.
    pub(crate) threads: Vec<Thread>,
    pub(crate) rates: Option<Rates>,
    /// What an execution takes on average where only its tools take time.
    pub(crate) ideal: Duration,
    /// Executions in flight at its end.
    pub(crate) in_flight: usize,
    /// Documents that waited for the store at its begin and at its end.
    pub(crate) pending: (f64, f64),
    /// Closed loops and piles: how long the store was behind when all had ended; none where it did not get all.
    pub(crate) behind: Option<Duration>,
    /// Piles: how many waited, and how long they took to end once tools answered.
    pub(crate) drained: Option<(usize, Duration)>,
}

/// Why a run came to nothing, or not to its end, other than by being interrupted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// The engine failed.
    Engine(String),
    /// The store takes nothing more.
    Store,
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Engine(why) => write!(f, "The engine did not do its work: {why}."),
            Self::Store => {
                write!(f, "The store took nothing of what waited for it for {} s.", STALLED.as_secs())
            }
        }
    }
}

/// What a run came to.
pub(crate) struct Outcome {
    pub(crate) phases: Vec<PhaseEnd>,
    pub(crate) seen: Seen,
    pub(crate) counts: Counts,
    pub(crate) counted: Counted,
    /// Why the first submission was refused.
    pub(crate) first_error: Option<String>,
    pub(crate) trouble: Option<Trouble>,
    pub(crate) cpu_s: Option<f64>,
    pub(crate) resident_peak_bytes: Option<u64>,
    pub(crate) lasted: Duration,
    /// Executions that had not ended when nobody waited for them any more.
    pub(crate) left: usize,
    /// Documents that the store had not got when nobody waited for it any more.
    pub(crate) not_stored: u64,
    pub(crate) interrupted: bool,
    /// Whether the store is one that others load too.
    pub(crate) server: bool,
    /// The same load, executed as others do; where it was asked for.
    pub(crate) reference: Option<Reference>,
}

/// A run under way.
struct Run<'a> {
    options: &'a Options,
    work: Arc<Workload>,
    metrics: Metrics,
    began: Instant,
    /// Executions per second that open loops take for full load.
    full: Option<f64>,
    trouble: Option<Trouble>,
}

/// Runs the scenario in this directory; none where an interruption came before it could begin.
pub(crate) async fn run(
    options: &Options,
    directory: &Path,
    place: &Place,
    metrics: Metrics,
    mut interrupt: Interrupt,
    screen: &Screen,
) -> Result<Option<Outcome>, Error> {
    let Some(work) = interrupt.unless(Workload::start(options, directory, place)).await else {
        return Ok(None);
    };
    let work = Arc::new(work?);
    let (stopping, cpu) = (work.clone(), process::cpu_s());
    let with_stdin = options.until_stdin_ends;
    let ear = tokio::spawn(async move {
        tokio::select! {
            () = interrupt.asked() => {}
            () = rounds::stdin_ended(), if with_stdin => {}
        }
        stopping.end();
    });
    let names = options.scenario.phases().iter().map(|phase| phase.name).collect();
    let sampler = Sampler::start(work.clone(), metrics.clone(), names, screen.clone());
    let sampler = sampler.map_err(|error| Error::Failed(format!("no threads: {error}")))?;
    let mut run = Run { options, work, metrics, began: Instant::now(), full: options.rate, trouble: None };
    let phases = run.phases(&sampler).await?;
    let left = run.drain().await;
    let stored = run.flush().await.is_some();
    if left > 0 && !run.work.stopped() {
        let why = format!("{left} executions had not ended when nobody waited any more");
        run.trouble.get_or_insert(Trouble::Engine(why));
    }
    let lasted = run.began.elapsed();
    let seen = sampler.end();
    let mut outcome = Outcome {
        phases,
        seen,
        counts: run.work.tally.counts(),
        counted: run.metrics.counted(),
        first_error: run.work.tally.first_error(),
        trouble: run.trouble.take(),
        cpu_s: process::cpu_s().zip(cpu).map(|(now, before)| now - before),
        resident_peak_bytes: process::resident_bytes().map(|(_, most)| most),
        lasted,
        left,
        not_stored: if stored { 0 } else { run.metrics.waiting().documents as u64 },
        interrupted: run.work.stopped(),
        server: place.is_server(),
        reference: None,
    };
    // What is left is measured; the directory is removed.
    let _ = run.work.engine.shutdown(if left == 0 && stored { SHUTDOWN } else { Duration::ZERO }).await;
    // Once the engine is gone, so that the one does not take the other's cores.
    if options.reference && !outcome.interrupted {
        screen.say("the reference: tasks one after another, one awaited write for each change of a status");
        let store = place.bare(&directory.join("reference"), options.durability).await;
        outcome.reference = Some(match store {
            Ok(store) => reference::measure(options, &run.work, store, screen).await?,
            Err(error) => Reference { trouble: Some(error.to_string()), ..Reference::default() },
        });
        outcome.interrupted = run.work.stopped();
    }
    ear.abort();
    Ok(Some(outcome))
}

impl Run<'_> {
    async fn phases(&mut self, sampler: &Sampler) -> Result<Vec<PhaseEnd>, Error> {
        let mut ended: Vec<PhaseEnd> = Vec::new();
        for (number, phase) in self.options.scenario.phases().into_iter().enumerate() {
            sampler.enter(number);
            let end = self.phase(phase, number).await?;
            sampler.enter(sampler::BETWEEN);
            let alone = self.options.scenario.raises();
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

    async fn phase(&mut self, phase: Phase, number: usize) -> Result<PhaseEnd, Error> {
        let meter = Arc::new(Meter::new()?);
        let (began, counts, counted) = (Instant::now(), self.work.tally.counts(), self.metrics.counted());
        let (cpu, machine, threads) = (process::cpu_s(), process::machine(), process::threads());
        let pending = self.metrics.waiting().documents;
        let length = self.options.length(phase.share);
        let submitters = usize::from(self.options.concurrency);
        let (mut rates, mut behind, mut drained) = (None, None, None);
        match phase.load {
            Load::Closed => {
                let work = self.work.clone();
                self.unless_stalled(load::closed(&work, &meter, length, submitters)).await;
                behind = self.flush().await;
            }
            Load::Pile => {
                let _ = self.work.gate.send_replace(false);
                let work = self.work.clone();
                self.unless_stalled(load::pile(&work, &meter, length, submitters)).await;
                let piled = self.work.tally.in_flight.load(Ordering::Relaxed);
                let _ = self.work.gate.send_replace(true);
                let opened = Instant::now();
                let left = self.drain().await;
                drained = (left == 0).then(|| (piled, opened.elapsed()));
                behind = self.flush().await;
            }
            Load::Open { from, to, flood } => {
                let full = self.full.unwrap_or(1.0);
                let of = Rates { from: from * full, to: to * full, flood: flood * full };
                self.open(&meter, phase, of, number).await?;
                rates = Some(of);
            }
        }
        let lasted = began.elapsed();
        let in_flight = self.work.tally.in_flight.load(Ordering::Relaxed);
        let counts = self.work.tally.counts().since(counts);
        if phase.load == Load::Closed {
            let measured = counts.ended() as f64 / lasted.as_secs_f64();
            self.full.get_or_insert(measured.max(1.0));
        }
        let busy = |(busy, all): (u64, u64), (busy_before, all_before): (u64, u64)| {
            (busy - busy_before) as f64 / (all - all_before).max(1) as f64
        };
        Ok(PhaseEnd {
            phase,
            meter,
            began_s: (began - self.began).as_secs_f64(),
            lasted,
            counts,
            counted: self.metrics.counted().since(counted),
            cpu_s: process::cpu_s().zip(cpu).map(|(now, before)| now - before),
            machine: process::machine().zip(machine).map(|(now, before)| busy(now, before)),
            threads: used(&threads, process::threads()),
            rates,
            ideal: workload::ideal(self.options),
            in_flight,
            pending: (pending, self.metrics.waiting().documents),
            behind,
            drained,
        })
    }

    /// Sends arrivals from a thread of their own.
    async fn open(&self, meter: &Arc<Meter>, phase: Phase, rates: Rates, number: usize) -> Result<(), Error> {
        let (work, meter, length) = (self.work.clone(), meter.clone(), self.options.length(phase.share));
        let chance = Chance::new(self.options.seed, 16 + number as u64);
        let runtime = tokio::runtime::Handle::current();
        let (sent, over) = oneshot::channel::<()>();
        let thread = std::thread::Builder::new().name("stress-arrivals".to_owned());
        let sending = thread.spawn(move || {
            load::open(&work, &meter, length, rates, &chance, &runtime);
            drop(sent);
        });
        let sending = sending.map_err(|error| Error::Failed(format!("no threads: {error}")))?;
        // It is dropped, never sent.
        let _ = over.await;
        sending.join().map_err(|_| Error::Failed("the arrivals ended in a panic".to_owned()))
    }

    /// Waits until all has ended; how many had not when the patience was at its end.
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
        let began = Instant::now();
        let (work, metrics) = (self.work.clone(), self.metrics.clone());
        let flushed = tokio::select! {
            flushed = work.engine.flush() => flushed.map_err(|error| Trouble::Engine(error.to_string())),
            () = stalled(&metrics) => Err(Trouble::Store),
            () = async { work.stopping().await; tokio::time::sleep(STOP).await } => return None,
        };
        match flushed {
            Ok(()) => Some(began.elapsed()),
            Err(trouble) => {
                self.trouble.get_or_insert(trouble);
                None
            }
        }
    }

    /// Loads the engine, unless the store takes nothing more, for which submissions would wait for ever.
    async fn unless_stalled(&mut self, load: impl Future<Output = ()>) {
        let metrics = self.metrics.clone();
        tokio::select! {
            () = load => {}
            () = stalled(&metrics) => self.trouble = Some(Trouble::Store),
        }
    }
}

/// Waits until the store has taken nothing for long, of what waits for it.
async fn stalled(metrics: &Metrics) {
    let look = || (metrics.counted().updates, metrics.waiting().documents);
    let (mut seen, mut since) = (look(), Instant::now());
    while since.elapsed() < STALLED {
        tokio::time::sleep(LOOK * 20).await;
        let now = look();
        if now != seen || now.1 == 0.0 {
            (seen, since) = (now, Instant::now());
        }
    }
}

/// What each thread used between two looks.
fn used(before: &[Thread], after: Vec<Thread>) -> Vec<Thread> {
    let earlier = |tid| before.iter().find(|thread| thread.tid == tid).map_or(0.0, |thread| thread.cpu_s);
    after.into_iter().map(|thread| Thread { cpu_s: thread.cpu_s - earlier(thread.tid), ..thread }).collect()
}

#[cfg(test)]
impl PhaseEnd {
    /// A phase that came to nothing.
    pub(crate) fn testing(phase: Phase, lasted: Duration) -> Self {
        Self {
            phase,
            meter: Arc::new(Meter::new().unwrap()),
            began_s: 0.0,
            lasted,
            counts: Counts::default(),
            counted: Counted::default(),
            cpu_s: None,
            machine: None,
            threads: Vec::new(),
            rates: None,
            ideal: Duration::ZERO,
            in_flight: 0,
            pending: (0.0, 0.0),
            behind: None,
            drained: None,
        }
    }
}
