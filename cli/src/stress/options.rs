//! Options of `updraft stress`: names, defaults, bounds and help. Opens nothing.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};
use updraft::Durability;
use updraft::limits::{PLAYBOOK_STEPS, SHARDS_MAX};
use updraft_load::{Latency, Length, LoadOptions, LoadScenario, Profile, Threshold, Tools, duration};

use crate::exit::Error;
use crate::number::whole;

/// The shortest run that measures anything.
const DURATION_MIN: Duration = Duration::from_millis(500);
/// The longest run.
const DURATION_MAX: Duration = Duration::from_secs(7 * 24 * 3600);

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_value_name = "COMMAND")]
pub(crate) struct Stress {
    #[command(subcommand)]
    pub(crate) command: Option<Further>,
    #[command(flatten)]
    pub(crate) load: Options,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Further {
    /// Compares the figures of two runs.
    Compare(Compare),
}

#[derive(Debug, Args)]
pub(crate) struct Compare {
    /// The figures to compare with, as `--json` wrote them.
    pub(crate) a: PathBuf,
    /// The figures that are compared.
    pub(crate) b: PathBuf,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// The story of load: see docs/stress.md.
    #[arg(long, default_value = "baseline", value_parser = named(&LoadScenario::ALL, LoadScenario::name))]
    pub(crate) scenario: LoadScenario,
    /// Tenants that submit.
    #[arg(long, default_value_t = 16, value_parser = whole::<u16>(1..=10_000))]
    pub(crate) tenants: u16,
    /// Steps of an execution, one after another.
    #[arg(long, default_value_t = 5, value_parser = whole::<u16>(1..=500))]
    pub(crate) steps: u16,
    /// Tool calls of each step, beside each other.
    #[arg(long, default_value_t = 1, value_parser = whole::<u16>(1..=900))]
    pub(crate) width: u16,
    /// How long a tool takes: `20ms`, `10ms..50ms` (evenly), `exp:20ms` (exponential, by its mean).
    #[arg(long, default_value = "0s")]
    pub(crate) latency: Latency,
    /// The share of attempts that fail, 0 to 1. A failed attempt is retried twice.
    #[arg(long, default_value_t = 0.0, value_parser = share)]
    pub(crate) failure_rate: f64,
    /// Where the tools are.
    #[arg(long, default_value = "process", value_parser = named(&Tools::ALL, Tools::name))]
    pub(crate) tools: Tools,
    /// What an accepted execution survives: `fsync`, also a loss of power; `os`, the end of the process.
    #[arg(long, default_value = "fsync", value_name = "fsync|os", value_parser = crate::durability::parse)]
    pub(crate) durability: Durability,
    /// How long it loads the engine: 10s unless it is named. What is then under way may end beyond it.
    #[arg(long, value_name = "TIME", value_parser = length)]
    pub(crate) duration: Option<Duration>,
    /// How many executions it submits, instead of a duration.
    #[arg(long, conflicts_with = "duration", value_name = "N", value_parser = whole::<u64>(20..=1_000_000_000))]
    pub(crate) executions: Option<u64>,
    /// Submitters of the closed loop: executions at once while full load is measured.
    #[arg(long, default_value_t = 512, value_name = "N", value_parser = whole::<u16>(1..=8_192))]
    pub(crate) concurrency: u16,
    /// Executions per second that open loops take for full load, instead of what was measured.
    #[arg(long, value_name = "PER_SECOND", value_parser = rate)]
    pub(crate) rate: Option<f64>,
    /// Shards of the engine; as many as the machine has cores unless it is named.
    #[arg(long, value_name = "N", value_parser = whole::<u16>(1..=SHARDS_MAX as u64))]
    pub(crate) shards: Option<u16>,
    /// Where the data directory of the run is made, and removed at its end: the disk to measure.
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) store: crate::at::At,
    /// Executes the same load beside, as systems do that await one write for each change of a status, and ends
    /// the report in a table of ratios.
    #[arg(long)]
    pub(crate) reference: bool,
    /// Settings of the engine under a name: see docs/stress.md.
    #[arg(long, value_parser = named(&Profile::ALL, Profile::name))]
    pub(crate) profile: Option<Profile>,
    /// Runs every profile in turn, `--rounds` times, and holds them against each other. Each of the runs takes
    /// as long as one would alone.
    #[arg(long, conflicts_with_all = ["profile", "shards", "reference", "assert", "report"])]
    pub(crate) profiles: bool,
    /// How often each profile runs.
    #[arg(long, default_value_t = 3, value_name = "N", requires = "profiles", value_parser = whole::<u16>(1..=100))]
    pub(crate) rounds: u16,
    /// One of the runs of `--profiles`, which ends when standard input does.
    #[arg(long, hide = true, requires_all = ["profiles", "within"], value_parser = named(&Profile::ALL, Profile::name))]
    pub(crate) round: Option<Profile>,
    /// Where it writes its figures, and makes its data directory.
    #[arg(long, hide = true)]
    pub(crate) within: Option<PathBuf>,
    /// A threshold that sets the exit status: `p99<200ms`, `executions_per_s>=20000`. Repeatable.
    #[arg(long, value_name = "FIGURE<VALUE")]
    pub(crate) assert: Vec<Threshold>,
    /// The seed of all chance: arrivals, tenants, latencies, failures.
    #[arg(long, default_value_t = 1, value_parser = whole::<u64>(0..=u64::MAX))]
    pub(crate) seed: u64,
    /// Writes the figures, one flat JSON object.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Writes a page with charts, one self-contained HTML file.
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
}

impl Options {
    /// Refuses what makes no sense together, before anything runs.
    pub(crate) fn checked(&self) -> Result<(), Error> {
        let mut mistakes = Vec::new();
        let (steps, width) = (usize::from(self.steps), usize::from(self.width));
        let nodes = if width == 1 { steps } else { steps * (width + 1) };
        if nodes > PLAYBOOK_STEPS {
            mistakes.push(format!(
                "--steps {steps} --width {width}: a playbook of {nodes} nodes; at most {PLAYBOOK_STEPS} are allowed"
            ));
        }
        if self.scenario == LoadScenario::BurstTenant && self.tenants < 2 {
            mistakes.push("--tenants: burst-tenant needs 2 or more".to_owned());
        }
        if let Some(data) = self.data.as_deref().filter(|data| !data.is_dir()) {
            mistakes.push(format!("--data {}: not a directory", data.display()));
        }
        for (name, path) in [("--json", &self.json), ("--report", &self.report)] {
            mistakes.extend(path.as_deref().and_then(|path| unwritable(name, path)));
        }
        if self.json.as_deref().zip(self.report.as_deref()).is_some_and(|(json, report)| same(json, report)) {
            mistakes.push("--json and --report name the same file".to_owned());
        }
        if let Err(error) = self.store.address() {
            mistakes.push(error.to_string());
        }
        let mistaken = |threshold: &Threshold| threshold.mistake(self.scenario, self.reference);
        mistakes.extend(self.assert.iter().filter_map(mistaken));
        if mistakes.is_empty() { Ok(()) } else { Err(Error::Refused(mistakes.join("\n"))) }
    }

    /// The load that was asked for.
    pub(crate) fn load(&self) -> LoadOptions {
        let length = self.duration.map(Length::Time).or(self.executions.map(Length::Executions));
        LoadOptions {
            scenario: self.scenario,
            tenants: self.tenants,
            steps: self.steps,
            width: self.width,
            latency: self.latency,
            failure_rate: self.failure_rate,
            tools: self.tools,
            durability: self.durability,
            length: length.unwrap_or(LoadOptions::default().length),
            concurrency: self.concurrency,
            rate: self.rate,
            shards: self.shards,
            reference: self.reference,
            resumes: false,
            profile: self.round.or(self.profile),
            seed: self.seed,
        }
    }
}

/// Reads one of these values by its name.
fn named<T: Copy + Send + Sync + 'static>(
    all: &'static [T],
    name: fn(T) -> &'static str,
) -> impl TypedValueParser<Value = T> {
    let names = PossibleValuesParser::new(all.iter().map(|value| name(*value)));
    names.try_map(move |text| all.iter().copied().find(|value| name(*value) == text).ok_or("no such name"))
}

/// Why a file cannot be written: found out by opening it, before anything runs. Leaves it as it is.
fn unwritable(option: &str, path: &Path) -> Option<String> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    if path.is_dir() {
        return Some(format!("{option} {}: a directory", path.display()));
    }
    if let Some(missing) = folder.filter(|folder| !folder.is_dir()) {
        return Some(format!("{option} {}: there is no directory {}", path.display(), missing.display()));
    }
    let opened = match std::fs::symlink_metadata(path) {
        Ok(_) if path.is_file() => OpenOptions::new().append(true).open(path),
        // A device, a pipe, or a link to nothing: only writing tells.
        Ok(_) => return None,
        Err(_) => OpenOptions::new().append(true).create_new(true).open(path).inspect(|_| {
            // It was made only to see whether it can be.
            let _ = std::fs::remove_file(path);
        }),
    };
    opened.err().map(|error| format!("{option} {}: {error}", path.display()))
}

/// Whether two paths lead to one file, as far as that can be told of files that are not there yet.
fn same(one: &Path, other: &Path) -> bool {
    let place = |path: &Path| {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new(".")).canonicalize().ok()?;
        Some(path.canonicalize().unwrap_or_else(|_| folder.join(path.file_name().unwrap_or_default())))
    };
    one == other || place(one).is_some_and(|one| place(other) == Some(one))
}

fn share(text: &str) -> Result<f64, String> {
    let share = text.parse().ok().filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| "a number from 0 to 1 is needed".to_owned())
}

fn rate(text: &str) -> Result<f64, String> {
    let rate = text.parse().ok().filter(|rate| (1.0..=1e6).contains(rate));
    rate.ok_or_else(|| "a number from 1 to 1000000 is needed".to_owned())
}

fn length(text: &str) -> Result<Duration, String> {
    let length = duration(text).ok().filter(|length| (DURATION_MIN..=DURATION_MAX).contains(length));
    length.ok_or_else(|| "a time from 500ms to 7d is allowed: `10s`, `5m`".to_owned())
}
