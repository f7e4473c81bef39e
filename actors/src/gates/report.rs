//! The report of how a call ended, to the statistics of its tool, and to its circuit. A tool that works has no circuit.

use std::sync::Arc;
use std::time::Duration;

use updraft_kernel::circuit::CallEnd;
use updraft_protocol::limits::COOLDOWN_LONGEST;
use updraft_protocol::{Failure, FurtherRequests};

use super::{CallRequests, GateKey, GatePass, Gates};
use crate::statistics::CallStatistics;

/// The report of one call that is made, which counts as running until this is dropped.
pub(crate) struct CallReport {
    gates: Arc<Gates>,
    statistics: Arc<CallStatistics>,
    key: GateKey,
    weight: u32,
    pass: Option<GatePass>,
}

impl CallReport {
    pub(super) fn new(
        (gates, statistics): (Arc<Gates>, Arc<CallStatistics>),
        (key, weight): (GateKey, u32),
        pass: Option<GatePass>,
    ) -> Self {
        Self { gates, statistics, key, weight, pass: pass.map(GatePass::made) }
    }

    /// What the further requests of the call wait for.
    pub(crate) fn requests(&self) -> Arc<dyn FurtherRequests> {
        let passed = self.pass.as_ref().map(GatePass::gates);
        Arc::new(CallRequests::new(self.gates.clone(), (self.key.clone(), self.weight), passed))
    }

    /// The call has ended after this time, with a failure or without; `pause` is for how long the tool wants to be left alone in
    /// any case.
    pub(crate) fn ended(&self, failure: Option<&Failure>, took: Duration, pause: Option<Duration>) {
        self.statistics.ended(failure.map(|failure| failure.kind), took);
        match (CallEnd::of(failure), pause) {
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
        let has_opened = match (&self.pass, end) {
            (Some(pass), end) => pass.ended(end),
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
