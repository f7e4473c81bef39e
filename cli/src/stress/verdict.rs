//! Whether a phase of an open loop held: whether what came was done, and in time.

use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::stress::run::PhaseEnd;
use crate::stress::scenario::Load;

/// What may be under way more at the end of a phase than at its begin, as a share of its arrivals: more would have
/// grown on.
const GROWN: f64 = 0.1;
/// Standard deviations by which chance may have more under way at the tools than they have on average.
const BY_CHANCE: f64 = 4.0;
/// A shorter phase tells nothing: a tenth of it is less than a pause of the machine.
const SHORT: Duration = Duration::from_millis(500);
/// Beyond this, an acknowledgement took too long.
const SUBMIT_US: u64 = 1_000_000;

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

impl PhaseEnd {
    /// Whether the load was more than the engine takes. Closed loops never break: they wait.
    pub(crate) fn verdict(&self) -> Verdict {
        if !matches!(self.phase.load, Load::Open { .. }) {
            return Verdict::Unknown;
        }
        let refused = self.counts.refused + self.counts.dropped;
        if refused > 0 {
            return Verdict::Broke(format!("{refused} arrivals were refused"));
        }
        if self.lasted < SHORT {
            return Verdict::Unknown;
        }
        let (before, after) = self.in_flight;
        let arrivals = self.meter.arrivals.load(Ordering::Relaxed) as f64;
        // Little's law; arrivals at random moments have a Poisson distribution, whose variance is its mean.
        let of_tools = self.arrivals_per_s() * self.ideal.as_secs_f64();
        let grown = after as f64 - before as f64;
        if grown > arrivals * GROWN + of_tools + of_tools.max(1.0).sqrt() * BY_CHANCE {
            return Verdict::Broke(format!(
                "of {arrivals:.0} that arrived, {grown:.0} had not ended at its end"
            ));
        }
        match self.meter.submit.quantile(0.99).filter(|p99| *p99 > SUBMIT_US) {
            Some(slow) => Verdict::Broke(format!(
                "acknowledgements took {:.1} s at the 99th percentile",
                slow as f64 / 1e6
            )),
            None => Verdict::Held,
        }
    }

    /// Arrivals per second, as they were sent.
    pub(crate) fn arrivals_per_s(&self) -> f64 {
        let sent = self.meter.arrivals.load(Ordering::Relaxed) + self.counts.dropped;
        sent as f64 / self.lasted.as_secs_f64().max(f64::EPSILON)
    }

    pub(crate) fn ended_per_s(&self) -> f64 {
        self.counts.ended() as f64 / self.lasted.as_secs_f64().max(f64::EPSILON)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stress::load::Rates;
    use crate::stress::scenario::Phase;

    /// A second at a thousand arrivals per second, with so many in flight at its end.
    fn second(in_flight: usize) -> PhaseEnd {
        let load = Load::Open { from: 1.0, to: 1.0, flood: 0.0 };
        let mut end = PhaseEnd::testing(Phase { name: "load-100", load, share: 0.1 }, Duration::from_secs(1));
        end.rates = Some(Rates { from: 1_000.0, to: 1_000.0, flood: 0.0 });
        end.meter.arrivals.store(1_000, Ordering::Relaxed);
        end.in_flight = (0, in_flight);
        end
    }

    #[test]
    fn what_grew_by_more_than_a_tenth_of_what_came_was_too_much() {
        assert_eq!(second(99).verdict(), Verdict::Held);
        assert!(matches!(second(150).verdict(), Verdict::Broke(why) if why.contains("150 had not ended")));
        let before = PhaseEnd { in_flight: (5_000, 5_050), ..second(0) };
        assert_eq!(before.verdict(), Verdict::Held, "what was under way before is not of this phase");
    }

    #[test]
    fn what_tools_have_under_way_is_not_too_much() {
        let slow = PhaseEnd { ideal: Duration::from_millis(500), ..second(550) };
        assert_eq!(slow.verdict(), Verdict::Held);
        let few = PhaseEnd { in_flight: (0, 3), ..second(0) };
        few.meter.arrivals.store(4, Ordering::Relaxed);
        assert_eq!(few.verdict(), Verdict::Held, "of four that came, three may be under way by chance");
        let slower = PhaseEnd { in_flight: (0, 800), ..slow };
        assert!(matches!(slower.verdict(), Verdict::Broke(_)));
    }

    #[test]
    fn a_short_phase_tells_nothing_but_that_arrivals_were_refused() {
        let short = PhaseEnd { lasted: Duration::from_millis(150), ..second(900) };
        assert_eq!(short.verdict(), Verdict::Unknown);
        let mut refused = short;
        refused.counts.refused = 1;
        assert!(matches!(refused.verdict(), Verdict::Broke(_)));
    }

    #[test]
    fn the_rate_is_of_what_was_sent() {
        let mut end = second(0);
        end.meter.arrivals.store(400, Ordering::Relaxed);
        end.counts.dropped = 100;
        assert!((end.arrivals_per_s() - 500.0).abs() < f64::EPSILON);
    }
}
