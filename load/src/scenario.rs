//! Scenarios: which loads follow each other. A load is a multiple of full load, which the first phase
//! measures; owns no clock and no executions.

use clap::ValueEnum;

/// A story of load.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LoadScenario {
    /// Full load, then a ramp to a fifth of it, held.
    Baseline,
    /// A calm fifth of full load, a sudden half more than full load, and the recovery.
    Spike,
    /// Raises the load step by step until it breaks, beyond its time where nothing does.
    Stress,
    /// Half of full load, flat and long.
    Soak,
    /// One tenant floods the engine while the others work on.
    BurstTenant,
    /// One tenant submits a hundred times its share of sixteen, to tools that have so many places and no more.
    AlertStorm,
    /// Tools hang while executions pile up; then they answer again.
    Backlog,
    /// Forty playbooks of one tenant ask for the same five hundred indicators, whose answers are kept.
    Enrichment,
}

/// How a phase submits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Load {
    /// Closed loop: submitters wait for the end of one execution before they submit the next.
    Closed,
    /// Open loop: arrivals are sent when they are due, whatever became of earlier ones. In multiples of full load.
    Open(Rates),
    /// As fast as they are accepted, while no tool answers; ends when all have ended.
    Pile,
}

/// A part of a scenario.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Phase {
    pub(crate) name: &'static str,
    pub(crate) load: Load,
    /// Its share of the run.
    pub(crate) share: f64,
}

/// Rates of arrivals: in multiples of full load, or per second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Rates {
    /// At the beginning.
    pub(crate) from: f64,
    /// At the end.
    pub(crate) to: f64,
    /// What one tenant adds.
    pub(crate) flood: f64,
}

/// The name of the phase that measures full load.
pub(crate) const THROUGHPUT: &str = "throughput";
/// How the names of phases begin that raise the load step by step; they end in hundredths of full load.
pub(crate) const RAISED: &str = "load-";
/// The phases of a stress. The submitters may have been what limited full load, so that it goes far beyond.
const STEPS: &str = "load-20 load-40 load-60 load-80 load-100 load-120 load-140 load-160 load-320 load-640 load-1280 \
                     load-2560 load-5120 load-10240 load-20480";
/// Steps of a stress that are within its time.
const IN_TIME: usize = 8;

impl LoadScenario {
    /// Its phases, in order. Their shares make one whole, but for the steps of a stress that nothing broke before.
    pub(crate) fn phases(self) -> Vec<Phase> {
        let closed = |share| Phase { name: THROUGHPUT, load: Load::Closed, share };
        let flat = |name, of, share| open(name, (of, of), share);
        match self {
            Self::Baseline => vec![closed(0.5), open("ramp", (0.01, 0.2), 0.15), flat("steady", 0.2, 0.35)],
            Self::Spike => vec![
                closed(0.25),
                flat("calm", 0.2, 0.25),
                flat("spike", 1.5, 0.15),
                flat("recovery", 0.2, 0.35),
            ],
            Self::Stress => {
                let share = 0.8 / IN_TIME as f64;
                let raised = STEPS.split(' ').filter_map(|name| {
                    let hundredths: f64 = name.strip_prefix(RAISED)?.parse().ok()?;
                    Some(flat(name, hundredths / 100.0, share))
                });
                std::iter::once(closed(0.2)).chain(raised).collect()
            }
            Self::Soak => vec![closed(0.1), flat("flat", 0.5, 0.9)],
            Self::BurstTenant => {
                let load = Load::Open(Rates { from: 0.2, to: 0.2, flood: 1.0 });
                vec![closed(0.2), flat("even", 0.2, 0.4), Phase { name: "flood", load, share: 0.4 }]
            }
            Self::AlertStorm => {
                let load = Load::Open(Rates { from: 0.7, to: 0.7, flood: 100.0 / 16.0 });
                vec![closed(0.3), flat("even", 0.7, 0.5), Phase { name: "flood", load, share: 0.2 }]
            }
            Self::Backlog => vec![closed(0.3), Phase { name: "pile", load: Load::Pile, share: 0.7 }],
            Self::Enrichment => vec![closed(1.0)],
        }
    }

    /// Whether one tenant floods the others.
    pub fn floods(self) -> bool {
        matches!(self, Self::BurstTenant | Self::AlertStorm)
    }

    /// The phase whose latencies stand for the scenario; none where none does.
    pub(crate) fn measured(self) -> Option<&'static str> {
        match self {
            Self::Baseline => Some("steady"),
            Self::Spike => Some("spike"),
            Self::Stress => Some("load-20"),
            Self::Soak => Some("flat"),
            Self::BurstTenant | Self::AlertStorm => Some("even"),
            Self::Enrichment => Some(THROUGHPUT),
            Self::Backlog => None,
        }
    }
}

impl Rates {
    /// Per second, where full load is so many.
    pub(crate) fn of(self, full: f64) -> Self {
        Self { from: self.from * full, to: self.to * full, flood: self.flood * full }
    }
}

fn open(name: &'static str, (from, to): (f64, f64), share: f64) -> Phase {
    Phase { name, load: Load::Open(Rates { from, to, flood: 0.0 }), share }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scenario_measures_full_load_first_and_its_shares_make_one_whole() {
        for scenario in LoadScenario::value_variants() {
            let phases = scenario.phases();
            assert_eq!((phases[0].name, phases[0].load), (THROUGHPUT, Load::Closed));
            let in_time = if *scenario == LoadScenario::Stress { 1 + IN_TIME } else { phases.len() };
            let whole: f64 = phases[..in_time].iter().map(|phase| phase.share).sum();
            assert!((whole - 1.0).abs() < 1e-9, "{scenario:?}: {whole}");
            let measured = scenario.measured();
            assert!(measured.is_none_or(|name| phases.iter().any(|phase| phase.name == name)));
        }
    }

    #[test]
    fn a_stress_rises_with_every_phase() {
        let loads: Vec<f64> = LoadScenario::Stress
            .phases()
            .iter()
            .filter_map(|phase| if let Load::Open(rates) = phase.load { Some(rates.from) } else { None })
            .collect();
        assert!(
            loads.len() == STEPS.split(' ').count()
                && loads.is_sorted()
                && loads.last().is_some_and(|last| *last > 1.0)
        );
    }
}
