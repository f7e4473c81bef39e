//! The locks of executions that are run again: each rerun is noted in the document of the first execution, which the next one
//! reads. Owns their number.

use tokio::sync::Mutex;
use updraft_protocol::ExecutionId;

/// How many there are: few reruns of different executions wait for each other, and an engine that runs none again has no more.
const LOCKS: usize = 64;

/// A lock for each execution, shared by few.
#[derive(Debug)]
pub(crate) struct Rerunning(Vec<Mutex<()>>);

impl Default for Rerunning {
    fn default() -> Self {
        Self((0..LOCKS).map(|_| Mutex::default()).collect())
    }
}

impl Rerunning {
    /// The lock of an execution.
    pub(crate) fn of(&self, peid: ExecutionId) -> &Mutex<()> {
        let (_, low) = peid.uuid().as_u64_pair();
        &self.0[low as usize % LOCKS]
    }
}
