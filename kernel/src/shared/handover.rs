//! The address of the current shard actor. The address is published before anything is looked up, so that nothing is lost
//! between an actor that died and its successor. Never knows what is handed over.

use super::sync::{Mutex, lock};

/// The current address; none between two actors.
pub struct Handover<A> {
    address: Mutex<Option<A>>,
}

impl<A: Clone> Handover<A> {
    /// Without an address yet.
    pub fn new() -> Self {
        Self { address: Mutex::new(None) }
    }

    /// The address of the current actor.
    pub fn current(&self) -> Option<A> {
        lock(&self.address).clone()
    }

    /// Forgets the address: its actor has died.
    pub fn clear(&self) {
        // Dropped outside of the lock.
        let _gone = lock(&self.address).take();
    }

    /// Makes something known, and gives the address of the actor that is to be told of it. Where that actor is dying or dead,
    /// its successor [finds it](Self::take_over).
    pub fn announce(&self, make_known: impl FnOnce()) -> Option<A> {
        make_known();
        self.current()
    }

    /// Publishes the address of a successor, then gives what `find` finds: what was made known before is found, what is made
    /// known later is told to the successor, and some may reach it both ways.
    pub fn take_over<L>(&self, address: A, find: impl FnOnce() -> L) -> L {
        *lock(&self.address) = Some(address);
        find()
    }
}

impl<A: Clone> Default for Handover<A> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_that_of_the_current_actor() {
        let handover = Handover::default();
        assert_eq!(handover.announce(|| ()), None);
        assert_eq!(handover.take_over(1, || handover.current()), Some(1), "it is known when it looks");
        assert_eq!(handover.announce(|| assert_eq!(handover.current(), Some(1))), Some(1));
        handover.clear();
        assert_eq!((handover.current(), handover.announce(|| ())), (None, None));
        assert_eq!(handover.take_over(2, || "left"), "left");
        assert_eq!(handover.current(), Some(2));
    }

    #[test]
    fn the_address_is_looked_up_after_the_thing_is_known() {
        let handover = Handover::new();
        let address = handover.announce(|| handover.take_over(1, || ()));
        assert_eq!(address, Some(1));
    }
}
