//! The further requests of a call, such as pages and polls: each stands in line for the rates of its tool, and the call keeps its
//! place. Counts nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::{Instant, timeout_at};
use updraft_kernel::circuit::{CallEnd, CircuitState};
use updraft_protocol::limits::COOLDOWN_LONGEST;
use updraft_protocol::{Failure, FailureKind, FurtherRequests, RequestFuture};

use super::driven::DrivenGate;
use super::{GateKey, Gates};

/// What the further requests of one call wait for.
pub(super) struct CallRequests {
    gates: Arc<Gates>,
    key: GateKey,
    weight: u32,
    /// The gates that the call has passed; without them its tool had neither limits nor troubles when it began.
    passed: Option<PassedGates>,
    /// Whether the tool has answered the request that was made last.
    is_answered: Arc<AtomicBool>,
}

/// The gate of the tenant, and the one that all share.
type PassedGates = (Arc<DrivenGate>, Option<Arc<DrivenGate>>);

impl CallRequests {
    pub(super) fn new(gates: Arc<Gates>, (key, weight): (GateKey, u32), passed: Option<PassedGates>) -> Self {
        Self { gates, key, weight, passed, is_answered: Arc::default() }
    }

    /// Whether the tool has answered the request that was made last, as far as its integration says.
    pub(super) fn is_answered(&self) -> bool {
        self.is_answered.load(Ordering::Relaxed)
    }

    /// Where a request waits now.
    fn at(&self) -> Option<PassedGates> {
        let is_gated = || self.gates.gated.has(&self.key.integration);
        self.passed.clone().or_else(|| Some((is_gated().then(|| self.gates.troubled(&self.key))??, None)))
    }
}

impl FurtherRequests for CallRequests {
    fn next(&self, within: Duration) -> RequestFuture {
        let (at, tenant, weight) = (self.at(), self.key.tenant.clone(), self.weight);
        let is_answered = self.is_answered.clone();
        Box::pin(async move {
            let (Some((own, shared)), Some(tenant)) = (at, tenant) else {
                is_answered.store(false, Ordering::Relaxed);
                return Ok(());
            };
            let until = Instant::now() + within;
            let waiting = async {
                loop {
                    let mut permit = own.request((&tenant, weight), until).await?;
                    let Some(shared) = &shared else {
                        permit.made();
                        return Ok(());
                    };
                    let mut of_all = shared.request((&tenant, weight), until).await?;
                    // The tool may have asked to be left alone while the request was in the second line.
                    if !matches!(own.state().0.circuit, CircuitState::Cooling(_) | CircuitState::ForcedOpen) {
                        permit.made();
                        of_all.made();
                        return Ok(());
                    }
                }
            };
            timeout_at(until, waiting).await.unwrap_or_else(|_| Err(too_late()))?;
            is_answered.store(false, Ordering::Relaxed);
            Ok(())
        })
    }

    fn answered(&self) {
        self.is_answered.store(true, Ordering::Relaxed);
    }

    fn pause(&self, pause: Duration) {
        let end = CallEnd::Asked(pause.min(COOLDOWN_LONGEST));
        self.gates.statistics.of(&self.key.integration).cooled();
        match &self.passed {
            Some((own, shared)) => {
                own.ended(None, end);
                if let Some(shared) = shared {
                    shared.ended(None, end);
                }
            }
            None => {
                if let Some(gate) = self.gates.made(self.key.clone()) {
                    gate.ended(None, end);
                }
            }
        }
    }
}

/// The failure of a call whose next request cannot be made in its time. Its next attempt stands in line at the gate.
pub(super) fn too_late() -> Failure {
    let message = "the limits of the tool let no further request be made in the time of the attempt";
    Failure::new(FailureKind::Timeout, message).with_may_have_acted(false)
}
