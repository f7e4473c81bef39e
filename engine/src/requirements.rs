//! The requirements of a playbook beside its tools: secrets, and grants to connect. Checked when it is stored and when
//! it is submitted; the execution waits for a requirement that is missing later.

use futures_util::stream::{self, StreamExt};
use tokio::time::Instant;
use updraft_actors::timer::TimerThread;
use updraft_actors::{Secrets, node};
use updraft_kernel::plan::{Mistake, Plan};
use updraft_protocol::limits::{SECRET_WAIT, SECRETS_ASKED_AT_ONCE};
use updraft_protocol::{Catalogue, Playbook, TenantCode, Value};

use crate::builder::Builder;
use crate::deadline::after;
use crate::error::{PutError, StartError};

/// The result of fetching the secrets that a playbook names.
#[derive(Default)]
pub(crate) struct Asked {
    /// Secrets that its tenant does not have.
    pub(crate) missing: Vec<Mistake>,
    /// Whether it has all of them. False if the provider does not answer in time.
    pub(crate) has_all: bool,
}

/// Fetches the secrets that a playbook names, until `until`; works in a runtime without a clock too.
pub(crate) async fn ask(
    (secrets, timer): (&Secrets, &TimerThread),
    tenant: &TenantCode,
    plan: &Plan,
    until: Instant,
) -> Asked {
    let named = &plan.secrets;
    if named.is_empty() {
        return Asked { missing: Vec::new(), has_all: true };
    }
    let asked: Vec<_> = named.keys().map(|name| secrets.find(tenant, name)).collect();
    let found = stream::iter(asked).buffered(SECRETS_ASKED_AT_ONCE).collect::<Vec<_>>();
    let Ok(found) = timer.until(until, found).await else { return Asked::default() };
    let has_all = found.iter().all(Result::is_ok);
    let missing = named.iter().zip(found).filter_map(|((name, place), found)| {
        let error = found.err().filter(|error| !error.retryable())?;
        Some(Mistake::new(place, format!("missing here: secret `{name}` of tenant {tenant}: {error}")))
    });
    Asked { missing: missing.collect(), has_all }
}

/// The endpoints of a playbook that this engine may not reach, given the values of its variables.
pub(crate) fn missing_places(catalogue: &Catalogue, plan: &Plan, variables: &Value) -> Vec<Mistake> {
    plan.missing_places(catalogue, |name| variables.get(name))
}

impl Builder {
    /// Checks a playbook against the tools of this configuration, without starting anything; with a tenant, also
    /// whether it has the secrets that the playbook names.
    ///
    /// # Errors
    /// [`PutError::Invalid`] with its mistakes.
    pub async fn check(
        &self,
        playbook: &Playbook,
        tenant: Option<&TenantCode>,
    ) -> Result<Result<Plan, PutError>, StartError> {
        let plan = match Plan::check(playbook, &self.catalogue()?) {
            Ok(plan) => plan,
            Err(mistakes) => return Ok(Err(PutError::Invalid(mistakes))),
        };
        let Some(tenant) = tenant else { return Ok(Ok(plan)) };
        let (secrets, timer) =
            (Secrets::new(self.secrets.clone()), TimerThread::start().map_err(node::Error::Thread)?);
        let Asked { missing, .. } = ask((&secrets, &timer), tenant, &plan, after(SECRET_WAIT)).await;
        Ok(if missing.is_empty() { Ok(plan) } else { Err(PutError::Invalid(missing)) })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use serde_json::json;
    use updraft_protocol::secret::Found;
    use updraft_protocol::{
        ActionSpec, Answer, Call, Failure, FailureKind, Integration, Name, Secret, SecretProvider,
    };

    use super::*;

    /// A provider that counts concurrent calls.
    #[derive(Default)]
    struct Counting {
        now: AtomicUsize,
        most: AtomicUsize,
    }

    impl SecretProvider for Counting {
        fn secret<'a>(&'a self, _: &'a TenantCode, name: &'a Name) -> Found<'a> {
            Box::pin(async move {
                self.most.fetch_max(self.now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                // Enough polls for all concurrent calls to begin.
                for _ in 0..100 {
                    tokio::task::yield_now().await;
                }
                self.now.fetch_sub(1, Ordering::SeqCst);
                Ok(Secret::short(name.as_str()).unwrap())
            })
        }
    }

    struct Tool;

    impl Integration for Tool {
        fn actions(&self) -> &[&str] {
            &["act"]
        }

        fn spec(&self, _: &str) -> ActionSpec {
            ActionSpec { takes_secrets: true, ..ActionSpec::default() }
        }

        fn call(&self, _: Call) -> Answer<'_> {
            Box::pin(async { Err(Failure::new(FailureKind::Unreachable, "nothing is called here")) })
        }
    }

    #[tokio::test]
    async fn a_provider_is_asked_for_a_bounded_number_of_secrets_at_once() {
        let all: Vec<_> = (0..60).map(|n| json!({"$secret": format!("s{n}")})).collect();
        let playbook = json!({"format": 1, "name": "p", "version": 1, "steps": [
            {"id": "a", "integration": "tool", "action": "act", "arguments": {"all": all}},
        ]});
        let mut catalogue = Catalogue::default();
        catalogue.add_integration(Name::new("tool").unwrap(), Arc::new(Tool));
        let plan = Plan::check(&serde_json::from_value(playbook).unwrap(), &catalogue).unwrap();
        let provider = Arc::new(Counting::default());
        let (secrets, timer) = (Secrets::new(provider.clone()), TimerThread::start().unwrap());
        let tenant = TenantCode::new("acme").unwrap();
        let asked = ask((&secrets, &timer), &tenant, &plan, after(SECRET_WAIT)).await;
        assert!(asked.has_all && asked.missing.is_empty());
        assert_eq!(provider.most.load(Ordering::SeqCst), SECRETS_ASKED_AT_ONCE);
    }
}
