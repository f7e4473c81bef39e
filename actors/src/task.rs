//! One attempt at one task: calls the integration, limits its time, catches its panic, and reports. A call that
//! completes at once needs no task; one that waits gets a task of its own, which its drop ends. The time of an attempt
//! begins when its request is sent, and a call that was never sent has not acted, however it ended.

use std::cell::RefCell;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::task::AbortHandle;
use tokio::time::Instant;
use tracing::Instrument;
use updraft_protocol::limits::{ATTEMPT_TELL, ATTEMPT_UNSENT, MASKED_INLINE_BYTES};
use updraft_protocol::{
    ActionSpec, Call, CallPermit, Failure, FailureKind, Integration, Json, Span, TenantCode,
};

use crate::execution::message::Report;
use crate::gates::CallReport;
use crate::secrets::{Needed, Secrets};
use crate::sent::Sent;

/// An attempt under way.
pub(crate) struct Attempt {
    task: AbortHandle,
    calling: Shared,
    /// `None` if the integration counts as having sent at once.
    sent: Option<Arc<Sent>>,
}

/// A call that catches panics.
type Calling = Pin<Box<dyn Future<Output = std::thread::Result<Result<Json, Failure>>>>>;

/// A call that is dropped at the moment its attempt is dropped: an aborted task ends later, and could still send its
/// request until then. `None` once it was dropped.
type Shared = Rc<RefCell<Option<Calling>>>;

impl Attempt {
    /// Calls the integration. If `inline` allows, the call is polled once before a task is made for it; `None` if it
    /// has completed by then.
    pub(crate) fn begin(
        integration: &Arc<dyn Integration>,
        (mut call, told): (Call, CallReport),
        (needed, secrets): (Needed, &Arc<Secrets>),
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
        let ActionSpec { says_sending, asks_for_requests, .. } = integration.spec(call.action.as_str());
        if asks_for_requests {
            call.permit = call.permit.with_requests(told.requests());
        }
        // A call that waits for a secret has not sent its request either.
        let sent = (says_sending || !needed.is_empty()).then(Arc::<Sent>::default);
        if let Some(sent) = &sent {
            call.sending = sent.sending();
        }
        call.masking = secrets.masking(&call.tenant);
        let masks = (secrets.clone(), call.tenant.clone());
        let mut running = Running::begin(call.timeout, sent.clone(), Some(masks));
        running.permit = call.permit.clone();
        running.told = Some(told);
        // Boxed apart from `running`: the arguments can be dropped while the answer is awaited.
        let (integration, call) = (integration.clone(), Box::new(call));
        let calling: Calling = if needed.is_empty() {
            Box::pin(AssertUnwindSafe(async move { integration.call(*call).await }).catch_unwind())
        } else {
            let given = (needed, secrets.clone());
            Box::pin(AssertUnwindSafe(call_with(integration, call, given, says_sending)).catch_unwind())
        };
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
        let calling = Rc::new(RefCell::new(Some(calling)));
        let task = actix::spawn(attempt(calling.clone(), running, report).instrument(span)).abort_handle();
        Some(Self { task, calling, sent })
    }

    /// Withdraws the request; returns false if it was already sent.
    pub(crate) fn withdraw(&self) -> bool {
        self.sent.as_ref().is_some_and(|sent| sent.withdraw())
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        self.task.abort();
        // If the call is being polled now, its task ends after the poll.
        let calling = self.calling.try_borrow_mut().ok().and_then(|mut calling| calling.take());
        // The destructors of the integration may panic.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(calling)));
    }
}

/// Waits for the conditions of a call, then makes it. Until then its tool has not acted.
async fn call_with(
    integration: Arc<dyn Integration>,
    mut call: Box<Call>,
    (needed, secrets): (Needed, Arc<Secrets>),
    says_sending: bool,
) -> Result<Json, Failure> {
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
fn attempt(calling: Shared, running: Running, report: Report) -> impl Future<Output = ()> + 'static {
    async move {
        let called = in_time(&calling, &running, ATTEMPT_UNSENT).await;
        let Some(calling) = calling.take() else { return };
        let outcome = running.masked(over(calling, called)).await;
        running.tell(outcome, report);
    }
}

/// Waits for the call: for as long as an attempt may take once it is sent, and before that for as long as one may wait
/// to be sent. An integration that reports when it sends keeps the attempt's time itself, and has a little longer to
/// report the outcome.
async fn in_time(
    calling: &Shared,
    running: &Running,
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
        // A dropped call never completes: its task is about to end.
        let mut at_work = calling.borrow_mut();
        let Some(called) = at_work.as_mut().map(|calling| calling.as_mut().poll(context)) else {
            return Poll::Pending;
        };
        drop(at_work);
        if let Poll::Ready(called) = called {
            return Poll::Ready(called);
        }
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

/// An attempt that is under way for as long as this is held.
struct Running {
    began: Instant,
    /// How long it may take from the time it is sent.
    timeout: Duration,
    sent: Option<Arc<Sent>>,
    /// The tenant whose secrets are masked in the outcome.
    masks: Option<(Arc<Secrets>, TenantCode)>,
    /// Given back when the attempt is over, or earlier.
    permit: CallPermit,
    /// Told how the attempt ended. The attempt counts as running, and has its places at gates, until this is dropped.
    told: Option<CallReport>,
}

impl Running {
    fn begin(timeout: Duration, sent: Option<Arc<Sent>>, masks: Option<(Arc<Secrets>, TenantCode)>) -> Self {
        Self { began: Instant::now(), timeout, sent, masks, permit: CallPermit::default(), told: None }
    }

    /// How long after the sending its integration must have reported the outcome.
    fn answers_within(&self) -> Duration {
        self.timeout + ATTEMPT_TELL.min(self.timeout / 10)
    }

    /// Withdraws the request; returns false if it was already sent.
    fn withdrawn(&self) -> bool {
        self.sent.as_ref().is_some_and(|sent| sent.withdraw())
    }

    /// The outcome without the secrets of its tenant. A large one is searched on a blocking thread.
    async fn masked(&self, outcome: Result<Json, Failure>) -> Result<Json, Failure> {
        let Some((secrets, tenant)) = self.masks.clone().filter(|(secrets, tenant)| secrets.masks(tenant))
        else {
            return outcome;
        };
        if outcome.as_ref().map_or(0, |output| output.as_str().len()) <= MASKED_INLINE_BYTES {
            return secrets.masked(&tenant, outcome);
        }
        let masking = tokio::task::spawn_blocking(move || secrets.masked(&tenant, outcome));
        // At the end of the runtime the outcome is not needed.
        masking.await.unwrap_or_else(|_| Err(Failure::new(FailureKind::Interrupted, "the runtime ended")))
    }

    /// Ends an attempt that completed at once.
    fn end(self, outcome: Result<Json, Failure>, report: Report) {
        let outcome = match &self.masks {
            Some((secrets, tenant)) => secrets.masked(tenant, outcome),
            None => outcome,
        };
        self.tell(outcome, report);
    }

    fn tell(self, outcome: Result<Json, Failure>, report: Report) {
        let took = self.began.elapsed();
        if let Err(failure) = &outcome {
            tracing::debug!(%failure, "the attempt failed");
        }
        let unsent = self.withdrawn();
        let outcome =
            outcome.map_err(|failure| if unsent { failure.with_may_have_acted(false) } else { failure });
        if let Some(told) = &self.told {
            told.ended(outcome.as_ref().err(), took, self.sent.as_ref().and_then(|sent| sent.pause()));
        }
        report.give(outcome);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.permit.take());
    }
}

pub(crate) fn panicked(panic: Box<dyn std::any::Any + Send>) -> Failure {
    let text = panic.downcast_ref::<&str>().copied().or(panic.downcast_ref::<String>().map(String::as_str));
    let message = format!("the integration panicked: {}", text.unwrap_or("no message"));
    // The destructor of a panic's payload may panic.
    let _ = catch_unwind(AssertUnwindSafe(|| drop(panic)));
    Failure::new(FailureKind::Panic, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(3600);
    const SHORT: Duration = Duration::from_millis(5);

    /// The end of a call of an integration that reports when it sends; `call` gets the handle for that.
    async fn ends<F: Future<Output = Result<Json, Failure>> + 'static>(
        (to_be_sent, timeout): (Duration, Duration),
        call: impl FnOnce(updraft_protocol::Sending) -> F,
    ) -> (Result<Json, Failure>, bool) {
        let sent = Arc::<Sent>::default();
        let running = Running::begin(timeout, Some(sent.clone()), None);
        let calling: Calling = Box::pin(AssertUnwindSafe(call(sent.sending())).catch_unwind());
        let calling = Rc::new(RefCell::new(Some(calling)));
        let called = in_time(&calling, &running, to_be_sent).await;
        (over(calling.take().unwrap(), called), running.withdrawn())
    }

    #[tokio::test]
    async fn the_time_of_an_attempt_begins_when_it_is_sent() {
        let (outcome, unsent) = ends((LONG, SHORT), |sending| async move {
            tokio::time::sleep(10 * SHORT).await;
            assert!(sending.begin());
            std::future::pending().await
        })
        .await;
        let failure = outcome.unwrap_err();
        assert_eq!((failure.kind, failure.message.as_str()), (FailureKind::Timeout, "no answer within 5ms"));
        assert!(!unsent && failure.may_have_acted());
    }

    #[tokio::test]
    async fn one_that_is_never_sent_has_a_bound_of_its_own_and_has_not_acted() {
        let (outcome, unsent) = ends((SHORT, LONG), |sending| async move {
            std::future::pending::<()>().await;
            assert!(sending.begin());
            Ok(Json::null())
        })
        .await;
        let failure = outcome.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Unreachable);
        assert!(unsent && !failure.may_have_acted() && failure.retryable());
    }

    #[tokio::test]
    async fn a_call_is_gone_in_the_moment_in_which_its_attempt_is() {
        let local = tokio::task::LocalSet::new();
        let gone = local.run_until(async {
            let (held, sent) = (Rc::new(()), None);
            let guard = held.clone();
            let call = async move {
                let _guard = guard;
                std::future::pending().await
            };
            let calling: Calling = Box::pin(AssertUnwindSafe(call).catch_unwind());
            let calling = Rc::new(RefCell::new(Some(calling)));
            let (waited, running) = (calling.clone(), Running::begin(LONG, None, None));
            let waiting = async move { drop(in_time(&waited, &running, LONG).await) };
            let task = tokio::task::spawn_local(waiting).abort_handle();
            tokio::task::yield_now().await;
            assert_eq!(Rc::strong_count(&held), 2, "it is under way");
            drop(Attempt { task, calling, sent });
            Rc::strong_count(&held)
        });
        assert_eq!(gone.await, 1, "an abort alone would end it later");
    }

    #[tokio::test]
    async fn what_was_withdrawn_cannot_be_sent_any_more() {
        let sent = Arc::<Sent>::default();
        let sending = sent.sending();
        assert!(sent.withdraw() && !sending.begin() && sent.withdraw());
        let sent = Arc::<Sent>::default();
        let sending = sent.sending();
        assert!(sending.begin() && !sent.withdraw() && sending.begin());
    }

    #[tokio::test]
    async fn another_thread_may_say_that_it_sends() {
        let (outcome, unsent) = ends((LONG, SHORT), |sending| async move {
            std::thread::spawn(move || assert!(sending.begin()));
            std::future::pending().await
        })
        .await;
        assert_eq!(outcome.unwrap_err().kind, FailureKind::Timeout);
        assert!(!unsent);
    }
}
