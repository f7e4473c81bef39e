//! What a playbook needs of the engine that runs it, besides its tools: secrets, and permissions to connect. Asked when it is
//! put and when it is submitted; what is missing later is waited for by the execution.

use futures_util::future::join_all;
use updraft_actors::Secrets;
use updraft_kernel::plan::{Mistake, Plan};
use updraft_protocol::{Catalogue, Playbook, TenantCode, Value};

use crate::builder::Builder;
use crate::error::{PutError, StartError};

/// The secrets that a playbook names and its tenant does not have. A provider that does not answer says nothing about them.
pub(crate) async fn missing_secrets(secrets: &Secrets, tenant: &TenantCode, plan: &Plan) -> Vec<Mistake> {
    let named = plan.secrets();
    let found = join_all(named.keys().map(|name| secrets.find(tenant, name))).await;
    let missing = named.iter().zip(found).filter_map(|((name, place), found)| {
        let error = found.err().filter(|error| !error.retryable())?;
        Some(Mistake::new(place, format!("missing here: secret `{name}` of tenant {tenant}: {error}")))
    });
    missing.collect()
}

/// The places that a playbook connects to and this engine may not reach, with the values that its variables have.
pub(crate) fn missing_places(catalogue: &Catalogue, plan: &Plan, variables: &Value) -> Vec<Mistake> {
    plan.missing_places(catalogue, |name| variables.get(name))
}

impl Builder {
    /// Checks a playbook against the tools that this configuration has, without starting anything; with a tenant, also
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
        let missing = missing_secrets(&Secrets::new(self.secrets.clone()), tenant, &plan).await;
        Ok(if missing.is_empty() { Ok(plan) } else { Err(PutError::Invalid(missing)) })
    }
}
