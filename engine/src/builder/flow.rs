//! The builder's settings of flow: how many executions run, how many are queued, what tenants have of both, and how many calls
//! of a tool are under way for which nothing else is declared.

use std::num::NonZeroU32;

use updraft_actors::quotas::Quotas;
use updraft_protocol::limits::{
    EXECUTIONS_IN_FLIGHT_OF_TENANT, TOOL_CALLS_AT_ONCE, TOOL_CALLS_AT_ONCE_OF_TENANT,
};
use updraft_protocol::{CallLimits, Quota, TenantCode};

use super::{Builder, Resume};
use crate::error::StartError;

impl Builder {
    /// Tasks at once in one execution, unless its playbook sets it; by default 10.
    #[must_use]
    pub fn tasks_at_once(mut self, tasks: usize) -> Self {
        self.tasks_at_once = tasks;
        self
    }

    /// Executions in flight, all tenants together; by default 100,000.
    #[must_use]
    pub fn executions_in_flight(mut self, executions: usize) -> Self {
        self.executions_in_flight = executions;
        self
    }

    /// Executions in flight of one tenant; by default 50,000, or the total if that is lower.
    #[must_use]
    pub fn executions_in_flight_of_tenant(mut self, executions: usize) -> Self {
        self.executions_in_flight_of_tenant = Some(executions);
        self
    }

    /// Executions that are queued beyond those in flight, all tenants together; by default 1,000,000. None are with 0: then
    /// [`Engine::submit`](crate::Engine::submit) waits for a permit. An engine with [`Resume::Nothing`] queues none either.
    #[must_use]
    pub fn backlog(mut self, executions: u64) -> Self {
        self.backlog = executions;
        self
    }

    /// Whether this engine fires the triggers of its tenants ([`Engine::triggers`](crate::Engine::triggers)); by default it does not: an
    /// engine that a person opens for another purpose starts nothing by itself.
    #[must_use]
    pub fn fire_triggers(mut self, fires: bool) -> Self {
        self.fires_triggers = fires;
        self
    }

    /// Calls under way of each tool for which no [limits](Builder::call_limits) are declared and that takes no permits: of all
    /// tenants together, and of one tenant; by default 8,192 and 4,096. A tool that hangs takes no more. Further calls wait in
    /// line, fairly by tenant. Calls that are answered at once count for nothing.
    #[must_use]
    pub fn tool_calls_at_once(mut self, calls: NonZeroU32, of_tenant: NonZeroU32) -> Self {
        self.tool_bound = CallLimits::new().at_once(calls).at_once_of_tenant(of_tenant.min(calls)).shared();
        self
    }

    /// The quotas of each tenant that has no others; by default none. An operator can set others at run time
    /// ([`Engine::set_quota`](crate::Engine::set_quota)).
    #[must_use]
    pub fn quota(mut self, quota: Quota) -> Self {
        self.quota = quota;
        self
    }

    /// The quotas of a tenant. What they leave out is as [`Builder::quota`] says.
    #[must_use]
    pub fn quota_of(mut self, tenant: TenantCode, quota: Quota) -> Self {
        self.quotas.insert(tenant, quota);
        self
    }

    pub(crate) fn check_quotas(&self) -> Result<(), StartError> {
        let places = self.executions_in_flight as u64;
        let own = self.quotas.iter().map(|(tenant, quota)| (format!("quota of {tenant}"), quota));
        for (whose, quota) in std::iter::once(("quota".to_owned(), &self.quota)).chain(own) {
            quota.checked(places).map_err(|error| StartError::Configuration(format!("{whose}: {error}")))?;
        }
        Ok(())
    }

    pub(crate) fn all_quotas(&self) -> Quotas {
        let own = self.quotas.iter().map(|(tenant, quota)| (tenant.clone(), *quota)).collect();
        Quotas::new(self.quota, own)
    }

    /// How many executions may be queued; `None` if the engine queues none.
    pub(crate) fn queued(&self) -> Option<u64> {
        (self.resume == Resume::All && self.backlog > 0).then_some(self.backlog)
    }

    pub(crate) fn of_tenant(&self) -> usize {
        let default = EXECUTIONS_IN_FLIGHT_OF_TENANT.min(self.executions_in_flight);
        let quota = self.quota.in_flight.and_then(|places| usize::try_from(places).ok());
        self.executions_in_flight_of_tenant.or(quota).unwrap_or(default)
    }
}

/// The bound of the tools for which no limits are declared, unless configured.
pub(super) fn tool_bound() -> CallLimits {
    let number = |number| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
    let (calls, of_tenant) = (number(TOOL_CALLS_AT_ONCE), number(TOOL_CALLS_AT_ONCE_OF_TENANT));
    CallLimits::new().at_once(calls).at_once_of_tenant(of_tenant).shared()
}
