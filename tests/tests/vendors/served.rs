//! A vendor on a real socket, and calls of its connector. Owns how a request is taken apart; the stubs decide what it gets.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use updraft::connectors::{Connector, ConnectorIntegration, Connectors};
use updraft::integrations::HttpIntegration;
use updraft_protocol::{
    Call, CallPermit, ExecutionId, Failure, FailureKind, GivenSecret, Integration, Masking, Secret,
    SecretReference, Sending, TaskId,
};
use url::form_urlencoded;

/// The most bytes of a request that a stub takes.
const REQUEST_BYTES: usize = 4 << 20;

/// A request as a vendor sees it.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) method: String,
    /// The segments of its path, decoded.
    pub(crate) path: Vec<String>,
    /// Its query, decoded.
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Asked {
    /// The segments of its path, to match on.
    pub(crate) fn segments(&self) -> Vec<&str> {
        self.path.iter().map(String::as_str).collect()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The only value of a parameter; a vendor that gets two takes one of them, and nobody knows which.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        let mut found = self.query.iter().filter(|(known, _)| known == name);
        let first = found.next().map(|(_, value)| value.as_str());
        assert!(found.next().is_none(), "the parameter {name} came twice: {:?}", self.query);
        first
    }

    /// The body, where it is declared as JSON and is an object.
    pub(crate) fn json(&self) -> Option<Value> {
        let content_type = self.header("content-type")?.split(';').next()?.trim();
        (content_type == "application/json")
            .then(|| serde_json::from_slice::<Value>(&self.body).ok())
            .flatten()
            .filter(Value::is_object)
    }

    /// The fields of a form.
    pub(crate) fn form(&self) -> Option<Vec<(String, String)>> {
        (self.header("content-type")? == "application/x-www-form-urlencoded")
            .then(|| form_urlencoded::parse(&self.body).into_owned().collect())
    }
}

/// A vendor: what it answers, by what it knows.
pub(crate) trait Vendor: Send + Sync + 'static {
    fn answer(&self, asked: &Asked) -> Response;
}

/// A vendor that is there until its test ends.
pub(crate) struct Served<V> {
    pub(crate) address: SocketAddr,
    pub(crate) vendor: Arc<V>,
    asked: Arc<Mutex<Vec<Asked>>>,
    task: JoinHandle<()>,
}

impl<V> Drop for Served<V> {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Shared<V>(Arc<V>, Arc<Mutex<Vec<Asked>>>);

impl<V> Clone for Shared<V> {
    fn clone(&self) -> Self {
        Self(self.0.clone(), self.1.clone())
    }
}

async fn handle<V: Vendor>(State(Shared(vendor, log)): State<Shared<V>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let query = parts.uri.query().unwrap_or_default();
    let asked = Asked {
        method: parts.method.to_string(),
        path: parts.uri.path().trim_start_matches('/').split('/').map(decoded).collect(),
        query: form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
        headers: parts.headers,
        body: to_bytes(body, REQUEST_BYTES).await.unwrap(),
    };
    log.lock().unwrap_or_else(PoisonError::into_inner).push(asked.clone());
    vendor.answer(&asked)
}

/// A segment of a path: unlike in a form, `+` is itself.
fn decoded(segment: &str) -> String {
    let text = segment.replace('+', "%2B");
    form_urlencoded::parse(text.as_bytes()).next().map(|(name, _)| name.into_owned()).unwrap_or_default()
}

impl<V: Vendor> Served<V> {
    /// A vendor that is told where it is.
    pub(crate) async fn start(vendor: impl FnOnce(SocketAddr) -> V) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (vendor, asked) = (Arc::new(vendor(address)), Arc::default());
        let state = Shared(vendor.clone(), Arc::clone(&asked));
        let router = Router::new().fallback(handle::<V>).with_state(state);
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, vendor, asked, task }
    }

    /// The requests that have come.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Its URL.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The only connector of a shipped file, with these constants.
    pub(crate) fn connector(&self, file: &str, constants: &[(&str, &str)]) -> ConnectorIntegration {
        let connectors = connectors(&[self.address], vec![parsed(file, constants)]);
        connectors.newest().next().unwrap().clone()
    }
}

/// The connector of a shipped file, with these constants.
pub(crate) fn parsed(file: &str, constants: &[(&str, &str)]) -> Connector {
    let connector =
        Connector::parse(file.as_bytes()).unwrap_or_else(|error| panic!("{:?}", error.mistakes()));
    let constants = constants.iter();
    constants
        .fold(connector, |connector, (name, value)| connector.with_constant(name, (*value).into()).unwrap())
}

/// Connectors that may reach these servers.
pub(crate) fn connectors(addresses: &[SocketAddr], all: Vec<Connector>) -> Connectors {
    let http = addresses
        .iter()
        .fold(HttpIntegration::builder(), |http, address| http.allow(address.to_string().parse().unwrap()));
    all.into_iter().fold(Connectors::builder(http), |builder, one| builder.connector(one)).build().unwrap()
}

/// An answer of JSON.
pub(crate) fn json(status: u16, body: Value) -> Response {
    (StatusCode::from_u16(status).unwrap(), axum::Json(body)).into_response()
}

/// An answer of HTML, as what stands before a vendor gives it.
pub(crate) fn html(status: u16, text: &str) -> Response {
    let headers = [("content-type", "text/html; charset=utf-8")];
    (StatusCode::from_u16(status).unwrap(), headers, format!("<html><body>{text}</body></html>"))
        .into_response()
}

/// An answer with another header.
pub(crate) fn with(mut response: Response, name: &'static str, value: &str) -> Response {
    response.headers_mut().insert(name, value.parse().unwrap());
    response
}

/// A file with another text in place of one that stands in it.
pub(crate) fn replaced(file: &str, text: &str, by: &str) -> String {
    assert!(file.contains(text), "{text}");
    file.replace(text, by)
}

/// Calls an action with this secret under each name that it needs.
pub(crate) async fn call(
    connector: &ConnectorIntegration,
    secret: &str,
    action: &str,
    arguments: Value,
) -> Result<Value, Failure> {
    let spec = connector.spec(action);
    let secrets = spec.secrets.into_iter().map(|name| GivenSecret {
        secret: Secret::new(secret).unwrap(),
        reference: SecretReference::of_tool(name),
    });
    let call = Call {
        tenant: "acme".parse().unwrap(),
        peid: "0190aaaa-bbbb-7111-8222-000000000000".parse::<ExecutionId>().unwrap(),
        task_id: "0190aaaa-bbbb-7111-8222-333344445555".parse::<TaskId>().unwrap(),
        step_id: "lookup".parse().unwrap(),
        action: action.parse().unwrap(),
        attempt: 1,
        arguments: arguments.into(),
        secrets: secrets.collect(),
        masking: Masking::default(),
        timeout: Duration::from_secs(30),
        sending: Sending::default(),
        permit: CallPermit::default(),
        files: updraft::CallFiles::default(),
    };
    connector.call(call).await.map(|output| output.value().try_into().unwrap())
}

/// What a playbook reads of a failure: its kind, whether another attempt is made, and a part of its message.
pub(crate) fn assert_fails(came: Result<Value, Failure>, kind: FailureKind, retried: bool, says: &str) {
    let failure = came.expect_err("the call fails");
    assert_eq!((failure.kind, failure.retryable()), (kind, retried), "{}", failure.message);
    assert!(failure.message.contains(says), "{:?} in {:?}", says, failure.message);
}
