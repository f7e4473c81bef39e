//! The tools of the load: an integration that takes its time, fails as often as asked, and acts on nothing; in the process, or
//! behind a real HTTP server on the loopback. Engine and reference call the same one.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinSet;
use updraft::integrations::HttpIntegration;
use updraft::integrations::http::Allow;
use updraft::{ActionSpec, Answer, Call, Effect, Failure, FailureKind, Integration, Json, Name};

use crate::error::Error;
use crate::latency::Latency;
use crate::options::{LoadOptions, Tools};
use crate::random::Random;

/// What each call of a tool meets.
struct Behaviour {
    latency: Latency,
    failure_rate: f64,
    random: Random,
    /// Whether tools answer at all.
    open: watch::Receiver<bool>,
    /// Calls that look something up.
    looked_up: Arc<AtomicU64>,
}

impl Behaviour {
    /// Takes its time, and says whether the call succeeds.
    async fn meet(&self) -> bool {
        if !*self.open.borrow() {
            // A gate that was dropped means that the run is over.
            let _ = self.open.clone().wait_for(|open| *open).await;
        }
        let time = self.latency.draw(&self.random);
        if !time.is_zero() {
            tokio::time::sleep(time).await;
        }
        self.failure_rate == 0.0 || self.random.share() >= self.failure_rate
    }
}

/// The integration inside the process.
struct InProcess(Behaviour);

impl Integration for InProcess {
    fn actions(&self) -> &[&str] {
        &["act", "look"]
    }

    fn spec(&self, action: &str) -> ActionSpec {
        let effect = if action == "look" { Effect::Read } else { Effect::Write };
        ActionSpec { effect, ..ActionSpec::default() }
    }

    fn call(&self, call: Call) -> Answer<'_> {
        if call.action.as_str() == "look" {
            self.0.looked_up.fetch_add(1, Ordering::Relaxed);
        }
        Box::pin(async move {
            if self.0.meet().await {
                return Ok(Json::null());
            }
            Err(Failure::new(FailureKind::Unreachable, "the stubbed tool fails").with_retryable(true))
        })
    }
}

/// The tools of a run.
pub(crate) struct Toolkit {
    pub(crate) integration: Name,
    pub(crate) action: Name,
    /// What every call asks for.
    pub(crate) arguments: Value,
    /// A look-up of the indicator of the input, as a playbook writes it.
    pub(crate) look_up: String,
    pub(crate) tool: Arc<dyn Integration>,
    /// Ends the HTTP server when it is dropped.
    _server: Option<JoinSet<std::io::Result<()>>>,
}

impl Toolkit {
    /// Makes the tools that were asked for; they answer while the gate is open.
    /// Calls that look something up are counted.
    pub(crate) fn start(
        options: &LoadOptions,
        open: watch::Receiver<bool>,
        looked_up: Arc<AtomicU64>,
    ) -> Result<Self, Error> {
        let failed = |error: &dyn std::fmt::Display| Error::of("the tools", error);
        let name = |text: &str| Name::new(text).map_err(|error| failed(&error));
        let random = Random::new(options.seed, 1);
        let behaviour = Behaviour {
            latency: options.latency,
            failure_rate: options.failure_rate,
            random,
            open,
            looked_up,
        };
        if options.tools == Tools::Process {
            let tool = Arc::new(InProcess(behaviour));
            let (integration, action) = (name("tool")?, name("act")?);
            let look_up = "action: tool.look\n    arguments: {indicator: '{{ input.indicator }}'}".to_owned();
            return Ok(Self { integration, action, arguments: json!({}), look_up, tool, _server: None });
        }
        let (address, server) = serve(behaviour).map_err(|error| failed(&error))?;
        let allow: Allow = address.parse().map_err(|error| failed(&error))?;
        let open = usize::from(options.concurrency);
        let http = HttpIntegration::builder().allow(allow).open_per_host(open, open).build();
        Ok(Self {
            integration: name("http")?,
            action: name("request")?,
            arguments: json!({"method": "POST", "url": format!("http://{address}/act")}),
            look_up: format!(
                "action: http.request\n    arguments: {{method: GET, url: 'http://{address}/look/{{{{ input.indicator }}}}'}}"
            ),
            tool: Arc::new(http.map_err(|error| failed(&error))?),
            _server: Some(server),
        })
    }

    /// The call, as a playbook writes it.
    pub(crate) fn call(&self) -> String {
        format!("integration: {}, action: {}, arguments: {}", self.integration, self.action, self.arguments)
    }
}

/// Serves the tool at a free port until the set is dropped.
fn serve(behaviour: Behaviour) -> std::io::Result<(String, JoinSet<std::io::Result<()>>)> {
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    listener.set_nonblocking(true)?;
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let (address, mut server) = (listener.local_addr()?.to_string(), JoinSet::new());
    let router = Router::new().route("/act", post(act)).route("/look/{indicator}", get(look));
    let router = router.with_state(Arc::new(behaviour));
    server.spawn(axum::serve(listener, router).into_future());
    Ok((address, server))
}

async fn look(state: State<Arc<Behaviour>>) -> (StatusCode, &'static str) {
    state.looked_up.fetch_add(1, Ordering::Relaxed);
    act(state).await
}

async fn act(State(behaviour): State<Arc<Behaviour>>) -> (StatusCode, &'static str) {
    if behaviour.meet().await { (StatusCode::OK, "{}") } else { (StatusCode::SERVICE_UNAVAILABLE, "") }
}
