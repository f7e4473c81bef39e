//! The report of how a call ended, to the statistics of its tool, and to its circuit. A tool that works has no circuit.

use std::sync::Arc;
use std::time::Duration;

use updraft_kernel::circuit::CallEnd;
use updraft_protocol::limits::COOLDOWN_LONGEST;
use updraft_protocol::{Failure, FailureKind, FurtherRequests, Priority};

use super::{CallRequests, GateKey, GatePass, Gates};
use crate::statistics::CallStatistics;

/// The report of one call that is made, which counts as running until this is dropped.
pub(crate) struct CallReport {
    gates: Arc<Gates>,
    statistics: Arc<CallStatistics>,
    key: GateKey,
    pass: Option<Box<GatePass>>,
    order: (u32, Priority),
    /// What its further requests wait for, if it makes some.
    requests: Option<Arc<CallRequests>>,
}

impl CallReport {
    pub(super) fn new(
        (gates, statistics): (Arc<Gates>, Arc<CallStatistics>),
        key: GateKey,
        pass: Option<Box<GatePass>>,
        order: (u32, Priority),
    ) -> Self {
        Self { gates, statistics, key, pass: pass.map(GatePass::made), order, requests: None }
    }

    /// The call is not answered at once: it takes a place of those that its tool has where nothing is declared.
    pub(crate) fn waits(&mut self) {
        let counts = self.pass.as_ref().is_some_and(|pass| pass.is_of_tool());
        let Some(tenant) = self.key.tenant.as_ref().filter(|_| !counts) else { return };
        let late = self.gates.late_pass(&self.key.integration, (tenant, self.order)).map(GatePass::made);
        if let Some(late) = late {
            self.pass = Some(GatePass::at_tool_as(self.pass.take(), late));
        }
    }

    /// The attempt has failed after this time for something that its tool has nothing to do with: its actor died, what it waited for
    /// before the call did not come, or a bound of this process has kept its request. Its circuit is not told.
    pub(crate) fn not_made(&self, failure: FailureKind, took: Duration) {
        self.statistics.ended(Some(failure), took);
    }

    /// What the further requests of the call wait for.
    pub(crate) fn requests(&mut self) -> Arc<dyn FurtherRequests> {
        let passed = self.pass.as_ref().and_then(|pass| pass.gates());
        let requests = CallRequests::new(self.gates.clone(), (self.key.clone(), self.order.0), passed);
        self.requests.insert(Arc::new(requests)).clone()
    }

    /// The call has ended after this time, with a failure or without; `pause` is for how long the tool wants to be left alone in
    /// any case.
    pub(crate) fn ended(&self, failure: Option<&Failure>, took: Duration, pause: Option<Duration>) {
        self.statistics.ended(failure.map(|failure| failure.kind), took);
        // A call of several requests that took too long says nothing against a tool that has answered all that were made.
        let is_late = failure.is_some_and(|failure| failure.kind == FailureKind::Timeout);
        let is_answered = is_late && self.requests.as_ref().is_some_and(|requests| requests.is_answered());
        let end = if is_answered { CallEnd::Answered } else { CallEnd::of(failure) };
        match (end, pause) {
            (CallEnd::Asked(asked), Some(pause)) => self.tell(CallEnd::Asked(asked.max(pause))),
            (end, None) => self.tell(end),
            (end, Some(pause)) => {
                self.tell(end);
                self.tell(CallEnd::Asked(pause.min(COOLDOWN_LONGEST)));
            }
        }
    }

    fn tell(&self, end: CallEnd) {
        if let CallEnd::Asked(_) = end {
            self.statistics.cooled();
        }
        let has_opened = match (self.pass.as_ref().and_then(|pass| pass.ended(end)), end) {
            (Some(has_opened), _) => has_opened,
            (None, CallEnd::Nothing) => false,
            (None, CallEnd::Answered) => {
                let troubled = self.gates.gated.has(&self.key.integration);
                let gate = troubled.then(|| self.gates.troubled(&self.key)).flatten();
                gate.is_some_and(|gate| gate.ended(None, end))
            }
            (None, CallEnd::Failed | CallEnd::Asked(_)) => {
                // Where there is no room for a gate, calls go on as if there were no breaker.
                self.gates.made(self.key.clone()).is_some_and(|gate| gate.ended(None, end))
            }
        };
        if has_opened {
            self.statistics.opened();
        }
    }
}

impl Drop for CallReport {
    fn drop(&mut self) {
        self.statistics.over();
    }
}
