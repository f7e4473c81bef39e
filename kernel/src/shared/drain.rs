//! The drain gate: lets work in until it is closed, and knows when the last of it has left. Owns the count of
//! passes; never waits for them.

use std::fmt;

use super::sync::{Arc, AtomicUsize, Hook, Ordering, run};

/// The bit that says closed; the bits below it count the passes that are out.
const CLOSED: usize = 1 << (usize::BITS - 1);

/// The gate, shared by whoever holds a clone.
#[derive(Clone)]
pub struct DrainGate {
    inner: Arc<Inner>,
}

struct Inner {
    /// One word, so that no pass can come between the closing and the count.
    state: AtomicUsize,
    drained: Option<Hook>,
}

/// What became of a request to enter.
#[derive(Debug)]
#[must_use]
pub enum Enter {
    /// The work is counted until its pass is dropped.
    Entered(Pass),
    /// The gate is closed, for ever.
    Closed,
}

impl Enter {
    /// The pass, where the gate was open.
    pub fn entered(self) -> Option<Pass> {
        match self {
            Self::Entered(pass) => Some(pass),
            Self::Closed => None,
        }
    }
}

/// What the gate held when it was closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Close {
    /// Nothing: it is drained.
    Drained,
    /// So many passes.
    Draining(usize),
    /// Another closed it before.
    AlreadyClosed,
}

/// The right to be inside. Dropping it, on any thread, is leaving.
#[must_use = "the work has left as soon as the pass is dropped"]
pub struct Pass {
    inner: Arc<Inner>,
}

impl DrainGate {
    /// A gate that is open.
    pub fn new() -> Self {
        Self::build(None)
    }

    /// The same; `drained` runs once, when the gate is closed and empty: by the last pass that leaves, or by
    /// `close` where none was out.
    pub fn with_drained_hook(drained: Hook) -> Self {
        Self::build(Some(drained))
    }

    fn build(drained: Option<Hook>) -> Self {
        Self { inner: Arc::new(Inner { state: AtomicUsize::new(0), drained }) }
    }

    /// Lets work in, unless the gate is closed.
    pub fn enter(&self) -> Enter {
        let open = |state: usize| (state & CLOSED == 0).then(|| state + 1);
        match self.inner.state.fetch_update(Ordering::Acquire, Ordering::Acquire, open) {
            Ok(_) => Enter::Entered(Pass { inner: self.inner.clone() }),
            Err(_) => Enter::Closed,
        }
    }

    /// Closes the gate: whoever asks from now on is refused.
    pub fn close(&self) -> Close {
        let before = self.inner.state.fetch_or(CLOSED, Ordering::AcqRel);
        match before {
            0 => {
                run(self.inner.drained.as_ref());
                Close::Drained
            }
            passes if passes & CLOSED == 0 => Close::Draining(passes),
            _ => Close::AlreadyClosed,
        }
    }

    /// Whether it is closed and no pass is out. What was done under a pass is visible to who sees true.
    pub fn is_drained(&self) -> bool {
        self.inner.state.load(Ordering::Acquire) == CLOSED
    }
}

impl Default for DrainGate {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Pass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pass")
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        let before = self.inner.state.fetch_sub(1, Ordering::AcqRel);
        if before == CLOSED | 1 {
            run(self.inner.drained.as_ref());
        }
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use std::sync::Arc as StdArc;

    use super::*;

    fn counted() -> (DrainGate, StdArc<AtomicUsize>) {
        let runs = StdArc::new(AtomicUsize::new(0));
        let count = StdArc::clone(&runs);
        let gate = DrainGate::with_drained_hook(StdArc::new(move || {
            count.fetch_add(1, Ordering::Relaxed);
        }));
        (gate, runs)
    }

    #[test]
    fn an_open_gate_is_never_drained() {
        let (gate, runs) = counted();
        assert!(!gate.is_drained());
        drop(gate.enter().entered().unwrap());
        assert!(!gate.is_drained());
        assert_eq!(runs.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn the_last_to_leave_a_closed_gate_runs_the_hook_once() {
        let (gate, runs) = counted();
        let (one, two) = (gate.enter().entered().unwrap(), gate.enter().entered().unwrap());
        assert_eq!(gate.close(), Close::Draining(2));
        assert!(matches!(gate.enter(), Enter::Closed));
        drop(one);
        assert_eq!((gate.is_drained(), runs.load(Ordering::Relaxed)), (false, 0));
        assert!(std::thread::spawn(move || drop(two)).join().is_ok());
        assert_eq!((gate.is_drained(), runs.load(Ordering::Relaxed)), (true, 1));
        assert_eq!(gate.close(), Close::AlreadyClosed);
        assert!(matches!(gate.enter(), Enter::Closed));
        assert_eq!(runs.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn an_empty_gate_is_drained_when_it_is_closed() {
        let (gate, runs) = counted();
        assert_eq!(gate.close(), Close::Drained);
        assert_eq!((gate.is_drained(), runs.load(Ordering::Relaxed)), (true, 1));
        assert_eq!(gate.close(), Close::AlreadyClosed);
        assert_eq!(runs.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn a_pass_outlives_the_gate_that_gave_it() {
        let (gate, runs) = counted();
        let pass = gate.enter().entered().unwrap();
        assert_eq!(gate.close(), Close::Draining(1));
        drop(gate);
        drop(pass);
        assert_eq!(runs.load(Ordering::Relaxed), 1);
    }
}
