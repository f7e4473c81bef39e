//! The calls of a dry run that only read, made for real. A call that changes something never comes here: a dry run makes a
//! [`ReadCall`] of no other.

use std::time::Duration;

use tokio::runtime::Handle;
use updraft::{Builder, Clock, Name, ReadRequest, Reads, SystemClock, TenantCode};
use updraft_replay::answers::{GivenOutcome, ReadCall};
use updraft_replay::plans::RunPlans;

/// Makes them, with the tools and the secrets that the program has.
pub(super) struct RealReads {
    reads: Reads,
    tenant: TenantCode,
    /// The secrets that the playbooks name: answers hide all of them.
    masked: Vec<Name>,
}

impl RealReads {
    /// The reads of these playbooks.
    pub(super) fn new(tools: &Builder, tenant: &TenantCode, plans: &RunPlans) -> Self {
        Self { reads: tools.reads(), tenant: tenant.clone(), masked: plans.secrets().cloned().collect() }
    }

    /// Makes one, and waits for its answer.
    pub(super) fn make(&self, call: &ReadCall) -> GivenOutcome {
        let made = call.made();
        let request = ReadRequest {
            tenant: self.tenant.clone(),
            task_id: call.task_id(),
            step_id: made.place.step.clone(),
            integration: made.integration.clone(),
            action: made.action.clone(),
            arguments: call.arguments().clone(),
            secrets: call.secrets().clone(),
            masked: self.masked.clone(),
            timeout: made.timeout,
        };
        let began = SystemClock.now();
        let outcome = Handle::current().block_on(self.reads.read(request));
        let after = Duration::from_millis(SystemClock.now().since(began)).min(made.timeout);
        GivenOutcome { outcome, after, from: "read".into() }
    }
}
