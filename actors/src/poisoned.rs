//! Poisoned executions: those of which a start finds poison in the journal, before it knows what is unfinished.
//! Fails them from their documents, before anything goes on. Not for executions that run.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use thiserror::Error;
use updraft_kernel::machine::fail_abandoned;
use updraft_protocol::limits::PAGE_ROWS;
use updraft_protocol::{ExecutionDocument, ExecutionId, Failure};
use updraft_storage::log::Need;
use updraft_storage::store::Cursor;

use crate::commit;
use crate::context::EngineContext;
use crate::entry::Lost;
use crate::load;

/// Why executions that nobody runs were not ended. They are found unfinished at the next start, too.
#[derive(Debug, Error)]
pub enum Error {
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] updraft_storage::Error),
    /// The journal has failed.
    #[error(transparent)]
    Lost(#[from] Lost),
}

impl Error {
    /// Whether trying again can help.
    pub fn retryable(&self) -> bool {
        matches!(self, Self::Store(error) if error.retryable())
    }
}

/// Executions and why they must fail. As many at the most as ran when the journal was written.
#[derive(Debug, Default)]
pub(crate) struct Poisoned(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// From then on, an execution that is not known has ended.
    recovered: bool,
    failures: BTreeMap<ExecutionId, Failure>,
}

impl Poisoned {
    /// Remembers an execution that nobody runs; the first failure stands.
    pub(crate) fn add(&self, peid: ExecutionId, failure: Failure) {
        let mut state = self.state();
        if !state.recovered {
            state.failures.entry(peid).or_insert(failure);
        }
    }

    /// All of them; there will be no more.
    fn take(&self) -> BTreeMap<ExecutionId, Failure> {
        let mut state = self.state();
        state.recovered = true;
        std::mem::take(&mut state.failures)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Fails the executions of which the replay of the journal found poison, durably and in the store. Those that
/// have ended keep their end.
///
/// # Errors
/// The store did not answer, or the journal has failed.
pub async fn fail(context: &EngineContext) -> Result<(), Error> {
    let mut poisoned = context.registry.poisoned.take();
    let (mut after, mut failed) = (None, 0);
    while !poisoned.is_empty() {
        let page = context.store.unfinished(after, PAGE_ROWS).await?;
        let Some(last) = page.last() else { break };
        after = Some(Cursor { createddate: last.head.createddate, peid: last.peid });
        for document in page {
            if let Some(failure) = poisoned.remove(&document.peid) {
                write_off(context, document, failure).await?;
                failed += 1;
            }
        }
    }
    if failed > 0 {
        tracing::warn!(failed, "executions were failed: the store will never take what they were to write");
        context.flush().await?;
    }
    Ok(())
}

async fn write_off(
    context: &EngineContext,
    document: ExecutionDocument,
    failure: Failure,
) -> Result<(), Error> {
    let tasks = load::tasks(context, &document.head.tenant_code, document.peid).await?;
    let epoch = context.epochs.of(&document.head.tenant_code);
    let (_, writes) = fail_abandoned(document, &tasks, epoch, failure, context.clock.now());
    commit::append(context, writes, Need::Durable).await.map_err(Lost::Engine)?;
    Ok(())
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
