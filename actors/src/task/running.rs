//! One attempt that is under way: its time, what it holds, and who is told how it ended. Dropped without an end, it reports that
//! it was interrupted. Calls nothing.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::AbortHandle;
use tokio::time::Instant;
use updraft_protocol::limits::{ATTEMPT_TELL, MASKED_INLINE_BYTES};
use updraft_protocol::{CallPermit, Failure, FailureKind, Json, TenantCode};

use crate::call_files::AttemptFiles;
use crate::execution::message::Report;
use crate::gates::CallReport;
use crate::polling::{PolledCall, ShardPolling};
use crate::secrets::Secrets;
use crate::sent::Sent;

/// An attempt that is under way for as long as this is held.
pub(super) struct Running {
    pub(super) began: Instant,
    /// How long it may take from the time it is sent.
    pub(super) timeout: Duration,
    pub(super) sent: Option<Arc<Sent>>,
    /// The tenant whose secrets are masked in the outcome.
    pub(super) masks: Option<(Arc<Secrets>, TenantCode)>,
    /// Given back when the attempt is over, or earlier.
    pub(super) permit: CallPermit,
    /// Told how the attempt ended. The attempt counts as running, and has its places at gates, until this is dropped.
    pub(super) told: Option<CallReport>,
    /// What it has written: that stays which its output names.
    pub(super) files: Option<Arc<AttemptFiles>>,
    /// Whether its integration was called: until then its conditions were awaited. `None` for one that has none.
    pub(super) is_called: Option<Rc<Cell<bool>>>,
    /// Whether its call counts among those of its tool that are not answered at once.
    pub(super) is_counted: bool,
    /// Told how it ended; `None` once it was.
    pub(super) report: Option<Report>,
    /// Whether its execution has given it up.
    pub(super) aborted: Option<AbortHandle>,
    /// Where its polls are seen, and as what.
    pub(super) polled: Option<(Arc<ShardPolling>, Option<PolledCall>)>,
}

impl Running {
    pub(super) fn begin(timeout: Duration, sent: Option<Arc<Sent>>) -> Self {
        Self {
            began: Instant::now(),
            timeout,
            sent,
            masks: None,
            permit: CallPermit::default(),
            told: None,
            files: None,
            is_called: None,
            is_counted: false,
            report: None,
            aborted: None,
            polled: None,
        }
    }

    /// How long after the sending its integration must have reported the outcome.
    pub(super) fn answers_within(&self) -> Duration {
        self.timeout + ATTEMPT_TELL.min(self.timeout / 10)
    }

    /// Withdraws the request; returns false if it was already sent.
    pub(super) fn withdrawn(&self) -> bool {
        self.sent.as_ref().is_some_and(|sent| sent.withdraw())
    }

    /// Its call is not answered at once.
    pub(super) fn waits(&mut self) {
        if !std::mem::replace(&mut self.is_counted, true)
            && let Some(told) = &mut self.told
        {
            told.waits();
        }
    }

    /// Does `poll`, which polls its call.
    pub(super) fn polls<T>(&mut self, poll: impl FnOnce() -> T) -> T {
        match &mut self.polled {
            Some((shard, call)) => shard.during(call, poll),
            None => poll(),
        }
    }

    /// The outcome without the secrets of its tenant. A large one is searched on a blocking thread.
    pub(super) async fn masked(&self, outcome: Result<Json, Failure>) -> Result<Json, Failure> {
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

    /// Whether its failure says something of its tool. What it waited for before the call says nothing, nor does a bound of this
    /// process.
    fn is_made(&self) -> bool {
        let is_called = self.is_called.as_ref().is_none_or(|is_called| is_called.get());
        is_called && !self.sent.as_ref().is_some_and(|sent| sent.is_held_back())
    }

    /// Ends an attempt that completed at once.
    pub(super) fn end(self, outcome: Result<Json, Failure>) {
        let outcome = match &self.masks {
            Some((secrets, tenant)) => secrets.masked(tenant, outcome),
            None => outcome,
        };
        self.tell(outcome);
    }

    pub(super) fn tell(mut self, outcome: Result<Json, Failure>) {
        let took = self.began.elapsed();
        if let Err(failure) = &outcome {
            tracing::debug!(%failure, "the attempt failed");
        }
        let unsent = self.withdrawn();
        let outcome =
            outcome.map_err(|failure| if unsent { failure.with_may_have_acted(false) } else { failure });
        if let Some(files) = self.files.take() {
            files.over(outcome.as_ref().ok());
        }
        if let Some(told) = &self.told {
            match &outcome {
                Err(failure) if !self.is_made() => told.not_made(failure.kind, took),
                _ => {
                    told.ended(outcome.as_ref().err(), took, self.sent.as_ref().and_then(|sent| sent.pause()))
                }
            }
        }
        if let Some(report) = self.report.take() {
            report.give(outcome);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.permit.take());
        if let Some(files) = self.files.take() {
            files.over(None);
        }
        let is_given_up = self.aborted.as_ref().is_some_and(AbortHandle::is_aborted);
        let Some(report) = self.report.take().filter(|_| !is_given_up) else { return };
        // The actor that polled it has died.
        if let Some(told) = &self.told {
            told.not_made(FailureKind::Interrupted, self.began.elapsed());
        }
        let (acted, message) = (!self.withdrawn(), "the actor that made the call died");
        report.give(Err(Failure::new(FailureKind::Interrupted, message).with_may_have_acted(acted)));
    }
}
