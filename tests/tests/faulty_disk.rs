//! A disk that fails under an engine: the engine says which fault it was, accepts nothing more, never syncs again what
//! a sync has failed for, and the next start, also after a loss of power, has all that was accepted.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "these are tests"
)]

use std::time::Duration;

use serde_json::json;
use updraft::{
    Builder, Durability, Engine, EngineTrouble, ExecutionStatus, Handle, Lost, Playbook, Refusal, Shutdown,
    StartError, Submission,
};
use updraft_tests::power_loss_disk::DiskFault;
use updraft_tests::timeouts::TEST_TIMEOUT;
use updraft_tests::{Harness, PowerLossDisk, playbook, soon, tenant};

/// A file of the journal.
const SEGMENT: &str = ".journal";

fn power_loss_disk(seed: u64) -> Option<PowerLossDisk> {
    PowerLossDisk::new(env!("CARGO_BIN_EXE_power-loss-disk"), seed)
        .map_err(|reason| println!("SKIPPED: nothing can be mounted here: {reason}"))
        .ok()
}

fn on(harness: &Harness, power_loss_disk: &PowerLossDisk) -> Builder {
    harness.builder().data(power_loss_disk.path().join("data")).durability(Durability::Fsync)
}

/// Waits for the test before it goes on.
fn gated() -> Playbook {
    playbook(
        "steps:
  - {id: gate, action: tool.gate}
  - {id: after, action: tool.echo}
",
    )
}

/// Submits until the engine refuses, or so many are accepted.
async fn fill(engine: &Engine, submission: &Submission, most: usize) -> (Vec<Handle>, Option<Refusal>) {
    let mut accepted = Vec::new();
    while accepted.len() < most {
        match soon(engine.submit(submission.clone())).await {
            Ok(handle) => accepted.push(handle),
            Err(error) => {
                assert_eq!(*error.submission, *submission, "it is handed back as it was");
                return (accepted, Some(error.refusal));
            }
        }
    }
    (accepted, None)
}

/// Everything that was accepted runs to its end in an engine that starts on this disk.
async fn all_complete(harness: &Harness, power_loss_disk: &PowerLossDisk, accepted: Vec<Handle>) {
    let peids: Vec<_> = accepted.iter().map(Handle::peid).collect();
    drop(accepted);
    harness.tool.open(1_000);
    let engine = soon(on(harness, power_loss_disk).start()).await.unwrap();
    for peid in peids {
        let handle = engine.handle(&tenant("acme"), peid).await.unwrap().expect("it was accepted");
        let finished = harness.end(&engine, &handle, &gated()).await;
        assert_eq!(finished.status(), ExecutionStatus::Completed);
    }
    for handle in engine.unfinished() {
        soon(handle.wait()).await.unwrap();
    }
    assert_eq!(soon(engine.shutdown(TEST_TIMEOUT)).await, Shutdown::Stored);
}

/// A fault of the journal's segment poisons it, with these words, whatever comes after.
async fn poisons(seed: u64, fault: DiskFault, words: &str) {
    let Some(mut power_loss_disk) = power_loss_disk(seed) else { return };
    let harness = Harness::default();
    let engine = on(&harness, &power_loss_disk).start().await.unwrap();
    let pid = harness.put(&engine, &gated()).await;
    let submission = Submission::new(tenant("acme"), pid).input(json!({ "alert": "x".repeat(10_000) }));
    let (mut accepted, refusal) = fill(&engine, &submission, 5).await;
    assert!(refusal.is_none(), "{refusal:?}");
    power_loss_disk.strike(SEGMENT, usize::try_from(seed % 7).unwrap(), fault);
    let (more, refusal) = fill(&engine, &submission, 200).await;
    accepted.extend(more);
    let refusal = refusal.expect("the disk has failed");
    assert!(
        matches!(&refusal, Refusal::Failed(Lost::Engine(reason)) if reason.contains(words)),
        "{refusal:?}"
    );
    assert!(!refusal.retryable());
    let again = engine.submit(submission.clone()).await.unwrap_err().refusal;
    assert!(matches!(&again, Refusal::Failed(Lost::Engine(_))), "{again}");
    let troubles = engine.health().await.troubles;
    let poisoned = |trouble: &EngineTrouble| matches!(trouble, EngineTrouble::JournalPoisoned { cause } if cause.contains(words));
    assert!(troubles.iter().any(poisoned), "{troubles:?}");
    assert!(engine.flush().await.is_err());
    for handle in &accepted {
        assert!(soon(handle.wait()).await.is_err(), "nobody is told of an end that is not durable");
    }
    assert_eq!(soon(engine.shutdown(Duration::from_millis(200))).await, Shutdown::Journaled);
    drop(engine);
    let again = power_loss_disk.synced_again();
    assert!(
        again.iter().all(|name| !name.ends_with(SEGMENT)),
        "a failed sync is never tried again: {again:?}"
    );
    power_loss_disk.lose_power();
    all_complete(&harness, &power_loss_disk, accepted).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_sync_poisons_the_journal_is_never_tried_again_and_loses_nothing() {
    for seed in 0..8 {
        poisons(seed, DiskFault::Sync, "nput/output error").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_short_write_poisons_the_journal_and_loses_nothing() {
    for (seed, bytes) in (0..).zip([0, 1, 19, 20, 100, 3_000, 9_000]) {
        poisons(seed, DiskFault::Write(bytes), "nput/output error").await;
    }
}

/// One after the other, everything that a start asks of the disk fails once: the start says so or goes on, and the
/// next one has everything.
async fn starts_with(fault: DiskFault, of: &str) {
    let (mut failed, mut spare) = (0, 0);
    loop {
        let Some(mut power_loss_disk) = power_loss_disk(spare as u64) else { return };
        let harness = Harness::default();
        let engine = on(&harness, &power_loss_disk).start().await.unwrap();
        let pid = harness.put(&engine, &gated()).await;
        let (accepted, refusal) = fill(&engine, &Submission::new(tenant("acme"), pid), 3).await;
        assert!(refusal.is_none());
        // As a crash: nothing is written to the store in the end.
        drop(engine);
        power_loss_disk.lose_power();
        power_loss_disk.strike(of, spare, fault);
        match soon(on(&harness, &power_loss_disk).start()).await {
            Ok(engine) => drop(engine),
            Err(error) => {
                failed += 1;
                let of_disk = matches!(
                    error,
                    StartError::Journal(_) | StartError::Store(_) | StartError::Directory { .. }
                );
                assert!(of_disk, "{error}");
                assert!(
                    error.to_string().contains("nput/output error") || error.to_string().contains("I/O"),
                    "{error}"
                );
            }
        }
        let met = power_loss_disk.met();
        power_loss_disk.mend();
        power_loss_disk.lose_power();
        all_complete(&harness, &power_loss_disk, accepted).await;
        if met == 0 {
            break;
        }
        spare += 1;
    }
    assert!(failed > 0 && spare > 0, "{spare} of them failed, {failed} starts with them");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_sync_of_a_start_may_fail_and_the_next_start_has_everything() {
    starts_with(DiskFault::Sync, "").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_sync_of_a_folder_in_a_start_may_fail_and_the_next_start_has_everything() {
    starts_with(DiskFault::SyncFolder, "").await;
}
