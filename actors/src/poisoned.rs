//! Poisoned executions: those for which a start finds poison in the journal, before it knows which executions are
//! unfinished; with the reason. Does not fail them: `abandoned.rs` does, from their documents. Not for running
//! executions.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use updraft_protocol::{ExecutionId, Failure};

/// Executions and why they must fail. At most as many as ran when the journal was written.
#[derive(Debug, Default)]
pub(crate) struct Poisoned(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// From then on, an unknown execution has ended.
    recovered: bool,
    failures: BTreeMap<ExecutionId, Failure>,
}

impl Poisoned {
    /// Records an execution without an actor; the first failure is kept.
    pub(crate) fn add(&self, peid: ExecutionId, failure: Failure) {
        let mut state = self.state();
        if !state.recovered {
            state.failures.entry(peid).or_insert(failure);
        }
    }

    /// All of them; there will be no more.
    pub(crate) fn take(&self) -> BTreeMap<ExecutionId, Failure> {
        let mut state = self.state();
        state.recovered = true;
        std::mem::take(&mut state.failures)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use updraft_protocol::FailureKind;

    use super::*;

    #[test]
    fn the_first_failure_stands_and_after_the_recovery_none_is_kept() {
        let poisoned = Poisoned::default();
        let (one, other) = (ExecutionId::from_bytes([1; 16]), ExecutionId::from_bytes([2; 16]));
        for reason in ["first", "second"] {
            poisoned.add(one, Failure::new(FailureKind::Store, reason));
        }
        assert_eq!(poisoned.take(), BTreeMap::from([(one, Failure::new(FailureKind::Store, "first"))]));
        poisoned.add(other, Failure::new(FailureKind::Store, "late"));
        assert!(poisoned.take().is_empty());
    }
}
