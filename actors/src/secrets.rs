//! The secrets of an attempt: asked for before the tool is called, and masked in whatever any tool of their tenant answers
//! from then on. Keeps them in memory alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use dashmap::DashMap;
use futures_util::future::join_all;
use updraft_masking::Masker;
use updraft_protocol::limits::{MASKED_TENANTS, SECRET_WAIT};
use updraft_protocol::secret;
use updraft_protocol::{
    Failure, FailureKind, GivenSecret, Json, Masking, Name, Secret, SecretProvider, SecretReference,
    TenantCode,
};

/// Where secrets come from, and what is known of them.
pub struct Secrets {
    provider: Arc<dyn SecretProvider>,
    masks: Masks,
}

/// The secrets that calls of each tenant have carried.
#[derive(Default)]
struct Masks {
    of_tenants: DashMap<TenantCode, Masker>,
    /// Whether there is one at all: most engines look no further.
    any: AtomicBool,
}

impl Secrets {
    /// Those of this provider.
    pub fn new(provider: Arc<dyn SecretProvider>) -> Arc<Self> {
        Arc::new(Self { provider, masks: Masks::default() })
    }

    /// The secret that a tenant calls so. Whoever asks bounds the wait: this may be a runtime without a clock.
    ///
    /// # Errors
    /// That there is none, or nobody answers.
    pub async fn find(&self, tenant: &TenantCode, name: &Name) -> Result<Secret, secret::Error> {
        self.provider.secret(tenant, name).await
    }

    /// The secrets of an attempt, each name asked for once, and masked from now on.
    ///
    /// # Errors
    /// [`FailureKind::NotConfigured`] where one is missing, [`FailureKind::Unreachable`] where the provider does not
    /// answer. The tool has not been called.
    pub(crate) async fn of_attempt(
        &self,
        tenant: &TenantCode,
        references: &[SecretReference],
    ) -> Result<Vec<GivenSecret>, Failure> {
        let mut names: Vec<&Name> = references.iter().map(|reference| &reference.name).collect();
        names.sort_unstable();
        names.dedup();
        let asked = names.iter().map(|name| async move {
            let found = tokio::time::timeout(SECRET_WAIT, self.find(tenant, name)).await;
            found.unwrap_or(Err(secret::Error::Unavailable))
        });
        let found = join_all(asked).await;
        let mut given = Vec::with_capacity(references.len());
        for (name, secret) in names.into_iter().zip(found) {
            let secret = secret.map_err(|error| missing(tenant, name, error))?;
            self.hide(tenant, &secret);
            let own = references.iter().filter(|reference| reference.name == *name);
            given.extend(
                own.map(|reference| GivenSecret { reference: reference.clone(), secret: secret.clone() }),
            );
        }
        Ok(given)
    }

    /// By which an integration names another secret of this tenant.
    pub(crate) fn masking(self: &Arc<Self>, tenant: &TenantCode) -> Masking {
        let (secrets, tenant) = (self.clone(), tenant.clone());
        Masking::new(move |secret| secrets.hide(&tenant, secret))
    }

    /// Masks a secret in what this tenant's tools answer from now on.
    fn hide(&self, tenant: &TenantCode, secret: &Secret) {
        let masks = &self.masks.of_tenants;
        if masks.len() >= MASKED_TENANTS && !masks.contains_key(tenant) {
            let other = masks.iter().next().map(|mask| mask.key().clone());
            other.and_then(|other| masks.remove(&other));
        }
        masks.entry(tenant.clone()).or_default().hide(secret);
        self.masks.any.store(true, Ordering::Release);
    }

    /// Whether calls of this tenant have carried secrets.
    pub(crate) fn masks(&self, tenant: &TenantCode) -> bool {
        self.masks.any.load(Ordering::Acquire) && self.masks.of_tenants.contains_key(tenant)
    }

    /// What came of an attempt, without the secrets of its tenant.
    pub(crate) fn masked(
        &self,
        tenant: &TenantCode,
        outcome: Result<Json, Failure>,
    ) -> Result<Json, Failure> {
        if !self.masks.any.load(Ordering::Acquire) {
            return outcome;
        }
        // Cloned, which is cheap: a long answer of one attempt keeps no other waiting.
        let Some(masker) = self.masks.of_tenants.get(tenant).map(|masker| masker.clone()) else {
            return outcome;
        };
        match outcome {
            Ok(output) => Ok(masker.json(output)),
            Err(failure) => Err(masker.failure(failure)),
        }
    }
}

fn missing(tenant: &TenantCode, name: &Name, error: secret::Error) -> Failure {
    if error.retryable() {
        let message = format!("secret `{name}`: {error}");
        return Failure::new(FailureKind::Unreachable, message).with_may_have_acted(false);
    }
    let message = format!("missing here: secret `{name}` of tenant {tenant}: {error}");
    Failure::new(FailureKind::NotConfigured, message)
}
