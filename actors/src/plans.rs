//! Plans in memory: the checked plan of each playbook version, by its id. A version never changes, so an
//! entry is never stale.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use dashmap::DashMap;
use thiserror::Error;
use updraft_kernel::plan::{Mistake, Plan};
use updraft_protocol::limits::{PLANS_CACHED, PLANS_CACHED_BYTES};
use updraft_protocol::{Catalogue, Json, Playbook, PlaybookId, TenantCode, Value};
use updraft_storage::store::PlaybookStore;

/// Why there is no plan.
#[derive(Debug, Error)]
pub enum Error {
    /// The tenant has no such playbook.
    #[error("no playbook {pid}")]
    Missing {
        /// The id asked for.
        pid: PlaybookId,
    },
    /// The stored playbook is not valid with the integrations that this engine has.
    #[error("playbook \"{name}\" version {version}: {}", first(.mistakes))]
    Invalid {
        /// Its name.
        name: String,
        /// Its version.
        version: u32,
        /// What is wrong with it.
        mistakes: Vec<Mistake>,
    },
    /// The stored definition cannot be read.
    #[error("playbook {pid} cannot be read: {source}")]
    Unreadable {
        /// Which.
        pid: PlaybookId,
        /// Why.
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
    /// Which.
    pub pid: PlaybookId,
    /// Whose.
    pub tenant: TenantCode,
    /// Its plan.
    pub plan: Arc<Plan>,
    /// What of it is wrong with the tools that this engine has: nothing new is begun with it, and what runs waits where it
    /// comes to them.
    pub mistakes: Vec<Mistake>,
    /// Whether its tenant has had the secrets that it names.
    pub has_secrets: AtomicBool,
    /// The values of its variables where a submission gives no others.
    pub variables: BTreeMap<String, Value>,
    /// The same as text.
    pub variables_json: Json,
    /// About what all of it takes in memory.
    pub bytes: usize,
}

/// The plans of one engine.
#[derive(Debug)]
pub struct Plans {
    catalogue: Arc<Catalogue>,
    cached: DashMap<PlaybookId, Arc<Ready>>,
    /// What the cached ones take.
    bytes: AtomicUsize,
}

impl Plans {
    /// No plans yet, for the tools of this engine.
    pub fn new(catalogue: Catalogue) -> Self {
        Self { catalogue: Arc::new(catalogue), cached: DashMap::new(), bytes: AtomicUsize::new(0) }
    }

    /// The tools that playbooks are checked against.
    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// Checks a playbook against the tools of this engine, and gives it back. A large one takes longer than others may
    /// wait on this thread: it is checked on one of those that may block.
    ///
    /// # Errors
    /// Its mistakes.
    pub async fn check(&self, playbook: Playbook) -> Result<(Plan, Playbook), Vec<Mistake>> {
        let catalogue = Arc::clone(&self.catalogue);
        elsewhere(move || Plan::check(&playbook, &catalogue).map(|plan| (plan, playbook))).await
    }

    /// A tenant's playbook version, from memory or from the store.
    ///
    /// # Errors
    /// No such playbook, one that is not valid with these tools, or a store that does not answer.
    pub async fn get(
        &self,
        store: &dyn PlaybookStore,
        tenant: &TenantCode,
        pid: PlaybookId,
    ) -> Result<Arc<Ready>, Error> {
        if let Some(held) = self.cached.get(&pid) {
            return if held.tenant == *tenant { Ok(held.clone()) } else { Err(Error::Missing { pid }) };
        }
        let document = store.playbook(tenant, pid).await?.ok_or(Error::Missing { pid })?;
        let (name, version) = (document.name, document.version);
        let definition = document.definition;
        let playbook = elsewhere(move || Playbook::parse(definition.as_str().as_bytes())).await;
        let playbook = playbook.map_err(|source| Error::Unreadable { pid, source })?;
        let catalogue = Arc::clone(&self.catalogue);
        let checked = elsewhere(move || accepted(playbook, &catalogue)).await;
        let (plan, playbook, mistakes) =
            checked.map_err(|mistakes| Error::Invalid { name: name.to_string(), version, mistakes })?;
        let variables_json = Json::from(Value::Object(playbook.variables.clone()));
        // The variables are kept as a tree too, which takes some times its text.
        let bytes = plan.bytes() + 8 * variables_json.as_str().len();
        let ready = Ready {
            pid,
            bytes,
            tenant: tenant.clone(),
            plan: Arc::new(plan),
            mistakes,
            has_secrets: AtomicBool::new(false),
            variables: playbook.variables,
            variables_json,
        };
        Ok(self.keep(Arc::new(ready)))
    }

    /// Keeps it in place of others where there is no room.
    fn keep(&self, ready: Arc<Ready>) -> Arc<Ready> {
        let full = |bytes: usize| self.cached.len() >= PLANS_CACHED || bytes > PLANS_CACHED_BYTES;
        // Its own place is free for it.
        self.remove(ready.pid);
        while full(self.bytes.load(Ordering::Relaxed).saturating_add(ready.bytes)) {
            let Some(victim) = self.cached.iter().next().map(|entry| *entry.key()) else { break };
            self.remove(victim);
        }
        self.bytes.fetch_add(ready.bytes, Ordering::Relaxed);
        if let Some(before) = self.cached.insert(ready.pid, ready.clone()) {
            self.bytes.fetch_sub(before.bytes, Ordering::Relaxed);
        }
        ready
    }

    /// Another may have removed it meanwhile.
    fn remove(&self, pid: PlaybookId) {
        if let Some((_, gone)) = self.cached.remove(&pid) {
            self.bytes.fetch_sub(gone.bytes, Ordering::Relaxed);
        }
    }
}

/// The plan of a playbook that is stored, and what is wrong with it here.
fn accepted(
    playbook: Playbook,
    catalogue: &Catalogue,
) -> Result<(Plan, Playbook, Vec<Mistake>), Vec<Mistake>> {
    match Plan::check(&playbook, catalogue) {
        Ok(plan) => Ok((plan, playbook, Vec::new())),
        Err(mistakes) => Plan::of_accepted(&playbook, catalogue).map(|plan| (plan, playbook, mistakes)),
    }
}

/// What `work` gives, done on a thread that may block.
async fn elsewhere<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime ends, and with it whoever waits here.
            Err(_) => std::future::pending().await,
        },
    }
}

#[cfg(test)]
mod tests;
