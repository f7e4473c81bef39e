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
use updraft::process::Used;

use crate::Say;
use crate::error::Error;
use crate::latencies::Meter;
use crate::options::{Length, LoadOptions};
use crate::outcome::{COLUMNS, PhaseResult, Reference};
use crate::recorder::Metrics;
use crate::scenario::{Load, Phase};
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
    metrics: &Metrics,
    say: &Say,
) -> Result<Reference, Error> {
    let mut reference = Reference::default();
    let epoch = match store.claim_epochs(&VirtualShard::ALL, Uuid::now_v7(), 0).await {
        Ok(epochs) => epochs.highest(),
        Err(error) => return Ok(Reference { trouble: Some(error.to_string()), ..reference }),
    };
    for (at_once, name, _) in COLUMNS {
        let meter = Arc::new(Meter::new()?);
        let plain = Arc::new(Plain::new(options, work.clone(), store.clone(), epoch, meter.clone())?);
        let (began, look, counted) = (Instant::now(), Used::now(), metrics.counted());
        let told = async {
            loop {
                tokio::time::sleep(SAY.max(began.elapsed() / 10)).await;
                let seconds = began.elapsed().as_secs_f64();
                let rate = metrics.counted().since(counted).get("ended") as f64 / seconds;
                say(&format!("{seconds:6.1}s  {name}, {rate:.0} executions/s ended"));
            }
        };
        let trouble = tokio::select! {
            trouble = load(&plain, options.length().share(SHARE), at_once) => trouble,
            () = work.stopping() => None,
            () = told => None,
        };
        // What was measured until then counts: its time is known.
        let (lasted, counted) = (began.elapsed(), metrics.counted().since(counted));
        let phase = Phase { name, load: Load::Closed, share: SHARE };
        reference.columns.push(PhaseResult::new(phase, meter, lasted, counted, Used::since(&look)));
        if trouble.is_some() || work.stopped() {
            return Ok(Reference { trouble, ..reference });
        }
    }
    Ok(reference)
}

/// Executes for so long, or so many; why it ended before its time. Whoever drops it ends it.
async fn load(plain: &Arc<Plain>, length: Length, at_once: usize) -> Option<String> {
    let (time, most) = match length {
        Length::Time(time) => (time.clamp(LEAST, MOST), u64::MAX),
        Length::Executions(executions) => (MOST, executions),
    };
    let next = Arc::new(AtomicU64::new(0));
    let mut loops = JoinSet::new();
    for _ in 0..at_once {
        let (plain, next) = (plain.clone(), next.clone());
        loops.spawn(async move {
            while next.fetch_add(1, Ordering::Relaxed) < most {
                plain.execute().await?;
            }
            Ok::<(), String>(())
        });
    }
    let ended = tokio::time::timeout(time, loops.join_all()).await;
    ended.ok()?.into_iter().find_map(Result::err)
}
