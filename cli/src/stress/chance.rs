//! Chance: random numbers that a seed repeats. One stream serves many threads; owns no clock.

use std::sync::atomic::{AtomicU64, Ordering};

/// The step of SplitMix64 (Steele et al. 2014) from one state to the next.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// A stream of random numbers.
#[derive(Debug)]
pub(crate) struct Chance(AtomicU64);

impl Chance {
    /// The stream numbered `stream` of a seed.
    pub(crate) fn new(seed: u64, stream: u64) -> Self {
        Self(AtomicU64::new(mixed(seed.wrapping_add(mixed(stream.wrapping_mul(STEP))))))
    }

    /// The next number in 0 to 1, without 1.
    pub(crate) fn share(&self) -> f64 {
        // 53 bits are what a float holds.
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// The next number below `bound`, which is not zero.
    pub(crate) fn below(&self, bound: usize) -> usize {
        ((self.share() * bound as f64) as usize).min(bound.saturating_sub(1))
    }

    /// The next number of the exponential distribution with mean 1: gaps between independent arrivals.
    pub(crate) fn gap(&self) -> f64 {
        -(1.0 - self.share()).ln()
    }

    /// The next 64 bits.
    pub(crate) fn bits(&self) -> u64 {
        mixed(self.0.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP))
    }
}

/// Spreads the bits of `value`.
fn mixed(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_its_stream_and_another_does_not() {
        let stream = |seed, number| {
            let chance = Chance::new(seed, number);
            (0..8).map(|_| chance.below(1_000_000)).collect::<Vec<_>>()
        };
        assert_eq!(stream(1, 1), stream(1, 1));
        assert_ne!(stream(1, 1), stream(2, 1));
        assert_ne!(stream(1, 1), stream(1, 2));
    }

    #[test]
    fn shares_are_even_and_gaps_have_mean_one() {
        let (shares, gaps) = (Chance::new(7, 0), Chance::new(7, 1));
        let mean = |next: &dyn Fn() -> f64| (0..20_000).map(|_| next()).sum::<f64>() / 20_000.0;
        assert!((mean(&|| shares.share()) - 0.5).abs() < 0.02);
        assert!((mean(&|| gaps.gap()) - 1.0).abs() < 0.04);
        assert!((0..1_000).all(|_| shares.below(3) < 3));
    }
}
