//! The builder's settings of flow: how many executions run, and how many are queued. Checks nothing.

use updraft_protocol::limits::EXECUTIONS_IN_FLIGHT_OF_TENANT;

use super::{Builder, Resume};

impl Builder {
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

    /// How many executions may be queued; `None` if the engine queues none.
    pub(crate) fn queued(&self) -> Option<u64> {
        (self.resume == Resume::All && self.backlog > 0).then_some(self.backlog)
    }

    pub(crate) fn of_tenant(&self) -> usize {
        let default = EXECUTIONS_IN_FLIGHT_OF_TENANT.min(self.executions_in_flight);
        self.executions_in_flight_of_tenant.unwrap_or(default)
    }
}
