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

use figures::Figures;
use meters::Meters;
use options::Options;
use plant::Site;
use server::Server;
use updraft::Update;

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
    let server = Server::start(options.server.as_deref());
    let client = mongodb::Client::with_uri_str(&server.uri).await.expect("a client");
    let site = Site { uri: server.uri.clone(), client, path: options.path, pace: options.pace };
    let (meters, mut figures) = (Meters::install(), Figures::default());
    let changes = if options.has("reference") || options.has("slow") || options.has("engine") {
        reference::changes(&site, options.executions).await
    } else {
        Vec::new()
    };
    for round in 1..=options.rounds {
        eprintln!("round {round} of {}", options.rounds);
        measure(&options, &site, &meters, &server, &changes, &mut figures).await;
    }
    if options.has("pause")
        && let Some(process) = server.process()
    {
        pause::round(&site, &meters, process, options.pause, &mut figures).await;
    }
    if options.has("page") {
        page::round(&site, options.stored, &mut figures).await;
    }
    println!("{}", report::table(&figures));
    if let Some(file) = &options.json {
        report::write_json(&figures, file);
    }
}

/// One round of every part.
async fn measure(
    options: &Options,
    site: &Site,
    meters: &Meters,
    server: &Server,
    changes: &[Update],
    figures: &mut Figures,
) {
    let process = server.process();
    if options.has("driver") {
        raw::round(&site.client, process, options.documents, figures).await;
    }
    let reference = if options.has("reference") || options.has("slow") {
        Some(reference::round(site, process, changes, figures).await)
    } else {
        None
    };
    let changes_each = changes.len() as f64 / options.executions as f64;
    if options.has("engine") || options.has("visible") {
        let reached = engine::round(site, meters, process, options.executions, figures).await;
        figures.add("engine: status changes of an execution", changes_each);
        figures.add("engine: status changes [/s]", reached * changes_each);
        if let Some([one, ten]) = reference {
            figures.add("RATIO engine ÷ reference one after another", reached * changes_each / one);
            figures.add("RATIO engine ÷ reference ten at a time", reached * changes_each / ten);
        }
        if options.has("visible") {
            visible::round(site, reached / 2.0, figures).await;
        }
    }
    if let (true, Some([one, _])) = (options.has("slow"), reference) {
        let rate = slow::round(site, meters, options.executions / 4, figures).await;
        figures.add("RATIO slow steps ÷ reference one after another", rate / one);
    }
}
