//! One attempt at one task: calls the integration, bounds its time, catches its panic, and reports. A call that
//! answers at once is over at once; one that waits gets a task of its own, which its drop ends.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::task::AbortHandle;
use tokio::time::Instant;
use tracing::Instrument;
use updraft_protocol::{Call, Failure, FailureKind, Integration, Json};

use crate::execution::Report;

/// An attempt under way.
pub(crate) struct Attempt(AbortHandle);

/// A call, whatever may become of it.
type Calling = Pin<Box<dyn Future<Output = std::thread::Result<Result<Json, Failure>>>>>;

impl Attempt {
    /// Calls the integration. Where `inline` allows, the call is looked at before a task is made for it: none where
    /// it has answered by then.
    pub(crate) fn begin(
        integration: &Arc<dyn Integration>,
        call: Call,
        report: Report,
        inline: &mut usize,
    ) -> Option<Self> {
        let span = tracing::info_span!(
            "attempt",
            tenant = %call.tenant,
            peid = %call.peid,
            step = %call.step_id,
            task = %call.task_id,
            attempt = call.attempt,
        );
        let (timeout, running) = (call.timeout, Running::begin());
        // Apart: what the tool was told need not stay as long as its answer is waited for.
        let (integration, call) = (integration.clone(), Box::new(call));
        let calling: Calling =
            Box::pin(AssertUnwindSafe(async move { integration.call(*call).await }).catch_unwind());
        let calling = match inline.checked_sub(1) {
            None => calling,
            Some(left) => {
                *inline = left;
                match span.in_scope(|| first_look(calling)) {
                    Ok(outcome) => {
                        span.in_scope(|| running.end(outcome, report));
                        return None;
                    }
                    Err(calling) => calling,
                }
            }
        };
        let attempt = attempt(calling, timeout, running, report).instrument(span);
        Some(Self(actix::spawn(attempt).abort_handle()))
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Looks once whether the call has answered. Where it has not, whoever polls it next is the one that it wakes.
fn first_look(mut calling: Calling) -> Result<Result<Json, Failure>, Calling> {
    match calling.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Pending => Err(calling),
        Poll::Ready(called) => {
            // What the integration leaves behind may panic as it goes.
            let left = catch_unwind(AssertUnwindSafe(|| drop(calling)));
            Ok(called.and_then(|outcome| left.map(|()| outcome)).unwrap_or_else(|panic| Err(panicked(panic))))
        }
    }
}

#[expect(clippy::manual_async_fn, reason = "an `async fn` keeps what it was given twice")]
fn attempt(
    calling: Calling,
    timeout: Duration,
    running: Running,
    report: Report,
) -> impl Future<Output = ()> + 'static {
    async move {
        // The first look has taken some of its time.
        let left = timeout.saturating_sub(running.began.elapsed());
        let outcome = match tokio::time::timeout(left, calling).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(panic)) => Err(panicked(panic)),
            Err(_) => {
                let message = format!("no answer within {}", humanly(timeout));
                Err(Failure::new(FailureKind::Timeout, message))
            }
        };
        running.end(outcome, report);
    }
}

/// Counts an attempt as running for as long as it is held.
struct Running {
    began: Instant,
}

impl Running {
    fn begin() -> Self {
        metrics::gauge!("updraft_attempts_running").increment(1.0);
        Self { began: Instant::now() }
    }

    fn end(self, outcome: Result<Json, Failure>, report: Report) {
        let took = self.began.elapsed();
        match &outcome {
            // A label that stands in the code costs nothing to name.
            Ok(_) => {
                metrics::counter!("updraft_attempts_total", "outcome" => "completed").increment(1);
                metrics::histogram!("updraft_attempt_seconds", "outcome" => "completed").record(took);
            }
            Err(failure) => {
                let label = failure.kind.as_str();
                metrics::counter!("updraft_attempts_total", "outcome" => label).increment(1);
                metrics::histogram!("updraft_attempt_seconds", "outcome" => label).record(took);
                tracing::debug!(%failure, "the attempt failed");
            }
        }
        report.give(outcome);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        metrics::gauge!("updraft_attempts_running").decrement(1.0);
    }
}

fn humanly(duration: Duration) -> String {
    updraft_protocol::Span(duration).to_string()
}

fn panicked(panic: Box<dyn std::any::Any + Send>) -> Failure {
    let text = panic.downcast_ref::<&str>().copied().or(panic.downcast_ref::<String>().map(String::as_str));
    let message = format!("the integration panicked: {}", text.unwrap_or("no message"));
    // What was thrown may panic as it goes.
    let _ = catch_unwind(AssertUnwindSafe(|| drop(panic)));
    Failure::new(FailureKind::Panic, message)
}
