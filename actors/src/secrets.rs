//! The secrets of an attempt: fetched before the tool is called, and from then on masked in every answer of their
//! tenant's tools. Keeps them only in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use dashmap::DashMap;
use futures_util::stream::{self, StreamExt};
use updraft_masking::Masker;
use updraft_protocol::limits::{
    MASKED_BYTES, MASKED_SECRETS, MASKED_TENANTS, SECRET_WAIT, SECRETS_ASKED_AT_ONCE,
};
use updraft_protocol::secret;
use updraft_protocol::{
    Failure, FailureKind, GivenSecret, Json, Masking, Name, Secret, SecretProvider, SecretReference,
    TenantCode,
};

use crate::lease_check::LeaseCheck;

/// The provider of secrets, and the masks.
pub struct Secrets {
    provider: Arc<dyn SecretProvider>,
    masks: Masks,
}

/// The secrets that each tenant's playbooks have named.
#[derive(Default)]
struct Masks {
    of_tenants: DashMap<TenantCode, Known>,
    /// Their approximate size in memory.
    bytes: AtomicUsize,
    /// Whether there is any: most engines look no further.
    any: AtomicBool,
}

/// The known secrets of one tenant.
#[derive(Default)]
struct Known {
    masker: Masker,
    /// The names that were fetched.
    names: BTreeSet<Name>,
}

/// The conditions of an attempt.
pub(crate) struct Needed {
    /// The store must still be owned by this engine; set if that was not confirmed recently.
    pub(crate) lease_check: Option<Arc<LeaseCheck>>,
    /// The secrets of its call.
    pub(crate) own: Arc<[SecretReference]>,
    /// Secrets that other steps of its playbook may have sent, perhaps before this engine was restarted.
    pub(crate) others: Vec<Name>,
}

impl Needed {
    pub(crate) fn is_empty(&self) -> bool {
        self.own.is_empty() && self.others.is_empty() && self.lease_check.is_none()
    }
}

impl Secrets {
    /// The secrets of this provider.
    pub fn new(provider: Arc<dyn SecretProvider>) -> Arc<Self> {
        Arc::new(Self { provider, masks: Masks::default() })
    }

    /// A tenant's secret with this name. The caller limits the wait, since this may be a runtime without a clock.
    ///
    /// # Errors
    /// There is no such secret, or the provider does not answer.
    pub async fn find(&self, tenant: &TenantCode, name: &Name) -> Result<Secret, secret::Error> {
        self.provider.secret(tenant, name).await
    }

    /// The named secrets of a tenant that were not fetched yet. Answers of its tools may contain them nevertheless,
    /// from before a restart.
    pub(crate) fn unasked(&self, tenant: &TenantCode, named: &BTreeMap<Name, String>) -> Vec<Name> {
        if named.is_empty() {
            return Vec::new();
        }
        let known = self.masks.of_tenants.get(tenant);
        let is_known = |name: &Name| known.as_ref().is_some_and(|known| known.names.contains(name));
        named.keys().filter(|name| !is_known(name)).cloned().collect()
    }

    /// Fetches the secrets of an attempt, each name once, and masks them from now on; masks the other secrets that its
    /// answer may contain as well.
    ///
    /// # Errors
    /// [`FailureKind::NotConfigured`] if one of its own secrets is missing, or another cannot be fetched to be masked;
    /// [`FailureKind::Unreachable`] if the provider does not answer for one of its own. The tool has not been called.
    pub(crate) async fn of_attempt(
        &self,
        tenant: &TenantCode,
        Needed { own, others, .. }: &Needed,
    ) -> Result<Vec<GivenSecret>, Failure> {
        let names: BTreeSet<&Name> = own.iter().map(|reference| &reference.name).chain(others).collect();
        let asked = names.iter().map(|name| async move {
            let found = tokio::time::timeout(SECRET_WAIT, self.find(tenant, name)).await;
            found.unwrap_or(Err(secret::Error::Unavailable))
        });
        let asked: Vec<_> = asked.collect();
        let found: Vec<_> = stream::iter(asked).buffered(SECRETS_ASKED_AT_ONCE).collect().await;
        let mut given = Vec::with_capacity(own.len());
        for (name, secret) in names.into_iter().zip(found) {
            let mut references = own.iter().filter(|reference| reference.name == *name).peekable();
            match secret {
                Ok(secret) => {
                    self.know(tenant, name, &secret);
                    given.extend(references.map(|reference| GivenSecret {
                        reference: reference.clone(),
                        secret: secret.clone(),
                    }));
                }
                Err(error) if references.peek().is_some() => return Err(missing(tenant, name, error)),
                Err(error) if error.retryable() => return Err(unmaskable(tenant, name, error)),
                // The secret no longer exists: there is nothing to mask.
                Err(_) => self.masks.change(tenant, |known| known.asked(name)),
            }
        }
        Ok(given)
    }

    /// Masks a secret of this tenant, fetched by this name, from now on.
    fn know(&self, tenant: &TenantCode, name: &Name, secret: &Secret) {
        self.masks.change(tenant, |known| {
            if known.masker.hide(secret) {
                // One of them is no longer masked: it is fetched again by the next attempt that names it.
                known.names.clear();
            }
            known.asked(name);
        });
    }

    /// The means for an integration to mask another secret of this tenant.
    pub(crate) fn masking(self: &Arc<Self>, tenant: &TenantCode) -> Masking {
        let (secrets, tenant) = (self.clone(), tenant.clone());
        Masking::new(move |secret| secrets.hide(&tenant, secret))
    }

    /// From now on, masks a token that a tool issued in the answers of this tenant's tools.
    fn hide(&self, tenant: &TenantCode, secret: &Secret) {
        self.masks.change(tenant, |known| known.masker.hide_fetched(secret));
    }

    /// Whether playbooks of this tenant have named secrets.
    pub(crate) fn masks(&self, tenant: &TenantCode) -> bool {
        self.masks.any.load(Ordering::Acquire) && self.masks.of_tenants.contains_key(tenant)
    }

    /// What masks the secrets of this tenant that are known now.
    pub(crate) fn masker(&self, tenant: &TenantCode) -> Masker {
        self.masks.of_tenants.get(tenant).map(|known| known.masker.clone()).unwrap_or_default()
    }

    /// The outcome of an attempt, without the secrets of its tenant.
    pub(crate) fn masked(
        &self,
        tenant: &TenantCode,
        outcome: Result<Json, Failure>,
    ) -> Result<Json, Failure> {
        if !self.masks.any.load(Ordering::Acquire) {
            return outcome;
        }
        // Cloned, which is cheap: masking a long answer does not block other attempts.
        let Some(masker) = self.masks.of_tenants.get(tenant).map(|known| known.masker.clone()) else {
            return outcome;
        };
        match outcome {
            Ok(output) => Ok(masker.json(output)),
            Err(failure) => Err(masker.failure(failure)),
        }
    }
}

impl Masks {
    /// Changes the known secrets of a tenant. Over the limit another tenant's are dropped, and fetched again when
    /// needed.
    fn change(&self, tenant: &TenantCode, change: impl FnOnce(&mut Known)) {
        let masks = &self.of_tenants;
        {
            let mut known = masks.entry(tenant.clone()).or_default();
            // Counted while it is held: removing it subtracts the same size.
            self.bytes.fetch_sub(known.masker.bytes(), Ordering::Relaxed);
            change(&mut known);
            self.bytes.fetch_add(known.masker.bytes(), Ordering::Relaxed);
        }
        self.any.store(true, Ordering::Release);
        while masks.len() > MASKED_TENANTS || self.bytes.load(Ordering::Relaxed) > MASKED_BYTES {
            let others = masks.iter().filter(|mask| mask.key() != tenant);
            let Some(other) = { others }.next().map(|mask| mask.key().clone()) else { break };
            if let Some((_, gone)) = masks.remove(&other) {
                self.bytes.fetch_sub(gone.masker.bytes(), Ordering::Relaxed);
            }
        }
    }
}

impl Known {
    /// Records that this name was fetched. Over a masker's limit, all are fetched again.
    fn asked(&mut self, name: &Name) {
        if self.names.len() >= MASKED_SECRETS && !self.names.contains(name) {
            self.names.clear();
        }
        self.names.insert(name.clone());
    }
}

/// Another secret of the playbook, which the answer may contain, cannot be fetched now: the attempt waits.
fn unmaskable(tenant: &TenantCode, name: &Name, error: secret::Error) -> Failure {
    let what = format!("missing here: secret `{name}` of tenant {tenant}, to mask it in answers: {error}");
    Failure::new(FailureKind::NotConfigured, what)
}

fn missing(tenant: &TenantCode, name: &Name, error: secret::Error) -> Failure {
    if error.retryable() {
        let message = format!("secret `{name}`: {error}");
        return Failure::new(FailureKind::Unreachable, message).with_may_have_acted(false);
    }
    let message = format!("missing here: secret `{name}` of tenant {tenant}: {error}");
    Failure::new(FailureKind::NotConfigured, message)
}

#[cfg(test)]
mod tests {
    use updraft_protocol::Value;
    use updraft_protocol::secret::Found;

    use super::*;

    /// A provider that has a secret for every name.
    struct All;

    impl SecretProvider for All {
        fn secret<'a>(&'a self, _: &'a TenantCode, name: &'a Name) -> Found<'a> {
            Box::pin(async move { Ok(Secret::new(format!("the-secret-{name}"))?) })
        }
    }

    fn tenant() -> TenantCode {
        TenantCode::new("acme").unwrap()
    }

    fn named(names: impl Iterator<Item = usize>) -> BTreeMap<Name, String> {
        names.map(|number| (Name::new(format!("name-{number}")).unwrap(), String::new())).collect()
    }

    async fn ask(secrets: &Secrets, named: &BTreeMap<Name, String>) {
        let others = secrets.unasked(&tenant(), named);
        secrets
            .of_attempt(&tenant(), &Needed { lease_check: None, own: Arc::new([]), others })
            .await
            .unwrap();
    }

    #[tokio::test]
    async fn a_secret_that_was_forgotten_is_asked_for_again() {
        let (secrets, first) = (Secrets::new(Arc::new(All)), named(0..1));
        ask(&secrets, &first).await;
        assert_eq!(secrets.unasked(&tenant(), &first), []);
        ask(&secrets, &named(1..1 + MASKED_SECRETS)).await;
        assert_eq!(secrets.unasked(&tenant(), &first).len(), 1);
        ask(&secrets, &first).await;
        let answer = secrets.masked(&tenant(), Ok(Json::from(Value::from("the-secret-name-0"))));
        assert_eq!(answer.unwrap().as_str(), "\"***\"");
    }

    #[tokio::test]
    async fn what_maskers_take_is_counted() {
        let (secrets, masks) = (Secrets::new(Arc::new(All)), named(0..20));
        ask(&secrets, &masks).await;
        let token = Secret::new("a-token-of-the-tool").unwrap();
        for _ in 0..2 {
            secrets.masking(&tenant()).hide(&token);
            let known = secrets.masks.of_tenants.get(&tenant()).unwrap().masker.bytes();
            assert_eq!(secrets.masks.bytes.load(Ordering::Relaxed), known);
        }
    }
}
