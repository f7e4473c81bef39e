//! Write-behind to MongoDB, measured: the driver alone, the whole engine, and the way that it replaces, in one
//! process, in turn, as ratios. `docs/benchmarks.md` records what it prints.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a benchmark ends where something fails, and prints its figures"
)]

mod documents;
mod engine;
mod figures;
mod meters;
mod operations;
mod options;
mod paced;
mod page;
mod pause;
mod plant;
mod raw;
mod recorder;
mod reference;
mod report;
mod server;
mod slow;
mod visible;

use figures::{Figures, median};
use meters::Meters;
use options::Options;
use plant::Land;
use updraft::Update;

/// How often in a round what takes seconds is measured; the reference takes minutes.
const OFTEN: usize = 3;

/// As the program has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() {
    let options = match Options::read() {
        Ok(Some(options)) => options,
        Ok(None) => return println!("{}", options::USAGE),
        Err(mistake) => {
            eprintln!("{mistake}");
            std::process::exit(2);
        }
    };
    let Options { pace, synced, .. } = options;
    let land = Land { server: options.server.clone(), pace, synced };
    let (meters, mut figures) = (Meters::install(), Figures::default());
    let changes = if options.has("reference") || options.has("slow") || options.has("engine") {
        reference::changes(&land.site().await, options.of_reference()).await
    } else {
        Vec::new()
    };
    for round in 1..=options.rounds {
        eprintln!("round {round} of {}", options.rounds);
        measure(&options, &land, &meters, &changes, &mut figures).await;
    }
    if options.has("pause") {
        pause::round(&land.site().await, &meters, options.pause, &mut figures).await;
    }
    if options.has("page") {
        page::round(&land.site().await, options.stored, &mut figures).await;
    }
    println!("{}", report::table(&figures));
    if let Some(file) = &options.json {
        report::write_json(&figures, file);
    }
}

/// One round of every part.
async fn measure(options: &Options, land: &Land, meters: &Meters, changes: &[Update], figures: &mut Figures) {
    if options.has("driver") {
        raw::round(&land.site().await, options.documents, figures).await;
    }
    let reference = if options.has("reference") || options.has("slow") {
        Some(reference::round(land, changes, figures).await)
    } else {
        None
    };
    let changes_each = changes.len() as f64 / options.of_reference() as f64;
    if options.has("engine") || options.has("visible") {
        let (mut rates, mut batches) = ([0.0; OFTEN], Vec::new());
        for rate in &mut rates {
            (*rate, batches) = engine::round(land, meters, options.executions, figures).await;
        }
        let reached = median(&rates);
        figures.add("engine: status changes of an execution", changes_each);
        figures.add("engine: status changes [/s]", reached * changes_each);
        if let Some([one, ten]) = reference {
            figures.add("RATIO engine ÷ reference one after another", reached * changes_each / one);
            figures.add("RATIO engine ÷ reference ten at a time", reached * changes_each / ten);
        }
        if options.has("visible") {
            for _ in 0..OFTEN {
                half_load(options, land, &batches, reached / 2.0, figures).await;
            }
        }
    }
    if let (true, Some([one, _])) = (options.has("slow"), reference) {
        let rate = slow::round(&land.site().await, meters, options.executions / 4, figures).await;
        figures.add("RATIO slow steps ÷ reference one after another", rate / one);
    }
}

/// The engine and the driver alone under so many executions a second, which the driver takes from these batches.
async fn half_load(
    options: &Options,
    land: &Land,
    batches: &[Vec<raw::Message>],
    rate: f64,
    figures: &mut Figures,
) {
    let (executions, lasts) = (options.executions, options.lasts);
    let engine = visible::round(&land.site().await, rate, lasts, figures).await;
    let driver = paced::round(&land.site().await, batches, executions, rate, lasts, figures).await;
    figures.add("RATIO visible ÷ driver alone, 99 of 100", engine / driver);
}
