//! A tool server on a real socket, and calls of connectors against it.

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
use updraft_connectors::{Connector, ConnectorIntegration, Connectors};
use updraft_integrations::HttpIntegration;
use updraft_protocol::{
    Call, CallFiles, CallPermit, ExecutionId, Failure, GivenSecret, Integration, Masking, Secret,
    SecretReference, Sending, TaskId,
};

/// A request that has come.
#[derive(Debug, Clone)]
pub(crate) struct Came {
    pub(crate) method: String,
    /// Path and query.
    pub(crate) target: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Came {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// What the tool answers to a request of this number, from 0.
type Answers = dyn Fn(usize, &Came) -> Response + Send + Sync;

/// A tool that ends with its test.
pub(crate) struct Tool {
    pub(crate) addr: SocketAddr,
    came: Arc<Mutex<Vec<Came>>>,
    task: JoinHandle<()>,
}

impl Drop for Tool {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[derive(Clone)]
struct Shared(Arc<Mutex<Vec<Came>>>, Arc<Answers>);

async fn handle(State(Shared(came, answers)): State<Shared>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let one = Came {
        method: parts.method.to_string(),
        target: parts.uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
        headers: parts.headers,
        body: to_bytes(body, 1 << 20).await.unwrap(),
    };
    let number = {
        let mut came = came.lock().unwrap_or_else(PoisonError::into_inner);
        came.push(one.clone());
        came.len() - 1
    };
    answers(number, &one)
}

impl Tool {
    pub(crate) async fn start(answers: impl Fn(usize, &Came) -> Response + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let came: Arc<Mutex<Vec<Came>>> = Arc::default();
        let router = Router::new().fallback(handle).with_state(Shared(came.clone(), Arc::new(answers)));
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { addr, came, task }
    }

    /// The requests that have come.
    pub(crate) fn came(&self) -> Vec<Came> {
        self.came.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The connector of a file whose base URL `BASE` is this tool.
    pub(crate) fn connector(&self, text: &str) -> ConnectorIntegration {
        let text = text.replace("BASE", &format!("http://{}", self.addr));
        let connector = Connector::parse(text.as_bytes()).unwrap_or_else(|error| panic!("{error}"));
        self.of(connector)
    }

    pub(crate) fn of(&self, connector: Connector) -> ConnectorIntegration {
        let http = HttpIntegration::builder().allow(self.addr.to_string().parse().unwrap());
        let connectors = Connectors::builder(http).connector(connector).build().unwrap();
        connectors.newest().next().unwrap().clone()
    }
}

pub(crate) fn json(status: u16, body: Value) -> Response {
    (StatusCode::from_u16(status).unwrap(), axum::Json(body)).into_response()
}

/// A call of an action, with the secrets that it needs: `secret-NAME`.
pub(crate) fn call_of(connector: &ConnectorIntegration, action: &str, arguments: Value) -> Call {
    let secrets = connector.spec(action).secrets.into_iter().map(|name| GivenSecret {
        secret: Secret::new(format!("secret-{name}")).unwrap(),
        reference: SecretReference::of_tool(name),
    });
    Call {
        tenant: "acme".parse().unwrap(),
        peid: "0190aaaa-bbbb-7111-8222-000000000000".parse::<ExecutionId>().unwrap(),
        task_id: "0190aaaa-bbbb-7111-8222-333344445555".parse::<TaskId>().unwrap(),
        step_id: "lookup".parse().unwrap(),
        action: action.parse().unwrap(),
        attempt: 1,
        arguments: arguments.into(),
        secrets: secrets.collect(),
        masking: Masking::default(),
        timeout: Duration::from_secs(20),
        sending: Sending::default(),
        permit: CallPermit::default(),
        files: CallFiles::default(),
    }
}

pub(crate) async fn call(
    connector: &ConnectorIntegration,
    action: &str,
    arguments: Value,
) -> Result<Value, Failure> {
    let call = call_of(connector, action, arguments);
    connector.call(call).await.map(|output| output.value().try_into().unwrap())
}
