//! The threads: reads do not wait for writes, queues are bounded, a panic answers, closing finishes the work.

use std::future::Future;
use std::task::{Context, Poll, Waker};

use futures_util::future::join_all;
use updraft_protocol::limits::STORE_QUEUE;

use super::*;

/// Blocks the writing thread until the sender is dropped.
fn hold(
    store: &SqliteStore,
) -> (crossbeam_channel::Sender<()>, impl Future<Output = Result<(), Error>> + '_) {
    let (release, held) = crossbeam_channel::bounded::<()>(0);
    let call = store.writer.run(move |_| {
        let _ = held.recv();
        Ok(())
    });
    (release, call)
}

fn poll<F: Future + ?Sized>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

#[tokio::test]
async fn reads_do_not_wait_for_writes() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path(), Durability::Fsync).unwrap();
    let _ = store.write(vec![insert(1)]).await.unwrap();
    let (release, held) = hold(&store);
    let mut held = Box::pin(held);
    assert!(poll(held.as_mut()).is_pending());
    assert!(store.execution(&tenant(), peid(1)).await.unwrap().is_some());
    store.ping().await.unwrap();
    drop(release);
    held.await.unwrap();
}

#[tokio::test]
async fn more_calls_than_the_queue_holds_wait_for_a_place() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path(), Durability::Fsync).unwrap();
    let (release, held) = hold(&store);
    let mut held = Box::pin(held);
    assert!(poll(held.as_mut()).is_pending());
    let mut calls: Vec<_> = (1..=40).map(|number| store.write(vec![insert(number)])).collect();
    for call in &mut calls {
        assert!(poll(call.as_mut()).is_pending());
    }
    // The first ones are queued, and are done without a waiting caller; the last one was never queued.
    drop(calls.remove(0));
    drop(calls.pop());
    drop(release);
    held.await.unwrap();
    assert!(join_all(calls).await.into_iter().all(|outcomes| outcomes.unwrap() == [WriteOutcome::Written]));
    assert!(store.execution(&tenant(), peid(1)).await.unwrap().is_some());
    assert!(store.execution(&tenant(), peid(40)).await.unwrap().is_none());
    const { assert!(STORE_QUEUE < 40) };
}

#[tokio::test]
async fn a_panic_is_an_answer_and_the_thread_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path(), Durability::Fsync).unwrap();
    let broken = |connection: &mut Connection| -> Result<(), Error> {
        let _transaction = write::begin(connection).unwrap();
        panic!("a defect");
    };
    for _ in 0..2 * STORE_QUEUE {
        let error = store.writer.run(broken).await.unwrap_err();
        assert!(matches!(error, Error::Unavailable(_)), "{error}");
    }
    assert_eq!(store.write(vec![insert(1)]).await.unwrap(), [WriteOutcome::Written]);
    let error = store.read(|_| -> Result<(), Error> { panic!("a defect") }).await.unwrap_err();
    assert!(matches!(error, Error::Unavailable(_)), "{error}");
    assert!(store.execution(&tenant(), peid(1)).await.unwrap().is_some());
}

#[tokio::test]
async fn closing_finishes_what_was_queued_and_leaves_one_whole_file() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path(), Durability::Os).unwrap();
    for number in 0..10 {
        let mut call = store.write((0..50).map(|n| insert(number * 50 + n)).collect());
        // Answered at once, or queued and dropped.
        let _ = poll(call.as_mut());
    }
    drop(store);
    let mut files: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().file_name()).collect();
    files.sort();
    assert_eq!(files, [DATABASE, LOCK], "no WAL is left");
    let store = SqliteStore::open(folder.path(), Durability::Os).unwrap();
    for number in 0..500 {
        assert!(store.execution(&tenant(), peid(number)).await.unwrap().is_some(), "{number}");
    }
}

/// A thread of the store that waited for itself would hang here, or panic.
#[test]
fn the_last_owner_may_go_on_a_thread_of_the_store() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(SqliteStore::open(folder.path(), Durability::Os).unwrap());
    let (release, held) = hold(&store);
    let mut held = Box::pin(held);
    assert!(poll(held.as_mut()).is_pending());
    let (gone, wait) = crossbeam_channel::bounded(1);
    let last = Arc::clone(&store);
    let mut call = Box::pin(store.writer.run(move |_| {
        drop(last);
        gone.send(()).unwrap();
        Ok(())
    }));
    assert!(poll(call.as_mut()).is_pending());
    drop((held, call));
    drop(store);
    drop(release);
    wait.recv().unwrap();
}
