//! The locks of executions that are run again: each rerun is noted in the document of the first execution, which the next one
//! reads. Reruns of different executions never wait for each other: a rerun may hold its lock for as long as its tenant has no
//! place. Owns which locks there are.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use updraft_protocol::ExecutionId;

/// The locks of the executions that are being run again, and no others: they are as many as the callers that wait.
#[derive(Debug, Default)]
pub(crate) struct Rerunning(Mutex<HashMap<ExecutionId, RerunLock>>);

/// The lock of one execution.
#[derive(Debug, Default)]
struct RerunLock {
    lock: Arc<tokio::sync::Mutex<()>>,
    /// Reruns that hold it or wait for it.
    users: usize,
}

/// A use of the lock of an execution; the last one takes the lock away.
pub(crate) struct RerunLease<'r> {
    rerunning: &'r Rerunning,
    peid: ExecutionId,
    lock: Arc<tokio::sync::Mutex<()>>,
}

impl Rerunning {
    /// The lock of an execution.
    pub(crate) fn of(&self, peid: ExecutionId) -> RerunLease<'_> {
        let mut locks = self.locks();
        let shared = locks.entry(peid).or_default();
        shared.users += 1;
        RerunLease { rerunning: self, peid, lock: shared.lock.clone() }
    }

    fn locks(&self) -> MutexGuard<'_, HashMap<ExecutionId, RerunLock>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RerunLease<'_> {
    /// Waits until no other rerun of the execution is under way.
    pub(crate) async fn alone(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.lock.lock().await
    }
}

impl Drop for RerunLease<'_> {
    fn drop(&mut self) {
        let mut locks = self.rerunning.locks();
        let Some(shared) = locks.get_mut(&self.peid) else { return };
        shared.users -= 1;
        if shared.users == 0 {
            locks.remove(&self.peid);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn reruns_of_one_execution_wait_for_each_other_and_of_others_never() {
        let rerunning = Rerunning::default();
        let [one, other] = [1, 2].map(|number| ExecutionId::from_bytes([number; 16]));
        let (first, second) = (rerunning.of(one), rerunning.of(one));
        let held = first.alone().now_or_never();
        assert!(held.is_some() && second.alone().now_or_never().is_none());
        assert!(rerunning.of(other).alone().now_or_never().is_some());
        drop(held);
        assert!(second.alone().now_or_never().is_some());
        drop(first);
        assert_eq!(rerunning.locks().len(), 1, "the other is in use");
        drop(second);
        assert!(rerunning.locks().is_empty());
    }
}
