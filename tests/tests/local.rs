//! The local door: another program sees of a running engine what its embedder sees, and nobody who is slow, silent or
//! hostile there hurts the engine.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]
#![cfg(unix)]

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use serde_json::json;
use updraft::limits::{LOCAL_CONNECTIONS, LOCAL_REQUEST_BYTES};
use updraft::local::{Client, Error};
use updraft::{
    CancelVerdict, Detail, Engine, ExecutionId, ExecutionQuery, ExecutionStatus, ExecutionsOf, Playbook,
    Resume, Shutdown, Submission, TaskStatus,
};
use updraft_tests::timeouts::TEST_TIMEOUT;
use updraft_tests::{Harness, asked, playbook, soon, tenant, until};

fn gate() -> Playbook {
    playbook("steps:\n  - {id: gate, action: tool.gate}\n")
}

fn query(limit: usize) -> ExecutionQuery {
    let (tenant, detail) = (tenant("acme"), Detail::Whole);
    ExecutionQuery { tenant, of: ExecutionsOf::Any, after: None, limit, detail }
}

/// A connection on which nothing was said yet.
fn connect(data: &Path) -> UnixStream {
    let stream = UnixStream::connect(data.join("updraft.sock")).unwrap();
    stream.set_read_timeout(Some(TEST_TIMEOUT)).unwrap();
    stream
}

/// What is answered to these bytes, whatever they are.
fn said(data: &Path, bytes: &[u8]) -> String {
    let mut stream = connect(data);
    // An engine that has heard enough may hang up before all is written.
    let _ = stream.write_all(bytes);
    let mut answer = String::new();
    let _ = BufReader::new(stream).read_line(&mut answer);
    answer
}

const HEALTH: &[u8] = b"{\"version\":1,\"ask\":{\"health\":{}}}\n";

#[tokio::test]
async fn another_program_sees_what_runs_and_every_digit_of_it() {
    let harness = Harness::default();
    let engine = harness.start().await;
    let exact = r#"{"n":[123456789012345678901234567890,0.30000000000000000001,-0.0],"t":"\u0000\u001b"}"#;
    let input = updraft::Value::parse(exact).unwrap();
    let handle = harness.submit(&engine, &gate(), input).await;
    harness.tool.begun(1).await;
    let client = Client::new(harness.path());
    let seen = client.execution(&tenant("acme"), handle.peid()).await.unwrap().unwrap();
    assert_eq!(seen, handle.inspect().await.unwrap());
    assert_eq!(seen.execution.head.input.as_str(), exact);
    assert_eq!(seen.tasks[0].state.status, TaskStatus::Executing);
    assert_eq!(client.execution(&tenant("umbrella"), handle.peid()).await.unwrap(), None, "it is another's");
    assert_eq!(client.health().await.unwrap(), engine.health().await);
    assert_eq!(client.dead_letters(None, None, 9).await.unwrap(), []);
    harness.tool.open(1);
    soon(handle.wait()).await.unwrap();
    engine.flush().await.unwrap();
    let (page, next) = client.executions(query(9)).await.unwrap();
    assert_eq!((page, next), engine.reader().executions(query(9)).await.unwrap());
}

#[tokio::test]
async fn a_list_is_read_page_by_page() {
    let harness = Harness::default();
    let engine = harness.start().await;
    let pid = harness.put(&engine, &playbook("steps:\n  - {id: end, end: null}\n")).await;
    for _ in 0..25 {
        let handle = engine.submit(Submission::new(tenant("acme"), pid)).await.unwrap();
        soon(handle.wait()).await.unwrap();
    }
    engine.flush().await.unwrap();
    let client = Client::new(harness.path());
    let (mut after, mut seen) = (None, Vec::new());
    loop {
        let (page, next) = client.executions(ExecutionQuery { after, ..query(10) }).await.unwrap();
        seen.extend(page.into_iter().map(|execution| execution.peid));
        after = next;
        if after.is_none() {
            break;
        }
    }
    let all: Vec<ExecutionId> = engine
        .reader()
        .executions(query(100))
        .await
        .unwrap()
        .0
        .iter()
        .map(|execution| execution.peid)
        .collect();
    assert_eq!((seen.len(), seen), (25, all));
}

#[tokio::test]
async fn a_cancel_from_beside_is_one_of_the_engine() {
    let harness = Harness::default();
    let engine = harness.start().await;
    let (one, other) = (
        harness.submit(&engine, &gate(), json!({})).await,
        harness.submit(&engine, &gate(), json!({})).await,
    );
    harness.tool.begun(2).await;
    let client = Client::new(harness.path());
    let cancel = async |peid| client.cancel(&tenant("acme"), peid, asked()).await.unwrap();
    assert_eq!(client.cancel(&tenant("umbrella"), one.peid(), asked()).await.unwrap(), None);
    assert_eq!(cancel(ExecutionId::from_bytes([9; 16])).await, None);
    assert_eq!(cancel(one.peid()).await, Some(CancelVerdict::Cancelled));
    assert_eq!(soon(one.wait()).await.unwrap().state.execution_status, ExecutionStatus::Cancelled);
    assert_eq!(cancel(one.peid()).await, Some(CancelVerdict::AlreadyEnded(ExecutionStatus::Cancelled)));
    harness.tool.dropped(1).await;
    let _ = engine.shutdown(Duration::ZERO).await;
    drop(engine);

    let engine = harness.builder().resume(Resume::Nothing).start().await.unwrap();
    assert_eq!(cancel(other.peid()).await, Some(CancelVerdict::Cancelled), "the start had left it");
    engine.flush().await.unwrap();
    assert_eq!(engine.unresumed(9).await.unwrap(), 0);
    assert_eq!(harness.tool.calls().len(), 2);
}

#[tokio::test]
async fn the_socket_is_its_owners_alone_there_while_the_engine_is_and_replaced_where_one_was_left() {
    let harness = Harness::default();
    let socket = harness.path().join("updraft.sock");
    let client = Client::new(harness.path());
    assert!(matches!(client.health().await, Err(Error::NoEngine { .. })));
    for shut_down in [true, false] {
        // As a process that was killed leaves it.
        drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
        assert!(matches!(client.health().await, Err(Error::NoEngine { .. })));
        let mut engine = None;
        until(async || {
            engine = harness.builder().start().await.ok();
            engine.is_some()
        })
        .await;
        let engine = engine.unwrap();
        assert_eq!(std::fs::symlink_metadata(&socket).unwrap().mode() & 0o777, 0o600);
        assert!(client.health().await.unwrap().is_well());
        if shut_down {
            assert_eq!(engine.shutdown(TEST_TIMEOUT).await, Shutdown::Stored);
            assert!(!socket.exists());
        } else {
            drop(engine);
            until(async || !socket.exists()).await;
        }
        assert!(matches!(client.health().await, Err(Error::NoEngine { .. })));
    }
}

#[tokio::test]
async fn a_directory_with_a_long_name_has_a_door_too() {
    let harness = Harness::default();
    let data = harness.path().join("d".repeat(150)).join("e".repeat(150));
    let engine = harness.builder().data(&data).start().await.unwrap();
    assert!(Client::new(&data).health().await.unwrap().is_well());
    let _ = engine.shutdown(TEST_TIMEOUT).await;
    assert!(!data.join("updraft.sock").exists());
}

#[tokio::test]
async fn an_engine_works_where_no_socket_can_be_made_and_one_in_memory_makes_none() {
    let harness = Harness::default();
    std::fs::write(harness.path().join("updraft.sock"), "somebody's").unwrap();
    let engine = harness.start().await;
    let handle = harness.submit(&engine, &playbook("steps:\n  - {id: end, end: null}\n"), json!({})).await;
    assert_eq!(soon(handle.wait()).await.unwrap().state.execution_status, ExecutionStatus::Completed);
    let elsewhere = tempfile::tempdir().unwrap();
    let memory = Engine::builder().in_memory().data(elsewhere.path()).start().await.unwrap();
    assert_eq!(std::fs::read_dir(elsewhere.path()).unwrap().count(), 0);
    drop(memory);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_request_is_refused_and_the_next_one_is_answered() {
    let harness = Harness::default();
    let engine = harness.start().await;
    let mut endless = vec![b'{'; 2 * LOCAL_REQUEST_BYTES];
    endless.extend(HEALTH);
    let nested = [b"{\"version\":1,\"ask\":".to_vec(), vec![b'['; 2_000], b"\n".to_vec()].concat();
    for (request, why) in [
        (&b"\n"[..], "no request"),
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "no request"),
        (b"\xff\xfe\x00\n", "no request"),
        (b"{\"version\":2,\"ask\":{\"explode\":{}}}\n", "version 1"),
        (b"{\"version\":1,\"ask\":{\"submit\":{}}}\n", "unknown variant"),
        (b"{\"version\":1,\"ask\":{\"show\":{\"tenant\":\"../x\",\"peid\":\"1\"}}}\n", "no request"),
        (&nested, "no request"),
    ] {
        let answer = said(harness.path(), request);
        assert!(answer.starts_with("{\"error\":") && answer.contains(why), "{answer}");
        assert!(!answer.contains('\u{1b}'));
    }
    let answer = said(harness.path(), &endless);
    assert!(
        answer.is_empty() || answer.contains(&format!("{LOCAL_REQUEST_BYTES} bytes at most")),
        "{answer}"
    );
    assert!(said(harness.path(), HEALTH).starts_with("{\"health\":"), "it goes on");
    let _ = engine.shutdown(TEST_TIMEOUT).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_say_nothing_or_take_nothing_hold_up_neither_others_nor_the_shutdown() {
    let harness = Harness::default();
    let engine = harness.start().await;
    let input = json!({"text": "x".repeat(900_000)});
    let handle = harness.submit(&engine, &gate(), input).await;
    harness.tool.begun(1).await;
    let show = format!(
        "{{\"version\":1,\"ask\":{{\"show\":{{\"tenant\":\"acme\",\"peid\":\"{}\"}}}}}}\n",
        handle.peid()
    );
    // All but one of those that are served at once: half are silent, the others ask for more than they take.
    let held: Vec<UnixStream> = (1..LOCAL_CONNECTIONS)
        .map(|number| {
            let mut stream = connect(harness.path());
            if number % 2 == 0 {
                stream.write_all(show.as_bytes()).unwrap();
            } else {
                stream.write_all(b"{\"version\":1,").unwrap();
            }
            stream
        })
        .collect();
    assert!(Client::new(harness.path()).health().await.unwrap().is_well(), "one place is enough");
    harness.tool.open(1);
    assert_eq!(soon(handle.wait()).await.unwrap().state.execution_status, ExecutionStatus::Completed);
    // Many more than are served.
    let silent = (0..LOCAL_CONNECTIONS * 3).map(|_| connect(harness.path())).collect::<Vec<_>>();
    assert_eq!(soon(engine.shutdown(TEST_TIMEOUT)).await, Shutdown::Stored);
    for mut stream in silent {
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest);
    }
    drop(held);
}

#[tokio::test]
async fn an_engine_that_ends_in_the_middle_of_an_answer_is_told_from_one_that_has_said_all() {
    let dir = tempfile::tempdir().unwrap();
    let listener = std::os::unix::net::UnixListener::bind(dir.path().join("updraft.sock")).unwrap();
    let answers = [
        "",
        "{\"end\":",
        "{\"health\":{}}\n",
        "{\"fly\":1}\n",
        "{\"task\":null}\n",
        "{\"cancelled\":null}\n",
    ];
    let serving = std::thread::spawn(move || {
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            BufReader::new(stream.try_clone().unwrap()).read_line(&mut String::new()).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    let client = Client::new(dir.path());
    for answer in answers {
        let error = client.dead_letters(None, None, 1).await.unwrap_err();
        let cut = !answer.ends_with('\n');
        assert_eq!(matches!(error, Error::Connection { .. }), cut, "{answer}: {error}");
        assert_eq!(
            (matches!(error, Error::Garbled { .. }), error.retryable()),
            (!cut, cut),
            "{answer}: {error}"
        );
    }
    serving.join().unwrap();
}
