//! The registry entry of one execution, as all threads see it: whether the execution is accepted, how it ended, its
//! permit, and its controls. Outlives the execution's actor, so that waiting callers are served by the actor's
//! successor.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};

use thiserror::Error;
use tokio::sync::Notify;
use tokio::sync::futures::Notified;
use updraft_kernel::shared::controls::AskVerdict;
use updraft_kernel::shared::lifecycle::{Lifecycle, Wake};
use updraft_kernel::shared::outcome::{OutcomeCell, Settle};
use updraft_kernel::shared::permits::Permit;
use updraft_kernel::watch::Expected;
use updraft_protocol::{
    ExecutionDocument, ExecutionId, Failure, IdempotencyKey, InputHash, KeyHolder, Priority, TenantCode,
};

use crate::control::{Control, HeldControl};

/// How an execution ended, or why this engine does not know.
pub type ExecutionOutcome = Result<Arc<ExecutionDocument>, Lost>;

/// Why this engine will not see an execution's end. The execution is durable nevertheless and resumes at the next
/// start.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Lost {
    /// The engine was shut down first.
    #[error("the engine was shut down; the execution resumes at the next start")]
    ShutDown,
    /// The engine has failed.
    #[error("the engine has failed: {0}; the execution resumes at the next start")]
    Engine(Arc<str>),
    /// It is unfinished, and this engine does not run it.
    #[error("the execution is unfinished and not run by this engine; it resumes at the next start")]
    NotHere,
}

/// One execution that this engine runs.
pub struct RegistryEntry {
    /// The id of the execution.
    pub peid: ExecutionId,
    /// Its tenant.
    pub tenant: TenantCode,
    /// The key under which it was submitted, with the hash of the submission. Boxed: what waits for people for days without
    /// one keeps no room for it.
    key: Option<Box<(IdempotencyKey, Option<InputHash>)>>,
    /// Accepted when the journal has the execution, or refuses it. The permit is for an execution in flight or for a
    /// parked one.
    lifecycle: Lifecycle<Result<(), Lost>, ExecutionOutcome, Control, Changed>,
    /// What has to happen to it next, and by when: the word of its newest actor counts, and readers may see it late.
    expected: AtomicU64,
    /// Whether it is queued: nothing of it has begun.
    queued: AtomicBool,
    /// Its priority when it was parked.
    priority: AtomicU8,
    /// Why the execution must fail: the store refuses one of its documents for good.
    poison: OutcomeCell<Box<Failure>>,
}

/// Wakes the callers that wait until it is accepted, has ended, or has room for a control.
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
            lifecycle: Lifecycle::new(permit, Changed(Notify::new())),
            expected: AtomicU64::new(0),
            queued: AtomicBool::new(false),
            priority: AtomicU8::new(Priority::Normal.level()),
            poison: OutcomeCell::new(),
        }
    }

    /// Its actor says what has to happen to it next.
    pub(crate) fn set_expected(&self, expected: Expected) {
        self.expected.store(expected.to_word(), Ordering::Relaxed);
    }

    /// What has to happen to it next; `None` while it waits for its first actor.
    pub fn expected(&self) -> Option<Expected> {
        Expected::of_word(self.expected.load(Ordering::Relaxed))
    }

    /// It is parked: when it comes back, it stands in line with this priority.
    pub(crate) fn set_priority(&self, priority: Priority) {
        self.priority.store(priority.level(), Ordering::Relaxed);
    }

    /// How far ahead of others of its tenant it stands in line when it comes back.
    pub(crate) fn priority(&self) -> Priority {
        Priority::try_from(self.priority.load(Ordering::Relaxed)).unwrap_or_default()
    }

    /// It waits in the backlog.
    pub(crate) fn set_queued(&self) {
        self.queued.store(true, Ordering::Release);
    }

    /// It leaves the backlog: its shard starts it.
    pub(crate) fn begin(&self) {
        self.queued.store(false, Ordering::Release);
    }

    /// Whether it waits in the backlog.
    pub fn is_queued(&self) -> bool {
        self.queued.load(Ordering::Acquire)
    }

    /// The same, submitted under a key, if there is one.
    #[must_use]
    pub fn under_key(self, key: Option<IdempotencyKey>, input_hash: Option<InputHash>) -> Self {
        Self { key: key.map(|key| Box::new((key, input_hash))), ..self }
    }

    /// The key under which it was submitted.
    pub fn key(&self) -> Option<&IdempotencyKey> {
        self.key.as_ref().map(|key| &key.0)
    }

    /// The hash of its submission, if there is a key.
    pub fn input_hash(&self) -> Option<InputHash> {
        self.key.as_ref()?.1
    }

    /// The entry as the holder of its key.
    pub fn key_holder(&self) -> KeyHolder {
        KeyHolder { peid: self.peid, input_hash: self.input_hash() }
    }

    /// Records that the journal has the execution, or refuses it.
    pub fn accept(&self, accepted: Result<(), Lost>) {
        // An earlier call may have recorded it.
        let _ = self.lifecycle.accept(accepted);
    }

    /// Records its end for the waiting callers; the first end is final.
    pub fn settle(&self, outcome: ExecutionOutcome) -> Settle<ExecutionOutcome> {
        self.lifecycle.end(outcome)
    }

    /// Records that the execution must fail; returns true for the first call, whose reason is kept. Called before the
    /// watermark passes the update that the store refused, so that the execution is not read back as if nothing were
    /// missing.
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

    /// Waits for its end.
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

    /// Completes at the next change; a state that is read after this was enabled is not missed.
    pub(crate) fn changed(&self) -> Notified<'_> {
        self.lifecycle.changed().0.notified()
    }

    /// Holds a control until it is answered; its reply is dropped when the execution has ended.
    pub(crate) fn ask(&self, control: Control) -> AskVerdict<Control> {
        let verdict = self.lifecycle.ask(control);
        if let AskVerdict::Held = verdict {
            // A child that is not accepted yet may be cancelled.
            self.lifecycle.changed().wake();
        }
        verdict
    }

    /// Whether it is to be stopped.
    pub(crate) fn is_to_stop(&self) -> bool {
        let stops = |_, control: &Control| matches!(control, Control::Cancel(..) | Control::Fail(_));
        self.lifecycle.controls().after(0, stops).contains(&true)
    }

    /// Waits until it is to be stopped.
    pub(crate) async fn to_stop(&self) {
        self.until(|| self.is_to_stop().then_some(())).await;
    }

    /// Whether it holds a control to whose answer a caller waits.
    pub(crate) fn is_awaited(&self) -> bool {
        self.lifecycle.controls().after(0, |_, control| control.is_awaited()).contains(&true)
    }

    /// The unanswered controls after the one with number `seen`.
    pub(crate) fn asked_after(&self, seen: u64) -> Vec<HeldControl> {
        self.lifecycle.controls().after(seen, HeldControl::of)
    }

    /// Whether it holds a control.
    pub(crate) fn is_asked(&self) -> bool {
        !self.lifecycle.controls().is_empty()
    }

    /// Takes out a control that can be answered.
    pub(crate) fn answer(&self, control: &HeldControl) -> Option<Control> {
        self.lifecycle.answer(control.number)
    }

    /// Replaces its permit; `None` if it has ended.
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
