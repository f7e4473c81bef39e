//! Whether a phase broke: more came than was done, or it took too long.

use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::stress::run::PhaseEnd;
use crate::stress::scenario::Load;

/// Below this share of its arrivals, a phase did not keep up.
const KEPT_UP: f64 = 0.9;
/// What an execution may take beyond its tools before it counts as late.
const GRACE: Duration = Duration::from_millis(100);
/// Beyond this, an acknowledgement took too long.
const SUBMIT_US: u64 = 1_000_000;

impl PhaseEnd {
    /// Why the load was more than the engine takes; none where it held. Closed loops never break: they wait.
    pub(crate) fn broke(&self) -> Option<String> {
        if !matches!(self.phase.load, Load::Open { .. }) {
            return None;
        }
        let (arrivals, ended) = (self.meter.arrivals.load(Ordering::Relaxed), self.counts.ended());
        if self.counts.refused + self.counts.dropped > 0 {
            return Some(format!("{} arrivals were refused", self.counts.refused + self.counts.dropped));
        }
        // Those whose tools, or the engine, have not had the time yet are not late.
        let under_way = self.rate() * (self.ideal + GRACE).as_secs_f64();
        if (ended as f64) < arrivals as f64 * KEPT_UP - under_way {
            return Some(format!("{ended} executions ended while {arrivals} arrived"));
        }
        let slow = self.meter.submit.quantile(0.99).filter(|p99| *p99 > SUBMIT_US)?;
        Some(format!("acknowledgements took {:.1} s at the 99th percentile", slow as f64 / 1e6))
    }

    /// Arrivals per second at the end of the phase; of a closed loop, what ended.
    pub(crate) fn rate(&self) -> f64 {
        match self.rates {
            Some(rates) => rates.to + rates.flood,
            None => self.ended_per_s(),
        }
    }

    pub(crate) fn ended_per_s(&self) -> f64 {
        self.counts.ended() as f64 / self.lasted.as_secs_f64().max(f64::EPSILON)
    }
}
