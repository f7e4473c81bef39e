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
use crate::outcome::{COLUMNS, Column, Counts, Reference};
use crate::process;
use crate::workload::Workload;

/// The share of the run that each column takes.
const SHARE: f64 = 0.2;
/// Less says nothing, more says nothing new.
const LEAST: Duration = Duration::from_secs(1);
const MOST: Duration = Duration::from_secs(60);
/// How often it says how it goes; a long column says less.
const SAY: Duration = Duration::from_secs(1);

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
        let say = |seconds: f64, executions: u64| {
            say(&format!("{seconds:6.1}s  {name}, {:.0} executions/s ended", executions as f64 / seconds));
        };
        let (column, trouble) = measured(&plain, options.length().share(SHARE), at_once, say).await?;
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
    say: impl Fn(f64, u64),
) -> Result<(Column, Option<String>), Error> {
    let counts = Arc::new(Counts {
        executions: AtomicU64::default(),
        status_changes: AtomicU64::default(),
        steps: AtomicU64::default(),
        execution: Latencies::new()?,
    });
    let (began, cpu) = (Instant::now(), process::Look::now());
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
            say(began.elapsed().as_secs_f64(), counts.executions.load(Ordering::Relaxed));
        }
    };
    let trouble = tokio::select! {
        trouble = ended(&mut loops) => trouble,
        () = tokio::time::sleep(time) => None,
        () = plain.work.stopping() => None,
        () = told => None,
    };
    let column = Column { lasted: began.elapsed(), cpu_s: cpu.used().cpu_s, counts };
    loops.shutdown().await;
    Ok((column, trouble))
}

/// Waits for all loops; why the first of them failed.
async fn ended(loops: &mut JoinSet<Result<(), String>>) -> Option<String> {
    while let Some(joined) = loops.join_next().await {
        if let Err(trouble) = joined.unwrap_or_else(|panicked| Err(panicked.to_string())) {
            return Some(trouble);
        }
    }
    None
}
