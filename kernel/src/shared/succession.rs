//! The succession: the way to whoever is in office, one after the other. Owns the two orders that leave nothing
//! between a dead one and its successor; never knows what is handed over.

use super::planted::{Bug, planted};
use super::sync::{Mutex, lock};

/// The way to who is in office; none between two.
pub struct Succession<W> {
    way: Mutex<Option<W>>,
}

impl<W: Clone> Succession<W> {
    /// Nobody is in office yet.
    pub fn new() -> Self {
        Self { way: Mutex::new(None) }
    }

    /// The way to who is in office.
    pub fn way(&self) -> Option<W> {
        lock(&self.way).clone()
    }

    /// Whoever was in office is no longer.
    pub fn vacate(&self) {
        // The way is dropped outside of the lock.
        let _gone = lock(&self.way).take();
    }

    /// Makes something known, and gives the way to who is in office, to be told of it. Where that one is going or
    /// gone, its successor [finds it](Self::succeed).
    pub fn launch(&self, make_known: impl FnOnce()) -> Option<W> {
        if planted(Bug::LaunchLooksFirst) {
            let way = self.way();
            make_known();
            return way;
        }
        make_known();
        self.way()
    }

    /// Takes office, and gives what `left` finds then: what was made known before is found, of what is made known
    /// later the successor is told, and of some it may hear both ways.
    pub fn succeed<L>(&self, way: W, left: impl FnOnce() -> L) -> L {
        if planted(Bug::SuccessorLooksFirst) {
            let left = left();
            *lock(&self.way) = Some(way);
            return left;
        }
        *lock(&self.way) = Some(way);
        left()
    }
}

impl<W: Clone> Default for Succession<W> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;

    #[test]
    fn the_way_leads_to_who_is_in_office() {
        let succession = Succession::default();
        assert_eq!(succession.launch(|| ()), None);
        assert_eq!(succession.succeed(1, || succession.way()), Some(1), "it is known when it looks");
        assert_eq!(succession.launch(|| assert_eq!(succession.way(), Some(1))), Some(1));
        succession.vacate();
        assert_eq!((succession.way(), succession.launch(|| ())), (None, None));
        assert_eq!(succession.succeed(2, || "left"), "left");
        assert_eq!(succession.way(), Some(2));
    }

    #[test]
    fn the_way_is_looked_up_after_the_thing_is_known() {
        let succession = Succession::new();
        let way = succession.launch(|| succession.succeed(1, || ()));
        assert_eq!(way, Some(1));
    }
}
