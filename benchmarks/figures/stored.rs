//! A store that has a million executions already: what it takes more, and what reads of it take.

use tokio::time::Instant;
use updraft::{Detail, Durability, ExecutionQuery, ExecutionStatus, ExecutionsOf, TenantCode};
use updraft_load::{LoadOptions, RunStore, median};

use crate::bench::{Bench, tell};
use crate::throughput::{PAIRS, rate, rate_of_durable};

/// Executions that a store is filled with.
const STORED: u64 = 1_000_000;
/// Reads of which the mean is taken; without indexes each reads the whole table.
const READS: usize = 1_000;
const READS_WITHOUT: usize = 5;
/// The list that is read in both ways.
const LIST: &str = "WHERE tenant_code = 'tenant-3' AND execution_status = 'completed' \
                    ORDER BY createddate DESC, _id DESC LIMIT 100";

pub(crate) async fn throughput(executions: u64) {
    let mut full = fill().await;
    let mut ratios = Vec::new();
    for _ in 0..PAIRS {
        let on_empty = rate_of_durable(executions).await.executions_per_s;
        let (on_full, directory) = rate(&LoadOptions::default(), full, &RunStore::Embedded, executions).await;
        full = directory;
        ratios.push(on_full.executions_per_s / on_empty);
    }
    tell("stored", median(&ratios).expect("pairs"));
}

/// The mean time of an analyst's list of 100 through the engine; and of the same question to SQLite with its indexes and
/// without.
pub(crate) async fn reads() {
    let bench = Bench::start(&LoadOptions::default(), fill().await, &RunStore::Embedded).await;
    let began = Instant::now();
    for number in 0..READS {
        let query = ExecutionQuery {
            tenant: TenantCode::new(format!("tenant-{}", number % 16)).expect("a tenant"),
            of: ExecutionsOf::Status(ExecutionStatus::Completed),
            after: None,
            limit: 100,
            detail: Detail::Whole,
        };
        let (page, _) = bench.work.engine.reader().executions(query).await.expect("a page");
        assert_eq!(page.len(), 100, "a whole page");
    }
    tell("reads", began.elapsed().as_secs_f64() * 1e3 / READS as f64);
    let full = bench.end().await;
    let connection = rusqlite::Connection::open(full.path().join("updraft.db")).expect("the store");
    let took = |hint: &str, times: usize| {
        let question = format!("SELECT * FROM playbook_execution_collection {hint} {LIST}");
        let mut statement = connection.prepare(&question).expect("a question");
        let began = Instant::now();
        for _ in 0..times {
            let mut rows = statement.query([]).expect("an answer");
            while rows.next().expect("a row").is_some() {}
        }
        began.elapsed().as_secs_f64() / times as f64
    };
    let with = took("", READS);
    tell("reads.ratio", took("NOT INDEXED", READS_WITHOUT) / with);
}

/// A directory in which so many executions are stored, with their tasks.
async fn fill() -> tempfile::TempDir {
    let options = LoadOptions { durability: Durability::Os, ..LoadOptions::default() };
    let bench = Bench::durable(&options).await;
    bench.closed(STORED, options.concurrency).await;
    bench.flush().await;
    bench.end().await
}
