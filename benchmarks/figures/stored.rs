//! A store that has a million executions already: what it takes more, and what reads of it take.

use std::time::Duration;

use mongodb::bson::doc;
use tokio::time::Instant;
use updraft::{Detail, Durability, ExecutionQuery, ExecutionStatus, ExecutionsOf, TenantCode};
use updraft_load::{LoadOptions, RunStore, median};

use crate::Options;
use crate::bench::{Bench, say, tell};
use crate::throughput::{PAIRS, rate, rate_of_durable};

/// Reads of which the mean is taken: so many, or as many as end in so long.
const READS: u32 = 1_000;
const READING: Duration = Duration::from_secs(60);
/// The table that is read.
const EXECUTIONS: &str = "playbook_execution_collection";

pub(crate) async fn throughput(options: &Options) {
    let mut full = fill(&RunStore::Embedded, options.stored).await;
    let mut ratios = Vec::new();
    for _ in 0..PAIRS {
        let on_empty = rate_of_durable(options.executions).await.executions_per_s;
        let load = LoadOptions::default();
        let (on_full, directory) = rate(&load, full, &RunStore::Embedded, options.executions).await;
        full = directory;
        ratios.push(on_full.executions_per_s / on_empty);
    }
    tell("stored", median(&ratios).expect("pairs"));
}

/// An analyst's list of 100 through the engine, with the indexes of the store and without them.
pub(crate) async fn reads(options: &Options) {
    let store = RunStore::open(&options.store.parse().expect("an address")).await.expect("a store");
    let bench = Bench::start(&LoadOptions::default(), fill(&store, options.stored).await, &store).await;
    let with = list(&bench).await;
    tell("reads", with);
    drop_indexes(&bench, &store, &options.store).await;
    let without = list(&bench).await;
    tell("reads.without", without);
    tell("reads.ratio", without / with);
    bench.end().await;
    store.leave(&say()).await;
}

/// The mean time of a read in milliseconds, of one tenant after another.
async fn list(bench: &Bench) -> f64 {
    let (began, mut reads) = (Instant::now(), 0);
    while reads < READS && began.elapsed() < READING {
        let query = ExecutionQuery {
            tenant: TenantCode::new(format!("tenant-{}", reads % 16)).expect("a tenant"),
            of: ExecutionsOf::Status(ExecutionStatus::Completed),
            after: None,
            limit: 100,
            detail: Detail::Whole,
        };
        let (page, _) = bench.work.engine.reader().executions(query).await.expect("a page");
        assert_eq!(page.len(), 100, "a whole page");
        reads += 1;
    }
    began.elapsed().as_secs_f64() * 1e3 / f64::from(reads)
}

/// Drops the indexes of executions behind the engine's back: when it starts it makes those that are missing.
async fn drop_indexes(bench: &Bench, store: &RunStore, address: &str) {
    if let RunStore::MongoDb { own, .. } = store {
        let database = own.as_deref().expect("an address without a database");
        let client = mongodb::Client::with_uri_str(address).await.expect("the server");
        let command = doc! { "dropIndexes": EXECUTIONS, "index": "*" };
        client.database(database).run_command(command).await.expect("dropped");
        return;
    }
    let connection =
        rusqlite::Connection::open(bench.directory.path().join("updraft.db")).expect("the store");
    let question = "SELECT group_concat('DROP INDEX ' || name, ';') FROM sqlite_master \
                    WHERE type = 'index' AND sql IS NOT NULL AND tbl_name = ?";
    let drops: String = connection.query_row(question, [EXECUTIONS], |row| row.get(0)).expect("indexes");
    connection.execute_batch(&drops).expect("dropped");
}

/// A directory, and a store, in which so many executions are stored, with their tasks.
async fn fill(store: &RunStore, stored: u64) -> tempfile::TempDir {
    let options = LoadOptions { durability: Durability::Os, ..LoadOptions::default() };
    let bench = Bench::start(&options, tempfile::tempdir().expect("a directory"), store).await;
    bench.closed(stored, options.concurrency).await;
    bench.flush().await;
    bench.end().await
}
