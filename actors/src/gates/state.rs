//! How gates stand, for people who ask why calls wait. Changes none.

use std::time::Duration;

use updraft_kernel::circuit::CircuitState;

use super::driven::DrivenGate;
use super::{GateKey, Gates, ToolCircuit, ToolGate};

impl Gates {
    /// How all gates stand at which calls have come lately.
    pub fn states(&self) -> Vec<ToolGate> {
        let states =
            self.all().into_iter().map(|(key, gate)| (self.is_bulkhead(&key), ToolGate::of(key, &gate)));
        // That of a tool which has room holds nobody up.
        states
            .filter(|(is_bulkhead, state)| !is_bulkhead || state.waiting > 0)
            .map(|(_, state)| state)
            .collect()
    }
}

impl ToolGate {
    fn of(key: GateKey, gate: &DrivenGate) -> Self {
        let (state, now) = gate.state();
        let left = |until: Duration| until.saturating_sub(now);
        let circuit = match state.circuit {
            CircuitState::Closed => ToolCircuit::Closed,
            CircuitState::Cooling(until) => ToolCircuit::Cooling(left(until)),
            CircuitState::Open(until) => ToolCircuit::Open(left(until)),
            CircuitState::HalfOpen(probes) => ToolCircuit::HalfOpen(probes),
            CircuitState::ForcedOpen => ToolCircuit::ForcedOpen,
        };
        let GateKey { integration, tenant, host, credentials } = key;
        let (waiting, running, counts) = (state.waiting, state.inside, state.counts);
        Self { integration, tenant, host, credentials, waiting, running, circuit, counts }
    }
}
