//! The reference: the same load, executed as the systems before us do: the tasks of an execution one after
//! another, and an awaited write of the store for each change of a status. Measures it; compares nothing.

mod plain;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;
use updraft::{Store, VirtualShard};
use uuid::Uuid;

use self::plain::Plain;
use crate::Say;
use crate::error::Error;
use crate::latencies::Latencies;
use crate::options::{Length, LoadOptions};
use crate::outcome::{COLUMNS, Reference};
use crate::process;
use crate::workload::Workload;

/// The share of the run that each column takes.
const SHARE: f64 = 0.2;
/// Less says nothing, more says nothing new.
const LEAST: Duration = Duration::from_secs(1);
const MOST: Duration = Duration::from_secs(60);
/// How often it says how it goes; a long column says less.
const SAY: Duration = Duration::from_secs(1);

/// What the executions of one column count together.
pub(crate) struct Counts {
    /// Executions that ended.
    pub(crate) executions: AtomicU64,
    /// Changes of a status that the store took: as many writes.
    pub(crate) status_changes: AtomicU64,
    /// Those of executions that ended.
    status_changes_of_ended: AtomicU64,
    /// Tool calls that completed.
    pub(crate) steps: AtomicU64,
    /// How long executions took.
    pub(crate) execution: Latencies,
}

/// What one column came to.
pub(crate) struct Column {
    lasted: Duration,
    cpu_s: Option<f64>,
    pub(crate) counts: Arc<Counts>,
}

impl Column {
    pub(crate) fn per_s(&self, count: &AtomicU64) -> Option<f64> {
        Some(some(count)? / self.lasted.as_secs_f64())
    }

    pub(crate) fn cpu_us_per_step(&self) -> Option<f64> {
        Some(self.cpu_s? * 1e6 / some(&self.counts.steps)?)
    }

    /// Writes for an execution: those that were under way at the end do not count.
    pub(crate) fn round_trips(&self) -> Option<f64> {
        Some(some(&self.counts.status_changes_of_ended)? / some(&self.counts.executions)?)
    }
}

/// What was counted, where anything was.
fn some(count: &AtomicU64) -> Option<f64> {
    Some(count.load(Ordering::Relaxed) as f64).filter(|count| *count > 0.0)
}

/// Measures all columns, or those before the run is stopped.
pub(crate) async fn measure(
    options: &LoadOptions,
    work: &Arc<Workload>,
    store: Arc<dyn Store>,
    say: &Say,
) -> Result<Reference, Error> {
    let mut reference = Reference::default();
    let epoch = match store.claim_epochs(&VirtualShard::ALL, Uuid::now_v7(), 0).await {
        Ok(epochs) => epochs.highest(),
        Err(error) => return Ok(Reference { trouble: Some(error.to_string()), ..reference }),
    };
    let plain = Arc::new(Plain::new(options, work.clone(), store, epoch)?);
    for (at_once, name, _) in COLUMNS {
        let say = |executions: u64, time: Duration| {
            let rate = executions as f64 / time.as_secs_f64();
            say(&format!("{:6.1}s  {name}, {rate:.0} executions/s ended", time.as_secs_f64()));
        };
        let (column, trouble) = measured(&plain, options.length.share(SHARE), at_once, say).await?;
        // What was measured until then counts: its time is known.
        reference.columns.push(column);
        if trouble.is_some() || work.stopped() {
            return Ok(Reference { trouble, ..reference });
        }
    }
    Ok(reference)
}

/// One column, and why it ended before its time.
async fn measured(
    plain: &Arc<Plain>,
    length: Length,
    at_once: usize,
    say: impl Fn(u64, Duration),
) -> Result<(Column, Option<String>), Error> {
    let counts = Arc::new(Counts::new()?);
    let (began, cpu) = (Instant::now(), process::cpu_s());
    let (time, most) = match length {
        Length::Time(time) => (time.clamp(LEAST, MOST), u64::MAX),
        Length::Executions(executions) => (MOST, executions),
    };
    let next = Arc::new(AtomicU64::new(0));
    let mut loops = JoinSet::new();
    for _ in 0..at_once {
        let (plain, counts, next) = (plain.clone(), counts.clone(), next.clone());
        loops.spawn(async move {
            while next.fetch_add(1, Ordering::Relaxed) < most {
                plain.execute(&counts).await?;
            }
            Ok::<(), String>(())
        });
    }
    let told = async {
        loop {
            tokio::time::sleep(SAY.max(began.elapsed() / 10)).await;
            say(counts.executions.load(Ordering::Relaxed), began.elapsed());
        }
    };
    let trouble = tokio::select! {
        trouble = ended(&mut loops) => trouble,
        () = tokio::time::sleep(time) => None,
        () = plain.work.stopping() => None,
        () = told => None,
    };
    let lasted = began.elapsed();
    let cpu_s = process::cpu_s().zip(cpu).map(|(now, before)| now - before);
    loops.shutdown().await;
    Ok((Column { lasted, cpu_s, counts }, trouble))
}

/// Waits for all loops; why the first of them failed.
async fn ended(loops: &mut JoinSet<Result<(), String>>) -> Option<String> {
    while let Some(joined) = loops.join_next().await {
        match joined {
            Ok(Ok(())) => {}
            Ok(Err(trouble)) => return Some(trouble),
            Err(panicked) => return Some(panicked.to_string()),
        }
    }
    None
}

impl Counts {
    fn new() -> Result<Self, Error> {
        let count = AtomicU64::default;
        Ok(Self {
            executions: count(),
            status_changes: count(),
            status_changes_of_ended: count(),
            steps: count(),
            execution: Latencies::new()?,
        })
    }
}
