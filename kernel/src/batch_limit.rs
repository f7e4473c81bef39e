//! The batch limit: how many updates go to the store at once, and in how many batches. Doubles from the minimum until
//! the store first fails to keep up. From then on it grows by steps while the store keeps up, and falls by a share when
//! it does not. Reads no clock: the caller reports how long a batch took.

#[cfg(test)]
mod tests;

use std::time::Duration;

use updraft_protocol::limits::{
    BATCH_LATENCY, BATCH_OPERATIONS, BATCH_OPERATIONS_MAX, BATCH_OPERATIONS_MIN, BATCHES_IN_FLIGHT,
    BATCHES_IN_FLIGHT_MAX, SERVER_BATCHES,
};

/// How much a writer may send at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BatchLimit {
    /// Always the same.
    Fixed {
        /// Operations in one batch.
        operations: usize,
        /// Batches in flight at once.
        batches: usize,
    },
    /// As much as the store takes in time, within bounds.
    Adaptive {
        /// Operations in one batch, however slow the store is.
        operations_min: usize,
        /// Operations in one batch, however fast it is.
        operations_max: usize,
        /// Batches in flight at once, however fast it is. However slow it is, there is one.
        batches_max: usize,
        /// How much longer than the quickest a batch may take before the limit falls.
        latency: Duration,
    },
}

impl BatchLimit {
    /// For a store in this process with one writing thread: one batch is prepared while another is written.
    pub const EMBEDDED: Self = Self::Fixed { operations: BATCH_OPERATIONS_MAX, batches: BATCHES_IN_FLIGHT };

    /// For a server that has other clients too.
    pub const SERVER: Self = Self::Adaptive {
        operations_min: BATCH_OPERATIONS_MIN,
        operations_max: BATCH_OPERATIONS,
        batches_max: SERVER_BATCHES,
        latency: BATCH_LATENCY,
    };

    /// Why the setting is invalid: a number outside of the limits, or a minimum above its maximum.
    ///
    /// # Errors
    /// The setting and its bounds, for a person.
    pub fn check(self) -> Result<(), String> {
        let (least, most, batches) = self.bounds();
        for (setting, value, bound) in [
            ("operations of a batch", most, BATCH_OPERATIONS_MAX),
            ("the fewest operations of a batch", least, most),
            ("batches in flight", batches, BATCHES_IN_FLIGHT_MAX),
        ] {
            if value == 0 || value > bound {
                return Err(format!("batch limit: {setting}: {value} is not within 1 to {bound}"));
            }
        }
        Ok(())
    }

    /// The fewest and the most operations, and the most batches.
    fn bounds(self) -> (usize, usize, usize) {
        match self {
            Self::Fixed { operations, batches } => (operations, operations, batches),
            Self::Adaptive { operations_min, operations_max, batches_max, .. } => {
                (operations_min, operations_max, batches_max)
            }
        }
    }
}

/// The result of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BatchAnswer {
    /// The store processed it, in this time.
    Taken(Duration),
    /// The store timed out, was unreachable, or asked for some of it to be sent again.
    Pushback,
}

/// The state of the limiter when a batch was sent; needed when its result arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "the limiter learns when the batch has landed"]
pub struct Sent {
    /// How often the limit had fallen.
    falls: u64,
    operations: usize,
    /// It was as large as the limit allowed.
    full: bool,
    /// As many batches were in flight as the limit allowed.
    crowded: bool,
}

/// The current limit.
///
/// The size of batches grows first, since fewer and larger batches cost the store least; then their number. A batch
/// that was sent before the limit last fell does not lower it again, since its result is about the earlier limit.
#[derive(Debug)]
pub struct BatchLimiter {
    limit: BatchLimit,
    operations: usize,
    batches: usize,
    falls: u64,
    /// Batches taken in time since the number in flight last changed.
    steady: usize,
    /// The shortest time of a batch; the time of the smallest batch, if the store has become slower.
    quickest: Option<Duration>,
}

/// The steps from the fewest to the most operations.
const STEPS: usize = 10;
/// Batches taken in time, for each one in flight, before one more may be in flight.
const STEADY: usize = 4;

impl BatchLimiter {
    /// A limiter at its start: an adaptive one begins at the minimum.
    pub fn new(limit: BatchLimit) -> Self {
        let (operations, batches) = match limit {
            BatchLimit::Fixed { operations, batches } => (operations, batches),
            BatchLimit::Adaptive { operations_min, operations_max, .. } => {
                (operations_min.min(operations_max), 1)
            }
        };
        let (operations, batches) = (operations.max(1), batches.max(1));
        Self { limit, operations, batches, falls: 0, steady: 0, quickest: None }
    }

    /// The most operations in the next batch; at least one.
    pub fn operations(&self) -> usize {
        self.operations
    }

    /// The most batches in flight at once; at least one.
    pub fn batches(&self) -> usize {
        self.batches
    }

    /// Records that a batch is sent; with it, `in_flight` are under way.
    pub fn sent(&self, operations: usize, in_flight: usize) -> Sent {
        let (full, crowded) = (operations >= self.operations, in_flight >= self.batches);
        Sent { falls: self.falls, operations, full, crowded }
    }

    /// Records the result of a batch.
    pub fn landed(&mut self, sent: Sent, answer: BatchAnswer) {
        let BatchLimit::Adaptive { operations_min, operations_max, batches_max, latency } = self.limit else {
            return;
        };
        // A result under an earlier limit says little about this one.
        if sent.falls != self.falls {
            return;
        }
        match answer {
            BatchAnswer::Taken(took) if self.in_time(took, latency) => {
                self.rise(sent, operations_min, operations_max.max(1), batches_max.max(1));
            }
            // A smaller batch is not quicker: the store has become slower, or is further away.
            BatchAnswer::Taken(took) if self.batches == 1 && self.operations <= operations_min.max(1) => {
                self.quickest = Some(took);
            }
            BatchAnswer::Taken(_) => self.fall(operations_min, |value| value - value.div_ceil(4)),
            BatchAnswer::Pushback => self.fall(operations_min, |value| value / 2),
        }
    }

    fn in_time(&mut self, took: Duration, latency: Duration) -> bool {
        let quickest = self.quickest.map_or(took, |quickest| quickest.min(took));
        self.quickest = Some(quickest);
        took <= quickest.saturating_add(latency)
    }

    fn rise(&mut self, sent: Sent, least: usize, most: usize, batches: usize) {
        if sent.full && self.operations < most {
            let step = match self.falls {
                // Each of several batches in flight is judged by its own size.
                0 => sent.operations.min(self.operations),
                _ => (most.saturating_sub(least) / STEPS).max(1),
            };
            self.operations = self.operations.saturating_add(step).min(most);
        } else if sent.crowded && self.batches < batches {
            self.steady += 1;
            if self.steady >= STEADY * self.batches {
                self.steady = 0;
                self.batches += 1;
            }
        }
    }

    /// Fewer batches at once; if there is only one, smaller ones.
    fn fall(&mut self, least: usize, less: impl Fn(usize) -> usize) {
        self.falls += 1;
        self.steady = 0;
        if self.batches > 1 {
            self.batches = less(self.batches).max(1);
        } else {
            self.operations = less(self.operations).max(least.min(self.operations)).max(1);
        }
    }
}
