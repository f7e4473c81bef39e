//! A clock that a test sets forward, and that panics where the test sets a trap.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::ThreadId;
use std::time::Duration;

use updraft::{Clock, SystemClock, Timestamp};

use crate::quiet;

/// The system's time and what a test adds to it. Clones are the same clock.
#[derive(Clone, Default)]
pub struct TestClock(Arc<State>);

#[derive(Default)]
struct State {
    ahead_ms: AtomicU64,
    /// Threads that panic when they ask for the time.
    traps: Mutex<HashMap<ThreadId, Trap>>,
    sprung: AtomicUsize,
}

/// How often a thread still gets the time, and how often it panics then.
#[derive(Default)]
struct Trap {
    passes: usize,
    times: usize,
}

impl TestClock {
    /// Lets time pass.
    pub fn advance(&self, by: Duration) {
        self.0.ahead_ms.fetch_add(u64::try_from(by.as_millis()).unwrap(), Ordering::SeqCst);
    }

    /// The next `times` times that `thread` asks for the time, it panics.
    pub fn trap(&self, thread: ThreadId, times: usize) {
        quiet::panics_on_purpose();
        self.0.traps.lock().unwrap().entry(thread).or_default().times += times;
    }

    /// The next time that this thread asks for the time, it panics.
    pub fn trap_here(&self) {
        self.trap_here_after(0);
    }

    /// This thread gets the time so often, and panics when it asks once more.
    pub fn trap_here_after(&self, passes: usize) {
        quiet::panics_on_purpose();
        let mut traps = self.0.traps.lock().unwrap();
        let trap = traps.entry(std::thread::current().id()).or_default();
        (trap.passes, trap.times) = (passes, trap.times + 1);
    }

    /// How many traps have sprung.
    pub fn sprung(&self) -> usize {
        self.0.sprung.load(Ordering::SeqCst)
    }

    /// Whether no trap waits any more.
    pub fn is_clear(&self) -> bool {
        self.0.traps.lock().unwrap().values().all(|trap| trap.times == 0)
    }

    fn springs(&self) -> bool {
        let mut traps = self.0.traps.lock().unwrap();
        match traps.get_mut(&std::thread::current().id()) {
            Some(trap) if trap.passes > 0 => {
                trap.passes -= 1;
                false
            }
            Some(trap) if trap.times > 0 => {
                trap.times -= 1;
                self.0.sprung.fetch_add(1, Ordering::SeqCst);
                true
            }
            _ => false,
        }
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        if self.springs() {
            panic!("{}the clock was trapped", quiet::ON_PURPOSE);
        }
        SystemClock.now().after(Duration::from_millis(self.0.ahead_ms.load(Ordering::SeqCst)))
    }
}
