//! `updraft stress compare`: the figures of two runs, held against each other. Knows only what their files
//! say.

use std::fmt::Write as _;

use serde_json::Value;

use crate::figures::{self, Better, Figures, NOISE};
use crate::format::figure;

/// How far figures of one load differ from run to run: rates and sums, and the tails of latencies.
const BAND: f64 = 0.05;
const BAND_OF_TAILS: f64 = 0.25;
const BAND_OF_LATENCIES: f64 = 0.10;
/// What both runs must have been asked for alike, and have come to.
const LOAD: &str = "scenario interrupted duration_s executions rate seed profile shards store tools latency \
    failure_rate durability tenants steps width concurrency";

/// Sums of a run, which are compared for one of its executions.
const SUMS: &str = "cpu_s store.batches store.updates store.coalesced store.rows_written store.retries \
    journal.fsyncs journal.frames journal.bytes";
/// Sums that say how long a run was, and nothing of how well.
const SIZES: &str = "submitted completed elapsed_s";
/// How figures end that waver as the rate of the closed loop does: rates, of open loops too, which are multiples of
/// it, and what is divided by them.
const OF_FULL_LOAD: &str =
    "executions_per_s steps_per_s changes_per_s cpu_us_per_step arrivals_per_s ended_per_s cpu_s";
/// Figures that hang on a moment, as tails do.
const OF_A_MOMENT: &str = "store.pending_documents_max store.behind_s store.batches journal.fsyncs journal.frames \
    in_flight_max";

/// What a ratio says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub(crate) enum Change {
    Better,
    Worse,
    /// Within what differs from run to run.
    Same,
}

impl Change {
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
    change: Change,
}

/// Compares two runs as text for a terminal; none where they have no figure in common.
pub fn compare(a: &Figures, b: &Figures) -> Option<String> {
    let rows = rows(a, b);
    if rows.is_empty() {
        return None;
    }
    let mut text = String::new();
    for key in LOAD.split(' ').filter(|key| a.0.get(*key) != b.0.get(*key)) {
        let shown =
            |figures: &Figures| figures.0.get(key).map_or_else(|| "nothing".to_owned(), Value::to_string);
        let _ = writeln!(text, "NOTE the loads differ: {key} is {} and {}", shown(a), shown(b));
    }
    let _ = writeln!(text, "{:40} {:>14} {:>14} {:>8} {:>7}  verdict", "figure", "A", "B", "B/A", "noise");
    for row in rows {
        let ratio = row.ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.2}"));
        let sum = is_in(SUMS, &row.key);
        let name = if sum { format!("{} per execution", row.key) } else { row.key.clone() };
        let shown = |value: f64| if sum { of_one(value) } else { figure(&row.key, value) };
        let _ = writeln!(
            text,
            "{name:40} {:>14} {:>14} {ratio:>8} {:>6.0}%  {}",
            shown(row.a),
            shown(row.b),
            row.band * 100.0,
            row.change.name()
        );
    }
    Some(text)
}

fn is_in(keys: &str, key: &str) -> bool {
    keys.split(' ').any(|known| known == key)
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
            let of = |figures: &Figures| match is_in(SUMS, &key) {
                true => Some(figures.get(&key)? / ended(figures)?),
                false => figures.get(&key).filter(|_| !is_in(SIZES, &key)),
            };
            let (better, of_a, of_b) = (figures::better(&key)?, of(a)?, of(b)?);
            let band = band(&key).max(noise(&key, a)).max(noise(&key, b));
            let ratio = (of_a != 0.0).then(|| of_b / of_a);
            Some(Row { ratio, band, change: change(better, of_a, of_b, band), key, a: of_a, b: of_b })
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
    let wavers = OF_FULL_LOAD.split(' ').any(|end| key.ends_with(end)) && !key.starts_with("reference.");
    if wavers { figures.get(NOISE).unwrap_or_default() } else { 0.0 }
}

/// How far a figure may differ and say nothing.
pub(crate) fn band(key: &str) -> f64 {
    match key {
        _ if is_in(OF_A_MOMENT, key) => BAND_OF_TAILS,
        _ if key.contains("_p99") || key.ends_with("max_ms") || key.contains("spike.") => BAND_OF_TAILS,
        _ if key.contains("_p50") => BAND_OF_LATENCIES,
        _ => BAND,
    }
}

/// What a figure of `b` says beside that of `a`.
pub(crate) fn change(better: Better, a: f64, b: f64, band: f64) -> Change {
    // Of the larger one, so that swapping the files swaps the verdict.
    if (b - a).abs() <= band * a.abs().max(b.abs()) {
        return Change::Same;
    }
    if (b > a) == (better == Better::Higher) { Change::Better } else { Change::Worse }
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
        assert_eq!(change(Better::Higher, 100.0, 104.0, 0.05), Change::Same);
        assert_eq!(change(Better::Higher, 100.0, 120.0, 0.05), Change::Better);
        assert_eq!(change(Better::Lower, 100.0, 120.0, 0.05), Change::Worse);
        assert_eq!(change(Better::Lower, 0.0, 3.0, 0.05), Change::Worse);
        assert_eq!(change(Better::Lower, 0.0, 0.0, 0.05), Change::Same);
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
        let told: Vec<_> = rows.iter().map(|row| (row.key.as_str(), row.ratio, row.change)).collect();
        assert_eq!(
            told,
            [
                ("executions_per_s", Some(1.4), Change::Same),
                ("steps_per_s", Some(1.4), Change::Same),
                ("cpu_s", Some((7.0 / 1400.0) / (1.0 / 1000.0)), Change::Worse),
                ("journal.bytes", Some(1.0), Change::Same),
                ("left", None, Change::Worse),
                ("phase.steady.submit_p50_us", Some(0.5), Change::Better),
            ]
        );
    }
}
