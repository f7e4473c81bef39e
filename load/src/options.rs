//! The options of a load, as plain values. The command line that they come from belongs to the program.

use std::time::Duration;

use updraft::Durability;
use updraft::limits::SHARDS_MAX;

use crate::latency::Latency;
use crate::profile::Profile;
use crate::scenario::LoadScenario;
use crate::tools::Tools;

/// How long a run takes where nothing is said.
const DURATION: Duration = Duration::from_secs(10);

/// What is run.
#[derive(Debug, Clone)]
pub struct LoadOptions {
    /// Which loads follow each other.
    pub scenario: LoadScenario,
    /// Tenants that submit.
    pub tenants: u16,
    /// Steps of an execution, one after another.
    pub steps: u16,
    /// Tool calls of each step, side by side.
    pub width: u16,
    /// How long a tool takes.
    pub latency: Latency,
    /// The share of attempts that fail.
    pub failure_rate: f64,
    /// Where the tools are.
    pub tools: Tools,
    /// What an accepted execution survives.
    pub durability: Durability,
    /// How long the engine is loaded.
    pub length: Length,
    /// Submitters of the closed loop.
    pub concurrency: u16,
    /// Executions per second that open loops take for full load, instead of what was measured.
    pub rate: Option<f64>,
    /// Shards of the engine, instead of as many as there are cores.
    pub shards: Option<u16>,
    /// Whether the reference is measured too.
    pub reference: bool,
    /// Settings of the engine under a name.
    pub profile: Option<Profile>,
    /// Whether what was left in the data directory is resumed, with tools that hang.
    pub resumes: bool,
    /// The seed of all random numbers.
    pub seed: u64,
}

/// How long a run or a phase is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Length {
    /// So long.
    Time(Duration),
    /// So many executions.
    Executions(u64),
}

impl Default for LoadOptions {
    fn default() -> Self {
        Self {
            scenario: LoadScenario::Baseline,
            tenants: 16,
            steps: 5,
            width: 1,
            latency: Latency::Fixed(Duration::ZERO),
            failure_rate: 0.0,
            tools: Tools::Process,
            durability: Durability::Fsync,
            length: Length::Time(DURATION),
            concurrency: 512,
            rate: None,
            shards: None,
            reference: false,
            profile: None,
            resumes: false,
            seed: 1,
        }
    }
}

impl LoadOptions {
    /// Shards of the engine.
    pub(crate) fn shards(&self) -> usize {
        let of_profile = || self.profile.map(|profile| profile.settings(cores(), false).shards);
        self.shards.map(usize::from).or_else(of_profile).unwrap_or_else(cores)
    }
}

impl Length {
    /// A share of it.
    pub(crate) fn share(self, share: f64) -> Self {
        match self {
            Self::Time(time) => Self::Time(time.mul_f64(share)),
            Self::Executions(count) => Self::Executions(((count as f64 * share).round() as u64).max(1)),
        }
    }

    pub(crate) fn time(self) -> Option<Duration> {
        if let Self::Time(time) = self { Some(time) } else { None }
    }
}

/// Cores of this machine, as far as there may be shards.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from).min(SHARDS_MAX)
}
