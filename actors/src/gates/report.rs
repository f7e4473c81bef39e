//! The report of how a call ended, to the circuit of its tool. A tool that works has none, and its calls report to nobody.

use std::sync::Arc;
use std::time::Duration;

use updraft_kernel::circuit::CallEnd;
use updraft_protocol::limits::COOLDOWN_LONGEST;
use updraft_protocol::{Failure, FurtherRequests};

use super::{CallRequests, GateKey, GatePass, Gates};

/// The report of one call that is made.
pub(crate) struct CallReport {
    gates: Arc<Gates>,
    key: GateKey,
    weight: u32,
    pass: Option<GatePass>,
}

impl CallReport {
    pub(super) fn new(gates: Arc<Gates>, (key, weight): (GateKey, u32), pass: Option<GatePass>) -> Self {
        Self { gates, key, weight, pass: pass.map(GatePass::made) }
    }

    /// What the further requests of the call wait for.
    pub(crate) fn requests(&self) -> Arc<dyn FurtherRequests> {
        let passed = self.pass.as_ref().map(GatePass::gates);
        Arc::new(CallRequests::new(self.gates.clone(), (self.key.clone(), self.weight), passed))
    }

    /// The call has ended, with a failure or without; `pause` is for how long the tool wants to be left alone in any case.
    pub(crate) fn ended(&self, failure: Option<&Failure>, pause: Option<Duration>) {
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
        if let Some(pass) = &self.pass {
            return pass.ended(end);
        }
        match end {
            CallEnd::Nothing => {}
            CallEnd::Answered => {
                if self.gates.gated.has(&self.key.integration)
                    && let Some(gate) = self.gates.troubled(&self.key)
                {
                    gate.ended(None, end);
                }
            }
            CallEnd::Failed | CallEnd::Asked(_) => {
                // Where there is no room for a gate, calls go on as if there were no breaker.
                if let Some(gate) = self.gates.made(self.key.clone()) {
                    gate.ended(None, end);
                }
            }
        }
    }
}
