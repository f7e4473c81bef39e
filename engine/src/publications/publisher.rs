//! The publisher: reads the events of each publication after the place to which it has come, and tells them: many executions
//! beside each other, the events of each in their order. Decides nothing of a message: `kernel/src/publication.rs` does.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use updraft_actors::EngineContext;
use updraft_kernel::publication::{AfterFailure, PlannedPublication, PublishedMessage, after_failure};
use updraft_protocol::limits::{PUBLICATIONS_READ, PUBLISH_AGAIN, PUBLISHED_AT_ONCE};
use updraft_protocol::{
    EventCursor, ExecutionId, Failure, PublicationProgress, PublicationTrouble, SettingKind,
    StandingPublication, TenantEvent, Timestamp,
};
use updraft_storage::store::Detail;

use super::deliver::deliver;
use super::{PublicationKey, progress};
use crate::engine::Submitter;
use crate::error::ReadError;
use crate::events::Events;
use crate::settings::{SettingError, Settings};

/// A wait for events that ends without one begins again.
const LONGEST: Duration = Duration::from_secs(3600);
/// The attempt after which its trouble is stored, for those who look at the publication.
const TROUBLE_AFTER: u32 = 2;

/// Publishes for as long as it runs. Publications are read again when one was changed, and every few seconds: another process may
/// have changed one.
pub(crate) async fn publish(submitter: Arc<Submitter>, events: Events) {
    let mut changed = submitter.publications.watch();
    let mut running = BTreeMap::new();
    loop {
        changed.mark_unchanged();
        if let Err(error) = take(&submitter.context, &events, &mut running).await {
            tracing::warn!(%error, "publications are not read, and go on as they were");
        }
        let _ = tokio::time::timeout(PUBLICATIONS_READ, changed.changed()).await;
    }
}

/// What tells one publication until this is dropped.
struct Running {
    standing: StandingPublication,
    task: JoinHandle<()>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Goes by what publications say now.
async fn take(
    context: &Arc<EngineContext>,
    events: &Events,
    running: &mut BTreeMap<PublicationKey, Running>,
) -> Result<(), SettingError> {
    let mut wanted = BTreeMap::new();
    for setting in Settings::of(context).all(SettingKind::Publication).await? {
        let Some(key) = PublicationKey::in_setting(&setting) else { continue };
        match super::read(&setting) {
            Ok(standing) if standing.paused.is_none() => _ = wanted.insert(key, standing),
            Ok(_) => {}
            Err(error) => {
                tracing::error!(tenant = %key.tenant, publication = %key.name, %error, "it is not told");
            }
        }
    }
    running.retain(|key, running| wanted.get(key) == Some(&running.standing) && !running.task.is_finished());
    for (key, standing) in wanted {
        if running.contains_key(&key) {
            continue;
        }
        match PlannedPublication::checked(standing.definition.clone()) {
            Ok(planned) => {
                let (context, events) = (context.clone(), events.clone());
                let publisher = Publisher { context, events, key: key.clone(), planned };
                let task = tokio::spawn(publisher.run(standing.from));
                running.insert(key, Running { standing, task });
            }
            Err(mistakes) => {
                let why = mistakes.first().map(ToString::to_string).unwrap_or_default();
                tracing::error!(tenant = %key.tenant, publication = %key.name, why, "it is not told");
            }
        }
    }
    Ok(())
}

/// What tells one publication.
struct Publisher {
    context: Arc<EngineContext>,
    events: Events,
    key: PublicationKey,
    planned: PlannedPublication,
}

/// The progress, and its revision in the store.
type Kept = (PublicationProgress, Option<u64>);

/// What became of the events of one execution.
#[derive(Default)]
struct Told {
    delivered: u64,
    filtered: u64,
    refused: u64,
    last: Option<Timestamp>,
    refusal: Option<PublicationTrouble>,
}

impl Publisher {
    async fn run(self, from: EventCursor) {
        let kept = loop {
            match progress::read(&self.context, &self.key, from).await {
                Ok(kept) => break Mutex::new(kept),
                Err(error) => self.pause(&error).await,
            }
        };
        let mut after = kept.lock().await.0.cursor;
        let detail = if self.planned.tells_output() { Detail::Whole } else { Detail::Summary };
        loop {
            let page = match self.events.wait(&self.key.tenant, after, detail, LONGEST).await {
                Ok(page) => page,
                Err(ReadError::Lost(_)) => return,
                Err(error) => {
                    self.pause(&error).await;
                    continue;
                }
            };
            after = page.next;
            if page.events.is_empty() {
                continue;
            }
            let told = self.tell(&kept, page.events).await;
            // What is not kept is told again.
            while let Err(error) = self.keep(&mut *kept.lock().await, &told, after).await {
                let Some(error) = error else { return };
                self.pause(&error).await;
            }
        }
    }

    /// Tells events: each arrives, or is given up.
    async fn tell(&self, kept: &Mutex<Kept>, events: Vec<TenantEvent>) -> Vec<Told> {
        let mut of: BTreeMap<ExecutionId, Vec<TenantEvent>> = BTreeMap::new();
        for event in events {
            of.entry(event.peid).or_default().push(event);
        }
        let telling = of.into_values().map(|events| async move {
            let mut told = Told::default();
            for event in &events {
                self.tell_one(kept, event, &mut told).await;
            }
            told
        });
        let telling: Vec<_> = telling.collect();
        stream::iter(telling).buffer_unordered(PUBLISHED_AT_ONCE).collect().await
    }

    async fn tell_one(&self, kept: &Mutex<Kept>, event: &TenantEvent, told: &mut Told) {
        let message = match self.planned.message(&self.key.tenant, event) {
            Ok(Some(message)) => message,
            Ok(None) => {
                told.filtered += 1;
                return;
            }
            Err(failure) => return self.give_up(event, (1, &failure), told),
        };
        for attempt in 1.. {
            match self.attempt(event, &message).await {
                Ok(at) => {
                    told.delivered += 1;
                    told.last = told.last.max(Some(at));
                    return;
                }
                Err(failure) => match after_failure(attempt, &failure) {
                    AfterFailure::GiveUp => return self.give_up(event, (attempt, &failure), told),
                    AfterFailure::Again(pause) => {
                        if attempt == TROUBLE_AFTER || attempt % 10 == 0 {
                            self.troubled(&mut *kept.lock().await, self.trouble(event, (attempt, &failure)))
                                .await;
                        }
                        tokio::time::sleep(pause).await;
                    }
                },
            }
        }
    }

    async fn attempt(&self, event: &TenantEvent, message: &PublishedMessage) -> Result<Timestamp, Failure> {
        let (of, to) = ((&self.key.tenant, event.peid), &self.planned.definition().to);
        let delivered = deliver(&self.context, of, to, message).await;
        count(if delivered.is_ok() { "delivered" } else { "failed" });
        delivered?;
        let now = self.context.clock.now();
        let late = Duration::from_millis(now.since(event.at));
        metrics::histogram!("updraft_publication_delay_seconds").record(late.as_secs_f64());
        Ok(now)
    }

    fn give_up(&self, event: &TenantEvent, (attempt, failure): (u32, &Failure), told: &mut Told) {
        count("refused");
        let (tenant, publication) = (&self.key.tenant, &self.key.name);
        tracing::warn!(%tenant, %publication, cursor = %event.cursor, why = failure.message, "an event is given up");
        told.refused += 1;
        told.refusal = Some(self.trouble(event, (attempt, failure)));
    }

    fn trouble(&self, event: &TenantEvent, (attempts, failure): (u32, &Failure)) -> PublicationTrouble {
        let at = self.context.clock.now();
        PublicationTrouble { cursor: event.cursor, at, attempts, why: failure.message.as_str().into() }
    }

    /// Stores what is in the way, for those who look; the next progress stands in place of it.
    async fn troubled(&self, (progress, revision): &mut Kept, trouble: PublicationTrouble) {
        let (tenant, publication) = (&self.key.tenant, &self.key.name);
        tracing::warn!(%tenant, %publication, cursor = %trouble.cursor, why = %trouble.why, "an event does not arrive");
        progress.trouble = Some(trouble);
        match progress::keep(&self.context, &self.key, (progress, *revision)).await {
            Ok(Some(kept)) => *revision = Some(kept),
            Ok(None) => {}
            Err(error) => tracing::warn!(%tenant, %publication, %error, "its trouble is not stored"),
        }
    }

    /// Keeps that all events up to a place are told. `None` if another has changed it: it was removed, or is told elsewhere.
    async fn keep(
        &self,
        (progress, revision): &mut Kept,
        told: &[Told],
        after: EventCursor,
    ) -> Result<(), Option<ReadError>> {
        let sum = |of: fn(&Told) -> u64| told.iter().map(of).sum::<u64>();
        let next = PublicationProgress {
            cursor: after,
            delivered: progress.delivered + sum(|told| told.delivered),
            filtered: progress.filtered + sum(|told| told.filtered),
            refused: progress.refused + sum(|told| told.refused),
            last: told.iter().filter_map(|told| told.last).max().max(progress.last),
            trouble: None,
            refusal: told
                .iter()
                .filter_map(|told| told.refusal.clone())
                .next_back()
                .or_else(|| progress.refusal.clone()),
        };
        let kept = progress::keep(&self.context, &self.key, (&next, *revision)).await.map_err(Some)?;
        *revision = Some(kept.ok_or(None)?);
        *progress = next;
        Ok(())
    }

    async fn pause(&self, error: &ReadError) {
        tracing::warn!(tenant = %self.key.tenant, publication = %self.key.name, %error, "events are not told for now");
        tokio::time::sleep(PUBLISH_AGAIN).await;
    }
}

fn count(outcome: &'static str) {
    metrics::counter!("updraft_publication_messages_total", "outcome" => outcome).increment(1);
}
