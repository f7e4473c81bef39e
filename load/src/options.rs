//! The options of a load: names, defaults, bounds and help, as the command line has them. Opens nothing.

use std::num::NonZeroU32;
use std::ops::RangeInclusive;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, ValueEnum};
use updraft::limits::SHARDS_MAX;
use updraft::{CallLimits, Durability};

use crate::enrichment::EXECUTIONS;
use crate::latency::{Latency, duration};
use crate::number::whole;
use crate::profile::{Profile, Settings};
use crate::scenario::LoadScenario;

/// How long a run takes where nothing is said.
const DURATION: Duration = Duration::from_secs(10);
/// The shortest run that measures anything.
const DURATION_MIN: Duration = Duration::from_millis(500);
/// Places of the tools in an alert storm.
const STORM_PLACES: u16 = 100;
/// The longest run.
const DURATION_MAX: Duration = Duration::from_secs(7 * 24 * 3600);

/// What is run.
#[derive(Debug, Clone, Args)]
pub struct LoadOptions {
    /// The story of load: see docs/stress.md.
    #[arg(long, value_enum, default_value_t = LoadScenario::Baseline)]
    pub scenario: LoadScenario,
    /// Tenants that submit.
    #[arg(long, default_value_t = 16, value_parser = whole::<u16>(1..=10_000))]
    pub tenants: u16,
    /// Steps of an execution, one after another.
    #[arg(long, default_value_t = 5, value_parser = whole::<u16>(1..=500))]
    pub steps: u16,
    /// Tool calls of each step, beside each other.
    #[arg(long, default_value_t = 1, value_parser = whole::<u16>(1..=900))]
    pub width: u16,
    /// How long a tool takes: `20ms`, `10ms..50ms` (evenly), `exp:20ms` (exponential, by its mean).
    #[arg(long, default_value = "0s")]
    pub latency: Latency,
    /// Calls of the tools at once, of all tenants together; further ones wait in turn. As many as come where nothing is said, 100 in
    /// `alert-storm`.
    #[arg(long, value_name = "N", value_parser = whole::<u16>(1..=8_192))]
    pub tool_places: Option<u16>,
    /// The share of attempts that fail, 0 to 1. A failed attempt is retried twice.
    #[arg(long, default_value_t = 0.0, value_parser = number(0.0..=1.0))]
    pub failure_rate: f64,
    /// Where the tools are.
    #[arg(long, value_enum, default_value_t = Tools::Process)]
    pub tools: Tools,
    /// How executions are submitted: by calls of the engine, or by signed requests to its webhooks over HTTP on 127.0.0.1, of which it
    /// takes 256 at once.
    #[arg(long, value_enum, default_value_t = SubmitBy::Process)]
    pub submit: SubmitBy,
    /// What an accepted execution survives: `fsync`, also a loss of power; `os`, the end of the process.
    #[arg(long, default_value = "fsync", value_parser = durability())]
    pub durability: Durability,
    /// How long it loads the engine: 10s unless it is named, in `enrichment` as long as 20,000 executions take. What is then under way may end beyond it.
    #[arg(long, value_name = "TIME", value_parser = length)]
    pub duration: Option<Duration>,
    /// How many executions it submits, instead of a duration.
    #[arg(long, conflicts_with = "duration", value_name = "N", value_parser = whole::<u64>(20..=1_000_000_000))]
    pub executions: Option<u64>,
    /// Submitters of the closed loop: executions at once while full load is measured.
    #[arg(long, default_value_t = 512, value_name = "N", value_parser = whole::<u16>(1..=8_192))]
    pub concurrency: u16,
    /// Executions per second that open loops take for full load, instead of what was measured.
    #[arg(long, value_name = "PER_SECOND", value_parser = number(1.0..=1e6))]
    pub rate: Option<f64>,
    /// Shards of the engine; as many as the machine has cores unless it is named.
    #[arg(long, value_name = "N", value_parser = whole::<u16>(1..=SHARDS_MAX as u64))]
    pub shards: Option<u16>,
    /// Executes the same load beside, as systems do that await one write for each change of a status, and ends
    /// the report in a table of ratios.
    #[arg(long)]
    pub reference: bool,
    /// Settings of the engine under a name: see docs/stress.md.
    #[arg(long, value_enum)]
    pub profile: Option<Profile>,
    /// Whether what was left in the data directory is resumed, with tools that hang.
    #[arg(skip)]
    pub resumes: bool,
    /// The seed of all chance: arrivals, tenants, latencies, failures.
    #[arg(long, default_value_t = 1, value_parser = whole::<u64>(0..=u64::MAX))]
    pub seed: u64,
}

/// Where the tools are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Tools {
    /// An integration inside the process.
    Process,
    /// The HTTP integration against a server on 127.0.0.1.
    Http,
}

/// How executions are submitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SubmitBy {
    /// By calls of the engine.
    Process,
    /// By requests to its webhooks.
    Http,
}

/// How long a run or a phase is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Length {
    /// So long.
    Time(Duration),
    /// So many executions.
    Executions(u64),
}

/// A command line of nothing but a load.
#[derive(Parser)]
struct CommandLine {
    #[command(flatten)]
    load: LoadOptions,
}

/// The options of an empty command line.
impl Default for LoadOptions {
    fn default() -> Self {
        CommandLine::parse_from([""]).load
    }
}

impl LoadOptions {
    /// Settings of the engine, on this machine.
    pub(crate) fn settings(&self, server: bool) -> Settings {
        let profile = self.profile.unwrap_or(Profile::Balanced);
        let mut settings =
            profile.settings(std::thread::available_parallelism().map_or(1, usize::from), server);
        settings.shards = self.shards.map_or(settings.shards, usize::from);
        settings.tasks_at_once = settings.tasks_at_once.max(self.width.into());
        settings
    }

    /// The declared limits of the tools, if they have some.
    pub(crate) fn limits(&self) -> Option<CallLimits> {
        let storm = (self.scenario == LoadScenario::AlertStorm).then_some(STORM_PLACES);
        let places = NonZeroU32::new(self.tool_places.or(storm)?.into())?;
        Some(CallLimits::new().at_once(places).shared())
    }

    /// How long the engine is loaded.
    pub(crate) fn length(&self) -> Length {
        match (self.duration, self.executions) {
            (_, Some(executions)) => Length::Executions(executions),
            (Some(time), None) => Length::Time(time),
            (None, None) if self.scenario == LoadScenario::Enrichment => Length::Executions(EXECUTIONS),
            (None, None) => Length::Time(DURATION),
        }
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

/// The name of a value, as the command line writes it.
pub fn name(value: &impl ValueEnum) -> String {
    value.to_possible_value().map_or_else(String::new, |known| known.get_name().to_owned())
}

fn durability() -> impl TypedValueParser<Value = Durability> {
    let parser = PossibleValuesParser::new(["fsync", "os"]);
    parser.map(|name| if name == "os" { Durability::Os } else { Durability::Fsync })
}

/// Reads a number of a range.
fn number(
    range: RangeInclusive<f64>,
) -> impl Fn(&str) -> Result<f64, String> + Clone + Send + Sync + 'static {
    move |text| {
        let number = text.parse().ok().filter(|number| range.contains(number));
        number.ok_or_else(|| format!("a number from {} to {} is needed", range.start(), range.end()))
    }
}

fn length(text: &str) -> Result<Duration, String> {
    let length = duration(text).ok().filter(|length| (DURATION_MIN..=DURATION_MAX).contains(length));
    length.ok_or_else(|| "a time from 500ms to 7d is allowed: `10s`, `5m`".to_owned())
}
