//! `simulate`: runs seeds, prints statistics, and replays a finding. Owns the arguments and the output; the library
//! does the rest.
//!
//! ```text
//! simulate --seeds 0..2000             a range of seeds
//! simulate --seeds 0..2000 --minutes 5 the same, as many of them as fit
//! simulate --minutes 30 [--from 0]     seeds for so long
//! simulate --seed 17 [--keep e0,f3] [--trace]
//! ```

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::ops::Range;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use updraft_simulator::campaign;
use updraft_simulator::scenario::{Part, Scenario};
use updraft_simulator::statistics::Statistics;

/// The requested run.
enum Request {
    /// The range, and the minutes that it may take.
    Seeds(Range<u64>, Option<u64>),
    Seed {
        seed: u64,
        keep: Option<BTreeSet<Part>>,
        trace: bool,
    },
}

fn request(words: &[String]) -> Result<Request, String> {
    let value = |name: &str| {
        let at = words.iter().position(|word| word == name)?;
        words.get(at + 1).map(String::as_str)
    };
    let number = |text: &str| text.parse::<u64>().map_err(|error| format!("`{text}`: {error}"));
    if let Some(seed) = value("--seed") {
        let keep = value("--keep").map(|parts| parts.split(',').map(str::parse).collect()).transpose()?;
        return Ok(Request::Seed {
            seed: number(seed)?,
            keep,
            trace: words.iter().any(|word| word == "--trace"),
        });
    }
    let minutes = value("--minutes").map(number).transpose()?;
    let Some(seeds) = value("--seeds") else {
        minutes.ok_or("one of --seeds A..B, --minutes N and --seed S is needed")?;
        return Ok(Request::Seeds(value("--from").map_or(Ok(0), number)?..u64::MAX, minutes));
    };
    let (first, end) = seeds.split_once("..").ok_or_else(|| format!("`{seeds}` is no range A..B"))?;
    Ok(Request::Seeds(number(first)?..number(end)?, minutes))
}

#[expect(
    clippy::disallowed_methods,
    reason = "the budget of the program is the only thing here that takes time"
)]
fn now() -> Instant {
    Instant::now()
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    // A panic of the code under test is a finding, reported with the seed.
    std::panic::set_hook(Box::new(|_| {}));
    let mut out = io::stdout().lock();
    let passed = match request(&words) {
        Ok(Request::Seed { seed, keep, trace }) => show(seed, keep, trace, &mut out),
        Ok(Request::Seeds(seeds, minutes)) => {
            explore(seeds, minutes.map(|minutes| Duration::from_secs(minutes * 60)), &mut out)
        }
        Err(mistake) => writeln!(out, "{mistake}").map(|()| false),
    };
    match passed {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) | Err(_) => ExitCode::FAILURE,
    }
}

fn explore(seeds: Range<u64>, budget: Option<Duration>, out: &mut impl Write) -> io::Result<bool> {
    let began = now();
    let mut statistics = Statistics::default();
    for seed in seeds {
        if budget.is_some_and(|budget| now().duration_since(began) >= budget) {
            break;
        }
        if let Err(finding) = campaign::seed(seed, &mut statistics) {
            writeln!(out, "FAILED seed {seed}: {}", finding.violation)?;
            writeln!(out, "{} of {} parts are enough; to see it again:", finding.parts.len(), finding.of)?;
            writeln!(out, "  .ci/simulate {}", finding.replay())?;
            return Ok(false);
        }
    }
    for line in statistics.lines() {
        writeln!(out, "{line}")?;
    }
    writeln!(out, "every invariant held, in {:.1} s", now().duration_since(began).as_secs_f64())?;
    Ok(true)
}

fn show(seed: u64, keep: Option<BTreeSet<Part>>, trace: bool, out: &mut impl Write) -> io::Result<bool> {
    let whole = Scenario::of(seed);
    let scenario = keep.map_or_else(|| whole.clone(), |parts| whole.keep(&parts));
    if trace {
        writeln!(out, "{scenario:#?}")?;
    }
    let report = campaign::run(&scenario, trace);
    for line in &report.trace {
        writeln!(out, "{line}")?;
    }
    writeln!(out, "{} events, hash {:016x}", report.statistics.events, report.hash)?;
    match &report.violation {
        Some(violation) => writeln!(out, "FAILED seed {seed}: {violation}").map(|()| false),
        None => writeln!(out, "every invariant held").map(|()| true),
    }
}
