//! What a playbook needs of the engine that runs it, besides its tools: secrets, and permissions to connect. Asked when it is
//! put and when it is submitted; what is missing later is waited for by the execution.

use futures_util::future::join_all;
use tokio::time::Instant;
use updraft_actors::timer::Timer;
use updraft_actors::{Secrets, node};
use updraft_kernel::plan::{Mistake, Plan};
use updraft_protocol::limits::SECRET_WAIT;
use updraft_protocol::{Catalogue, Playbook, TenantCode, Value};

use crate::builder::Builder;
use crate::error::{PutError, StartError};
use crate::shutdown::later;

/// What became of the secrets that a playbook names.
#[derive(Default)]
pub(crate) struct Asked {
    /// Those that its tenant does not have.
    pub(crate) missing: Vec<Mistake>,
    /// Whether it has all of them. A provider that does not answer in time says nothing about them.
    pub(crate) has_all: bool,
}

/// Asks for the secrets that a playbook names, until `until`: in whatever runtime, also one without a clock.
pub(crate) async fn ask(
    (secrets, timer): (&Secrets, &Timer),
    tenant: &TenantCode,
    plan: &Plan,
    until: Instant,
) -> Asked {
    let named = &plan.secrets;
    if named.is_empty() {
        return Asked { missing: Vec::new(), has_all: true };
    }
    let asked = join_all(named.keys().map(|name| secrets.find(tenant, name)));
    let Ok(found) = timer.until(until, asked).await else { return Asked::default() };
    let has_all = found.iter().all(Result::is_ok);
    let missing = named.iter().zip(found).filter_map(|((name, place), found)| {
        let error = found.err().filter(|error| !error.retryable())?;
        Some(Mistake::new(place, format!("missing here: secret `{name}` of tenant {tenant}: {error}")))
    });
    Asked { missing: missing.collect(), has_all }
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
        let (secrets, timer) =
            (Secrets::new(self.secrets.clone()), Timer::start().map_err(node::Error::Thread)?);
        let Asked { missing, .. } = ask((&secrets, &timer), tenant, &plan, later(SECRET_WAIT)).await;
        Ok(if missing.is_empty() { Ok(plan) } else { Err(PutError::Invalid(missing)) })
    }
}
