//! Servers and calls for the tests of HTTP: real sockets, unique ports.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use updraft_integrations::HttpIntegration;
use updraft_integrations::http::Allow;
use updraft_protocol::{
    Call, CallFiles, CallPermit, ExecutionId, Failure, FailureKind, GivenSecret, Integration, Json, Masking,
    Secret, SecretReference, Sending, TaskId,
};

/// The task of all calls.
pub(crate) const TASK: &str = "0190aaaa-bbbb-7111-8222-333344445555";

/// A server that ends with its test.
pub(crate) struct Server {
    pub(crate) addr: SocketAddr,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    pub(crate) async fn start(router: Router) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { addr, task }
    }

    /// A server that handles each connection with `handle`.
    pub(crate) async fn raw<F, Fut>(handle: F) -> Self
    where
        F: Fn(TcpStream) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        Self::on(TcpListener::bind("127.0.0.1:0").await.unwrap(), handle)
    }

    /// The same, which listens here.
    pub(crate) fn on<F, Fut>(listener: TcpListener, handle: F) -> Self
    where
        F: Fn(TcpStream) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let addr = listener.local_addr().unwrap();
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(handle(stream));
            }
        });
        Self { addr, task }
    }

    /// A server that answers each request with these bytes and closes the connection.
    pub(crate) async fn bytes(answer: impl Into<Vec<u8>>) -> Self {
        let answer: Vec<u8> = answer.into();
        Self::raw(move |mut stream| {
            let answer = answer.clone();
            async move {
                read_head(&mut stream).await;
                // The client may have closed the connection already.
                let _ = stream.write_all(&answer).await;
                let _ = stream.shutdown().await;
            }
        })
        .await
    }

    /// A server that accepts connections and never answers.
    pub(crate) async fn silent() -> Self {
        Self::raw(|stream| async move {
            std::future::pending::<()>().await;
            drop(stream);
        })
        .await
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr)
    }

    /// An integration that may reach this server and nothing else of this machine.
    pub(crate) fn http(&self) -> HttpIntegration {
        HttpIntegration::builder().allow(self.allow()).build().unwrap()
    }

    pub(crate) fn allow(&self) -> Allow {
        self.addr.to_string().parse().unwrap()
    }
}

/// Reads the head of a request, to its empty line.
pub(crate) async fn read_head(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => break,
        }
    }
    String::from_utf8(head).unwrap()
}

/// A secret of the step, at a place in its arguments.
pub(crate) fn given(place: &str, prefix: &str, text: &str) -> GivenSecret {
    let (place, prefix) = (place.to_owned(), prefix.to_owned());
    let reference = SecretReference { place, name: "SIEM_TOKEN".parse().unwrap(), prefix };
    GivenSecret { reference, secret: Secret::short(text).unwrap() }
}

/// A call for a tenant.
pub(crate) fn call_of(tenant: &str, arguments: Value, timeout: Duration) -> Call {
    Call {
        tenant: tenant.parse().unwrap(),
        peid: "0190aaaa-bbbb-7111-8222-000000000000".parse::<ExecutionId>().unwrap(),
        task_id: TASK.parse::<TaskId>().unwrap(),
        step_id: "lookup".parse().unwrap(),
        action: "request".parse().unwrap(),
        attempt: 1,
        arguments: arguments.into(),
        secrets: vec![],
        masking: Masking::default(),
        timeout,
        sending: Sending::default(),
        permit: CallPermit::default(),
        files: CallFiles::default(),
    }
}

/// One attempt for tenant `acme`, with enough time.
pub(crate) async fn request(http: &HttpIntegration, arguments: Value) -> Result<Value, Failure> {
    let call = call_of("acme", arguments, Duration::from_secs(60));
    http.call(call).await.map(|json| json.value().try_into().unwrap())
}

/// One attempt, and how often it reported that it sends.
pub(crate) async fn attempt(
    http: &HttpIntegration,
    arguments: Value,
    timeout: Duration,
) -> (Result<Json, Failure>, usize) {
    let begun = Arc::new(AtomicUsize::new(0));
    let count = begun.clone();
    let mut call = call_of("acme", arguments, timeout);
    call.sending = Sending::new(move || {
        count.fetch_add(1, Ordering::SeqCst);
        true
    });
    let answer = http.call(call).await;
    (answer, begun.load(Ordering::SeqCst))
}

/// The kind of the failure that an attempt ends with.
pub(crate) async fn failure(http: &HttpIntegration, arguments: Value) -> Failure {
    request(http, arguments).await.expect_err("a failure")
}

pub(crate) async fn kind(http: &HttpIntegration, arguments: Value) -> FailureKind {
    failure(http, arguments).await.kind
}
