//! One attempt at one task: calls the integration, limits its time, catches its panic, and reports. A call that
//! completes at once needs no actor; one that waits is polled by the task actor of its integration until it ends, or is
//! dropped. The time of an attempt begins when its request is sent, and a call that was never sent has not acted, however
//! it ended.

mod actor;
mod actors;
mod mailbox;
mod running;

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{AbortHandle, Abortable};
use tokio::time::Instant;
use tracing::Instrument;
use updraft_protocol::limits::ATTEMPT_UNSENT;
use updraft_protocol::{ActionSpec, Call, Failure, FailureKind, Integration, Json, Name, Span};

use crate::call_files::AttemptFiles;
use crate::execution::message::Report;
use crate::gates::{CallReport, GatePass};
use crate::polling::PolledCall;
use crate::secrets::{Needed, Secrets};
use crate::sent::Sent;
pub(crate) use actors::TaskActors;
use running::Running;

/// An attempt under way.
pub(crate) struct Attempt {
    polled: AbortHandle,
    calling: Shared,
    /// `None` if the integration counts as having sent at once.
    sent: Option<Arc<Sent>>,
}

/// The wait for a place among the calls of a tool.
pub(crate) type PlaceWait = Pin<Box<dyn Future<Output = Result<Box<GatePass>, Failure>>>>;

/// A call that catches panics.
type Calling = Pin<Box<dyn Future<Output = std::thread::Result<Result<Json, Failure>>>>>;

/// A call that is dropped at the moment its attempt is dropped: an aborted future ends later, and could still send its
/// request until then. `None` once it was dropped.
type Shared = Rc<RefCell<Option<Calling>>>;

impl Attempt {
    /// Calls the integration. If `inline` allows, the call is polled once before it is handed to the actor of its
    /// integration; `None` if it has completed by then. Where that actor has no room, the attempt waits for it before the
    /// call is made.
    pub(crate) fn begin(
        (integration, name, actors): (&Arc<dyn Integration>, &Name, &Rc<TaskActors>),
        (mut call, mut told, files): (Call, CallReport, Option<Arc<AttemptFiles>>),
        (needed, place, secrets): (Needed, Option<PlaceWait>, &Arc<Secrets>),
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
        let full = actors.full(name);
        let ActionSpec { says_sending, asks_for_requests, .. } = integration.spec(call.action.as_str());
        if asks_for_requests {
            call.permit = call.permit.with_requests(told.requests());
        }
        // A call that waits for room, for a place or for a secret has not sent its request either.
        let waits = full.is_some() || place.is_some() || !needed.is_empty();
        let sent = (says_sending || waits).then(Arc::<Sent>::default);
        if let Some(sent) = &sent {
            call.sending = sent.sending();
        }
        call.masking = secrets.masking(&call.tenant);
        let mut running = Running::begin(call.timeout, sent.clone());
        // One that waits for its place takes no other.
        running.is_counted = place.is_some();
        running.masks = Some((secrets.clone(), call.tenant.clone()));
        (running.permit, running.told, running.report) = (call.permit.clone(), Some(told), Some(report));
        running.files = files;
        let polled = PolledCall { integration: name.clone(), peid: call.peid, step: call.step_id.clone() };
        running.polled = Some((actors.polling.clone(), Some(polled)));
        // Boxed apart from `running`: the arguments can be dropped while the answer is awaited.
        let (integration, call) = (integration.clone(), Box::new(call));
        let calling: Calling = if waits {
            let given = (needed, place, secrets.clone());
            let is_called = Rc::new(Cell::new(false));
            running.is_called = Some(is_called.clone());
            let calling = call_with((integration, is_called), call, given, says_sending);
            Box::pin(AssertUnwindSafe(calling).catch_unwind())
        } else {
            Box::pin(AssertUnwindSafe(async move { integration.call(*call).await }).catch_unwind())
        };
        let calling = match inline.checked_sub(1) {
            Some(left) if full.is_none() => {
                *inline = left;
                match span.in_scope(|| running.polls(|| first_look(calling))) {
                    Ok(outcome) => {
                        span.in_scope(|| running.end(outcome));
                        return None;
                    }
                    Err(calling) => {
                        running.waits();
                        calling
                    }
                }
            }
            _ => calling,
        };
        let calling = Rc::new(RefCell::new(Some(calling)));
        let (polled, registration) = AbortHandle::new_pair();
        running.aborted = Some(polled.clone());
        let attempt = attempt(calling.clone(), running, full.is_some()).instrument(span);
        let attempt = Box::pin(Abortable::new(attempt, registration).map(drop));
        match full {
            None => actors.of(name).put(attempt),
            Some(mailbox) => drop(actix::spawn(async move { mailbox.put_later(attempt).await })),
        }
        Some(Self { polled, calling, sent })
    }

    /// Withdraws the request; returns false if it was already sent.
    pub(crate) fn withdraw(&self) -> bool {
        self.sent.as_ref().is_some_and(|sent| sent.withdraw())
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        self.polled.abort();
        // If the call is being polled now, its attempt ends after the poll.
        let calling = self.calling.try_borrow_mut().ok().and_then(|mut calling| calling.take());
        // The destructors of the integration may panic.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(calling)));
    }
}

/// Waits for the conditions of a call, then makes it. Until then its tool has not acted.
async fn call_with(
    (integration, is_called): (Arc<dyn Integration>, Rc<Cell<bool>>),
    mut call: Box<Call>,
    (needed, place, secrets): (Needed, Option<PlaceWait>, Arc<Secrets>),
    says_sending: bool,
) -> Result<Json, Failure> {
    let _place = match place {
        Some(place) => Some(place.await?.made()),
        None => None,
    };
    call.secrets = secrets.of_attempt(&call.tenant, &needed).await?;
    if let Some(lease_check) = &needed.lease_check
        && !lease_check.current().await
    {
        let message = "another engine has the database; it was not sent";
        return Err(Failure::new(FailureKind::Interrupted, message).with_may_have_acted(false));
    }
    if !says_sending && !call.sending.begin() {
        // The request was withdrawn, and the call is about to be dropped.
        return std::future::pending().await;
    }
    is_called.set(true);
    integration.call(*call).await
}

/// Polls the call once. If it is not complete, its next poll registers the waker.
fn first_look(mut calling: Calling) -> Result<Result<Json, Failure>, Calling> {
    match calling.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Pending => Err(calling),
        Poll::Ready(called) => Ok(over(calling, called)),
    }
}

/// The outcome of a completed call. The destructors of the integration may panic.
fn over(calling: Calling, called: std::thread::Result<Result<Json, Failure>>) -> Result<Json, Failure> {
    let left = catch_unwind(AssertUnwindSafe(|| drop(calling)));
    called.and_then(|outcome| left.map(|()| outcome)).unwrap_or_else(|panic| Err(panicked(panic)))
}

#[expect(clippy::manual_async_fn, reason = "an `async fn` keeps what it was given twice")]
fn attempt(calling: Shared, mut running: Running, has_waited: bool) -> impl Future<Output = ()> + 'static {
    async move {
        if has_waited {
            running.began = Instant::now();
        }
        let called = in_time(&calling, &mut running, ATTEMPT_UNSENT).await;
        let Some(calling) = calling.take() else { return };
        let outcome = running.masked(over(calling, called)).await;
        running.tell(outcome);
    }
}

/// Waits for the call: for as long as an attempt may take once it is sent, and before that for as long as one may wait
/// to be sent. An integration that reports when it sends keeps the attempt's time itself, and has a little longer to
/// report the outcome.
async fn in_time(
    calling: &Shared,
    running: &mut Running,
    to_be_sent: Duration,
) -> std::thread::Result<Result<Json, Failure>> {
    let mut unsent = running.sent.is_some();
    // The first poll has used some of its time.
    let limit = running.began + if unsent { to_be_sent } else { running.timeout };
    let mut limit = pin!(tokio::time::sleep_until(limit));
    poll_fn(|context| {
        if let Some(sent) = &running.sent {
            sent.listening();
        }
        // A dropped call never completes: its attempt is about to end.
        let mut at_work = calling.borrow_mut();
        let Some(polled) = at_work.as_mut() else { return Poll::Pending };
        let called = running.polls(|| polled.as_mut().poll(context));
        drop(at_work);
        if let Poll::Ready(called) = called {
            return Poll::Ready(called);
        }
        running.waits();
        if unsent && running.sent.as_ref().is_some_and(|sent| sent.begun_or_wake(context.waker())) {
            unsent = false;
            limit.as_mut().reset(Instant::now() + running.answers_within());
        }
        ready!(limit.as_mut().poll(context));
        if unsent && !running.withdrawn() {
            // The request was sent at the last moment.
            unsent = false;
            limit.as_mut().reset(Instant::now() + running.answers_within());
            ready!(limit.as_mut().poll(context));
        }
        Poll::Ready(Ok(Err(if unsent {
            let message = format!("the request could not be sent within {}", Span(to_be_sent));
            Failure::new(FailureKind::Unreachable, message)
        } else {
            Failure::new(FailureKind::Timeout, format!("no answer within {}", Span(running.timeout)))
        })))
    })
    .await
}

pub(crate) fn panicked(panic: Box<dyn std::any::Any + Send>) -> Failure {
    let text = panic.downcast_ref::<&str>().copied().or(panic.downcast_ref::<String>().map(String::as_str));
    let message = format!("the integration panicked: {}", text.unwrap_or("no message"));
    // The destructor of a panic's payload may panic.
    let _ = catch_unwind(AssertUnwindSafe(|| drop(panic)));
    Failure::new(FailureKind::Panic, message)
}

#[cfg(test)]
mod tests;
