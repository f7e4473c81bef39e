//! The shim: the one file that names `std::sync` or `loom::sync`, so that loom runs the code that ships.
//! Owns no logic but the recovery of a poisoned lock.

#[cfg(loom)]
pub(super) use loom::sync::{
    Arc, Mutex, MutexGuard,
    atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
};
#[cfg(not(loom))]
pub(super) use std::sync::{
    Arc, Mutex, MutexGuard,
    atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
};

/// A text or a hook that many have: nothing is decided by it.
pub(super) use std::sync::Arc as Text;
/// A place for a value, nothing more: loom has none, so who may fill it and who may look is decided by
/// words that loom does see.
pub(super) use std::sync::OnceLock as Slot;

/// What a waiter asks to be run when the thing that it waits for may have come.
pub type Hook = std::sync::Arc<dyn Fn() + Send + Sync>;

/// The same, told whose thing it is.
pub type HookFor<T> = std::sync::Arc<dyn Fn(&T) + Send + Sync>;

/// Locks. Every critical section here leaves its data whole at each step, so a lock that a panic left behind
/// is as good as any other.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Runs the hook, where there is one.
pub(super) fn run_for<T>(hook: Option<&HookFor<T>>, whose: &T) {
    if let Some(hook) = hook {
        hook(whose);
    }
}

/// Runs the hook, where there is one.
pub(super) fn run(hook: Option<&Hook>) {
    if let Some(hook) = hook {
        hook();
    }
}
