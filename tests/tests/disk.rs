//! Disks that are full or lie: an engine waits for room and accepts nothing that it cannot keep, and the next start has
//! all that was accepted, or refuses with the place of the damage.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "these are tests"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;
use updraft::{
    Builder, Durability, Engine, EngineTrouble, ExecutionStatus, Handle, OnReuse, Playbook, Refusal,
    StartError, Submission,
};
use updraft_tests::crash::{self, ChildMessage, EMBEDDED};
use updraft_tests::timeouts::TEST_TIMEOUT;
use updraft_tests::{Harness, Mount, ToolServer, playbook, soon, tenant, until};

fn on(harness: &Harness, mount: &Mount) -> Builder {
    harness.builder().data(mount.path().join("data")).durability(Durability::Fsync)
}

/// Submits until the engine refuses.
async fn fill(engine: &Engine, submission: &Submission) -> (Vec<Handle>, Refusal) {
    let mut accepted = Vec::new();
    loop {
        match soon(engine.submit(submission.clone())).await {
            Ok(handle) => accepted.push(handle),
            Err(error) => {
                assert_eq!(*error.submission, *submission, "it is handed back as it was");
                return (accepted, error.refusal);
            }
        }
    }
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

fn disk_full(trouble: &EngineTrouble) -> bool {
    matches!(trouble, EngineTrouble::DiskFull { cause, .. } if cause.contains("no space left on device"))
}

/// Submits until the disk is full.
async fn fill_up(engine: &Engine, submission: &Submission) -> Vec<Handle> {
    let (accepted, refusal) = fill(engine, submission).await;
    assert!(matches!(&refusal, Refusal::StoreFull { .. }), "{refusal:?}");
    assert!(refusal.to_string().contains("no space left on device") && refusal.retryable(), "{refusal}");
    accepted
}

/// Submits until it is accepted.
async fn accepted(engine: &Engine, submission: &Submission) -> Handle {
    loop {
        match soon(engine.submit(submission.clone())).await {
            Ok(handle) => return handle,
            Err(error) => assert!(error.retryable(), "{error}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn small_disk(mib: usize) -> Option<Mount> {
    Mount::new(mib)
        .map_err(|reason| println!("SKIPPED: no small file system can be mounted here: {reason}"))
        .ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_waited_for_and_what_was_accepted_goes_on_when_there_is_room() {
    let Some(mount) = small_disk(6) else { return };
    let harness = Harness::default();
    let engine = on(&harness, &mount).start().await.unwrap();
    let pid = harness.put(&engine, &gated()).await;
    let submission = Submission::new(tenant("acme"), pid).input(json!({ "alert": "x".repeat(100_000) }));
    let mut all = Vec::new();
    for mib in [12, 20, 64] {
        all.extend(fill_up(&engine, &submission).await);
        assert!(engine.health().await.troubles.iter().any(disk_full));
        let again = engine.try_submit(submission.clone()).await.unwrap_err();
        assert!(matches!(&again.refusal, Refusal::StoreFull { .. }), "{again:?}");
        // What runs meets the full disk, too.
        harness.tool.open(3);
        mount.resize(mib);
        all.push(soon(accepted(&engine, &submission)).await);
    }
    assert!(all.len() > 3, "there was room for some");
    until(async || !engine.health().await.troubles.iter().any(disk_full)).await;
    harness.tool.open(1_000);
    for handle in &all {
        let finished = harness.end(&engine, handle, &gated()).await;
        assert_eq!(finished.status(), ExecutionStatus::Completed);
    }
    assert_eq!(soon(engine.shutdown(TEST_TIMEOUT)).await, updraft::Shutdown::Stored);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_engine_on_a_full_disk_shuts_down_in_its_time_and_the_next_start_has_all_that_was_accepted() {
    let Some(mount) = small_disk(6) else { return };
    let harness = Harness::default();
    let engine = on(&harness, &mount).start().await.unwrap();
    let pid = harness.put(&engine, &gated()).await;
    let submission = Submission::new(tenant("acme"), pid).input(json!({ "alert": "x".repeat(100_000) }));
    let all = fill_up(&engine, &submission).await;
    harness.tool.open(1_000);
    let _ = soon(engine.shutdown(Duration::from_millis(100))).await;
    let peids: Vec<_> = all.iter().map(Handle::peid).collect();
    drop((engine, all));

    // A start on the full disk may fail, and spoils nothing.
    match soon(on(&harness, &mount).start()).await {
        Ok(engine) => drop(soon(engine.shutdown(Duration::from_millis(100))).await),
        Err(error) => assert!(error.retryable(), "{error}"),
    }
    mount.resize(64);
    let engine = soon(on(&harness, &mount).start()).await.unwrap();
    for peid in peids {
        let handle = engine.handle(&tenant("acme"), peid).await.unwrap().expect("it was accepted");
        let finished = harness.end(&engine, &handle, &gated()).await;
        assert_eq!(finished.status(), ExecutionStatus::Completed);
    }
    assert_eq!(soon(engine.shutdown(TEST_TIMEOUT)).await, updraft::Shutdown::Stored);
}

/// A data directory as a killed process leaves it, and how many executions it had accepted.
async fn killed(data: &Path, server: &ToolServer) -> usize {
    let mut child = Command::new(env!("CARGO_BIN_EXE_crash-child"))
        .arg(data)
        .args([&server.address().to_string(), EMBEDDED, "fsync", "0,1,2,3,4,5,6,7,8,9", "stay"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut accepted = 0;
    while let Some(line) = soon(lines.next_line()).await.unwrap() {
        match ChildMessage::parse(&line) {
            Some(ChildMessage::Accepted(..)) => accepted += 1,
            Some(ChildMessage::Submitted) => break,
            _ => {}
        }
    }
    soon(server.reached(15)).await;
    soon(child.kill()).await.unwrap();
    accepted
}

/// The only segment of the journal that holds anything.
fn segment(data: &Path) -> PathBuf {
    let files = fs::read_dir(data.join("journal")).unwrap().map(|file| file.unwrap().path());
    let mut segments: Vec<PathBuf> = files
        .filter(|path| path.extension().is_some_and(|extension| extension == "journal"))
        .filter(|path| fs::metadata(path).unwrap().len() > 1_000)
        .collect();
    assert_eq!(segments.len(), 1, "{segments:?}");
    segments.remove(0)
}

/// Where each whole frame begins, and where the last ends: the kill itself may have cut one, which is then where the
/// torn tail begins.
fn frames(segment: &[u8]) -> Vec<usize> {
    const HEADER_OF_SEGMENT: usize = 40;
    const HEADER_OF_FRAME: usize = 20;
    let (mut borders, mut at) = (Vec::new(), HEADER_OF_SEGMENT);
    loop {
        borders.push(at);
        let Some((header, behind)) = segment[at..].split_first_chunk::<HEADER_OF_FRAME>() else { break };
        let length = u32::from_le_bytes(header[..4].try_into().unwrap());
        let Some(payload) = behind.get(..length as usize).filter(|payload| !payload.is_empty()) else {
            break;
        };
        // Over the payload, then number, place and length.
        let crc = crc32c::crc32c_append(crc32c::crc32c(payload), &header[8..]);
        if crc32c::crc32c_append(crc, &header[..4]).to_le_bytes() != header[4..8] {
            break;
        }
        at += HEADER_OF_FRAME + payload.len();
    }
    borders
}

async fn all_complete(engine: &Engine, executions: usize) {
    for handle in engine.unfinished() {
        soon(handle.wait()).await.unwrap();
    }
    for number in 0..executions {
        let name = updraft::Name::new("crash").unwrap();
        let submission = Submission::new(crash::tenant_of(number), name)
            .idempotency_key(number.to_string())
            .on_reuse(OnReuse::ReturnFirst);
        let handle = engine.submit(submission).await.unwrap();
        let ended = soon(handle.wait()).await.unwrap();
        assert_eq!(ended.state.execution_status, ExecutionStatus::Completed);
        assert_eq!(ended.head.input.value()["number"], json!(number), "it is the one that was accepted");
    }
}

#[tokio::test]
async fn a_corrupt_journal_stops_the_start_with_its_segment_and_offset() {
    let (harness, server) = (Harness::default(), ToolServer::start().await);
    let data = harness.path().join("data");
    let accepted = killed(&data, &server).await;
    let segment = segment(&data);
    let whole = fs::read(&segment).unwrap();
    let end = *frames(&whole).last().unwrap();
    for at in [40, end / 3] {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x40;
        fs::write(&segment, &damaged).unwrap();
        let start = crash::builder(data.to_str().unwrap(), server.address(), EMBEDDED).start();
        let error = soon(start).await.err().unwrap();
        assert!(matches!(error, StartError::Journal(_)) && !error.retryable(), "{error}");
        let message = error.to_string();
        assert!(message.contains(segment.file_name().unwrap().to_str().unwrap()), "{message}");
        let offset = message.split(" at byte ").nth(1).and_then(|rest| rest.split(':').next());
        let offset: usize = offset.unwrap().parse().unwrap();
        let frame = frames(&whole).into_iter().rfind(|begin| *begin <= at).unwrap();
        assert_eq!(offset, frame, "byte {at} was damaged: {message}");
        assert_eq!(fs::read(&segment).unwrap(), damaged, "what is corrupt is left as it is");
    }
    fs::write(&segment, &whole).unwrap();
    let engine = crash::builder(data.to_str().unwrap(), server.address(), EMBEDDED).start().await.unwrap();
    all_complete(&engine, accepted).await;
}

#[tokio::test]
async fn a_torn_tail_is_cut_and_everything_before_it_goes_on() {
    let (harness, server) = (Harness::default(), ToolServer::start().await);
    let data = harness.path().join("data");
    let accepted = killed(&data, &server).await;
    let segment = segment(&data);
    // What the killed process was writing: the beginning of a frame, and nothing after it.
    let mut torn = fs::read(&segment).unwrap();
    let end = *frames(&torn).last().unwrap();
    torn.truncate(end);
    torn.extend_from_within(24..60);
    torn.resize(end + 4_096, 0);
    fs::write(&segment, &torn).unwrap();
    let engine = crash::builder(data.to_str().unwrap(), server.address(), EMBEDDED).start().await.unwrap();
    let found = engine.recovered().torn.clone().expect("it says what it cut");
    assert_eq!(found.offset, end as u64, "it was cut behind the last whole frame");
    assert!(engine.recovered().replayed > 0);
    all_complete(&engine, accepted).await;
}
