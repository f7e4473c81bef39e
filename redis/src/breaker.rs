//! The breaker: after failures in a row nobody asks for a while; then one asks, and how that ends decides. Reads no clock.

use std::time::Duration;

/// What is known of the last calls. Times are since one instant.
#[derive(Debug)]
pub(crate) struct Breaker {
    failures: u32,
    left_alone: Duration,
    in_row: u32,
    /// Until then nobody asks; then one does, who moves it on.
    open_until: Option<Duration>,
}

impl Breaker {
    /// A closed one, which opens after so many failures for so long.
    pub(crate) fn new(failures: u32, left_alone: Duration) -> Self {
        Self { failures, left_alone, in_row: 0, open_until: None }
    }

    /// Whether one may ask now.
    #[must_use]
    pub(crate) fn pass(&mut self, now: Duration) -> bool {
        match self.open_until {
            None => true,
            Some(until) if now < until => false,
            Some(_) => {
                // A probe that never ends holds up the next one no longer.
                self.open_until = Some(now.saturating_add(self.left_alone));
                true
            }
        }
    }

    /// A call has ended: whether it was answered.
    pub(crate) fn ended(&mut self, is_answered: bool, now: Duration) {
        if is_answered {
            (self.in_row, self.open_until) = (0, None);
            return;
        }
        self.in_row = self.in_row.saturating_add(1);
        if self.in_row >= self.failures {
            self.open_until = Some(now.saturating_add(self.left_alone));
        }
    }

    /// Whether the server is left alone.
    pub(crate) fn is_open(&self) -> bool {
        self.open_until.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_failures_in_a_row_one_asks_at_a_time_until_one_is_answered() {
        let at = Duration::from_millis;
        let mut breaker = Breaker::new(3, at(100));
        for _ in 0..2 {
            breaker.ended(false, at(1));
        }
        breaker.ended(true, at(1));
        for _ in 0..2 {
            assert!(breaker.pass(at(2)));
            breaker.ended(false, at(2));
        }
        assert!(!breaker.is_open(), "one that was answered began the row anew");
        breaker.ended(false, at(3));
        assert!(breaker.is_open() && !breaker.pass(at(102)));
        assert!(breaker.pass(at(103)) && !breaker.pass(at(103)), "one probe");
        assert!(breaker.pass(at(203)), "one that does not end is followed by another");
        breaker.ended(false, at(210));
        assert!(!breaker.pass(at(309)) && breaker.pass(at(310)));
        breaker.ended(true, at(311));
        assert!(!breaker.is_open() && breaker.pass(at(311)) && breaker.pass(at(311)));
    }
}
