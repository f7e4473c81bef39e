//! Plans in memory: the checked plan of each playbook version, by tenant and id, and the ids of versions by their
//! names. A version never changes; what is kept of a name is forgotten when one of its versions is stored, and the newest version
//! of a name is never cached.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use updraft_cache::{Cache, CacheKey, CacheKind, CacheOwner, CacheScope, Caches, Keep};
use updraft_kernel::plan::{Mistake, Plan};
use updraft_protocol::limits::{CACHE_PLAYBOOK_LIFE, PLANS_CACHED, PLANS_CACHED_BYTES};
use updraft_protocol::{
    Catalogue, Json, Name, Playbook, PlaybookDocument, PlaybookId, TenantCode, Timestamp, Value,
};
use updraft_storage::store::PlaybookStore;

/// Why there is no plan.
#[derive(Debug, Clone, Error)]
pub enum Error {
    /// The tenant has no such playbook.
    #[error("no playbook {pid}")]
    Missing {
        /// The requested id.
        pid: PlaybookId,
    },
    /// The stored playbook is not valid with the integrations of this engine.
    #[error("playbook \"{name}\" version {version}: {}", first(.mistakes))]
    Invalid {
        /// Its name.
        name: String,
        /// Its version.
        version: u32,
        /// Its mistakes.
        mistakes: Vec<Mistake>,
    },
    /// The stored definition cannot be read.
    #[error("playbook {pid} cannot be read: {source}")]
    Unreadable {
        /// Its id.
        pid: PlaybookId,
        /// The error.
        source: updraft_protocol::parse::Error,
    },
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] updraft_storage::Error),
}

impl Error {
    /// Whether trying again can help.
    pub fn retryable(&self) -> bool {
        matches!(self, Self::Store(error) if error.retryable())
    }
}

fn first(mistakes: &[Mistake]) -> String {
    mistakes.first().map_or_else(|| "not valid".to_owned(), ToString::to_string)
}

/// A playbook version that is ready to run.
#[derive(Debug)]
pub struct Ready {
    /// Its id.
    pub pid: PlaybookId,
    /// Its plan.
    pub plan: Arc<Plan>,
    /// Its mistakes with the tools of this engine: no new execution of it begins, and a running one waits when it
    /// reaches such a step.
    pub mistakes: Vec<Mistake>,
    /// Whether its tenant was found to have the secrets that it names.
    pub has_secrets: AtomicBool,
    /// The default values of its variables.
    pub variables: BTreeMap<String, Value>,
    /// The same as text.
    pub variables_json: Json,
    /// Its approximate size in memory.
    pub bytes: usize,
}

/// Plans, by playbook and tools. The last used stay: one that is asked for is kept even where it alone is too large.
const PLANS: CacheKind = CacheKind::new("plan", 1).life(CACHE_PLAYBOOK_LIFE).bound(
    PLANS_CACHED,
    PLANS_CACHED_BYTES,
    Keep::LastUsed,
);
/// What is stored of a version, by its id: shared with other processes, of which each makes its own plan of it.
const STORED: CacheKind = CacheKind::new("playbook", 1).life(CACHE_PLAYBOOK_LIFE);
/// The ids of versions, by name and version.
const IDS: CacheKind = CacheKind::new("playbook_id", 1).life(CACHE_PLAYBOOK_LIFE);

/// What is stored of a version.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct StoredPlaybook {
    name: Name,
    version: u32,
    definition: Json,
}

/// Which tools a plan was checked against: the index among the earlier ones, or those of now.
type Era = Option<usize>;

/// The plans of one engine.
pub struct Plans {
    catalogue: Arc<Catalogue>,
    /// The tools as they were for executions that were accepted before an instant, the earliest first.
    earlier: Vec<(Timestamp, Arc<Catalogue>)>,
    cached: Arc<Cache<Arc<Ready>, Error>>,
    stored: Arc<Cache<StoredPlaybook, updraft_storage::Error>>,
    /// The ids of versions that submissions have named.
    ids: Arc<Cache<PlaybookId, updraft_storage::Error>>,
    /// Where what is kept of a playbook is forgotten.
    caches: Arc<Caches>,
}

impl Plans {
    /// No plans yet, for the tools of this engine; kept among these caches.
    pub fn new(catalogue: Catalogue, caches: Arc<Caches>) -> Self {
        let cached = caches.cache(&PLANS, |ready: &Arc<Ready>| ready.bytes);
        let stored = caches.shared_cache(&STORED, |stored: &StoredPlaybook| stored.definition.as_str().len());
        let ids = caches.shared_cache(&IDS, |_| size_of::<PlaybookId>());
        Self { catalogue: Arc::new(catalogue), earlier: Vec::new(), cached, stored, ids, caches }
    }

    /// The same, with the tools as they were for executions that were accepted before these instants, the earliest first.
    #[must_use]
    pub fn with_earlier(mut self, earlier: Vec<(Timestamp, Catalogue)>) -> Self {
        self.earlier = earlier.into_iter().map(|(until, catalogue)| (until, Arc::new(catalogue))).collect();
        self
    }

    /// The tools that playbooks are checked against.
    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// Checks a playbook against the tools of this engine, and returns it. A large one takes too long for this thread
    /// and is checked on a blocking thread.
    ///
    /// # Errors
    /// Its mistakes.
    pub async fn check(&self, playbook: Playbook) -> Result<(Plan, Playbook), Vec<Mistake>> {
        let catalogue = Arc::clone(&self.catalogue);
        elsewhere(move || Plan::check(&playbook, &catalogue).map(|plan| (plan, playbook))).await
    }

    /// A tenant's playbook version, from memory or from the store; concurrent requests for one version share a single
    /// read and check. An error is not cached.
    ///
    /// # Errors
    /// No such playbook, one that is not valid with these tools, or a store that does not answer.
    pub async fn get(
        &self,
        store: &dyn PlaybookStore,
        tenant: &TenantCode,
        pid: PlaybookId,
    ) -> Result<Arc<Ready>, Error> {
        self.get_in(store, (tenant, pid), None).await
    }

    /// The same for an execution that was accepted at this instant: with the versions of tools that it began with.
    ///
    /// # Errors
    /// Those of [`Plans::get`].
    pub async fn get_as_of(
        &self,
        store: &dyn PlaybookStore,
        tenant: &TenantCode,
        pid: PlaybookId,
        accepted: Timestamp,
    ) -> Result<Arc<Ready>, Error> {
        let era = self.earlier.iter().position(|(until, _)| accepted < *until);
        self.get_in(store, (tenant, pid), era).await
    }

    async fn get_in(
        &self,
        store: &dyn PlaybookStore,
        (tenant, pid): (&TenantCode, PlaybookId),
        era: Era,
    ) -> Result<Arc<Ready>, Error> {
        let key = plan_key(tenant, pid, era);
        let load = async || {
            let earlier = era.and_then(|era| self.earlier.get(era)).map(|(_, catalogue)| catalogue);
            let catalogue = Arc::clone(earlier.unwrap_or(&self.catalogue));
            self.load(store, (tenant, pid), catalogue).await.map(Some)
        };
        self.cached.get_or_load(&key, load).await?.value.ok_or(Error::Missing { pid })
    }

    /// The id of a tenant's playbook by its name: of a version, from memory or from the store, or of the newest
    /// version, which is read from the store each time.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn id(
        &self,
        store: &dyn PlaybookStore,
        tenant: &TenantCode,
        name: &Name,
        version: Option<u32>,
    ) -> Result<Option<PlaybookId>, updraft_storage::Error> {
        let read = async || Ok(store.playbook_named(tenant, name, version).await?.map(|found| found.pid));
        let Some(version) = version else { return read().await };
        let key = CacheKey::new(&IDS, CacheOwner::Tenant(tenant), [name.as_str(), &version.to_string()], []);
        Ok(self.ids.get_or_load(&key, read).await?.value)
    }

    /// Forgets what is kept of a name, of which a version was stored.
    pub async fn changed(&self, tenant: &TenantCode, name: &Name) {
        let owner = CacheOwner::Tenant(tenant);
        self.caches.invalidate(&[CacheScope::prefix(&IDS, owner, &[name.as_str()])]).await;
    }

    async fn load(
        &self,
        store: &dyn PlaybookStore,
        (tenant, pid): (&TenantCode, PlaybookId),
        catalogue: Arc<Catalogue>,
    ) -> Result<Arc<Ready>, Error> {
        let key = CacheKey::new(&STORED, CacheOwner::Tenant(tenant), [&pid.to_string()], []);
        let read = async || {
            let found = store.playbook(tenant, pid).await?;
            Ok(found.map(|PlaybookDocument { name, version, definition, .. }| StoredPlaybook {
                name,
                version,
                definition,
            }))
        };
        let stored = self.stored.get_or_load(&key, read).await?.value;
        let StoredPlaybook { name, version, definition } = stored.ok_or(Error::Missing { pid })?;
        let playbook = elsewhere(move || Playbook::parse(definition.as_str().as_bytes())).await;
        let playbook = playbook.map_err(|source| Error::Unreadable { pid, source })?;
        let checked = elsewhere(move || accepted(playbook, &catalogue)).await;
        let (plan, playbook, mistakes) =
            checked.map_err(|mistakes| Error::Invalid { name: name.to_string(), version, mistakes })?;
        let variables_json = Json::from(Value::Object(playbook.variables.clone()));
        Ok(Arc::new(Ready {
            pid,
            // The variables are kept as a tree too, which is several times the size of their text.
            bytes: plan.bytes() + 8 * variables_json.as_str().len(),
            plan: Arc::new(plan),
            mistakes,
            has_secrets: AtomicBool::new(false),
            variables: playbook.variables,
            variables_json,
        }))
    }
}

/// The key of a plan, by the tools that it was checked against.
fn plan_key(tenant: &TenantCode, pid: PlaybookId, era: Era) -> CacheKey {
    let era = era.map_or_else(|| "now".to_owned(), |era| era.to_string());
    CacheKey::new(&PLANS, CacheOwner::Tenant(tenant), [&pid.to_string(), &era], [])
}

/// The plan of a stored playbook, and its mistakes in this engine.
fn accepted(
    playbook: Playbook,
    catalogue: &Catalogue,
) -> Result<(Plan, Playbook, Vec<Mistake>), Vec<Mistake>> {
    match Plan::check(&playbook, catalogue) {
        Ok(plan) => Ok((plan, playbook, Vec::new())),
        Err(mistakes) => Plan::of_accepted(&playbook, catalogue).map(|plan| (plan, playbook, mistakes)),
    }
}

/// The result of `work`, done on a blocking thread.
async fn elsewhere<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime ends, and the caller with it.
            Err(_) => std::future::pending().await,
        },
    }
}

#[cfg(test)]
mod tests;
