//! What is stored, opened to be read: through the engine that runs there, or without one. Resumes nothing.

use futures_util::{Stream, StreamExt, stream};
use tokio::time::Instant;
use updraft::limits::DEAD_LETTER_PAGE_ROWS;
use updraft::local::Client;
use updraft::{
    ContainmentDocument, ContainmentQuery, Cursor, DeadLetter, Detail, Engine, EventCursor, EventPage,
    ExecutionDocument, ExecutionId, ExecutionQuery, InboxEntry, InboxQuery, Inspection, Json, OverduePage,
    OverdueQuery, PlaybookId, Reader, TenantCode,
};

use crate::command::advised;
use crate::data::{self, Kept};
use crate::exit::Error;
use crate::options::Data;

/// Where it is read.
#[derive(Clone)]
pub(crate) enum Reading {
    /// In the store of a server, where nothing is written, no data directory is needed, and an engine may run beside it.
    Server(Reader),
    /// Through the engine that has the data directory.
    Running(Client),
    /// In the embedded store, which this process has meanwhile, by an engine that resumes nothing: what a crash left in the
    /// journal is brought there first.
    Alone(std::sync::Arc<Engine>),
}

impl Reading {
    /// Opens what the options say.
    pub(crate) async fn open(options: &Data) -> Result<Self, Error> {
        let kept = Kept::of(options)?;
        if !kept.store.is_embedded() {
            return Ok(Self::Server(Reader::at(&kept.store).await?));
        }
        Self::of_directory(&kept).await
    }

    /// Opens the data directory, with whatever store.
    pub(crate) async fn of_directory(kept: &Kept) -> Result<Self, Error> {
        let (client, until) = (Client::new(&kept.directory), Instant::now() + data::HELD);
        loop {
            if client.is_there().await? {
                return Ok(Self::Running(client));
            }
            data::existing(&kept.directory)?;
            match data::reopen(kept).await {
                Ok(engine) => return Ok(Self::Alone(std::sync::Arc::new(engine))),
                // Whoever has it has no door yet, or none any more.
                Err(error) if error.is_in_use() && Instant::now() < until => {
                    tokio::time::sleep(data::PAUSE).await;
                }
                Err(error) if error.is_in_use() => {
                    let told = format!(
                        "{error}, which answers nobody: an engine that starts or ends, or that has no socket"
                    );
                    return Err(Error::Refused(told));
                }
                Err(error) => return Err(advised(error.into(), kept, None)),
            }
        }
    }

    /// All executions that a query asks for, newest first, read page by page.
    pub(crate) fn executions(
        &self,
        query: ExecutionQuery,
    ) -> impl Stream<Item = Result<ExecutionDocument, Error>> + use<> {
        let reading = self.clone();
        let pages = stream::unfold(Some(query), move |query| {
            let reading = reading.clone();
            async move {
                let query = query?;
                Some(match reading.page(query.clone()).await {
                    Ok((page, next)) => {
                        let next = next.map(|after| ExecutionQuery { after: Some(after), ..query });
                        (page.into_iter().map(Ok).collect::<Vec<_>>(), next)
                    }
                    Err(error) => (vec![Err(error)], None),
                })
            }
        });
        pages.flat_map(stream::iter)
    }

    async fn page(&self, query: ExecutionQuery) -> Result<(Vec<ExecutionDocument>, Option<Cursor>), Error> {
        Ok(match self {
            Self::Server(reader) => reader.executions(query).await?,
            Self::Running(client) => client.executions(query).await?,
            Self::Alone(engine) => engine.reader().executions(query).await?,
        })
    }

    /// An execution with its tasks.
    pub(crate) async fn execution(
        &self,
        tenant: &TenantCode,
        peid: ExecutionId,
    ) -> Result<Option<Inspection>, Error> {
        Ok(match self {
            Self::Server(reader) => reader.execution(tenant, peid).await?,
            Self::Running(client) => client.execution(tenant, peid).await?,
            Self::Alone(engine) => engine.execution(tenant, peid).await?,
        })
    }

    /// The markings of a playbook version.
    pub(crate) async fn markings(&self, tenant: &TenantCode, pid: PlaybookId) -> Result<Vec<String>, Error> {
        let definition =
            self.definition(tenant, pid).await?.map(|definition| definition.value()).unwrap_or_default();
        let markings = definition["markings"].as_array().into_iter().flatten();
        Ok(markings.filter_map(|marking| marking.as_str().map(str::to_owned)).collect())
    }

    /// A playbook version as it was put.
    pub(crate) async fn definition(
        &self,
        tenant: &TenantCode,
        pid: PlaybookId,
    ) -> Result<Option<Json>, Error> {
        Ok(match self {
            Self::Server(reader) => reader.definition(tenant, pid).await?,
            Self::Running(client) => client.definition(tenant, pid).await?,
            Self::Alone(engine) => engine.reader().definition(tenant, pid).await?,
        })
    }

    /// One page of an inbox.
    pub(crate) async fn inbox(&self, query: InboxQuery) -> Result<Vec<InboxEntry>, Error> {
        Ok(match self {
            Self::Server(reader) => reader.inbox(query).await?,
            Self::Running(client) => client.inbox(query).await?,
            Self::Alone(engine) => engine.inbox(query).await?,
        })
    }

    /// One page of what is overdue, of all tenants.
    pub(crate) async fn overdue(&self, query: OverdueQuery) -> Result<OverduePage, Error> {
        Ok(match self {
            Self::Server(reader) => reader.overdue(query).await?,
            Self::Running(client) => client.overdue(query).await?,
            Self::Alone(engine) => engine.overdue(query).await?,
        })
    }

    /// A page of a tenant's events after a place.
    pub(crate) async fn events(
        &self,
        tenant: &TenantCode,
        after: EventCursor,
        detail: Detail,
    ) -> Result<EventPage, Error> {
        Ok(match self {
            Self::Server(reader) => reader.events(tenant, after, detail).await?,
            Self::Running(client) => client.events(tenant, Some(after), detail, false).await?,
            Self::Alone(engine) => engine.events().page(tenant, after, detail).await?,
        })
    }

    /// The place after all events that can be told now.
    pub(crate) async fn newest_event(&self, tenant: &TenantCode) -> Result<EventCursor, Error> {
        Ok(match self {
            Self::Server(reader) => reader.newest_event().await?,
            Self::Running(client) => client.events(tenant, None, Detail::Summary, false).await?.next,
            Self::Alone(engine) => engine.events().newest(),
        })
    }

    /// One page of a tenant's containments.
    pub(crate) async fn containments(
        &self,
        query: ContainmentQuery,
    ) -> Result<Vec<ContainmentDocument>, Error> {
        Ok(match self {
            Self::Server(reader) => reader.containments(query).await?,
            Self::Running(client) => client.containments(query).await?,
            Self::Alone(engine) => engine.reader().containments(query).await?,
        })
    }

    /// All that the store will never take, of one tenant or of all, read page by page.
    pub(crate) fn dead_letters(
        &self,
        tenant: Option<TenantCode>,
    ) -> impl Stream<Item = Result<DeadLetter, Error>> + use<> {
        let reading = self.clone();
        let pages = stream::unfold(Some(None::<String>), move |after| {
            let (reading, tenant) = (reading.clone(), tenant.clone());
            async move {
                match reading.letters(tenant.as_ref(), after?.as_deref()).await {
                    Ok(page) => {
                        let last = page.last()?.key.clone();
                        Some((page.into_iter().map(Ok).collect::<Vec<_>>(), Some(Some(last))))
                    }
                    Err(error) => Some((vec![Err(error)], None)),
                }
            }
        });
        pages.flat_map(stream::iter)
    }

    async fn letters(
        &self,
        tenant: Option<&TenantCode>,
        after: Option<&str>,
    ) -> Result<Vec<DeadLetter>, Error> {
        let limit = DEAD_LETTER_PAGE_ROWS;
        Ok(match self {
            Self::Server(reader) => reader.dead_letters(tenant, after, limit).await?,
            Self::Running(client) => client.dead_letters(tenant, after, limit).await?,
            Self::Alone(engine) => engine.reader().dead_letters(tenant, after, limit).await?,
        })
    }

    /// Lets go of it.
    pub(crate) async fn close(self) {
        if let Self::Alone(engine) = self {
            data::release(&engine).await;
        }
    }
}
