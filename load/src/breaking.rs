//! Whether a phase of an open loop held: whether what came was done, and in time.

use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::outcome::PhaseResult;
use crate::scenario::Load;

/// What its second half may add to what is under way, as a share of what arrives in it, and in seconds of arrivals,
/// which is a pause of the machine: more would have grown on.
const GROWN: f64 = 0.1;
const PAUSE_S: f64 = 0.1;
/// Standard deviations by which random may have more under way at the tools than they have on average.
const BY_CHANCE: f64 = 4.0;
/// A shorter phase tells nothing of what it piled up.
const SHORT: Duration = Duration::from_millis(500);
/// The first half must be as many times as long as what its tools take: then they have as much under way as they will.
const SETTLED: f64 = 1.25;
/// Beyond this, an acknowledgement took too long.
const SUBMIT_US: f64 = 1e6;

/// What a phase says of its load.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub(crate) enum Verdict {
    /// The engine kept up.
    Held,
    /// The load was more than it takes, and why.
    Broke(String),
    /// Nothing: it was too short, or no open loop.
    Unknown,
}

/// How long a phase must be to tell something, where its tools take so long.
pub(crate) fn long_enough(ideal: Duration) -> Duration {
    SHORT.max(ideal.mul_f64(2.0 * SETTLED))
}

impl PhaseResult {
    /// Whether the load was more than the engine takes. Closed loops never break: they wait.
    pub(crate) fn verdict(&self) -> Verdict {
        if !matches!(self.phase.load, Load::Open(_)) {
            return Verdict::Unknown;
        }
        let refused = self.counted.get("refused") + self.counted.get("dropped");
        if refused > 0 {
            return Verdict::Broke(format!("{refused} arrivals were refused"));
        }
        if let Some(slow) = self.meter.submit.us(0.99).filter(|p99| *p99 > SUBMIT_US) {
            let seconds = slow / 1e6;
            return Verdict::Broke(format!("acknowledgements took {seconds:.1} s at the 99th percentile"));
        }
        let Some((before, under_way)) = self.meter.half.get().copied() else { return Verdict::Unknown };
        if self.lasted < long_enough(self.ideal) {
            return Verdict::Unknown;
        }
        let came = self.meter.arrivals.load(Ordering::Relaxed).saturating_sub(before) as f64;
        let grown = self.in_flight as f64 - under_way as f64;
        let may = came * GROWN + self.arrivals_per_s() * PAUSE_S + self.of_tools();
        if grown > may {
            return Verdict::Broke(format!(
                "of {came:.0} that arrived in its second half, {grown:.0} more were under way at its end"
            ));
        }
        Verdict::Held
    }

    /// What tools alone may have under way more at the end than at half of it: as the rate rises, and by random.
    fn of_tools(&self) -> f64 {
        let ideal = self.ideal.as_secs_f64();
        let rises = self.rates.map_or(0.0, |rates| (rates.to - rates.from) / 2.0 * ideal);
        // Little's law; arrivals at random moments have a Poisson distribution, whose variance is its mean.
        let variance = 2.0 * self.arrivals_per_s() * ideal;
        rises + variance.max(1.0).sqrt() * BY_CHANCE
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recorder::Counted;
    use crate::scenario::{Phase, Rates};

    /// Two seconds at a thousand arrivals per second, with so many in flight at half of them and at their end.
    fn phase(half: usize, end: usize) -> PhaseResult {
        let load = Load::Open(Rates { from: 1.0, to: 1.0, flood: 0.0 });
        let of = Phase { name: "load-100", load, share: 0.1 };
        let mut phase = PhaseResult::testing(of, Duration::from_secs(2));
        phase.rates = Some(Rates { from: 1_000.0, to: 1_000.0, flood: 0.0 });
        phase.meter.arrivals.store(2_000, Ordering::Relaxed);
        phase.meter.half.set((1_000, half)).unwrap();
        phase.in_flight = end;
        phase
    }

    #[test]
    fn what_piles_up_by_more_than_a_tenth_and_a_pause_is_too_much() {
        assert_eq!(phase(0, 190).verdict(), Verdict::Held, "a hundred of a pause, a hundred of a thousand");
        assert!(matches!(phase(0, 250).verdict(), Verdict::Broke(why) if why.contains("250 more")));
        assert_eq!(phase(5_000, 5_050).verdict(), Verdict::Held, "a long latency is no pile");
        assert_eq!(phase(5_000, 100).verdict(), Verdict::Held, "what was before ends");
    }

    #[test]
    fn a_rate_that_rises_has_more_at_its_tools() {
        let mut ramp = phase(250, 600);
        assert!(matches!(ramp.verdict(), Verdict::Broke(_)));
        ramp.rates = Some(Rates { from: 0.0, to: 2_000.0, flood: 0.0 });
        ramp.ideal = Duration::from_millis(250);
        assert_eq!(ramp.verdict(), Verdict::Held);
    }

    #[test]
    fn a_phase_of_few_arrivals_is_not_judged_by_chance() {
        let few = phase(0, 3);
        few.meter.arrivals.store(6, Ordering::Relaxed);
        assert_eq!(few.verdict(), Verdict::Held);
    }

    #[test]
    fn a_phase_that_is_short_for_its_tools_tells_nothing_but_that_arrivals_were_refused() {
        let short = PhaseResult { lasted: Duration::from_millis(150), ..phase(0, 900) };
        assert_eq!(short.verdict(), Verdict::Unknown);
        let slow = PhaseResult { ideal: Duration::from_millis(900), ..phase(0, 900) };
        assert_eq!(slow.verdict(), Verdict::Unknown, "they had not settled at half of it");
        let mut refused = slow;
        refused.counted = Counted::testing("refused", 1);
        assert!(matches!(refused.verdict(), Verdict::Broke(_)));
    }

    #[test]
    fn the_rate_is_of_what_was_sent() {
        let mut end = phase(0, 0);
        end.meter.arrivals.store(400, Ordering::Relaxed);
        end.counted = Counted::testing("dropped", 100);
        assert!((end.arrivals_per_s() - 250.0).abs() < f64::EPSILON);
    }
}
