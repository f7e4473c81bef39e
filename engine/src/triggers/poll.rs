//! The poll of one trigger: asks its tool when it is time, submits what is new, and moves the cursor when all of that is durable. One
//! task for each poll, on the thread of the driver, which asks once at a time. What a crash leaves between a submission and the cursor
//! comes again, under the same keys. Decides nothing: `kernel/src/trigger/poll.rs` does.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::task::JoinHandle;
use updraft_actors::call_in_line::CallInLine;
use updraft_kernel::idempotency::OnReuse;
use updraft_kernel::plan::PlannedAction;
use updraft_kernel::trigger::{PlannedTrigger, Polled, PolledItem};
use updraft_protocol::limits::{
    POLL_FAILING, POLL_IN_LINE, QUEUE_BATCH, TRIGGER_AGAIN, TRIGGER_READ_AGAIN, TRIGGER_SLEEP,
};
use updraft_protocol::{
    Failure, FailureKind, Firing, Json, PlaybookChoice, PollState, StepId, TaskId, Timestamp,
};
use uuid::Uuid;

use super::failing::Looks;
use super::received::Outcome;
use super::{TriggerKey, polled};
use crate::engine::Submitter;
use crate::error::{ReadError, Refusal};
use crate::submission::Submission;
use crate::submit::OrElse;

/// A poll that is made until this is dropped.
pub(super) struct Poller(JoinHandle<()>);

impl Drop for Poller {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// What makes a poll.
struct Polling {
    submitter: Arc<Submitter>,
    key: TriggerKey,
    planned: Arc<PlannedTrigger>,
    since: Timestamp,
    call: PlannedAction,
    step: StepId,
    /// The key of the next call.
    task: TaskId,
    state: PollState,
    /// The revision of the stored state.
    revision: Option<u64>,
}

/// What an item came to.
enum Came {
    /// It is accepted, durably, or starts nothing for good.
    Settled,
    /// It is refused for now.
    Again(Duration),
    /// Nothing can be started, whatever the item is.
    Stopped(Stopped),
}

/// Why the items of an answer start nothing now.
enum Stopped {
    /// The engine ends.
    Closing,
    /// The playbook is not there, or lacks something.
    Failed(Failure),
}

impl Poller {
    /// Begins to poll for a trigger; `None` where it has no poll, or this engine not its tool.
    pub(super) fn start(
        submitter: &Arc<Submitter>,
        key: &TriggerKey,
        (planned, since): (&Arc<PlannedTrigger>, Timestamp),
    ) -> Option<Self> {
        let call = planned.poll_call(planned.poll()?, submitter.context.plans.catalogue());
        let (call, step) = match (call, StepId::new("poll")) {
            (Ok(call), Ok(step)) => (call, step),
            (call, _) => {
                let why = call.err().and_then(|mistakes| mistakes.first().map(ToString::to_string));
                let why = why.unwrap_or_default();
                tracing::error!(tenant = %key.tenant, trigger = %key.name, why, "a poll is not made");
                submitter.triggers.failing.fails(
                    key,
                    Looks::Poll,
                    (submitter.context.clock.now(), why.into()),
                );
                return None;
            }
        };
        let polling = Polling {
            submitter: submitter.clone(),
            key: key.clone(),
            planned: planned.clone(),
            since,
            call,
            step,
            task: new_task(),
            state: PollState::default(),
            revision: None,
        };
        Some(Self(tokio::spawn(polling.run())))
    }
}

impl Polling {
    async fn run(mut self) {
        if !self.begin().await {
            return;
        }
        loop {
            let now = self.now();
            let Some(next) = self.planned.poll_due(&self.state, now) else { return };
            if next > now {
                // A clock that was set is seen by then.
                tokio::time::sleep(Duration::from_millis(next.since(now)).min(TRIGGER_SLEEP)).await;
                continue;
            }
            let asked = self.ask().await;
            let polled = asked.and_then(|answer| self.planned.polled(&self.state, &answer, self.now()));
            let goes_on = match polled {
                Ok(polled) => self.take(polled).await,
                Err(failure) => self.failed(&failure).await,
            };
            if !goes_on {
                return;
            }
        }
    }

    fn now(&self) -> Timestamp {
        self.submitter.context.clock.now()
    }

    /// Reads how far it has come. Returns whether to go on.
    async fn begin(&mut self) -> bool {
        loop {
            match polled::read(&self.submitter.context, &self.key).await {
                Ok((stored, revision)) => {
                    self.revision = revision;
                    match self.planned.poll_from(stored, self.since) {
                        Ok(state) => self.state = state,
                        Err(failure) => {
                            self.tell(&failure);
                            let why = failure.message.as_str().into();
                            self.submitter.triggers.failing.fails(&self.key, Looks::Poll, (self.now(), why));
                            return false;
                        }
                    }
                    return true;
                }
                Err(error) => {
                    self.warn(&error, "a poll waits for the store");
                    tokio::time::sleep(TRIGGER_READ_AGAIN).await;
                }
            }
        }
    }

    /// Asks the tool.
    async fn ask(&mut self) -> Result<Json, Failure> {
        let context = &self.submitter.context;
        let arguments = self.planned.poll_arguments(&self.call, &self.state, self.now())?;
        let Some((integration, action)) = self.planned.poll_tool() else {
            return Err(Failure::new(FailureKind::Playbook, "the trigger has no poll"));
        };
        let call = CallInLine {
            tenant: &self.key.tenant,
            task: self.task,
            step: &self.step,
            integration,
            action,
            planned: &self.call,
            arguments,
            priority: self.planned.definition().priority,
            in_line: POLL_IN_LINE,
        };
        let outcome = call.made(context).await;
        // One that a guardrail holds back is the same call when it is made.
        if !outcome.as_ref().is_err_and(|failure| failure.kind == FailureKind::Denied) {
            self.task = new_task();
        }
        outcome
    }

    /// Submits what is new of an answer, then moves the cursor. Returns whether to go on.
    async fn take(&mut self, polled: Polled) -> bool {
        let came = self.now();
        let (items, none): (Vec<_>, Vec<_>) = polled.items.into_iter().partition(Result::is_ok);
        let mut left = items.into_iter().flatten().peekable();
        while left.peek().is_some() {
            let batch: Vec<PolledItem> = left.by_ref().take(QUEUE_BATCH).collect();
            match self.submit(batch, came).await {
                Ok(()) => {}
                Err(Stopped::Closing) => return false,
                Err(Stopped::Failed(failure)) => return self.failed(&failure).await,
            }
        }
        none.into_iter().filter_map(Result::err).for_each(|error| self.refuse(error.to_string()));
        metrics::counter!("updraft_trigger_polls_total", "outcome" => "answered").increment(1);
        self.submitter.triggers.failing.is_well(&self.key);
        self.keep(polled.next).await
    }

    /// Submits items beside each other, again and again while there is no room for them.
    async fn submit(&self, mut batch: Vec<PolledItem>, came: Timestamp) -> Result<(), Stopped> {
        while !batch.is_empty() {
            let outcomes = join_all(batch.iter().map(|item| self.one(item, came))).await;
            let (mut refused, mut pause) = (Vec::new(), Duration::ZERO);
            for (item, outcome) in batch.into_iter().zip(outcomes) {
                match outcome {
                    Came::Settled => {}
                    Came::Again(after) => {
                        pause = pause.max(after);
                        refused.push(item);
                    }
                    Came::Stopped(why) => return Err(why),
                }
            }
            batch = refused;
            if !batch.is_empty() {
                tokio::time::sleep(pause).await;
            }
        }
        Ok(())
    }

    async fn one(&self, item: &PolledItem, came: Timestamp) -> Came {
        let input = match self.planned.input(&item.event, came) {
            Ok(Some(input)) => input,
            Ok(None) => {
                super::receive::count("filtered");
                self.submitter.triggers.received(&self.key, Outcome::Filtered);
                return Came::Settled;
            }
            Err(failure) => return self.nothing(item, &failure.message),
        };
        let definition = self.planned.definition();
        let playbook = PlaybookChoice::Named(definition.playbook.clone(), definition.playbook_version);
        let submission = Submission::new(self.key.tenant.clone(), playbook).input(input);
        let submission = submission.idempotency_key(item.key.clone()).on_reuse(OnReuse::ReturnFirst);
        let submission = submission.priority(definition.priority).uid(format!("trigger/{}", self.key.name));
        match self.submitter.submit_within(submission, OrElse::Queue).await.map_err(|error| error.refusal) {
            Ok(accepted) => {
                // One that is there already was counted by who submitted it.
                if !accepted.reused() {
                    let late = Duration::from_millis(self.now().since(came));
                    metrics::histogram!("updraft_trigger_delay_seconds").record(late.as_secs_f64());
                    super::receive::count("fired");
                    let fired = Firing { at: came, peid: accepted.peid() };
                    self.submitter.triggers.received(&self.key, Outcome::Fired(fired));
                }
                Came::Settled
            }
            Err(Refusal::ShuttingDown | Refusal::Failed(_)) => Came::Stopped(Stopped::Closing),
            Err(Refusal::TooFast { after }) => waits("too_fast", after),
            Err(refusal) if refusal.retryable() => waits(refusal.label(), TRIGGER_AGAIN),
            Err(
                refusal @ (Refusal::Playbook(_)
                | Refusal::Missing(_)
                | Refusal::NoPlaybook { .. }
                | Refusal::Endpoint { .. }),
            ) => {
                let failure = Failure::new(FailureKind::NotConfigured, refusal.to_string());
                Came::Stopped(Stopped::Failed(failure))
            }
            Err(refusal) => self.nothing(item, &refusal.to_string()),
        }
    }

    fn nothing(&self, item: &PolledItem, why: &str) -> Came {
        self.refuse(format!("trigger {}, item {}: {why}", self.key.name, item.index));
        Came::Settled
    }

    /// An item starts nothing for good.
    fn refuse(&self, why: String) {
        tracing::warn!(tenant = %self.key.tenant, trigger = %self.key.name, why, "an item of a poll starts nothing");
        super::receive::count("refused");
        self.submitter.triggers.received(&self.key, Outcome::Refused(why));
    }

    /// The call has failed, or its answer is none: the cursor stays. Returns whether to go on.
    async fn failed(&mut self, failure: &Failure) -> bool {
        metrics::counter!("updraft_trigger_polls_total", "outcome" => "failed").increment(1);
        self.tell(failure);
        let next = self.planned.poll_failed(&self.state, failure, self.now());
        if let Some(failing) = &next.failing
            && failing.times >= POLL_FAILING
        {
            self.submitter.triggers.failing.fails(
                &self.key,
                Looks::Poll,
                (failing.since, failing.why.clone()),
            );
        }
        self.keep(next).await
    }

    /// Stores how far it has come. Until the store takes it nothing is asked. Returns whether to go on.
    async fn keep(&mut self, next: PollState) -> bool {
        loop {
            match polled::keep(&self.submitter.context, &self.key, (&next, self.revision)).await {
                Ok(Some(revision)) => {
                    (self.state, self.revision) = (next, Some(revision));
                    return true;
                }
                // An answer that got lost, or the poll before this one: what is stored counts.
                Ok(None) => return self.begin().await,
                Err(error) => {
                    self.warn(&error, "a poll waits for the store");
                    tokio::time::sleep(TRIGGER_READ_AGAIN).await;
                }
            }
        }
    }

    fn warn(&self, error: &ReadError, what: &str) {
        tracing::warn!(tenant = %self.key.tenant, trigger = %self.key.name, %error, "{what}");
    }

    fn tell(&self, failure: &Failure) {
        tracing::warn!(tenant = %self.key.tenant, trigger = %self.key.name, %failure, "a poll has failed");
    }
}

fn waits(reason: &'static str, after: Duration) -> Came {
    metrics::counter!("updraft_trigger_waits_total", "reason" => reason).increment(1);
    Came::Again(after)
}

/// Each call is one of its own.
fn new_task() -> TaskId {
    TaskId::from_bytes(*Uuid::now_v7().as_bytes())
}
