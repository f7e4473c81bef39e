//! Quotas of tenants at run time: what an operator sets wins over the configuration, is stored, and survives restarts. Each change is
//! audited. Counts nothing.

use std::sync::Arc;

use updraft_actors::EngineContext;
use updraft_protocol::{Asked, Json, Quota, SettingKind, TenantCode};

use crate::engine::Engine;
use crate::settings::{SettingError, SettingName, Settings, unreadable};

impl Engine {
    /// The quotas that hold for a tenant: those that an operator has set, else those of the configuration.
    pub fn quota(&self, tenant: &TenantCode) -> Quota {
        self.context.quotas.of(tenant)
    }

    /// Sets the quotas of a tenant, from now on and after restarts, instead of what was set before; what they leave out is as the
    /// configuration says. What runs goes on, also beyond a bound that is lower now.
    ///
    /// # Errors
    /// It cannot be meant, it is not said who asks for it, or the store did not answer.
    pub async fn set_quota(
        &self,
        tenant: &TenantCode,
        quota: Quota,
        asked: Asked,
    ) -> Result<(), SettingError> {
        set(&self.context, tenant, quota, &asked).await
    }

    /// Clears the quotas that were set for a tenant: those of the configuration hold.
    ///
    /// # Errors
    /// None were set, it is not said who asks for it, or the store did not answer.
    pub async fn clear_quota(&self, tenant: &TenantCode, asked: Asked) -> Result<(), SettingError> {
        clear(&self.context, tenant, &asked).await
    }

    /// The tenants for which something else holds than the default, with what that is.
    pub fn quotas(&self) -> Vec<(TenantCode, Quota)> {
        list(&self.context)
    }
}

pub(crate) fn list(context: &EngineContext) -> Vec<(TenantCode, Quota)> {
    let with_quota = |tenant: TenantCode| {
        let quota = context.quotas.of(&tenant);
        (tenant, quota)
    };
    context.quotas.tenants().into_iter().map(with_quota).collect()
}

pub(crate) async fn set(
    context: &Arc<EngineContext>,
    tenant: &TenantCode,
    quota: Quota,
    asked: &Asked,
) -> Result<(), SettingError> {
    let places = context.admission.places();
    quota.checked(places).map_err(|error| SettingError::Invalid(error.to_string()))?;
    let value = serde_json::to_value(quota).map_err(|error| SettingError::Invalid(error.to_string()))?;
    Settings::of(context).set(named(tenant), Json::from(value), asked).await?;
    context.quotas.set(tenant, Some(quota));
    context.apply_quota(tenant);
    Ok(())
}

pub(crate) async fn clear(
    context: &Arc<EngineContext>,
    tenant: &TenantCode,
    asked: &Asked,
) -> Result<(), SettingError> {
    Settings::of(context).clear(named(tenant), asked).await?;
    context.quotas.set(tenant, None);
    context.apply_quota(tenant);
    Ok(())
}

/// Has the quotas hold that are configured and that were set before.
pub(crate) async fn load(context: &EngineContext) -> Result<(), SettingError> {
    for setting in Settings::of(context).all(SettingKind::Quota).await? {
        let tenant = SettingKind::Quota.name_in(&setting.key).and_then(|name| name.parse().ok());
        let quota = serde_json::from_str::<Quota>(setting.value.as_str());
        match (tenant, quota) {
            (Some(tenant), Ok(quota)) => context.quotas.set(&tenant, Some(quota)),
            _ => return Err(unreadable(&setting)),
        }
    }
    for tenant in context.quotas.tenants() {
        context.apply_quota(&tenant);
    }
    Ok(())
}

fn named(tenant: &TenantCode) -> SettingName<'_> {
    SettingName { kind: SettingKind::Quota, name: tenant.as_str(), tenant: Some(tenant) }
}
