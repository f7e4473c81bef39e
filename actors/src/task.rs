//! The task actor: one attempt at one task. Calls the integration, bounds its time, catches its panic,
//! and reports; it stops, and drops the call, when its execution no longer listens.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use actix::{Actor, ActorContext, ActorFutureExt, AsyncContext, Context, WrapFuture};
use futures_util::FutureExt;
use tokio::sync::oneshot;
use tokio::time::Instant;
use tracing::Instrument;
use updraft_protocol::{Call, Failure, FailureKind, Integration, Json};

/// What an attempt gave. A report that is dropped means that the actor died.
pub(crate) type Report = oneshot::Sender<Result<Json, Failure>>;

pub(crate) struct Task {
    work: Option<(Arc<dyn Integration>, Call, Report)>,
    span: tracing::Span,
}

impl Task {
    pub(crate) fn start_attempt(integration: Arc<dyn Integration>, call: Call, report: Report) {
        let span = tracing::info_span!(
            "attempt",
            tenant = %call.tenant,
            peid = %call.peid,
            step = %call.step_id,
            task = %call.task_id,
            attempt = call.attempt,
        );
        Self { work: Some((integration, call, report)), span }.start();
    }
}

impl Actor for Task {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let Some((integration, call, report)) = self.work.take() else { return ctx.stop() };
        let attempt = attempt(integration, call, report).instrument(self.span.clone());
        ctx.spawn(attempt.into_actor(self).map(|(), _, ctx| ctx.stop()));
    }
}

async fn attempt(integration: Arc<dyn Integration>, call: Call, mut report: Report) {
    let timeout = call.timeout;
    let (_running, began) = (Running::begin(), Instant::now());
    let calling = AssertUnwindSafe(async { integration.call(call).await }).catch_unwind();
    let outcome = tokio::select! {
        biased;
        () = report.closed() => {
            tracing::debug!("the attempt is dropped: its execution no longer waits for it");
            return;
        }
        outcome = tokio::time::timeout(timeout, calling) => match outcome {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(panic)) => Err(panicked(panic.as_ref())),
            Err(_) => {
                let message = format!("no answer within {}", humanly(timeout));
                Err(Failure::new(FailureKind::Timeout, message))
            }
        },
    };
    let label = outcome.as_ref().map_or_else(|failure| failure.kind.as_str(), |_| "completed");
    metrics::counter!("updraft_attempts_total", "outcome" => label).increment(1);
    metrics::histogram!("updraft_attempt_seconds", "outcome" => label).record(began.elapsed());
    if let Err(failure) = &outcome {
        tracing::debug!(%failure, "the attempt failed");
    }
    let _ = report.send(outcome);
}

/// Counts an attempt as running for as long as it is held.
struct Running;

impl Running {
    fn begin() -> Self {
        metrics::gauge!("updraft_attempts_running").increment(1.0);
        Self
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        metrics::gauge!("updraft_attempts_running").decrement(1.0);
    }
}

fn humanly(duration: std::time::Duration) -> String {
    updraft_protocol::Span(duration).to_string()
}

fn panicked(panic: &(dyn std::any::Any + Send)) -> Failure {
    let text = panic.downcast_ref::<&str>().copied().or(panic.downcast_ref::<String>().map(String::as_str));
    Failure::new(FailureKind::Panic, format!("the integration panicked: {}", text.unwrap_or("no message")))
}
