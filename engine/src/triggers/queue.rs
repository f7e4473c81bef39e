//! The reader of one queue: messages of a stream become submissions, and are settled when their executions are durable. One task for
//! each queue, on the thread of the driver. What a crash leaves unsettled is read again by the next engine, under the same name and
//! the same keys. Decides nothing of a message: `kernel/src/trigger/queue.rs` does.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use updraft_kernel::idempotency::OnReuse;
use updraft_kernel::trigger::{PlannedTrigger, QueueMessage};
use updraft_protocol::limits::{QUEUE_AGAIN, QUEUE_BATCH, QUEUE_LEFT, QUEUE_LOOK, QUEUE_WAITING};
use updraft_protocol::{ExecutionId, Firing, MessageQueue, PlaybookChoice, Timestamp};
use updraft_redis::{DeadMessage, Error, StreamConsumer, StreamMessage};

use super::TriggerKey;
use super::received::Outcome;
use crate::engine::Submitter;
use crate::error::Refusal;
use crate::submission::Submission;
use crate::submit::OrElse;

/// A queue that is read until this is dropped.
pub(super) struct QueueReader(JoinHandle<()>);

impl Drop for QueueReader {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// What reads a queue.
struct Reading {
    submitter: Arc<Submitter>,
    key: TriggerKey,
    planned: Arc<PlannedTrigger>,
    queue: MessageQueue,
    consumer: StreamConsumer,
    /// Messages that started nothing, and how often they were tried.
    waiting: Vec<(StreamMessage, u32)>,
    /// What of the consumer's own is read next; `None` once all was read that was left.
    left: Option<String>,
    /// When those are tried again.
    again_at: Instant,
    /// When what others have left is looked for, and from where on.
    claims_at: Instant,
    claims_from: String,
}

/// What a message came to.
enum Came {
    /// Its execution is durable, or it is left out: it is settled.
    Settled,
    /// It starts nothing, for this reason.
    Nothing(String),
    /// It is refused for now.
    Again(Duration),
    /// The engine ends.
    Closing,
}

impl QueueReader {
    /// Begins to read the queue of a trigger; `None` where it has none, or the engine no Redis.
    pub(super) fn start(
        submitter: &Arc<Submitter>,
        key: &TriggerKey,
        planned: &Arc<PlannedTrigger>,
    ) -> Option<Self> {
        let queue = planned.queue()?.clone();
        let caches = &submitter.context.caches;
        let Some((redis, space)) = caches.redis().zip(caches.space()) else {
            tracing::error!(tenant = %key.tenant, trigger = %key.name, "a queue is not read: this engine has no Redis");
            return None;
        };
        // The same after a restart, and another for each trigger and each store.
        let consumer = format!("{space}:{}:{}", key.tenant, key.name);
        let consumer = StreamConsumer::new(redis.clone(), &queue.stream, &queue.group, &consumer);
        let reading = Reading {
            submitter: submitter.clone(),
            key: key.clone(),
            planned: planned.clone(),
            queue,
            consumer,
            waiting: Vec::new(),
            left: Some("0".to_owned()),
            again_at: Instant::now(),
            claims_at: Instant::now(),
            claims_from: "0-0".to_owned(),
        };
        Some(Self(tokio::spawn(reading.run())))
    }
}

impl Reading {
    async fn run(mut self) {
        while let Err(error) = self.consumer.open().await {
            self.tell(&error);
            tokio::time::sleep(QUEUE_AGAIN).await;
        }
        loop {
            match self.turn().await {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => {
                    self.tell(&error);
                    tokio::time::sleep(QUEUE_AGAIN).await;
                    // What was not settled is read again.
                    self.waiting.clear();
                    self.left = Some("0".to_owned());
                    if StreamConsumer::is_gone(&error) {
                        // The server was emptied.
                        if let Err(error) = self.consumer.open().await {
                            self.tell(&error);
                        }
                    }
                }
            }
        }
    }

    /// Reads some messages and submits them; returns whether to go on.
    async fn turn(&mut self) -> Result<bool, Error> {
        let read = if self.waiting.len() < QUEUE_WAITING { self.read().await? } else { Vec::new() };
        let is_due = Instant::now() >= self.again_at;
        let again = if is_due { std::mem::take(&mut self.waiting) } else { Vec::new() };
        let is_empty = read.is_empty();
        let batch: Vec<(StreamMessage, u32)> =
            again.into_iter().chain(read.into_iter().map(|message| (message, 0))).collect();
        if !self.submit(batch).await? {
            return Ok(false);
        }
        if is_empty {
            tokio::time::sleep(QUEUE_LOOK).await;
        }
        Ok(true)
    }

    /// The next messages: what the engine before has left, what others have left, what is new.
    async fn read(&mut self) -> Result<Vec<StreamMessage>, Error> {
        if let Some(after) = &self.left {
            let left = self.consumer.unsettled(after, QUEUE_BATCH).await?;
            self.left = left.last().map(|last| last.id.clone());
            if !left.is_empty() {
                return Ok(left);
            }
        }
        if Instant::now() >= self.claims_at {
            let (next, claimed) = self.consumer.claim(QUEUE_LEFT, &self.claims_from, QUEUE_BATCH).await?;
            if next == "0-0" {
                self.claims_at = Instant::now() + QUEUE_LEFT / 4;
            }
            self.claims_from = next;
            // What waits here to be tried again is idle too, and is known.
            let is_new = |found: &StreamMessage| self.waiting.iter().all(|(known, _)| known.id != found.id);
            let claimed: Vec<StreamMessage> = claimed.into_iter().filter(is_new).collect();
            if !claimed.is_empty() {
                return Ok(claimed);
            }
        }
        self.consumer.newest(QUEUE_BATCH).await
    }

    /// Submits messages beside each other, again and again while there is no room for them, and settles them. What starts nothing
    /// waits, or is dead. Returns whether to go on.
    async fn submit(&mut self, mut batch: Vec<(StreamMessage, u32)>) -> Result<bool, Error> {
        while !batch.is_empty() {
            let came = join_all(batch.iter().map(|(message, _)| self.one(message))).await;
            let (mut settled, mut dead, mut refused) = (Vec::new(), Vec::new(), Vec::new());
            let mut pause = Duration::ZERO;
            for ((message, attempts), came) in batch.into_iter().zip(came) {
                match came {
                    Came::Settled => settled.push(message.id),
                    Came::Again(after) => {
                        pause = pause.max(after);
                        refused.push((message, attempts));
                    }
                    Came::Closing => return Ok(false),
                    Came::Nothing(why) if attempts + 1 >= self.queue.attempts => {
                        dead.push(self.dead(message, &why))
                    }
                    Came::Nothing(_) => {
                        self.again_at = Instant::now() + QUEUE_AGAIN;
                        self.waiting.push((message, attempts + 1));
                    }
                }
            }
            // Where this fails they are read again, under the same keys.
            self.consumer.settle(&settled).await?;
            self.consumer.bury(&self.queue.dead_stream(), &dead).await?;
            batch = refused;
            if !batch.is_empty() {
                tokio::time::sleep(pause).await;
            }
        }
        Ok(true)
    }

    async fn one(&self, message: &StreamMessage) -> Came {
        // One that was deleted meanwhile is nothing any more.
        let Some(fields) = &message.fields else { return Came::Settled };
        let now = self.submitter.context.clock.now();
        let received = QueueMessage { id: &message.id, fields };
        let (event, id) = match self.planned.message(&self.queue, &received, now) {
            Ok(event) => event,
            Err(error) => return Came::Nothing(error.to_string()),
        };
        let input = match self.planned.input(&event, now) {
            Ok(Some(input)) => input,
            Ok(None) => {
                super::receive::count("filtered");
                self.submitter.triggers.received(&self.key, Outcome::Filtered);
                return Came::Settled;
            }
            Err(failure) => return Came::Nothing(failure.message),
        };
        let definition = self.planned.definition();
        let playbook = PlaybookChoice::Named(definition.playbook.clone(), definition.playbook_version);
        let submission = Submission::new(self.key.tenant.clone(), playbook).input(input).idempotency_key(id);
        let submission = submission.priority(definition.priority).on_reuse(OnReuse::ReturnFirst);
        let submission = submission.uid(format!("trigger/{}", self.key.name));
        match self.submitter.submit_within(submission, OrElse::Queue).await.map_err(|error| error.refusal) {
            Ok(accepted) => self.accepted(accepted.peid(), &message.id, now),
            Err(Refusal::ShuttingDown | Refusal::Failed(_)) => Came::Closing,
            Err(Refusal::TooFast { after }) => waits("too_fast", after),
            Err(refusal) if refusal.retryable() => waits(refusal.label(), QUEUE_AGAIN),
            Err(refusal) => Came::Nothing(refusal.to_string()),
        }
    }

    fn accepted(&self, peid: ExecutionId, id: &str, now: Timestamp) -> Came {
        // The id of a message begins with the time of its arrival, in milliseconds.
        let came = id.split('-').next().and_then(|at| at.parse().ok()).map_or(now, Timestamp);
        let late = Duration::from_millis(self.submitter.context.clock.now().since(came));
        metrics::histogram!("updraft_trigger_delay_seconds").record(late.as_secs_f64());
        super::receive::count("fired");
        self.submitter.triggers.received(&self.key, Outcome::Fired(Firing { at: now, peid }));
        Came::Settled
    }

    /// A message that was tried often enough, with what is told of it.
    fn dead(&self, message: StreamMessage, why: &str) -> DeadMessage {
        tracing::warn!(tenant = %self.key.tenant, trigger = %self.key.name, id = %message.id, why, "a message starts nothing");
        super::receive::count("dead");
        self.submitter.triggers.received(&self.key, Outcome::Refused(why.to_owned()));
        let why = [
            ("updraft.reason", why.to_owned()),
            ("updraft.trigger", self.key.name.to_string()),
            ("updraft.stream", self.queue.stream.to_string()),
            ("updraft.id", message.id.clone()),
        ];
        let why = why.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        DeadMessage { message, why }
    }

    fn tell(&self, error: &Error) {
        tracing::warn!(tenant = %self.key.tenant, trigger = %self.key.name, %error, "a queue is not read for now");
    }
}

fn waits(reason: &'static str, after: Duration) -> Came {
    metrics::counter!("updraft_trigger_waits_total", "reason" => reason).increment(1);
    Came::Again(after)
}
