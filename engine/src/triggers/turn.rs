//! The turn of one trigger: takes the steps that `kernel/src/trigger/step.rs` says until nothing is due. Submits under a key of the
//! trigger and the instant, so that a crash anywhere starts no execution twice. Decides nothing.

use std::sync::Arc;
use std::time::Duration;

use updraft_kernel::idempotency::OnReuse;
use updraft_kernel::trigger::{self, PlannedTrigger, TriggerStep};
use updraft_protocol::limits::TRIGGER_AGAIN;
use updraft_protocol::{Asked, ExecutionId, Overlap, PlaybookChoice, Timestamp, TriggerHistory};

use super::{TriggerKey, history};
use crate::engine::Submitter;
use crate::error::{ReadError, Refusal};
use crate::handle;
use crate::submission::Submission;
use crate::submit::OrElse;

/// A trigger as the driver knows it.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) planned: Arc<PlannedTrigger>,
    /// Since when its events count.
    pub(super) since: Timestamp,
    pub(super) history: TriggerHistory,
    /// The revision of the stored history.
    pub(super) revision: Option<u64>,
}

/// Why a turn ends.
enum End {
    /// Nothing is due before this instant.
    Rest(Option<Timestamp>),
    /// It goes on after a pause.
    Again,
    /// The engine shuts down.
    Closing,
}

/// What a submission came to.
enum Submitted {
    History(TriggerHistory),
    End(End),
}

/// One turn of a trigger.
pub(super) struct Turn<'s> {
    pub(super) submitter: &'s Submitter,
    pub(super) key: TriggerKey,
    pub(super) known: Known,
}

impl Turn<'_> {
    /// Takes its steps; returns the trigger as it is now, and when it is looked at next.
    pub(super) async fn run(mut self) -> (TriggerKey, Known, Option<Timestamp>) {
        let end = match self.steps().await {
            Ok(end) => end,
            Err(error) => {
                tracing::warn!(tenant = %self.key.tenant, trigger = %self.key.name, %error, "a trigger is looked at again");
                End::Again
            }
        };
        let next = match end {
            End::Rest(at) => at,
            End::Again => Some(self.now().after(TRIGGER_AGAIN)),
            End::Closing => None,
        };
        (self.key, self.known, next)
    }

    async fn steps(&mut self) -> Result<End, ReadError> {
        loop {
            let runs = self.runs().await?;
            match self.known.planned.step(self.known.since, &self.known.history, self.now(), runs) {
                TriggerStep::Rest(at) => return Ok(End::Rest(at)),
                TriggerStep::AwaitEnd => return Ok(End::Again),
                TriggerStep::Keep(next) => self.keep(next).await?,
                TriggerStep::Fire { at, replaces } => match self.fire(at, replaces).await {
                    Submitted::History(next) => self.keep(next).await?,
                    Submitted::End(end) => return Ok(end),
                },
            }
        }
    }

    fn now(&self) -> Timestamp {
        self.submitter.context.clock.now()
    }

    /// Whether the execution that it started last has not ended. Where that makes no difference, nobody looks.
    async fn runs(&self) -> Result<bool, ReadError> {
        let looks = self.known.planned.schedule().is_some_and(|schedule| schedule.overlap != Overlap::Allow);
        let Some(last) = self.known.history.last.filter(|_| looks) else {
            return Ok(false);
        };
        let context = &self.submitter.context;
        let entry = context.registry.get(last.peid);
        match entry.as_ref().map(|entry| entry.outcome()) {
            Some(Some(Ok(_))) => Ok(false),
            Some(None | Some(Err(_))) => Ok(true),
            None => {
                let found = context.store.execution(&self.key.tenant, last.peid).await?;
                Ok(found.is_some_and(|document| !document.state.execution_status.ended()))
            }
        }
    }

    /// Stores what is decided.
    async fn keep(&mut self, next: TriggerHistory) -> Result<(), ReadError> {
        let context = &self.submitter.context;
        match history::keep(context, &self.key, (&next, self.known.revision)).await? {
            Some(revision) => {
                count(&self.known.history, &next);
                (self.known.history, self.known.revision) = (next, Some(revision));
            }
            // An answer that got lost: what is stored counts.
            None => (self.known.history, self.known.revision) = history::read(context, &self.key).await?,
        }
        Ok(())
    }

    /// Cancels the execution that it started last. What has ended meanwhile needs nothing.
    async fn replace(&self) {
        let Some(last) = self.known.history.last else { return };
        let asked = Asked {
            uid: format!("trigger/{}", self.key.name).into(),
            reason: "its next instant came, and `overlap` says `replace`".into(),
        };
        let (context, tenant) = (&self.submitter.context, &self.key.tenant);
        if let Err(error) = handle::cancel(context, tenant, last.peid, asked).await {
            tracing::warn!(%tenant, trigger = %self.key.name, %error, "the execution before is not cancelled");
        }
    }

    /// Submits an instant; the same one again gives the same execution. One that starts nothing replaces nothing.
    async fn fire(&self, at: Timestamp, replaces: bool) -> Submitted {
        let (planned, history) = (&self.known.planned, &self.known.history);
        let definition = planned.definition();
        let event = planned.event(at);
        let input = match planned.input(&event, at) {
            Ok(Some(input)) => input,
            Ok(None) => return Submitted::History(trigger::filtered(history)),
            Err(failure) => return Submitted::History(trigger::refused(history, &failure.message)),
        };
        if replaces {
            self.replace().await;
        }
        let playbook = PlaybookChoice::Named(definition.playbook.clone(), definition.playbook_version);
        let mut submission = Submission::new(self.key.tenant.clone(), playbook).input(input);
        submission = submission.priority(definition.priority).idempotency_key(planned.key(at));
        // The newest version of the trigger may say another input than the one that was submitted before a crash.
        submission = submission.on_reuse(OnReuse::ReturnFirst).uid(format!("trigger/{}", self.key.name));
        match self.submitter.submit_within(submission, OrElse::Queue).await.map_err(|error| error.refusal) {
            Ok(accepted) => Submitted::History(self.started(at, accepted.peid())),
            Err(Refusal::ShuttingDown | Refusal::Failed(_)) => Submitted::End(End::Closing),
            Err(refusal) if refusal.retryable() => {
                metrics::counter!("updraft_trigger_waits_total", "reason" => refusal.label()).increment(1);
                Submitted::End(End::Again)
            }
            Err(refusal) => {
                tracing::warn!(tenant = %self.key.tenant, trigger = %self.key.name, %refusal, "a trigger starts nothing");
                Submitted::History(trigger::refused(history, &refusal.to_string()))
            }
        }
    }

    fn started(&self, at: Timestamp, peid: ExecutionId) -> TriggerHistory {
        let late = Duration::from_millis(self.now().since(at));
        metrics::histogram!("updraft_trigger_delay_seconds").record(late.as_secs_f64());
        trigger::fired(&self.known.history, at, peid)
    }
}

/// Counts what became of events.
fn count(before: &TriggerHistory, after: &TriggerHistory) {
    for (outcome, before, after) in [
        ("fired", before.fired, after.fired),
        ("missed", before.missed, after.missed),
        ("overlapped", before.overlapped, after.overlapped),
        ("filtered", before.filtered, after.filtered),
        ("refused", before.refused, after.refused),
    ] {
        if after > before {
            metrics::counter!("updraft_trigger_events_total", "outcome" => outcome).increment(after - before);
        }
    }
}
