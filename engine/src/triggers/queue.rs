//! The reader of one queue: messages of a stream become submissions, and are settled when their executions are durable. One task for
//! each queue, on the thread of the driver. What a crash leaves unsettled is read again by the next engine, under the same name and
//! the same keys. Decides nothing of a message: `kernel/src/trigger/queue.rs` does.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use updraft_kernel::idempotency::OnReuse;
use updraft_kernel::trigger::{MessageOutcome, MessageStep, PlannedTrigger, QueueMessage, next_batch};
use updraft_protocol::limits::{
    QUEUE_AGAIN, QUEUE_BATCH_BYTES, QUEUE_BATCH_FIRST, QUEUE_KEPT, QUEUE_LEFT, QUEUE_LOOK, QUEUE_WAITING,
};
use updraft_protocol::{Firing, MessageQueue, PlaybookChoice, Timestamp};
use updraft_redis::{DeadMessage, Error, StreamConsumer, StreamMessage};

use super::TriggerKey;
use super::failing::Looks;
use super::received::Outcome;
use crate::engine::Submitter;
use crate::error::Refusal;
use crate::handle::Handle;
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
    /// Messages that started nothing, and are tried again.
    waiting: Vec<StreamMessage>,
    /// When those are.
    again_at: Instant,
    next: Next,
    /// The most messages of the next read.
    most: usize,
    /// Since when the queue cannot be read.
    failing: Option<Timestamp>,
}

/// What is read next.
struct Next {
    /// What was given to this consumer before, after this id; `None` once all of it was read.
    own: Option<Option<String>>,
    /// What others have left, after this id.
    others: Option<String>,
    /// When that is looked for.
    others_at: Instant,
}

impl Next {
    /// From the beginning, as after a crash.
    fn from_the_beginning() -> Self {
        Self { own: Some(None), others: None, others_at: Instant::now() }
    }
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
            let now = submitter.context.clock.now();
            submitter.triggers.failing.fails(key, Looks::Queue, (now, "this engine has no Redis".into()));
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
            again_at: Instant::now(),
            next: Next::from_the_beginning(),
            most: QUEUE_BATCH_FIRST,
            failing: None,
        };
        Some(Self(tokio::spawn(reading.run())))
    }
}

impl Reading {
    async fn run(mut self) {
        while let Err(error) = self.consumer.open().await {
            self.fails(&error);
            tokio::time::sleep(QUEUE_AGAIN).await;
        }
        loop {
            match self.turn().await {
                Ok(true) => self.is_well(),
                Ok(false) => return,
                Err(error) => {
                    self.fails(&error);
                    tokio::time::sleep(QUEUE_AGAIN).await;
                    // What was not settled is read again, with its failures as they were noted.
                    self.waiting.clear();
                    self.next = Next::from_the_beginning();
                    if StreamConsumer::is_gone(&error) {
                        // The server was emptied.
                        if let Err(error) = self.consumer.open().await {
                            self.fails(&error);
                        }
                    }
                }
            }
        }
    }

    /// Reads some messages and submits them; returns whether to go on.
    async fn turn(&mut self) -> Result<bool, Error> {
        let bytes: usize = self.waiting.iter().map(StreamMessage::bytes).sum();
        let has_room = self.waiting.len() < QUEUE_WAITING && bytes < QUEUE_BATCH_BYTES;
        let read = if has_room { self.read().await? } else { Vec::new() };
        let is_due = Instant::now() >= self.again_at;
        let mut batch = if is_due { std::mem::take(&mut self.waiting) } else { Vec::new() };
        let is_empty = read.is_empty();
        batch.extend(read);
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
        let most = self.most;
        let messages = self.given(most).await?;
        self.most = next_batch(most, messages.iter().map(StreamMessage::bytes).sum());
        Ok(messages)
    }

    async fn given(&mut self, most: usize) -> Result<Vec<StreamMessage>, Error> {
        if let Some(after) = &self.next.own {
            let own = self.consumer.unsettled(after.as_deref(), most).await?;
            self.next.own = own.after.map(Some);
            if !own.messages.is_empty() {
                return Ok(own.messages);
            }
        }
        if Instant::now() >= self.next.others_at {
            let left = self.consumer.left_by_others(QUEUE_LEFT, self.next.others.as_deref(), most).await?;
            if left.after.is_none() {
                self.next.others_at = Instant::now() + QUEUE_LEFT / 4;
            }
            self.next.others = left.after;
            // What waits here to be tried again may have been idle too, where this process stood still, and is known.
            let is_new = |found: &StreamMessage| self.waiting.iter().all(|known| known.id != found.id);
            let left: Vec<StreamMessage> = left.messages.into_iter().filter(is_new).collect();
            if !left.is_empty() {
                return Ok(left);
            }
        }
        self.consumer.newest(most).await
    }

    /// Submits messages beside each other, again and again while there is no room for them, and settles them. What starts nothing
    /// waits, or is moved aside. Returns whether to go on.
    async fn submit(&mut self, mut batch: Vec<StreamMessage>) -> Result<bool, Error> {
        let mut kept_at = Instant::now();
        while !batch.is_empty() {
            let outcomes = join_all(batch.iter().map(|message| self.outcome(message))).await;
            let (mut settled, mut failed) = (Vec::new(), Vec::new());
            let (mut dead, mut refused) = (Vec::new(), Vec::new());
            let mut pause = Duration::ZERO;
            for (message, outcome) in batch.into_iter().zip(outcomes) {
                match outcome.step(message.failures, self.queue.attempts) {
                    MessageStep::Settle => settled.push(message.id),
                    MessageStep::Wait(after) => {
                        pause = pause.max(after);
                        refused.push(message);
                    }
                    MessageStep::Again(failures) => {
                        failed.push((message.id.clone(), failures));
                        self.waiting.push(StreamMessage { failures, ..message });
                        self.again_at = Instant::now() + QUEUE_AGAIN;
                    }
                    MessageStep::Bury(why) => dead.push(self.dead(message, &why)),
                    MessageStep::Leave => return Ok(false),
                }
            }
            // Where this fails they are read again, under the same keys.
            self.consumer.settle(&settled).await?;
            self.consumer.failed(&failed).await?;
            self.consumer.bury(&self.queue.dead_stream(), &dead).await?;
            dead.iter().for_each(|dead| self.count_dead(dead));
            batch = refused;
            if !batch.is_empty() {
                tokio::time::sleep(pause).await;
                if kept_at.elapsed() >= QUEUE_KEPT {
                    let waiting = batch.iter().chain(&self.waiting).map(|message| &*message.id);
                    self.consumer.keep(&waiting.collect::<Vec<_>>()).await?;
                    kept_at = Instant::now();
                }
            }
        }
        Ok(true)
    }

    async fn outcome(&self, message: &StreamMessage) -> MessageOutcome {
        let now = self.submitter.context.clock.now();
        let received = QueueMessage { id: &message.id, fields: &message.fields };
        let (event, id) = match self.planned.message(&self.queue, &received, now) {
            Ok(event) => event,
            Err(error) => return MessageOutcome::Nothing(error.to_string()),
        };
        let input = match self.planned.input(&event, now) {
            Ok(Some(input)) => input,
            Ok(None) => {
                super::receive::count("filtered");
                self.submitter.triggers.received(&self.key, Outcome::Filtered);
                return MessageOutcome::LeftOut;
            }
            Err(failure) => return MessageOutcome::Nothing(failure.message),
        };
        let definition = self.planned.definition();
        let playbook = PlaybookChoice::Named(definition.playbook.clone(), definition.playbook_version);
        let submission = Submission::new(self.key.tenant.clone(), playbook).input(input).idempotency_key(id);
        let submission = submission.priority(definition.priority).on_reuse(OnReuse::ReturnFirst);
        let submission = submission.uid(format!("trigger/{}", self.key.name));
        match self.submitter.submit_within(submission, OrElse::Queue).await.map_err(|error| error.refusal) {
            Ok(accepted) => self.accepted(&accepted, &message.id, now),
            Err(Refusal::ShuttingDown | Refusal::Failed(_)) => MessageOutcome::Closing,
            Err(Refusal::TooFast { after }) => waits("too_fast", after),
            Err(refusal) if refusal.retryable() => waits(refusal.label(), QUEUE_AGAIN),
            Err(refusal) => MessageOutcome::Nothing(refusal.to_string()),
        }
    }

    fn accepted(&self, accepted: &Handle, id: &str, now: Timestamp) -> MessageOutcome {
        if accepted.reused() {
            super::receive::count("repeated");
            return MessageOutcome::Repeated;
        }
        // The id of a message begins with the time of its arrival, in milliseconds.
        let came = id.split('-').next().and_then(|at| at.parse().ok()).map_or(now, Timestamp);
        let late = Duration::from_millis(self.submitter.context.clock.now().since(came));
        metrics::histogram!("updraft_trigger_delay_seconds").record(late.as_secs_f64());
        super::receive::count("fired");
        let firing = Firing { at: now, peid: accepted.peid() };
        self.submitter.triggers.received(&self.key, Outcome::Fired(firing));
        MessageOutcome::Started
    }

    /// A message that has failed often enough, with what is told of it.
    fn dead(&self, message: StreamMessage, why: &str) -> DeadMessage {
        let why = [
            ("updraft.reason", why.to_owned()),
            ("updraft.trigger", self.key.name.to_string()),
            ("updraft.stream", self.queue.stream.to_string()),
            ("updraft.id", message.id.clone()),
        ];
        let why = why.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        DeadMessage { message, why }
    }

    /// Counts a message that was moved aside.
    fn count_dead(&self, dead: &DeadMessage) {
        let (id, why) = (&dead.message.id, dead.why.first().map(|(_, why)| why.clone()).unwrap_or_default());
        tracing::warn!(tenant = %self.key.tenant, trigger = %self.key.name, %id, why, "a message starts nothing");
        super::receive::count("dead");
        self.submitter.triggers.received(&self.key, Outcome::Refused(why));
    }

    /// The queue cannot be read.
    fn fails(&mut self, error: &Error) {
        tracing::warn!(tenant = %self.key.tenant, trigger = %self.key.name, %error, "a queue is not read for now");
        let since = *self.failing.get_or_insert_with(|| self.submitter.context.clock.now());
        let why = error.to_string().into();
        self.submitter.triggers.failing.fails(&self.key, Looks::Queue, (since, why));
    }

    /// The queue is read.
    fn is_well(&mut self) {
        if self.failing.take().is_some() {
            self.submitter.triggers.failing.is_well(&self.key);
        }
    }
}

fn waits(reason: &'static str, after: Duration) -> MessageOutcome {
    metrics::counter!("updraft_trigger_waits_total", "reason" => reason).increment(1);
    MessageOutcome::NoRoom(after)
}
