//! The server stopped under load: how full the buffer gets, what memory the process takes, and that everything
//! accepted is there when the server goes on.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use mongodb::bson::{Document, doc};
use updraft::limits::{COALESCER_BYTES, COALESCER_DOCUMENTS};

use crate::engine::SUBMITTERS;
use crate::figures::{Figures, resident_bytes};
use crate::meters::Meters;
use crate::operations::EXECUTIONS;
use crate::plant::{Plant, Site, Tool};
use crate::recorder::Keep;

/// What a step answers: with it, the limit of bytes is met as soon as that of documents.
const ANSWER_BYTES: usize = 2_048;
/// How long the load lasts before the server stops, and after it goes on.
const AROUND: Duration = Duration::from_secs(2);
/// How often memory is looked at.
const LOOK: Duration = Duration::from_millis(100);

/// What the submitters did.
#[derive(Default)]
struct Count {
    ended: AtomicUsize,
    refused: AtomicUsize,
    stop: AtomicBool,
}

/// Stops the server for so long; not another one's.
pub(crate) async fn round(site: &Site, meters: &Meters, pause: Duration, figures: &mut Figures) {
    let Some(server) = site.process() else { return };
    let plant = Arc::new(site.plant(Tool::answering(ANSWER_BYTES), Keep::Nothing).await);
    let count = Arc::new(Count::default());
    let submitters: Vec<_> =
        (0..SUBMITTERS).map(|number| tokio::spawn(submit(plant.clone(), count.clone(), number))).collect();
    tokio::time::sleep(AROUND).await;
    let (before, ended) = (resident_bytes(), count.ended.load(Ordering::Acquire));
    let _ = (meters.pending_bytes.take(), meters.pending_documents.take());
    signal(server, "-STOP");
    let highest = watch_memory(pause).await;
    let went_on = count.ended.load(Ordering::Acquire) - ended;
    signal(server, "-CONT");
    tokio::time::sleep(AROUND).await;
    count.stop.store(true, Ordering::Release);
    for submitter in submitters {
        submitter.await.expect("a submitter that ends");
    }
    plant.flush().await;
    let documents = plant.database.collection::<Document>(EXECUTIONS);
    let there = documents.count_documents(doc! { "execution_status": "completed" }).await.expect("count");
    assert_eq!(there, count.ended.load(Ordering::Acquire) as u64, "what was accepted is there, once");
    let mib = |bytes: usize| bytes as f64 / f64::from(1 << 20);
    figures.add("stopped: seconds", pause.as_secs_f64());
    figures.add("stopped: executions that ended meanwhile", went_on as f64);
    figures.add("stopped: submissions refused", count.refused.load(Ordering::Acquire) as f64);
    figures.add("stopped: highest of the buffer [MiB]", mib(meters.pending_bytes.take() as usize));
    figures.add("stopped: limit of the buffer [MiB]", mib(COALESCER_BYTES));
    figures.add("stopped: highest of the buffer [documents]", meters.pending_documents.take() as f64);
    figures.add("stopped: limit of the buffer [documents]", COALESCER_DOCUMENTS as f64);
    figures.add("stopped: memory before [MiB]", mib(before));
    figures.add("stopped: highest memory [MiB]", mib(highest));
    figures.add("stopped: memory when all was written [MiB]", mib(resident_bytes()));
    plant.end().await;
}

/// The highest memory of so long.
async fn watch_memory(pause: Duration) -> usize {
    let until = tokio::time::Instant::now() + pause;
    let mut highest = 0;
    while tokio::time::Instant::now() < until {
        highest = highest.max(resident_bytes());
        tokio::time::sleep(LOOK).await;
    }
    highest
}

/// Submits and waits, again and again. Who is refused tries again: that is the pressure.
async fn submit(plant: Arc<Plant>, count: Arc<Count>, mut number: usize) {
    while !count.stop.load(Ordering::Acquire) {
        match plant.one(number).await {
            Ok(()) => {
                count.ended.fetch_add(1, Ordering::AcqRel);
                number += SUBMITTERS;
            }
            Err(refused) => {
                assert!(refused.retryable(), "{refused}");
                count.refused.fetch_add(1, Ordering::AcqRel);
            }
        }
    }
}

fn signal(process: u32, signal: &str) {
    let status = Command::new("kill").args([signal, &process.to_string()]).status().expect("kill");
    assert!(status.success(), "the server is there");
}
