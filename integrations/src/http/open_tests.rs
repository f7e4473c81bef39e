//! Tests of open connections: which one ends for another, who waits, and what becomes of requests.

use std::sync::atomic::AtomicUsize;
use std::task::Wake;

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use futures_util::FutureExt;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use updraft_protocol::{Call, CallPermit, Integration, Masking, Sending};

use super::*;
use crate::http::HttpIntegration;

#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn open(connections: &Arc<OpenConnections>) -> OpenConnection {
    let open = connections.enter().now_or_never().unwrap();
    open.is_open();
    open
}

fn ends(open: &OpenConnection) -> bool {
    open.ends(Waker::noop())
}

#[test]
fn of_too_many_idle_ones_the_one_that_is_idle_longest_ends() {
    let connections = OpenConnections::new(10, 2);
    let (first, second) = (open(&connections), open(&connections));
    drop(first.name().used());
    let woken = Arc::new(Woken::default());
    assert!(!second.ends(&Waker::from(woken.clone())));
    let third = open(&connections);
    assert_eq!((connections.count(), woken.0.load(Ordering::SeqCst)), ((3, 2), 1));
    assert_eq!([&first, &second, &third].map(ends), [false, true, false]);
    drop(second);
    assert_eq!(connections.count(), (2, 2));
}

#[test]
fn one_with_a_request_is_not_idle_and_does_not_end_under_it() {
    let connections = OpenConnections::new(10, 1);
    let first = open(&connections);
    let (one, another) = (first.name().used(), first.name().used());
    assert_eq!(connections.count(), (1, 0));
    drop(one);
    assert_eq!(connections.count(), (1, 0), "as on one of HTTP/2");
    drop(another);
    let second = open(&connections);
    // It is told to end, and gets a request before its reader looks.
    let request = first.name().used();
    assert!(request.is_of(&first.name()) && !request.is_of(&second.name()));
    assert!(!ends(&first));
    drop(request);
    assert_eq!([&first, &second].map(ends), [false, true], "it is the younger one now");
    let late = second.name().used();
    drop(late);
    assert_eq!(connections.count(), (2, 1), "what has ended is not idle again");
}

#[test]
fn who_finds_no_place_waits_for_the_next_one_that_is_idle() {
    let connections = OpenConnections::new(2, 2);
    let (first, second) = (open(&connections), open(&connections));
    let (of_first, of_second) = (first.name().used(), second.name().used());
    let mut third = Box::pin(connections.enter());
    assert!((&mut third).now_or_never().is_none());
    assert!(!ends(&first) && !ends(&second));
    drop(of_second);
    assert_eq!([&first, &second].map(ends), [false, true], "somebody waits for it");
    drop(second);
    let third = third.now_or_never().unwrap();
    // One that was just opened for somebody is not closed, one that is idle is at once.
    third.is_open();
    assert!(connections.enter().now_or_never().is_none() && !ends(&third));
    drop(third.name().used());
    let mut fourth = Box::pin(connections.enter());
    assert!((&mut fourth).now_or_never().is_none() && ends(&third));
    // A wait that is given up leaves nothing behind.
    drop((fourth, third));
    drop(of_first);
    assert!(!ends(&first));
    assert_eq!(connections.count(), (1, 1));
}

#[test]
fn what_is_opened_for_a_call_that_has_another_one_gives_way() {
    let connections = OpenConnections::new(2, 2);
    let (first, second) = (open(&connections), connections.enter().now_or_never().unwrap());
    let _in_use = first.name().used();
    assert!(!second.gives_way(Waker::noop()), "nobody waits for its place");
    assert_eq!(connections.count(), (2, 1));
    let woken = Arc::new(Woken::default());
    assert!(!second.gives_way(&Waker::from(woken.clone())));
    let mut third = Box::pin(connections.enter());
    assert!((&mut third).now_or_never().is_none());
    assert!(woken.0.load(Ordering::SeqCst) == 1 && second.gives_way(Waker::noop()));
    drop(second);
    let third = third.now_or_never().unwrap();
    // It is open, and its call has another one only now.
    third.is_open();
    let mut fourth = Box::pin(connections.enter());
    assert!((&mut fourth).now_or_never().is_none() && !ends(&third));
    third.name().unasked();
    assert!(ends(&third));
}

#[test]
fn files_are_left_for_everything_else() {
    assert_eq!(within(None), HTTP_CONNECTIONS);
    assert_eq!(within(Some(u64::MAX)), HTTP_CONNECTIONS);
    assert_eq!(within(Some(1_024)), 1_024 - HTTP_FILES_LEFT);
    assert_eq!(within(Some(300)), 150);
    assert_eq!(within(Some(0)), 1);
}

/// Answers each request on a connection, those for `/late` when the test lets it.
async fn answer(mut stream: TcpStream, late: Arc<Semaphore>) -> std::io::Result<()> {
    loop {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await?);
        }
        if head.starts_with(b"GET /late") {
            late.acquire().await.unwrap().forget();
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ntrue").await?;
    }
}

/// Servers on all addresses of this machine that are of the loopback, each of which is a host of its own.
async fn servers() -> (u16, Arc<Semaphore>) {
    let listener = TcpListener::bind(SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0)).await.unwrap();
    let (port, late) = (listener.local_addr().unwrap().port(), Arc::new(Semaphore::new(0)));
    let lets = late.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream, lets.clone()));
        }
    });
    (port, late)
}

fn call(url: &str) -> Call {
    Call {
        tenant: "acme".parse().unwrap(),
        peid: updraft_protocol::ExecutionId::from_bytes([7; 16]),
        task_id: updraft_protocol::TaskId::from_bytes([8; 16]),
        step_id: "lookup".parse().unwrap(),
        action: "request".parse().unwrap(),
        attempt: 1,
        arguments: json!({"url": url}).into(),
        secrets: Vec::new(),
        masking: Masking::default(),
        timeout: Duration::from_secs(60),
        sending: Sending::default(),
        permit: CallPermit::default(),
        files: updraft_protocol::CallFiles::default(),
    }
}

#[tokio::test]
#[cfg(target_os = "linux")]
async fn a_request_for_which_no_connection_is_left_closes_an_idle_one_or_waits_for_one() {
    let (port, late) = servers().await;
    let mut http = HttpIntegration::builder().allow("127.0.0.0/8".parse().unwrap()).build().unwrap();
    let connections = OpenConnections::new(2, 2);
    http.pools.connections = connections.clone();
    let ask = |host: u8, path: &str| http.call(call(&format!("http://127.0.2.{host}:{port}/{path}")));
    for host in 1..=20 {
        ask(host, "").await.unwrap();
        assert!(connections.count().0 <= 2);
    }
    let mut held = Box::pin(futures_util::future::join(ask(21, "late"), ask(22, "late")));
    while connections.count() != (2, 0) {
        assert!((&mut held).now_or_never().is_none());
        tokio::task::yield_now().await;
    }
    // Both are in use: neither ends for another.
    let mut waiting = ask(23, "");
    for _ in 0..100 {
        assert!((&mut held).now_or_never().is_none() && (&mut waiting).now_or_never().is_none());
        tokio::task::yield_now().await;
    }
    late.add_permits(2);
    let ((first, second), third) = futures_util::future::join(held, waiting).await;
    assert!(first.is_ok() && second.is_ok() && third.is_ok(), "{first:?} {second:?} {third:?}");
}

#[tokio::test]
#[cfg(target_os = "linux")]
async fn a_call_that_gets_a_free_connection_leaves_no_other_in_the_line() {
    let (port, late) = servers().await;
    let mut http = HttpIntegration::builder().allow("127.0.0.0/8".parse().unwrap()).build().unwrap();
    let connections = OpenConnections::new(2, 2);
    http.pools.connections = connections.clone();
    let ask = |host: u8, path: &str| http.call(call(&format!("http://127.0.2.{host}:{port}/{path}")));
    let (mut first, mut held) = (ask(1, "late"), ask(2, "late"));
    while connections.count() != (2, 0) {
        assert!((&mut first).now_or_never().is_none() && (&mut held).now_or_never().is_none());
        tokio::task::yield_now().await;
    }
    // All of them wait for a connection to be opened, and for the one that `first` has.
    let mut same_host: Vec<_> = (0..8).map(|_| ask(1, "")).collect();
    let mut other_host = ask(3, "");
    for call in &mut same_host {
        assert!(call.now_or_never().is_none());
    }
    assert!((&mut other_host).now_or_never().is_none());
    late.add_permits(1);
    first.await.unwrap();
    for call in same_host {
        call.await.unwrap();
    }
    // `held` has its place still: the other one is not kept for a connection that nobody asks for.
    tokio::select! {
        answer = other_host => assert!(answer.is_ok(), "{answer:?}"),
        _ = &mut held => panic!("it was let go"),
    }
    late.add_permits(1);
    held.await.unwrap();
}

/// A call to this URL that has a second, and whether it reports that it was held back.
async fn held_back(http: &HttpIntegration, url: &str) -> (updraft_protocol::Failure, bool) {
    let told = Arc::new(AtomicBool::new(false));
    let tells = told.clone();
    let sending = Sending::default().with_held_back(move || tells.store(true, Ordering::SeqCst));
    let second = Duration::from_secs(1);
    let failure = http.call(Call { timeout: second, sending, ..call(url) }).await.unwrap_err();
    (failure, told.load(Ordering::SeqCst))
}

#[tokio::test]
async fn a_call_for_which_no_connection_is_left_says_that_its_tool_has_no_fault() {
    let mut http = HttpIntegration::builder().allow("127.0.0.0/8".parse().unwrap()).build().unwrap();
    let connections = OpenConnections::new(1, 1);
    http.pools.connections = connections.clone();
    // Its TLS is never answered.
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("https://{}/", silent.local_addr().unwrap());
    let held = connections.enter().await;
    let (failure, is_told) = held_back(&http, &url).await;
    assert_eq!(failure.kind, updraft_protocol::FailureKind::Unreachable);
    assert!(failure.retryable() && failure.message.ends_with("as too many are open"), "{failure}");
    assert!(is_told);
    drop(held);
    let (failure, is_told) = held_back(&http, &url).await;
    assert!(failure.message.ends_with("no connection within 1s") && !is_told, "{failure}");
}
