//! The port for events: the executions and tasks whose documents tell that something happened, in the order in which it
//! became durable.

use async_trait::async_trait;
use updraft_protocol::{
    EventCursor, EventPosition, ExecutionDocument, ExecutionPositions, TaskDocument, TaskPositions,
    TenantCode, TenantEvent, TenantEventKind,
};

use super::{Detail, Error};
use crate::page;

/// The events of a tenant after a place and before another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventQuery {
    /// The tenant.
    pub tenant: TenantCode,
    /// The place after which they begin.
    pub after: EventCursor,
    /// The position before which the store has every event; what is there beyond is not told yet.
    pub below: EventPosition,
    /// Whether the outputs of executions that ended are wanted.
    pub detail: Detail,
    /// The most rows of each kind; the store caps it at `limits::PAGE_ROWS`.
    pub limit: usize,
}

/// The documents that tell events, with the places of these. Each list is in the order of the event's position, then of the document's id, and is
/// read from an index, whatever is stored.
#[async_trait]
pub trait EventStore: Send + Sync + 'static {
    /// Executions that started.
    async fn started(
        &self,
        query: &EventQuery,
    ) -> Result<Vec<(ExecutionDocument, ExecutionPositions)>, Error>;

    /// Executions that ended.
    async fn ended(&self, query: &EventQuery) -> Result<Vec<(ExecutionDocument, ExecutionPositions)>, Error>;

    /// Tasks that began to wait for somebody outside, each by its newest such wait, without their responses.
    async fn waits(&self, query: &EventQuery) -> Result<Vec<(TaskDocument, TaskPositions)>, Error>;

    /// The events in their order; none if there are no more before `below`.
    async fn events(&self, query: &EventQuery) -> Result<Vec<TenantEvent>, Error> {
        let summary = EventQuery { detail: Detail::Summary, ..query.clone() };
        let (started, waits, ended) =
            futures_util::try_join!(self.started(&summary), self.waits(query), self.ended(query))?;
        let mut merged = Merged::default();
        merged.add(started, query.limit, |(document, positions)| {
            TenantEvent::of_execution(TenantEventKind::Started, document, positions)
        });
        merged.add(waits, query.limit, |(document, positions)| TenantEvent::of_task(document, positions));
        merged.add(ended, query.limit, |(document, positions)| {
            TenantEvent::of_execution(TenantEventKind::Ended, document, positions)
        });
        Ok(merged.in_order())
    }
}

/// Pages of several lists as one.
#[derive(Default)]
struct Merged {
    events: Vec<TenantEvent>,
    /// The last row of the page that ends first: what its list has after it is not known.
    known_until: Option<EventCursor>,
}

impl Merged {
    fn add<T: page::Row>(&mut self, page: Vec<T>, limit: usize, event: impl Fn(T) -> Option<TenantEvent>) {
        let is_full = page::is_full(&page, limit.min(updraft_protocol::limits::PAGE_ROWS));
        let before = self.events.len();
        self.events.extend(page.into_iter().filter_map(event));
        let last = self.events.get(before..).and_then(<[_]>::last).map(|event| event.cursor);
        if is_full && let Some(last) = last {
            self.known_until = Some(self.known_until.map_or(last, |until| until.min(last)));
        }
    }

    fn in_order(mut self) -> Vec<TenantEvent> {
        if let Some(until) = self.known_until {
            self.events.retain(|event| event.cursor <= until);
        }
        self.events.sort_unstable_by_key(|event| event.cursor);
        self.events
    }
}
