//! `updraft serve`: an engine that fires triggers and takes webhooks until it is interrupted. What it has accepted goes on at the next
//! start.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use axum::routing::get;
use serde_json::json;
use tokio::net::TcpListener;
use updraft::Engine;

use crate::command::{Command, advised};
use crate::data::{self, Kept};
use crate::exit::{Ending, Error};
use crate::interrupt::Interrupt;
use crate::log::Screen;
use crate::options::Serve;
use crate::output::Output;
use crate::playbook;

/// How long requests under way may take to be answered at the end.
const STOP: Duration = Duration::from_secs(5);

/// Serves until an interruption; then what runs may end, and the rest goes on at the next start.
pub(crate) async fn service(options: &Serve, screen: &Screen) -> Result<Ending, Error> {
    let kept = Kept::of(&options.data)?;
    let builder = data::builder(&kept, &options.work)?.fire_triggers(true);
    let (mut playbooks, mut mistakes) = (Vec::new(), Vec::new());
    for path in &options.playbook {
        match playbook::read(path, &builder, &options.tenant).await {
            Ok(checked) => playbooks.push(checked.playbook),
            Err(found) => mistakes.extend(found),
        }
    }
    if !mistakes.is_empty() {
        return Err(Error::Refused(mistakes.join("\n")));
    }
    let mut interrupt = Interrupt::listen(screen)?;
    let listener = TcpListener::bind(options.listen).await;
    let listener = listener.map_err(|error| Error::refused(options.listen, error))?;
    let address = listener.local_addr().map_err(|error| Error::refused(options.listen, error))?;
    let again = Command::new("serve", &kept).working(&options.work);
    let started = data::start(builder, &mut interrupt, screen).await;
    let Some(engine) = started.map_err(|error| advised(error, &kept, Some(&again)))? else {
        return Ok(Ending::Interrupted);
    };
    let engine = Arc::new(engine);
    for playbook in playbooks {
        if let Err(error) = engine.playbooks().put(&options.tenant, playbook).await {
            data::close(&engine, &mut interrupt, screen).await;
            return Err(Error::Refused(error.to_string()));
        }
    }
    let mut output = Output::stdout();
    output.line(format_args!("serving at http://{address} until Ctrl-C or SIGTERM"));
    updraft_webhooks::serve(listener, routes(&engine), interrupt.asked(), STOP).await;
    data::close(&engine, &mut interrupt, screen).await;
    output.finish().map(|()| Ending::Completed)
}

fn routes(engine: &Arc<Engine>) -> Router {
    let of_engine =
        Router::new().route("/health", get(health)).route("/ready", get(ready)).with_state(engine.clone());
    of_engine.merge(updraft_webhooks::router(engine.webhooks()))
}

/// Whether the engine lives, and whether it is well. What is wrong names tenants' steps, which is not for everybody: `updraft
/// health` says it. Who restarts what answers 503 restarts nothing that goes on by itself, as where Redis is away.
async fn health(State(engine): State<Arc<Engine>>) -> Response {
    let health = engine.health().await;
    let status = if health.needs_restart() { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    (status, Json(json!({ "well": health.is_well() }))).into_response()
}

/// Whether requests are to be sent here now.
async fn ready(State(engine): State<Arc<Engine>>) -> StatusCode {
    let is_ready = engine.webhooks().are_ready() && engine.health().await.accepts();
    if is_ready { StatusCode::NO_CONTENT } else { StatusCode::SERVICE_UNAVAILABLE }
}
