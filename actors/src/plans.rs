//! Plans in memory: the checked plan of each playbook version, by tenant and id, and the ids of versions by their
//! names. A version never changes, so an entry is never stale; the newest version of a name is never cached.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use moka::future::Cache;
use moka::policy::EvictionPolicy;
use thiserror::Error;
use updraft_kernel::plan::{Mistake, Plan};
use updraft_protocol::limits::{PLANS_CACHED, PLANS_CACHED_BYTES};
use updraft_protocol::{Catalogue, Json, Name, Playbook, PlaybookId, TenantCode, Timestamp, Value};
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

/// Which tools a plan was checked against: the index among the earlier ones, or those of now.
type Era = Option<usize>;

/// The plans of one engine.
#[derive(Debug)]
pub struct Plans {
    catalogue: Arc<Catalogue>,
    /// The tools as they were for executions that were accepted before an instant, the earliest first.
    earlier: Vec<(Timestamp, Arc<Catalogue>)>,
    cached: Cache<(TenantCode, PlaybookId, Era), Arc<Ready>>,
    /// The ids of versions that submissions have named.
    ids: Cache<(TenantCode, Name, u32), PlaybookId>,
}

impl Plans {
    /// No plans yet, for the tools of this engine.
    pub fn new(catalogue: Catalogue) -> Self {
        // The least recently used entry is evicted: a new one is always kept.
        let cached = Cache::builder()
            .max_capacity(PLANS_CACHED_BYTES as u64)
            .weigher(|_, ready: &Arc<Ready>| weight(ready.bytes))
            .eviction_policy(EvictionPolicy::lru());
        let ids = Cache::builder().max_capacity(PLANS_CACHED as u64).eviction_policy(EvictionPolicy::lru());
        let catalogue = Arc::new(catalogue);
        Self { catalogue, earlier: Vec::new(), cached: cached.build(), ids: ids.build() }
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
        let key = (tenant.clone(), pid, era);
        if let Some(ready) = self.cached.get(&key).await {
            return Ok(ready);
        }
        let earlier = era.and_then(|era| self.earlier.get(era)).map(|(_, catalogue)| catalogue);
        let catalogue = Arc::clone(earlier.unwrap_or(&self.catalogue));
        let ready = self.cached.try_get_with(key, self.load(store, (tenant, pid), catalogue)).await;
        // Evicts now: by itself the cache evicts some entries later, and plans can be large.
        self.cached.run_pending_tasks().await;
        ready.map_err(Arc::unwrap_or_clone)
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
        let key = version.map(|version| (tenant.clone(), name.clone(), version));
        if let Some(key) = &key
            && let Some(pid) = self.ids.get(key).await
        {
            return Ok(Some(pid));
        }
        let found = store.playbook_named(tenant, name, version).await?.map(|playbook| playbook.pid);
        if let (Some(key), Some(pid)) = (key, found) {
            self.ids.insert(key, pid).await;
        }
        Ok(found)
    }

    async fn load(
        &self,
        store: &dyn PlaybookStore,
        (tenant, pid): (&TenantCode, PlaybookId),
        catalogue: Arc<Catalogue>,
    ) -> Result<Arc<Ready>, Error> {
        let document = store.playbook(tenant, pid).await?.ok_or(Error::Missing { pid })?;
        let (name, version) = (document.name, document.version);
        let definition = document.definition;
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

/// The share of [`PLANS_CACHED_BYTES`] that a plan uses. A small plan counts as one of [`PLANS_CACHED`], which bounds
/// their number; a plan over the bound counts as all of it, so that it is cached alone.
fn weight(bytes: usize) -> u32 {
    const _: () = assert!(PLANS_CACHED_BYTES <= u32::MAX as usize);
    bytes.clamp(PLANS_CACHED_BYTES / PLANS_CACHED, PLANS_CACHED_BYTES) as u32
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
