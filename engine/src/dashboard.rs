//! The dashboard: the first pages and figures that a console asks for again and again, for many people at once. Owns how old they
//! may be; they are read from the store as any list.

use std::sync::Arc;
use std::time::Duration;

use updraft_cache::{Cache, CacheAnswer, CacheKey, CacheKind, CacheOwner, Caches, Keep};
use updraft_protocol::limits::{DASHBOARD_LIFE, DASHBOARD_PAGES, DASHBOARD_STALE};
use updraft_protocol::{ExecutionDocument, TenantCode, Timestamp};
use updraft_storage::store::{Cursor, ExecutionQuery, InboxQuery, PlaybookRuntime, SlowestQuery};

use crate::engine::Engine;
use crate::error::ReadError;
use crate::inbox::InboxEntry;
use crate::reader::Reader;

const fn seen_by_many(name: &'static str) -> CacheKind {
    let bytes = 32 << 20;
    CacheKind::new(name, 1).life(DASHBOARD_LIFE).stale_life(DASHBOARD_STALE).bound(
        DASHBOARD_PAGES,
        bytes,
        Keep::MostUsed,
    )
}

const EXECUTIONS: CacheKind = seen_by_many("first_executions");
const INBOX: CacheKind = seen_by_many("first_inbox");
const SLOWEST: CacheKind = seen_by_many("slowest_playbooks");

/// A page of executions, and where the next one begins.
type Executions = Arc<(Vec<ExecutionDocument>, Option<Cursor>)>;
/// What many people see; a failure is told to all who asked.
type Seen<T> = Arc<Cache<T, updraft_storage::Error>>;

/// Lists as they were a moment ago: at most two seconds, or five where nobody had asked for a while. A list is read once for all
/// who look at it, and what is older than two seconds is read again beside those who are given it.
///
/// For people who look at a screen. Whoever acts on a list reads it from the [`Reader`].
#[derive(Clone)]
pub struct Dashboard {
    reader: Reader,
    executions: Seen<Executions>,
    inbox: Seen<Arc<Vec<InboxEntry>>>,
    slowest: Seen<Arc<Vec<PlaybookRuntime>>>,
}

/// A list, and how long ago it was read.
#[derive(Debug, Clone)]
pub struct Glance<T> {
    /// The list.
    pub list: T,
    /// Its age.
    pub age: Duration,
}

impl Dashboard {
    pub(crate) fn new(reader: Reader, caches: &Caches) -> Self {
        Self {
            reader,
            executions: caches
                .cache(&EXECUTIONS, |page: &Executions| page.0.iter().map(ExecutionDocument::bytes).sum()),
            inbox: caches
                .cache(&INBOX, |page: &Arc<Vec<InboxEntry>>| page.iter().map(InboxEntry::bytes).sum()),
            slowest: caches.cache(&SLOWEST, |rows: &Arc<Vec<PlaybookRuntime>>| {
                rows.len() * size_of::<PlaybookRuntime>()
            }),
        }
    }

    /// The first page of a list of executions; a later page is read now. As [`Reader::executions`].
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn executions(&self, query: ExecutionQuery) -> Result<Glance<Executions>, ReadError> {
        let reader = self.reader.clone();
        if query.after.is_some() {
            return Ok(now(Arc::new(reader.executions(query).await?)));
        }
        let what = format!("{:?} {:?} {}", query.of, query.detail, query.limit);
        let key = key(&EXECUTIONS, Some(&query.tenant), &what);
        let read =
            async move || Ok(Some(Arc::new(reader.executions(query).await.map_err(ReadError::into_store)?)));
        glance(self.executions.get_or_refresh(&key, read).await?)
    }

    /// The first page of an inbox; a later page is read now. As [`Reader::inbox`].
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn inbox(&self, query: InboxQuery) -> Result<Glance<Arc<Vec<InboxEntry>>>, ReadError> {
        let reader = self.reader.clone();
        if query.after.is_some() {
            return Ok(now(Arc::new(reader.inbox(query).await?)));
        }
        let key = key(&INBOX, Some(&query.tenant), &format!("{:?} {}", query.of, query.limit));
        let read =
            async move || Ok(Some(Arc::new(reader.inbox(query).await.map_err(ReadError::into_store)?)));
        glance(self.inbox.get_or_refresh(&key, read).await?)
    }

    /// The playbooks whose executions took longest, since the beginning of the minute of the query: one that names a span until
    /// now would be another one each time. As [`Reader::slowest_playbooks`].
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn slowest_playbooks(
        &self,
        query: SlowestQuery,
    ) -> Result<Glance<Arc<Vec<PlaybookRuntime>>>, ReadError> {
        const MINUTE_MS: u64 = 60_000;
        let reader = self.reader.clone();
        let since = Timestamp(query.since.0 - query.since.0 % MINUTE_MS);
        let key = key(&SLOWEST, query.tenant.as_ref(), &format!("{} {since} {}", query.status, query.top));
        let query = SlowestQuery { since, ..query };
        let read = async move || {
            Ok(Some(Arc::new(reader.slowest_playbooks(query).await.map_err(ReadError::into_store)?)))
        };
        glance(self.slowest.get_or_refresh(&key, read).await?)
    }
}

impl Engine {
    /// Lists for a console, as they were a moment ago.
    pub fn dashboard(&self) -> Dashboard {
        self.dashboard.clone()
    }
}

fn key(kind: &CacheKind, tenant: Option<&TenantCode>, what: &str) -> CacheKey {
    // What is of all tenants is the operator's.
    CacheKey::new(kind, tenant.map_or(CacheOwner::Shared, CacheOwner::Tenant), [what], [])
}

fn now<T>(list: T) -> Glance<T> {
    Glance { list, age: Duration::ZERO }
}

fn glance<T: Default>(answer: CacheAnswer<T>) -> Result<Glance<T>, ReadError> {
    Ok(Glance { age: answer.age, list: answer.value.unwrap_or_default() })
}
