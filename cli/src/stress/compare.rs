//! `updraft stress compare`: the figures of two runs, held against each other. Knows only what their files
//! say.

use std::fmt::Display;
use std::path::Path;

use serde_json::{Map, Value};
use updraft::text;

use crate::exit::{Ending, Error};
use crate::input;
use crate::output::Output;
use crate::stress::figures::{self, Better, Figures, NOISE};
use crate::stress::options::Compare;
use crate::stress::summary::figure;

/// How far figures of one load differ from run to run: rates and sums, and the tails of latencies.
const BAND: f64 = 0.05;
const BAND_OF_TAILS: f64 = 0.25;
const BAND_OF_LATENCIES: f64 = 0.10;
/// What both runs must have been asked for alike, and have come to.
const LOAD: [&str; 17] = [
    "scenario",
    "interrupted",
    "duration_s",
    "executions",
    "rate",
    "seed",
    "profile",
    "shards",
    "store",
    "tools",
    "latency",
    "failure_rate",
    "durability",
    "tenants",
    "steps",
    "width",
    "concurrency",
];

/// Sums of a run, which are compared for one of its executions.
const SUMS: [&str; 9] = [
    "cpu_s",
    "store.batches",
    "store.updates",
    "store.coalesced",
    "store.rows_written",
    "store.retries",
    "journal.fsyncs",
    "journal.frames",
    "journal.bytes",
];
/// Sums that say how long a run was, and nothing of how well.
const SIZES: [&str; 3] = ["submitted", "completed", "elapsed_s"];
/// How figures end that waver as the rate of the closed loop does: rates, of open loops too, which are multiples of
/// it, and what is divided by them.
const OF_FULL_LOAD: [&str; 7] = [
    "executions_per_s",
    "steps_per_s",
    "changes_per_s",
    "cpu_us_per_step",
    "arrivals_per_s",
    "ended_per_s",
    "cpu_s",
];
/// Figures that hang on a moment, as tails do.
const OF_A_MOMENT: [&str; 6] = [
    "store.pending_documents_max",
    "store.behind_s",
    "store.batches",
    "journal.fsyncs",
    "journal.frames",
    "in_flight_max",
];

/// What a ratio says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub(crate) enum Verdict {
    Better,
    Worse,
    /// Within what differs from run to run.
    Same,
}

impl Verdict {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Better => "better",
            Self::Worse => "worse",
            Self::Same => "same",
        }
    }
}

/// One figure of both.
#[derive(Debug, Clone, PartialEq)]
struct Row {
    key: String,
    a: f64,
    b: f64,
    ratio: Option<f64>,
    band: f64,
    verdict: Verdict,
}

/// Compares two files.
pub(crate) fn compare(options: &Compare) -> Result<Ending, Error> {
    let (a, b) = (read(&options.a)?, read(&options.b)?);
    let mut output = Output::stdout();
    for key in LOAD {
        if a.0.get(key) != b.0.get(key) {
            let shown =
                |figures: &Figures| figures.0.get(key).map_or_else(|| "nothing".to_owned(), Value::to_string);
            output.line(format_args!("NOTE the loads differ: {key} is {} and {}", shown(&a), shown(&b)));
        }
    }
    let rows = rows(&a, &b);
    if rows.is_empty() {
        let why = format!("no figure of {} stands in it too", options.a.display());
        return Err(Error::refused(options.b.display(), why));
    }
    output.line(format_args!("{:40} {:>14} {:>14} {:>8} {:>7}  verdict", "figure", "A", "B", "B/A", "noise"));
    for row in rows {
        let ratio = row.ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.2}"));
        let sum = SUMS.contains(&row.key.as_str());
        let name = if sum { format!("{} per execution", row.key) } else { row.key.clone() };
        let shown = |value: f64| if sum { of_one(value) } else { figure(&row.key, value) };
        output.line(format_args!(
            "{name:40} {:>14} {:>14} {ratio:>8} {:>6.0}%  {}",
            shown(row.a),
            shown(row.b),
            row.band * 100.0,
            row.verdict.name()
        ));
    }
    output.finish().map(|()| Ending::Completed)
}

/// What one execution has of a sum: mostly far less than one of its unit.
fn of_one(value: f64) -> String {
    if value == 0.0 || value.abs() >= 0.01 { format!("{value:.2}") } else { format!("{value:.2e}") }
}

/// The figures that both have, in the order of the runs' own report.
fn rows(a: &Figures, b: &Figures) -> Vec<Row> {
    let of_run = figures::FIGURES.iter().map(|(key, _)| (*key).to_owned());
    let further = ["phase.", "reference."];
    let of_parts = a.0.keys().filter(|key| further.iter().any(|part| key.starts_with(part))).cloned();
    of_run
        .chain(of_parts)
        .filter_map(|key| {
            let of = |figures: &Figures| match SUMS.contains(&key.as_str()) {
                true => Some(figures.get(&key)? / ended(figures)?),
                false => figures.get(&key).filter(|_| !SIZES.contains(&key.as_str())),
            };
            let (better, of_a, of_b) = (figures::better(&key)?, of(a)?, of(b)?);
            let band = band(&key).max(noise(&key, a)).max(noise(&key, b));
            let ratio = (of_a != 0.0).then(|| of_b / of_a);
            Some(Row { ratio, band, verdict: verdict(better, of_a, of_b, band), key, a: of_a, b: of_b })
        })
        .collect()
}

/// How many executions ended, for sums; none where none did.
fn ended(figures: &Figures) -> Option<f64> {
    let ended = figures.get("completed")? + figures.get("failed").unwrap_or_default();
    Some(ended).filter(|ended| *ended > 0.0)
}

/// How far a figure wavered within the run, as far as that was measured.
pub(crate) fn noise(key: &str, figures: &Figures) -> f64 {
    let wavers = OF_FULL_LOAD.iter().any(|end| key.ends_with(end)) && !key.starts_with("reference.");
    if wavers { figures.get(NOISE).unwrap_or_default() } else { 0.0 }
}

/// How far a figure may differ and say nothing.
pub(crate) fn band(key: &str) -> f64 {
    match key {
        _ if OF_A_MOMENT.contains(&key) => BAND_OF_TAILS,
        _ if key.contains("_p99") || key.ends_with("max_ms") || key.contains("spike.") => BAND_OF_TAILS,
        _ if key.contains("_p50") => BAND_OF_LATENCIES,
        _ => BAND,
    }
}

/// What a figure of `b` says beside that of `a`.
pub(crate) fn verdict(better: Better, a: f64, b: f64, band: f64) -> Verdict {
    // Of the larger one, so that swapping the files swaps the verdict.
    if (b - a).abs() <= band * a.abs().max(b.abs()) {
        return Verdict::Same;
    }
    if (b > a) == (better == Better::Higher) { Verdict::Better } else { Verdict::Worse }
}

/// The largest file that is read; those of runs have some kilobytes.
const BYTES: usize = 1 << 20;

/// The figures in a file.
pub(crate) fn read(path: &Path) -> Result<Figures, Error> {
    let refused = |why: &dyn Display| Error::refused(path.display(), why);
    let bytes = input::bytes(path, BYTES).map_err(|error| refused(&error))?;
    let text = text::decode(&bytes).map_err(|error| refused(&error))?;
    let none = |why: &dyn Display| refused(&format!("no figures of `updraft stress --json FILE`: {why}"));
    updraft::Value::parse(&text).map_err(|error| none(&error))?;
    let object: Map<String, Value> = serde_json::from_str(&text).map_err(|_| none(&"it is no object"))?;
    if object.contains_key("contest") {
        let why =
            "the figures of `--profiles`, which are compared with each other in it: give those of two runs";
        return Err(Error::refused(path.display(), why));
    }
    if object.get("scenario").and_then(Value::as_str).is_none() {
        return Err(Error::refused(
            path.display(),
            "no figures of `updraft stress --json FILE`: it names no scenario",
        ));
    }
    Ok(Figures(object))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn figures(value: Value) -> Figures {
        let Value::Object(object) = value else { panic!("an object") };
        Figures(object)
    }

    #[test]
    fn a_difference_beyond_the_noise_is_better_or_worse_as_the_figure_goes() {
        assert_eq!(verdict(Better::Higher, 100.0, 104.0, 0.05), Verdict::Same);
        assert_eq!(verdict(Better::Higher, 100.0, 120.0, 0.05), Verdict::Better);
        assert_eq!(verdict(Better::Lower, 100.0, 120.0, 0.05), Verdict::Worse);
        assert_eq!(verdict(Better::Lower, 0.0, 3.0, 0.05), Verdict::Worse);
        assert_eq!(verdict(Better::Lower, 0.0, 0.0, 0.05), Verdict::Same);
    }

    #[test]
    fn figures_of_both_are_compared_with_the_noise_that_they_measured() {
        let a = figures(
            json!({"executions_per_s": 100, "steps_per_s": 500, "noise.executions_per_s": 0.5, "cpu_s": 1,
            "left": 0, "completed": 1000, "journal.bytes": 4000, "phase.steady.submit_p50_us": 10}),
        );
        let b = figures(
            json!({"executions_per_s": 140, "steps_per_s": 700, "cpu_s": 7, "left": 1, "completed": 1400,
            "journal.bytes": 5600, "phase.steady.submit_p50_us": 5}),
        );
        let rows = rows(&a, &b);
        let told: Vec<_> = rows.iter().map(|row| (row.key.as_str(), row.ratio, row.verdict)).collect();
        assert_eq!(
            told,
            [
                ("executions_per_s", Some(1.4), Verdict::Same),
                ("steps_per_s", Some(1.4), Verdict::Same),
                ("cpu_s", Some((7.0 / 1400.0) / (1.0 / 1000.0)), Verdict::Worse),
                ("journal.bytes", Some(1.0), Verdict::Same),
                ("left", None, Verdict::Worse),
                ("phase.steady.submit_p50_us", Some(0.5), Verdict::Better),
            ]
        );
    }
}
