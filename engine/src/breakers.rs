//! Circuit breakers of tools: their policies, as a backend declares them, and what people decide of them at run time, which
//! is stored. Owns neither the circuits nor their decisions.

use std::collections::BTreeMap;

use updraft_actors::EngineContext;
use updraft_actors::gates::CircuitName;
use updraft_kernel::circuit::ForcedCircuit;
use updraft_protocol::{Asked, BreakerPolicy, Json, Name, Setting, SettingKind, TenantCode, Timestamp};

use crate::builder::Builder;
use crate::engine::Engine;
use crate::error::StartError;
use crate::settings::{SettingError, SettingName, Settings, unreadable};

/// What a person has decided of a tool's circuits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForcedBreaker {
    /// Which circuits.
    pub circuit: CircuitName,
    /// Whether calls are made.
    pub forced: ForcedCircuit,
    /// Who has decided it.
    pub uid: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// Since when.
    pub since: Timestamp,
}

impl Builder {
    /// When the circuits of an integration open; by default as [`BreakerPolicy::new`] says. There is one for each tenant, host
    /// and credential.
    ///
    /// While a circuit is open no call is made: a step waits, as long as its attempts may be apart (`retry.attempts` times `retry.max`), or fails at once where it
    /// says `when_open: fail`.
    #[must_use]
    pub fn breaker(mut self, integration: impl Into<String>, policy: BreakerPolicy) -> Self {
        self.breakers.insert(integration.into(), policy);
        self
    }

    /// The declared breakers, by integration.
    ///
    /// # Errors
    /// [`StartError::Configuration`]: one of an integration that is not there, or that cannot be meant.
    pub(crate) fn breaker_policies(&self) -> Result<BTreeMap<Name, BreakerPolicy>, StartError> {
        let policies = self.breakers.iter().map(|(integration, policy)| {
            let wrong = |why: &dyn std::fmt::Display| {
                StartError::Configuration(format!("breaker: {integration}: {why}"))
            };
            let policy = policy.checked().map_err(|error| wrong(&error))?;
            if !self.integrations.contains_key(integration) {
                return Err(wrong(&"no such integration"));
            }
            Ok((Name::new(integration).map_err(|error| wrong(&error))?, policy))
        });
        policies.collect()
    }
}

impl Engine {
    /// A person decides whether calls of a tool are made, whatever they say of it. Stored, and so from the next start on too,
    /// until it is [released](Self::release_breaker).
    ///
    /// # Errors
    /// The person or the reason is missing, there is no such integration, or the store did not answer.
    pub async fn force_breaker(
        &self,
        circuit: &CircuitName,
        forced: ForcedCircuit,
        (uid, reason): (&str, &str),
    ) -> Result<(), SettingError> {
        let asked = Asked { uid: uid.into(), reason: reason.into() };
        force(&self.context, circuit, forced, &asked).await
    }

    /// Leaves circuits to their calls again.
    ///
    /// # Errors
    /// The person or the reason is missing, nobody has decided of them, or the store did not answer.
    pub async fn release_breaker(
        &self,
        circuit: &CircuitName,
        (uid, reason): (&str, &str),
    ) -> Result<(), SettingError> {
        let asked = Asked { uid: uid.into(), reason: reason.into() };
        release(&self.context, circuit, &asked).await
    }

    /// What people have decided of circuits.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn forced_breakers(&self) -> Result<Vec<ForcedBreaker>, SettingError> {
        forced_breakers(&self.context).await
    }
}

/// As [`Engine::force_breaker`].
pub(crate) async fn force(
    context: &EngineContext,
    circuit: &CircuitName,
    forced: ForcedCircuit,
    asked: &Asked,
) -> Result<(), SettingError> {
    // An engine without tools, which only serves a person, does not know what there is.
    let knows = context.plans.catalogue().integrations().next().is_some();
    if knows && !context.tools.has(&circuit.integration) {
        return Err(SettingError::Invalid(format!("integration: there is no \"{}\"", circuit.integration)));
    }
    let value = Json::from(serde_json::json!({ "forced": word(forced) }));
    Settings::of(context).set(named(circuit, &key(circuit)), value, asked).await?;
    load(context).await
}

/// As [`Engine::release_breaker`].
pub(crate) async fn release(
    context: &EngineContext,
    circuit: &CircuitName,
    asked: &Asked,
) -> Result<(), SettingError> {
    Settings::of(context).clear(named(circuit, &key(circuit)), asked).await?;
    load(context).await
}

/// Reads what people have decided, and has the gates know it.
pub(crate) async fn load(context: &EngineContext) -> Result<(), SettingError> {
    let forced = forced_breakers(context).await?.into_iter();
    context.gates.force(forced.map(|forced| (forced.circuit, forced.forced)).collect());
    Ok(())
}

pub(crate) async fn forced_breakers(context: &EngineContext) -> Result<Vec<ForcedBreaker>, SettingError> {
    let all = Settings::of(context).all(SettingKind::Breaker).await?;
    all.iter().map(|setting| forced_breaker(setting).ok_or_else(|| unreadable(setting))).collect()
}

fn named<'a>(circuit: &'a CircuitName, name: &'a str) -> SettingName<'a> {
    SettingName { kind: SettingKind::Breaker, name, tenant: circuit.tenant.as_ref() }
}

/// Tool, tenant and host, each of which may have any character.
fn key(circuit: &CircuitName) -> String {
    serde_json::json!([
        circuit.integration.as_str(),
        circuit.tenant.as_ref().map(TenantCode::as_str),
        circuit.host
    ])
    .to_string()
}

pub(crate) const fn word(forced: ForcedCircuit) -> &'static str {
    match forced {
        ForcedCircuit::Open => "open",
        ForcedCircuit::Closed => "closed",
    }
}

/// `None` for what no engine of this version has stored.
fn forced_breaker(setting: &Setting) -> Option<ForcedBreaker> {
    let name = SettingKind::Breaker.name_in(&setting.key)?;
    let (integration, tenant, host): (String, Option<String>, Option<String>) =
        serde_json::from_str(name).ok()?;
    let value: serde_json::Value = serde_json::from_str(setting.value.as_str()).ok()?;
    let forced = [ForcedCircuit::Open, ForcedCircuit::Closed];
    let forced = forced.into_iter().find(|forced| value["forced"] == word(*forced))?;
    let tenant = tenant.map(|tenant| TenantCode::new(&tenant)).transpose().ok()?;
    let circuit = CircuitName { integration: Name::new(&integration).ok()?, tenant, host };
    let text = |text: &Option<std::sync::Arc<str>>| text.as_deref().map(str::to_owned);
    let (uid, reason) = (text(&setting.uid), text(&setting.reason));
    Some(ForcedBreaker { circuit, forced, uid, reason, since: setting.updated_date })
}
