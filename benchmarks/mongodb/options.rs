//! Options, read once.

use std::path::PathBuf;
use std::time::Duration;

use updraft::BatchLimit;

/// How to use it.
pub(crate) const USAGE: &str = "\
cargo bench -p updraft-benchmarks --bench mongodb -- [OPTIONS]

  --rounds N       rounds of every part, the engine's and visible three times in each; the table shows medians (3)
  --executions N   executions of five steps, in the parts of the engine (20000)
  --documents N    documents of each case of the driver alone (20000)
  --lasts SECONDS  how long the load of visible lasts (5); the driver's alone ends where --executions have been
  --pause SECONDS  how long the server is stopped (10)
  --stored N       executions stored, of which pages are read (1000000)
  --batches N      a fixed pace of 1000 operations and so many batches in flight, for the adaptive one
  --only PART      driver, engine, reference, slow, visible, pause or page; may be given again
  --synced yes|no  whether the program's own server syncs its log at every commit, or at none, asked or not (yes)
  --json FILE      every figure of every round

The server is one of the program's own, `secantusd-rs`, in a temporary directory. UPDRAFT_TEST_MONGODB names
another one, which is not stopped.";

/// Operations of a batch where the pace is fixed.
const OPERATIONS: usize = 1_000;
/// The parts.
const PARTS: [&str; 7] = ["driver", "engine", "reference", "slow", "visible", "pause", "page"];

/// What was asked for.
pub(crate) struct Options {
    pub(crate) rounds: usize,
    pub(crate) executions: usize,
    pub(crate) documents: usize,
    pub(crate) lasts: Duration,
    pub(crate) pause: Duration,
    pub(crate) stored: usize,
    pub(crate) pace: Option<BatchLimit>,
    pub(crate) synced: bool,
    pub(crate) json: Option<PathBuf>,
    /// Another server.
    pub(crate) server: Option<String>,
    only: Vec<String>,
}

impl Options {
    /// None where nothing is to be measured: without `--bench` the program only says how to use it, so that
    /// nobody who runs all targets as tests waits for it.
    pub(crate) fn read() -> Result<Option<Self>, String> {
        let arguments: Vec<String> = std::env::args().skip(1).collect();
        let measures = arguments.iter().any(|argument| argument == "--bench");
        if !measures || arguments.iter().any(|argument| argument == "--help") {
            return Ok(None);
        }
        Self::of(arguments.into_iter().filter(|argument| argument != "--bench")).map(Some)
    }

    fn of(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self {
            rounds: 3,
            executions: 20_000,
            documents: 20_000,
            lasts: Duration::from_secs(5),
            pause: Duration::from_secs(10),
            stored: 1_000_000,
            pace: None,
            synced: true,
            json: None,
            server: server(),
            only: Vec::new(),
        };
        while let Some(name) = arguments.next() {
            let value = arguments.next().ok_or(format!("{name} wants a value"))?;
            let number = || value.parse().map_err(|_| format!("{name} wants a number"));
            match name.as_str() {
                "--rounds" => options.rounds = number()?,
                "--executions" => options.executions = number()?,
                "--documents" => options.documents = number()?,
                "--lasts" => options.lasts = Duration::from_secs(number()? as u64),
                "--pause" => options.pause = Duration::from_secs(number()? as u64),
                "--stored" => options.stored = number()?,
                "--batches" => {
                    options.pace = Some(BatchLimit::Fixed { operations: OPERATIONS, batches: number()? });
                }
                "--synced" if ["yes", "no"].contains(&value.as_str()) => options.synced = value == "yes",
                "--json" => options.json = Some(value.into()),
                "--only" if PARTS.contains(&value.as_str()) => options.only.push(value),
                _ => return Err(format!("{name} {value}: see --help")),
            }
        }
        Ok(options)
    }

    /// Executions whose status changes are written in the way of the reference, which takes minutes.
    pub(crate) fn of_reference(&self) -> usize {
        (self.executions / 4).max(1)
    }

    /// Whether a part is asked for.
    pub(crate) fn has(&self, part: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == part)
    }
}

#[allow(clippy::disallowed_methods, reason = "the same server as the tests'")]
fn server() -> Option<String> {
    std::env::var("UPDRAFT_TEST_MONGODB").ok().filter(|uri| !uri.is_empty())
}
