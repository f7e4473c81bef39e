//! The registry entry of one execution, as all threads see it: whether the execution is accepted, how it ended, its
//! permit, and what is asked of it. Outlives the execution's actor, so that those who wait are served by the actor's successor.

use std::sync::Arc;

use thiserror::Error;
use tokio::sync::Notify;
use tokio::sync::futures::Notified;
use updraft_kernel::shared::controls::AskVerdict;
use updraft_kernel::shared::lifecycle::{Lifecycle, Wake};
use updraft_kernel::shared::outcome::{OutcomeCell, Settle};
use updraft_kernel::shared::permits::Permit;
use updraft_protocol::{
    ExecutionDocument, ExecutionId, Failure, IdempotencyKey, InputHash, KeyHolder, TenantCode,
};

use crate::control::{Control, HeldControl};

/// How an execution ended, or why nobody can say.
pub type ExecutionOutcome = Result<Arc<ExecutionDocument>, Lost>;

/// Why an execution's end will not be told here. It is durable nevertheless and resumes at the next start.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Lost {
    /// The engine was shut down first.
    #[error("the engine was shut down; the execution resumes at the next start")]
    ShutDown,
    /// The journal failed, so nothing can go on.
    #[error("the engine has failed: {0}; the execution resumes at the next start")]
    Engine(String),
    /// It is unfinished, and this engine does not run it.
    #[error("the execution is unfinished and not run by this engine; it resumes at the next start")]
    NotHere,
}

/// One execution that this engine runs.
pub struct RegistryEntry {
    /// The id of the execution.
    pub peid: ExecutionId,
    /// The tenant that it belongs to.
    pub tenant: TenantCode,
    /// The key under which it was submitted.
    pub key: Option<IdempotencyKey>,
    /// The hash of what was submitted, where there is a key.
    pub input_hash: Option<InputHash>,
    /// Accepted when the journal has the execution, or has refused it. Its permit is one for executions in flight, or for
    /// parked ones.
    lifecycle: Lifecycle<Result<(), Lost>, ExecutionOutcome, Control, Changed>,
    /// Why the execution must fail: the store will never take one of its documents.
    poison: OutcomeCell<Box<Failure>>,
}

/// Wakes those who wait until it is accepted, has ended, or has room for what they ask.
struct Changed(Notify);

impl Wake for Changed {
    fn wake(&self) {
        self.0.notify_waiters();
    }
}

impl RegistryEntry {
    /// An execution that is about to be accepted, or resumed.
    pub fn new(peid: ExecutionId, tenant: TenantCode, permit: Option<Permit>) -> Self {
        Self {
            peid,
            tenant,
            key: None,
            input_hash: None,
            lifecycle: Lifecycle::new(permit, Changed(Notify::new())),
            poison: OutcomeCell::new(),
        }
    }

    /// The same, submitted under a key, if there is one.
    #[must_use]
    pub fn under_key(self, key: Option<IdempotencyKey>, input_hash: Option<InputHash>) -> Self {
        Self { key, input_hash, ..self }
    }

    /// As the holder of its key.
    pub fn key_holder(&self) -> KeyHolder {
        KeyHolder { peid: self.peid, input_hash: self.input_hash }
    }

    /// Says that the journal has the execution, or will not have it.
    pub fn accept(&self, accepted: Result<(), Lost>) {
        // Whether another said so first matters to nobody.
        let _ = self.lifecycle.accept(accepted);
    }

    /// Ends it for those who wait; the first ending stands.
    pub fn settle(&self, outcome: ExecutionOutcome) -> Settle<ExecutionOutcome> {
        self.lifecycle.end(outcome)
    }

    /// Says that the execution must fail; true for the first call, whose reason stands. Called before the watermark passes the
    /// update that the store refused, so that the execution is not read back as if nothing were missing.
    pub(crate) fn poison(&self, failure: Failure) -> bool {
        self.poison.settle(Box::new(failure)) == Settle::Won
    }

    /// Why it must fail, if it must.
    pub(crate) fn poisoned(&self) -> Option<&Failure> {
        self.poison.get().map(Box::as_ref)
    }

    /// How it ended, if it has.
    pub fn outcome(&self) -> Option<&ExecutionOutcome> {
        self.lifecycle.ended()
    }

    /// Whether the journal has it.
    pub fn is_accepted(&self) -> bool {
        matches!(self.lifecycle.accepted(), Some(Ok(())))
    }

    /// Waits until the journal has it, or has refused it.
    pub async fn accepted(&self) -> Result<(), Lost> {
        self.until(|| self.lifecycle.accepted().cloned()).await
    }

    /// Waits until it has ended.
    pub async fn ended(&self) -> ExecutionOutcome {
        self.until(|| self.lifecycle.ended().cloned()).await
    }

    async fn until<T>(&self, seen: impl Fn() -> Option<T>) -> T {
        loop {
            let changed = self.changed();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if let Some(value) = seen() {
                return value;
            }
            changed.await;
        }
    }

    /// A change of it from now on: what is looked at after this was enabled is not missed.
    pub(crate) fn changed(&self) -> Notified<'_> {
        self.lifecycle.changed().0.notified()
    }

    /// Holds a control until it is answered; its reply is dropped when the execution has ended.
    pub(crate) fn ask(&self, control: Control) -> AskVerdict<Control> {
        self.lifecycle.ask(control)
    }

    /// The controls that came after the one with number `seen`, and are not answered.
    pub(crate) fn asked_after(&self, seen: u64) -> Vec<HeldControl> {
        self.lifecycle.controls().after(seen, HeldControl::of)
    }

    /// Whether somebody waits for an answer.
    pub(crate) fn is_asked(&self) -> bool {
        !self.lifecycle.controls().is_empty()
    }

    /// Takes out a control that can be answered.
    pub(crate) fn answer(&self, control: &HeldControl) -> Option<Control> {
        self.lifecycle.answer(control.number)
    }

    /// Holds a permit in place of the one that it held; none where it has ended.
    pub fn hold(&self, permit: Option<Permit>) {
        self.lifecycle.hold(permit);
    }
}

impl std::fmt::Debug for RegistryEntry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RegistryEntry")
            .field("peid", &self.peid)
            .field("tenant", &self.tenant)
            .finish_non_exhaustive()
    }
}
