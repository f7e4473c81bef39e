//! Random numbers that a seed repeats. One stream serves many threads.

use std::sync::{Mutex, PoisonError};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// A stream of random numbers.
#[derive(Debug)]
pub(crate) struct Random(Mutex<StdRng>);

impl Random {
    /// The stream numbered `stream` of a seed.
    pub(crate) fn new(seed: u64, stream: u64) -> Self {
        Self(Mutex::new(StdRng::seed_from_u64(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ stream)))
    }

    /// The next number in 0 to 1, without 1.
    pub(crate) fn share(&self) -> f64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).random()
    }

    /// The next number below `bound`, which is not zero.
    pub(crate) fn below(&self, bound: usize) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).random_range(0..bound.max(1))
    }

    /// The next number of the exponential distribution with mean 1: the gap between two independent arrivals.
    pub(crate) fn gap(&self) -> f64 {
        -(1.0 - self.share()).ln()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_its_stream_and_another_does_not() {
        let stream = |seed, number| {
            let random = Random::new(seed, number);
            (0..8).map(|_| random.below(1_000_000)).collect::<Vec<_>>()
        };
        assert_eq!(stream(1, 1), stream(1, 1));
        assert_ne!(stream(1, 1), stream(2, 1));
        assert_ne!(stream(1, 1), stream(1, 2));
    }
}
