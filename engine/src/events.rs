//! Events: what happened to the executions of a tenant, from the store, in the order in which it became durable. Owns who reads how
//! often; the order is that of `protocol`, the positions are written by the write-behind.

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, Stream, StreamExt};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};
use updraft_actors::{EngineContext, Lost};
use updraft_kernel::event_positions::EventPositions;
use updraft_kernel::shared::DurableWatermark;
use updraft_protocol::limits::{EVENT_PAGE, EVENT_PAUSE};
use updraft_protocol::{EventCursor, EventPosition, TenantCode, TenantEvent};
use updraft_storage::Store;
use updraft_storage::log::Log;
use updraft_storage::store::{Detail, EventQuery};
use updraft_storage::write_behind::WriterFigures;

use crate::engine::Engine;
use crate::error::ReadError;
use crate::store_watch::StoreWatch;

/// The events of an engine's executions: each that started, each wait of a task for somebody outside, each that ended.
///
/// An event is told once the store has it and everything before it, some hundred milliseconds after it happened. Each has a
/// [cursor](TenantEvent::cursor): who keeps that of the last event that it dealt with, and goes on from there, misses
/// nothing and gets nothing twice, whatever was restarted meanwhile. The events of one execution come in their order. Of a
/// task that waits again before its last wait was read, the newest wait is told.
#[derive(Clone)]
pub struct Events {
    store: Arc<dyn Store>,
    log: Arc<dyn Log>,
    stored: DurableWatermark,
    positions: EventPositions,
    figures: watch::Receiver<WriterFigures>,
}

/// Some events, and where what comes after them begins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EventPage {
    /// The events, in their order.
    pub events: Vec<TenantEvent>,
    /// The cursor to go on from: of the last event; if there is none, the one that was asked for, or further.
    pub next: EventCursor,
}

impl Engine {
    /// The events of its executions.
    pub fn events(&self) -> Events {
        Events::of(&self.context, &self.writing)
    }
}

impl Events {
    pub(crate) fn of(context: &EngineContext, writing: &StoreWatch) -> Self {
        let (store, log, stored) = (context.store.clone(), context.log.clone(), context.stored.clone());
        Self { store, log, stored, positions: writing.positions, figures: writing.figures.clone() }
    }

    /// The place after everything that has happened durably: for those who want what happens from now on.
    pub fn newest(&self) -> EventCursor {
        EventCursor::at(self.durable())
    }

    /// A cursor that may be of this store: no event has one beyond what is durable.
    pub(crate) fn known(&self, cursor: EventCursor) -> Result<EventCursor, ReadError> {
        if cursor.position > self.durable() { Err(ReadError::Cursor { cursor }) } else { Ok(cursor) }
    }

    /// The position before which everything is durable.
    fn durable(&self) -> EventPosition {
        self.positions.below(self.log.status().durable_lsn.saturating_add(1)).max(self.below())
    }

    fn below(&self) -> EventPosition {
        self.positions.below(self.stored.get())
    }

    /// A page of events after a place. One without events says that there are none yet.
    ///
    /// # Errors
    /// The store did not answer; [`ReadError::Cursor`] if the cursor is of another store, or of this one before a backup was
    /// restored: what happened since then is not known.
    pub async fn page(
        &self,
        tenant: &TenantCode,
        after: EventCursor,
        detail: Detail,
    ) -> Result<EventPage, ReadError> {
        page_of(self.store.as_ref(), tenant, (self.known(after)?, self.below()), detail).await
    }

    /// As [`page`](Self::page), but waits until there are events, at most for so long.
    ///
    /// # Errors
    /// As [`page`](Self::page), or the engine was shut down and all is told.
    pub async fn wait(
        &self,
        tenant: &TenantCode,
        after: EventCursor,
        detail: Detail,
        longest: Duration,
    ) -> Result<EventPage, ReadError> {
        let mut figures = self.figures.clone();
        let (mut after, until) = (after, Instant::now() + longest);
        loop {
            // What the store gets from here on is seen as a change.
            figures.mark_unchanged();
            let page = self.page(tenant, after, detail).await?;
            // Where others' events come all the time, no wait below ends by its time.
            if !page.events.is_empty() || Instant::now() >= until {
                return Ok(page);
            }
            after = page.next;
            loop {
                match timeout_at(until, figures.changed()).await {
                    Err(_) => return Ok(EventPage { events: Vec::new(), next: after }),
                    // The writer is gone: what it wrote last was before this page, or is told by the next.
                    Ok(Err(_)) if self.below() <= after.position => return Err(Lost::ShutDown.into()),
                    Ok(Err(_)) => break,
                    Ok(Ok(())) if self.below() > after.position => {
                        tokio::time::sleep(EVENT_PAUSE).await;
                        break;
                    }
                    Ok(Ok(())) => {}
                }
            }
        }
    }

    /// The events after a place, for as long as the engine runs; then it ends with [`Lost::ShutDown`], or with the error of the
    /// store, after which the same can be asked for again from the last cursor.
    pub fn follow(
        &self,
        tenant: &TenantCode,
        after: EventCursor,
        detail: Detail,
    ) -> impl Stream<Item = Result<TenantEvent, ReadError>> + Send + Unpin + use<> {
        /// A wait that ends without an event begins again.
        const LONGEST: Duration = Duration::from_secs(3600);
        let (events, tenant) = (self.clone(), tenant.clone());
        let pages = stream::unfold(Some(after), move |after| {
            let (events, tenant) = (events.clone(), tenant.clone());
            async move {
                Some(match events.wait(&tenant, after?, detail, LONGEST).await {
                    Ok(page) => (page.events.into_iter().map(Ok).collect::<Vec<_>>(), Some(page.next)),
                    Err(error) => (vec![Err(error)], None),
                })
            }
        });
        pages.flat_map(stream::iter).boxed()
    }
}

/// The page after a place, of events before another.
pub(crate) async fn page_of(
    store: &dyn Store,
    tenant: &TenantCode,
    (after, below): (EventCursor, EventPosition),
    detail: Detail,
) -> Result<EventPage, ReadError> {
    if after.position.generation() > below.generation() {
        return Err(ReadError::Cursor { cursor: after });
    }
    let query = EventQuery { tenant: tenant.clone(), after, below, detail, limit: EVENT_PAGE };
    let events = store.events(&query).await?;
    // All before `below` has been told then.
    let next = events.last().map_or_else(|| after.max(EventCursor::at(below)), |last| last.cursor);
    Ok(EventPage { events, next })
}
