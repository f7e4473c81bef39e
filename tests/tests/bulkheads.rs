//! Bulkheads: a tool that misbehaves takes its own share and no more. Others run meanwhile, what it had is given back, and whoever
//! asks is told which tool it is.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use updraft::integrations::HttpIntegration;
use updraft::{
    Answer, Call, CallLimits, Engine, EngineTrouble, ExecutionStatus, FailureKind, Handle, Integration, Json,
    Playbook, StartError, Submission, ToolCircuit,
};
use updraft_tests::{Harness, Tool, named, playbook, soon, tenant, until};

/// A tool that blocks the thread on which it is called, until the test lets a call go on.
struct Blocking {
    threads: Option<usize>,
    go_on: Mutex<Receiver<()>>,
}

impl Integration for Blocking {
    fn actions(&self) -> &[&str] {
        &["block"]
    }

    fn blocking_threads(&self) -> Option<usize> {
        self.threads
    }

    fn call(&self, _: Call) -> Answer<'_> {
        Box::pin(async {
            self.go_on.lock().unwrap().recv().unwrap();
            Ok(Json::null())
        })
    }
}

fn blocking(threads: Option<usize>) -> (Blocking, SyncSender<()>) {
    let (lets_go_on, go_on) = sync_channel(100);
    (Blocking { threads, go_on: Mutex::new(go_on) }, lets_go_on)
}

fn number(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).unwrap()
}

fn echo() -> Playbook {
    named("echo", "steps:\n  - {action: tool.echo}\n")
}

async fn submit(engine: &Engine, of: &str, playbook: &Playbook) -> Handle {
    let pid = engine.playbooks().put(&tenant(of), playbook.clone()).await.unwrap();
    engine.submit(Submission::new(tenant(of), pid)).await.unwrap()
}

async fn completes(handle: &Handle) {
    let ended = soon(handle.wait()).await.unwrap();
    assert_eq!(ended.state.execution_status, ExecutionStatus::Completed, "{:?}", ended.state.error);
}

/// A tenant whose executions run on another thread than those of this one.
async fn of_another_shard(harness: &Harness, engine: &Engine, of: &str) -> String {
    let thread = async |of: &str| {
        completes(&submit(engine, of, &echo()).await).await;
        *harness.tool.threads().last().unwrap()
    };
    let own = thread(of).await;
    for other in (0..).map(|number| format!("other{number}")) {
        if thread(&other).await != own {
            return other;
        }
    }
    unreachable!("there are two shards")
}

#[tokio::test]
async fn a_tool_that_blocks_a_shard_is_named_and_the_other_shard_goes_on() {
    let harness = Harness::default();
    let (edr, lets_go_on) = blocking(None);
    let engine = harness.builder().integration("edr", edr).start().await.unwrap();
    let other = of_another_shard(&harness, &engine, "acme").await;
    let playbook = playbook("steps:\n  - {id: isolate, action: edr.block}\n");
    let blocked = submit(&engine, "acme", &playbook).await;
    let named = |trouble: &EngineTrouble| {
        let EngineTrouble::ShardBlocked { integration, step, peid, blocked_ms, .. } = trouble else {
            return false;
        };
        let told = trouble.to_string();
        assert!(told.starts_with("integration \"edr\" has blocked shard "), "{told}");
        (integration.as_str(), step.as_str(), *peid) == ("edr", "isolate", blocked.peid()) && *blocked_ms > 0
    };
    until(async || engine.health().await.troubles.iter().any(named)).await;
    completes(&submit(&engine, &other, &echo()).await).await;
    lets_go_on.send(()).unwrap();
    completes(&blocked).await;
    until(async || engine.health().await.troubles.is_empty()).await;
}

#[tokio::test]
async fn a_tool_with_threads_of_its_own_holds_up_nobody_else() {
    let harness = Harness::default();
    let (edr, lets_go_on) = blocking(Some(2));
    let engine = harness.builder().shards(1).integration("edr", edr).start().await.unwrap();
    let isolate = |more: &str| playbook(&format!("steps:\n  - {{id: isolate, action: edr.block{more}}}\n"));
    let (late, patient) = (isolate(", timeout: 50ms, retry: {attempts: 1}"), isolate(""));
    for _ in 0..2 {
        let ended = soon(submit(&engine, "acme", &late).await.wait()).await.unwrap();
        let error = ended.state.error.unwrap();
        assert_eq!(error.kind, FailureKind::Timeout, "{error}");
    }
    let held = |trouble: &EngineTrouble| {
        let EngineTrouble::ThreadsHeld { integration, held, threads, step, .. } = trouble else {
            return false;
        };
        assert_eq!((integration.as_str(), step.as_str(), *threads), ("edr", "isolate", 2));
        *held == 2
    };
    until(async || engine.health().await.troubles.iter().any(held)).await;
    // It finds no thread: it has not been sent, and its time has not begun.
    let waiting = submit(&engine, "patient", &patient).await;
    let other = submit(&engine, "other", &patient).await;
    completes(&submit(&engine, "acme", &echo()).await).await;
    (0..4).for_each(|_| lets_go_on.send(()).unwrap());
    completes(&waiting).await;
    completes(&other).await;
    until(async || engine.health().await.troubles.is_empty()).await;
}

#[tokio::test]
async fn threads_that_no_tool_can_have_are_refused_at_the_start() {
    let harness = Harness::default();
    for (threads, told) in [
        (0, "integration edr: 0 threads are not within 1 to 64"),
        (65, "integration edr: 65 threads are not within 1 to 64"),
    ] {
        let refused = harness.builder().integration("edr", blocking(Some(threads)).0).start().await;
        let Err(StartError::Configuration(message)) = refused else { panic!("it has started") };
        assert_eq!(message, told);
    }
    let five = (0..5).fold(harness.builder(), |builder, number| {
        builder.integration(format!("edr{number}"), blocking(Some(64)).0)
    });
    let Err(StartError::Configuration(message)) = five.start().await else { panic!("it has started") };
    assert_eq!(message, "integration edr4: the threads of all integrations that block are more than 256");
}

#[tokio::test]
async fn a_tool_that_hangs_takes_no_more_than_its_share_though_nothing_is_declared_for_it() {
    let harness = Harness::default();
    let siem = Tool::default();
    let builder =
        harness.builder().integration("siem", siem.clone()).tool_calls_at_once(number(4), number(3));
    let engine = builder.start().await.unwrap();
    let gate = playbook("steps:\n  - {action: tool.gate}\n");
    let mut handles = Vec::new();
    // All of them are decided on before the first one has shown that it waits.
    let pid = engine.playbooks().put(&tenant("acme"), gate.clone()).await.unwrap();
    let burst = (0..50).map(|_| engine.submit(Submission::new(tenant("acme"), pid)));
    for submitted in futures_util::future::join_all(burst).await {
        handles.push(submitted.unwrap());
    }
    let waiting = async |calls| {
        until(async || engine.tool_gates().iter().any(|gate| gate.waiting == calls)).await;
    };
    waiting(47).await;
    assert_eq!(harness.tool.running(), 3);
    for _ in 0..2 {
        handles.push(submit(&engine, "quiet", &gate).await);
    }
    until(async || harness.tool.running() == 4).await;
    waiting(48).await;
    assert_eq!((harness.tool.running(), harness.tool.most()), (4, 4));
    let other = submit(&engine, "acme", &named("other", "steps:\n  - {action: siem.echo}\n")).await;
    completes(&other).await;
    // One that is cancelled in line has made no call.
    let last = handles.swap_remove(49);
    let _ = soon(last.cancel(updraft_tests::asked())).await.unwrap();
    waiting(47).await;
    harness.tool.open(100);
    for handle in &handles {
        completes(handle).await;
    }
    assert_eq!((harness.tool.most(), harness.tool.calls().len()), (4, 51));
    assert!(engine.tool_gates().is_empty());
}

#[tokio::test]
async fn a_tool_with_limits_or_that_answers_at_once_has_no_other_bound() {
    let harness = Harness::default();
    let builder = harness.builder().tool_calls_at_once(number(1), number(1));
    let limits = CallLimits::new().at_once(number(3));
    let engine = builder.call_limits("tool", limits).start().await.unwrap();
    let gate = playbook("steps:\n  - {action: tool.gate}\n");
    let mut handles = Vec::new();
    for _ in 0..3 {
        handles.push(submit(&engine, "acme", &gate).await);
    }
    harness.tool.begun(3).await;
    harness.tool.open(3);
    for handle in &handles {
        completes(handle).await;
    }
}

#[tokio::test]
async fn a_tool_with_the_bound_is_left_alone_all_the_same_when_it_does_not_work() {
    let harness = Harness::default();
    let engine = harness.start().await;
    // From its first call on that is not answered at once it has the bound.
    completes(&submit(&engine, "acme", &playbook("steps:\n  - {action: tool.pause}\n")).await).await;
    let retry = "retry: {attempts: 5, initial: 1ms, max: 1ms}";
    let step = format!("{{action: tool.fail, arguments: {{kind: unreachable}}, {retry}}}");
    let failed = submit(&engine, "acme", &named("fails", &format!("steps:\n  - {step}\n"))).await;
    assert_eq!(soon(failed.wait()).await.unwrap().state.execution_status, ExecutionStatus::Failed);
    let gates = engine.tool_gates();
    let [gate] = &gates[..] else { panic!("{gates:?}") };
    assert!(matches!(gate.circuit, ToolCircuit::Open(_)) && gate.tenant.is_some(), "{gate:?}");
    // The circuit is that of one tenant.
    completes(&submit(&engine, "other", &echo()).await).await;
}

/// A server that misbehaves as the path of a request says, and counts what it has sent.
async fn misbehaving() -> (SocketAddr, Arc<AtomicU64>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, sent) = (listener.local_addr().unwrap(), Arc::new(AtomicU64::new(0)));
    let counted = sent.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(misbehave(stream, counted.clone()));
        }
    });
    (address, sent)
}

async fn misbehave(mut stream: TcpStream, sent: Arc<AtomicU64>) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let head = String::from_utf8(head).unwrap();
    let begin = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 10000000000\r\n\r\n";
    match head.split_whitespace().nth(1).unwrap() {
        "/hang" => std::future::pending().await,
        "/drip" => {
            stream.write_all(begin.as_bytes()).await?;
            loop {
                stream.write_all(b"x").await?;
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        }
        "/reset" => {
            stream.set_zero_linger()?;
            Ok(())
        }
        "/huge" => {
            stream.write_all(begin.as_bytes()).await?;
            let piece = vec![b'x'; 64 << 10];
            loop {
                stream.write_all(&piece).await?;
                sent.fetch_add(piece.len() as u64, Ordering::SeqCst);
            }
        }
        _ => stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ntrue").await,
    }
}

#[tokio::test]
async fn a_tool_that_hangs_drips_resets_or_never_ends_gives_its_places_back_and_others_run_meanwhile() {
    let harness = Harness::default();
    let (address, sent) = misbehaving().await;
    let http = HttpIntegration::builder().allow(address.to_string().parse().unwrap());
    let http = http.open_per_host(2, 2).build().unwrap();
    // Every failed call would open the circuit of the tool, which is another matter.
    let breaker = updraft::BreakerPolicy::off();
    let builder = harness.builder().integration("http", http).breaker("http", breaker);
    let engine = builder.start().await.unwrap();
    let ask = |path: &str, timeout: &str| {
        let url = format!("http://{address}/{path}");
        let call = format!("arguments: {{url: '{url}', response: text}}, retry: {{attempts: 1}}");
        let step = format!("{{action: http.request, timeout: {timeout}, {call}}}");
        named(path, &format!("steps:\n  - {step}\n"))
    };
    for (path, timeout, kind) in [
        ("hang", "300ms", FailureKind::Timeout),
        ("drip", "300ms", FailureKind::Timeout),
        ("reset", "30s", FailureKind::Interrupted),
        ("huge", "30s", FailureKind::TooLarge),
    ] {
        let mut bad = Vec::new();
        for _ in 0..6 {
            bad.push(submit(&engine, "acme", &ask(path, timeout)).await);
        }
        completes(&submit(&engine, "acme", &echo()).await).await;
        completes(&submit(&engine, "other", &echo()).await).await;
        for handle in &bad {
            let error = soon(handle.wait()).await.unwrap().state.error.unwrap();
            assert_eq!(error.kind, kind, "{path}: {error}");
        }
        completes(&submit(&engine, "acme", &ask("good", "30s")).await).await;
    }
    let received = sent.load(Ordering::SeqCst);
    assert!(received < 6 * (64 << 20), "{received} bytes were read of answers that are refused");
}
