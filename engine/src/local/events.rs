//! Events over the local socket: one page for each question, which waits for a while where there are none yet.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use updraft_protocol::{EventCursor, TenantCode};
use updraft_storage::store::Detail;

use super::client::{Client, Error};
use super::message::{Answer, Ask};
use crate::events::EventPage;

/// The requested events.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EventsAsk {
    tenant: TenantCode,
    /// The place after which they begin; `None` for no events, and the place where those from now on begin.
    after: Option<EventCursor>,
    /// Whether the outputs of executions are wanted.
    whole: bool,
    /// Whether it waits until there are some.
    waits: bool,
}

impl Client {
    /// A page of events after a place; as [`Events::page`](crate::Events::page), or, where it `waits`,
    /// [`Events::wait`](crate::Events::wait) for some seconds. Without a place it has none, and where those from now on begin.
    ///
    /// # Errors
    /// No engine runs there, or it does not answer.
    pub async fn events(
        &self,
        tenant: &TenantCode,
        after: Option<EventCursor>,
        detail: Detail,
        waits: bool,
    ) -> Result<EventPage, Error> {
        let whole = detail == Detail::Whole;
        let ask = Ask::Events(EventsAsk { tenant: tenant.clone(), after, whole, waits });
        match self.ask(ask).await?.next().await? {
            Answer::Events(page) => Ok(*page),
            other => Err(self.beside(&other)),
        }
    }
}

/// The page that answers.
#[cfg(unix)]
pub(super) async fn events(
    context: &super::LocalContext,
    ask: EventsAsk,
) -> Result<Answer, crate::error::ReadError> {
    use updraft_protocol::limits::EVENT_WAIT;

    let EventsAsk { tenant, after, whole, waits } = ask;
    let detail = if whole { Detail::Whole } else { Detail::Summary };
    let events = crate::events::Events::of(&context.engine, &context.writing);
    let page = match after {
        None => EventPage { events: Vec::new(), next: events.newest() },
        Some(after) => {
            let longest = if waits { EVENT_WAIT } else { Duration::ZERO };
            events.wait(&tenant, after, detail, longest).await?
        }
    };
    Ok(Answer::Events(Box::new(page)))
}
