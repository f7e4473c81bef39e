//! Who has a database on a server: one engine at a time, which a second one names; its own directory follows it at once; and
//! a journal and a database that do not belong together are named as with the embedded store.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::path::Path;
use std::sync::Arc;

use updraft::{
    Bond, Engine, EngineTrouble, ExecutionStatus, Finding, Loss, Mismatch, MongoStore, Owner, Playbook,
    Refusal, Shutdown, StartError, Store, Submission, doctor,
};
use updraft_storage::mongo::testing::{TestDatabase, database};
use updraft_storage::store::{BondStore, OwnerStore};
use updraft_tests::timeouts::TEST_TIMEOUT;
use updraft_tests::{Harness, another_owner, named, playbook, soon, tenant, until};
use uuid::Uuid;

fn echo() -> Playbook {
    playbook("steps:\n  - {id: echo, action: tool.echo}\n")
}

async fn start(harness: &Harness, data: &Path, database: &TestDatabase) -> Result<Engine, StartError> {
    soon(harness.builder().data(data).store_at(database.uri().parse().unwrap()).start()).await
}

/// Starts one where another was dropped, which frees the directory soon after.
async fn freed(harness: &Harness, data: &Path, database: &TestDatabase) -> Engine {
    loop {
        match start(harness, data, database).await {
            Err(StartError::Journal(_)) => tokio::task::yield_now().await,
            started => return started.unwrap_or_else(|error| panic!("{error}")),
        }
    }
}

async fn work(harness: &Harness, engine: &Engine) {
    let handle = harness.submit(engine, &echo(), serde_json::json!({})).await;
    assert_eq!(harness.end(engine, &handle, &echo()).await.status(), ExecutionStatus::Completed);
}

/// Has it take the database, whoever has it.
async fn follow(store: &MongoStore, next: &Owner) {
    until(async || {
        let seen = store.owner().await.unwrap();
        store.take(next, seen.as_ref()).await.unwrap()
    })
    .await;
}

async fn store_of(database: &TestDatabase) -> MongoStore {
    MongoStore::connect(database.uri()).await.unwrap()
}

fn mismatch(started: Result<Engine, StartError>) -> Mismatch {
    match started {
        Err(StartError::Mismatch { mismatch, .. }) => mismatch,
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("it started"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_engine_is_told_who_has_the_database_and_the_first_goes_on() {
    let (harness, database) = (Harness::default(), database().await);
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let engine = start(&harness, one.path(), &database).await.unwrap();
    work(&harness, &engine).await;
    let error = start(&harness, other.path(), &database).await.err().unwrap();
    assert!(matches!(error, StartError::Owned { .. }) && error.retryable(), "{error}");
    let told = error.to_string();
    assert!(told.contains(&format!("process {}", std::process::id())), "{told}");
    assert!(told.contains(one.path().to_str().unwrap()), "{told}");
    let seen = soon(doctor(other.path(), &database.uri().parse().unwrap())).await.unwrap();
    let lives = |finding: &Finding| matches!(finding, Finding::Owned { lives: true, .. });
    assert!(seen.findings.iter().any(lives), "{seen}");
    assert!(!seen.to_string().contains('@'), "no credentials: {seen}");
    work(&harness, &engine).await;
    assert_eq!(soon(engine.shutdown(TEST_TIMEOUT)).await, Shutdown::Stored);
    let seen = soon(doctor(one.path(), &database.uri().parse().unwrap())).await.unwrap();
    assert!(!seen.findings.iter().any(Finding::stops_a_start) && seen.taken.is_some(), "{seen}");
    // It was given back, and both were closed in order.
    let engine = start(&harness, other.path(), &database).await.unwrap();
    work(&harness, &engine).await;
    assert_eq!(soon(engine.shutdown(TEST_TIMEOUT)).await, Shutdown::Stored);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_engine_that_died_is_followed_by_its_own_directory_and_by_another_only_where_a_person_says_so() {
    let (harness, database) = (Harness::default(), database().await);
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for _ in 0..2 {
        let engine = freed(&harness, one.path(), &database).await;
        work(&harness, &engine).await;
        drop(engine);
    }
    let store = MongoStore::connect(database.uri()).await.unwrap();
    let owner = store.owner().await.unwrap().unwrap();
    assert!(!owner.released);
    // As if its lease had run out, and it had died before it could close anything.
    store.disown(owner.incarnation).await.unwrap();
    // What it had under way when it was dropped may still be noted.
    until(async || {
        let bond = store.kept().await.unwrap().bond().unwrap();
        store.bind(Bond { closed: false, ..bond }, Some(bond)).await.unwrap()
    })
    .await;
    let found = mismatch(start(&harness, other.path(), &database).await);
    assert!(matches!(found, Mismatch::JournalMissing { .. }), "{found:?}");
    let address = database.uri().parse().unwrap();
    let builder = harness.builder().data(other.path()).store_at(address).accept_loss(Loss::OfJournal);
    let engine = soon(builder.start()).await.unwrap();
    work(&harness, &engine).await;
    let _ = soon(engine.shutdown(TEST_TIMEOUT)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_engine_that_finds_itself_replaced_says_by_whom_and_nothing_that_runs_goes_on() {
    let (harness, database, place) = (Harness::default(), database().await, tempfile::tempdir().unwrap());
    let engine = start(&harness, place.path(), &database).await.unwrap();
    let two = playbook(
        "steps:
  - id: both
    parallel: all
    branches:
      gate: [{id: gate, action: tool.gate}, {id: next, action: tool.echo}]
      hang: [{id: hang, action: tool.hang}]
",
    );
    let _handle = harness.submit(&engine, &two, serde_json::json!({})).await;
    harness.tool.begun(2).await;
    let store = MongoStore::connect(database.uri()).await.unwrap();
    let next = another_owner();
    follow(&store, &next).await;
    let replaced = |trouble: &EngineTrouble| matches!(trouble, EngineTrouble::Failed { cause } if cause.contains("process 7 on another machine"));
    until(async || engine.health().await.troubles.iter().any(replaced)).await;
    let pid = updraft::PlaybookId::new(Uuid::from_u128(1));
    let refused = engine.submit(Submission::new(tenant("acme"), pid)).await.unwrap_err();
    assert!(matches!(refused.refusal, Refusal::Failed(_)), "{refused}");
    // The one that has the database now runs the same execution: what follows a step is its to run.
    harness.tool.open(1);
    harness.tool.dropped(1).await;
    assert_eq!(harness.tool.times("next"), 0);
    let put =
        engine.playbooks().put(&tenant("acme"), named("late", "steps:\n  - {id: end, end: null}\n")).await;
    assert!(put.is_err(), "{put:?}");
    let _ = soon(engine.shutdown(std::time::Duration::ZERO)).await;
    assert_eq!(store.owner().await.unwrap(), Some(next), "it gives back nothing that is not its own");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_was_given_back_or_lost_is_the_next_engines_whoever_holds_the_one_before() {
    let (harness, database, place) = (Harness::default(), database().await, tempfile::tempdir().unwrap());
    let store = Arc::new(MongoStore::connect(database.uri()).await.unwrap());
    let start =
        async || soon(harness.builder().data(place.path()).store(store.clone()).start()).await.unwrap();
    let first = start().await;
    work(&harness, &first).await;
    assert_eq!(soon(first.shutdown(TEST_TIMEOUT)).await, Shutdown::Stored);
    let second = start().await;
    // By then the first one would have renewed too, and found itself replaced.
    until(async || store.owner().await.unwrap().is_some_and(|owner| owner.beat >= 3)).await;
    work(&harness, &second).await;
    let failed = |trouble: &EngineTrouble| matches!(trouble, EngineTrouble::Failed { .. });
    assert!(!first.health().await.troubles.iter().any(failed));

    let next = another_owner();
    follow(&store_of(&database).await, &next).await;
    until(async || second.health().await.troubles.iter().any(failed)).await;
    let _ = soon(second.shutdown(std::time::Duration::ZERO)).await;
    store_of(&database).await.disown(next.incarnation).await.unwrap();
    let third = start().await;
    work(&harness, &third).await;
    assert_eq!(soon(third.shutdown(TEST_TIMEOUT)).await, Shutdown::Stored);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_missing_on_the_server_is_named() {
    let (harness, database, place) = (Harness::default(), database().await, tempfile::tempdir().unwrap());
    let engine = start(&harness, place.path(), &database).await.unwrap();
    work(&harness, &engine).await;
    assert_eq!(soon(engine.shutdown(TEST_TIMEOUT)).await, Shutdown::Stored);
    let store: Arc<dyn Store> = Arc::new(MongoStore::connect(database.uri()).await.unwrap());
    assert!(store.kept().await.unwrap().bond().is_some_and(|bond| bond.closed && bond.taken > 0));
    MongoStore::connect(database.uri()).await.unwrap().drop_database().await.unwrap();
    let found = mismatch(start(&harness, place.path(), &database).await);
    assert!(matches!(found, Mismatch::StoreMissing { .. }), "{found:?}");
}
