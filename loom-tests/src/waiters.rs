//! Waiters: the promises of `tokio::sync::Notify`, in loom's terms. Owns who has registered and who was
//! woken; a wake-up that is lost is a deadlock, which loom reports.

use std::collections::BTreeMap;
use std::sync::PoisonError;

use loom::sync::{Condvar, Mutex, MutexGuard};

/// Whom a wake-up reaches.
#[derive(Debug, Clone, Copy)]
pub enum WakeReach {
    /// All that have registered: `notify_waiters`.
    All,
    /// The first that has registered, whether it still waits or not: a `notify_one` that is not passed on.
    First,
}

/// Threads that wait to be woken.
pub struct Waiters {
    wake: WakeReach,
    /// Whether each registered waiter was woken.
    registered: Mutex<BTreeMap<usize, bool>>,
    woken: Condvar,
}

impl Waiters {
    /// Nobody waits.
    pub fn new(wake: WakeReach) -> Self {
        Self { wake, registered: Mutex::new(BTreeMap::new()), woken: Condvar::new() }
    }

    /// Registers interest: a wake-up from now on is not missed. `Notified::enable`.
    pub fn register(&self, waiter: usize) {
        self.lock().insert(waiter, false);
    }

    /// Gives up, woken or not. Dropping `Notified`.
    pub fn give_up(&self, waiter: usize) {
        self.lock().remove(&waiter);
    }

    /// Waits to be woken, which ends the registration. `Notified::await`.
    pub fn wait(&self, waiter: usize) {
        let mut registered = self.lock();
        while registered.get(&waiter) == Some(&false) {
            registered = self.woken.wait(registered).unwrap_or_else(PoisonError::into_inner);
        }
        registered.remove(&waiter);
    }

    /// The hook.
    pub fn wake(&self) {
        let mut registered = self.lock();
        let reached = match self.wake {
            WakeReach::All => usize::MAX,
            WakeReach::First => 1,
        };
        registered.values_mut().filter(|woken| !**woken).take(reached).for_each(|woken| *woken = true);
        self.woken.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<usize, bool>> {
        self.registered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
