//! Options of `updraft stress` beside those of the load: where it stores, what it writes, what is run in turn. Opens nothing but
//! to see whether files can be written.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};

use clap::Args;
use updraft::limits::PLAYBOOK_STEPS;
use updraft_load::{LoadOptions, LoadScenario, Profile, SubmitBy, Threshold, whole};

use crate::exit::Error;

#[derive(Debug, Args)]
pub(crate) struct Stress {
    #[command(flatten)]
    pub(crate) load: LoadOptions,
    /// Where the data directory of the run is made, and removed at its end: the disk to measure.
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) store: crate::at::At,
    /// Runs every profile in turn, `--rounds` times, and holds them against each other. Each of the runs takes
    /// as long as one would alone.
    #[arg(long, conflicts_with_all = ["profile", "shards", "reference", "assert", "report"])]
    pub(crate) profiles: bool,
    /// How often each profile runs.
    #[arg(long, default_value_t = 3, value_name = "N", requires = "profiles", value_parser = whole::<u16>(1..=100))]
    pub(crate) rounds: u16,
    /// One of the runs of `--profiles`, which prints its figures alone, and ends when standard input does.
    #[arg(long, hide = true, value_enum, requires = "profiles")]
    pub(crate) round: Option<Profile>,
    /// A threshold that sets the exit status: `p99<200ms`, `executions_per_s>=20000`. Repeatable.
    #[arg(long, value_name = "FIGURE<VALUE")]
    pub(crate) assert: Vec<Threshold>,
    /// Writes the figures, one flat JSON object.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Writes a page with charts, one self-contained HTML file.
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
}

impl Stress {
    /// Refuses what makes no sense together, before anything runs.
    pub(crate) fn checked(&self) -> Result<(), Error> {
        let mut mistakes = Vec::new();
        let (steps, width) = (usize::from(self.load.steps), usize::from(self.load.width));
        let nodes = if width == 1 { steps } else { steps * (width + 1) };
        if nodes > PLAYBOOK_STEPS {
            mistakes.push(format!(
                "--steps {steps} --width {width}: a playbook of {nodes} nodes; at most {PLAYBOOK_STEPS} are allowed"
            ));
        }
        if self.load.scenario.floods() && self.load.tenants < 2 {
            mistakes.push("--tenants: one that floods others needs 2 or more".to_owned());
        }
        if self.load.scenario == LoadScenario::AlertStorm && self.load.latency.is_zero() {
            mistakes.push("--latency: alert-storm needs tools that take their time, such as 20ms".to_owned());
        }
        if self.load.scenario == LoadScenario::Enrichment && self.load.submit == SubmitBy::Http {
            mistakes.push("--submit http: enrichment asks by calls of the engine".to_owned());
        }
        if let Some(data) = self.data.as_deref().filter(|data| !data.is_dir()) {
            mistakes.push(format!("--data {}: not a directory", data.display()));
        }
        let mut places = Vec::new();
        for (option, path) in [("--json", &self.json), ("--report", &self.report)] {
            match path.as_deref().map(writable) {
                Some(Err(why)) => mistakes.push(format!("{option} {why}")),
                Some(Ok(place)) if places.contains(&place) => {
                    mistakes.push("--json and --report name the same file".to_owned());
                }
                place => places.extend(place.and_then(Result::ok)),
            }
        }
        if let Err(error) = self.store.address() {
            mistakes.push(error.to_string());
        }
        let mistaken = |threshold: &Threshold| threshold.mistake(self.load.scenario, self.load.reference);
        mistakes.extend(self.assert.iter().filter_map(mistaken));
        if mistakes.is_empty() { Ok(()) } else { Err(Error::Refused(mistakes.join("\n"))) }
    }
}

/// Where a file is that can be written, found out by opening it, before anything runs. Leaves it as it is.
fn writable(path: &Path) -> Result<PathBuf, String> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let why = |why: &dyn std::fmt::Display| format!("{}: {why}", path.display());
    let place = folder.canonicalize();
    let place = place.map_err(|_| why(&format!("there is no directory {}", folder.display())))?;
    let is_new = std::fs::symlink_metadata(path).is_err();
    // Of a device, a pipe, or a link to nothing only writing tells.
    if is_new || path.is_file() || path.is_dir() {
        let opened = OpenOptions::new().append(true).create(true).open(path);
        opened.map_err(|error| why(&error))?;
    }
    if is_new {
        // It was made only to see whether it can be.
        let _ = std::fs::remove_file(path);
    }
    Ok(path.canonicalize().unwrap_or_else(|_| place.join(path.file_name().unwrap_or_default())))
}
