//! Figures: the flat object that `--json` writes. Owns the names and what is better; a figure that was not
//! measured is absent, never zero.

use std::fmt::Display;

use serde_json::{Map, Value};

use crate::bottleneck::{Bottleneck, Stage};
use crate::breaking::Verdict;
use crate::latencies::Latencies;
use crate::options::{Length, LoadOptions};
use crate::outcome::{COLUMNS, PhaseResult, RunOutcome, Sample};
use crate::recorder::COUNTERS;
use crate::scenario::{Load, LoadScenario};

/// Which of two figures is the better one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Better {
    Higher,
    Lower,
}

use Better::{Higher, Lower};

/// Every figure of a run. The unit stands last in the name; where none does, it is a count or a ratio.
pub(crate) const FIGURES: [(&str, Better); 45] = [
    ("executions_per_s", Higher),
    ("steps_per_s", Higher),
    ("status_changes_per_s", Higher),
    ("cpu_us_per_step", Lower),
    ("submit_p50_us", Lower),
    ("submit_p95_us", Lower),
    ("submit_p99_us", Lower),
    ("submit_p999_us", Lower),
    ("execution_p50_ms", Lower),
    ("execution_p95_ms", Lower),
    ("execution_p99_ms", Lower),
    ("execution_p999_ms", Lower),
    ("execution_max_ms", Lower),
    ("read_mean_ms", Lower),
    ("arrivals_late_p99_us", Lower),
    ("rss_peak_bytes", Lower),
    ("cpu_s", Lower),
    ("elapsed_s", Lower),
    ("store.batches", Lower),
    ("store.updates", Lower),
    ("store.coalesced", Higher),
    ("store.retries", Lower),
    ("store.rows_written", Lower),
    ("store.round_trips_per_execution", Lower),
    ("store.coalesced_ratio", Higher),
    ("store.pending_documents_max", Lower),
    ("store.behind_s", Lower),
    ("journal.fsyncs", Lower),
    ("journal.frames", Lower),
    ("journal.bytes", Lower),
    ("submitted", Higher),
    ("completed", Higher),
    ("failed", Lower),
    ("refused", Lower),
    ("dropped", Lower),
    ("left", Lower),
    ("errors", Lower),
    ("error_ratio", Lower),
    ("in_flight_max", Lower),
    ("breaking_point_per_s", Higher),
    ("sustained_per_s", Higher),
    ("spike.recovery_s", Lower),
    ("flood.others_p99_ratio", Lower),
    ("backlog.drain_s", Lower),
    ("backlog.stored_s", Lower),
];

/// Figures of each phase, as `phase.NAME.FIGURE`.
pub(crate) const OF_PHASE: [(&str, Better); 6] = [
    ("arrivals_per_s", Higher),
    ("ended_per_s", Higher),
    ("submit_p50_us", Lower),
    ("submit_p99_us", Lower),
    ("execution_p50_ms", Lower),
    ("execution_p99_ms", Lower),
];

/// Figures of each column of the reference, as `reference.FIGURE` and `reference.ten.FIGURE`. A ratio says how many
/// times as good the engine is.
pub(crate) const OF_REFERENCE: [(&str, Better); 10] = [
    ("status_changes_per_s", Higher),
    ("executions_per_s", Higher),
    ("steps_per_s", Higher),
    ("execution_p50_ms", Lower),
    ("cpu_us_per_step", Lower),
    ("round_trips_per_execution", Lower),
    ("ratio_status_changes", Higher),
    ("ratio_executions", Higher),
    ("ratio_cpu_per_step", Higher),
    ("ratio_round_trips", Higher),
];

/// How far windows of full load lie from their mean.
pub(crate) const NOISE: &str = "noise.executions_per_s";

/// The object.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Figures(pub(crate) Map<String, Value>);

/// Which is better of a figure; none where there is no such figure.
pub(crate) fn better(key: &str) -> Option<Better> {
    let of = |known: &[(&str, Better)], key: &str| {
        known.iter().find(|(name, _)| *name == key).map(|(_, better)| *better)
    };
    if let Some(of_phase) = key.strip_prefix("phase.") {
        return of(&OF_PHASE, of_phase.split_once('.')?.1);
    }
    // The longest prefix first: that of one column begins as that of the other.
    let column = COLUMNS.iter().rev().find_map(|(_, _, prefix)| key.strip_prefix(prefix));
    column.map_or_else(|| of(&FIGURES, key), |figure| of(&OF_REFERENCE, figure))
}

impl Figures {
    /// Reads the object that `--json` wrote; why it is none of a run, otherwise.
    pub fn parse(text: &str) -> Result<Self, String> {
        let none = |why: &dyn Display| format!("no figures of `updraft stress --json FILE`: {why}");
        updraft::Value::parse(text).map_err(|error| none(&error))?;
        let object: Map<String, Value> = serde_json::from_str(text).map_err(|_| none(&"it is no object"))?;
        if object.contains_key("contest") {
            let why = "the figures of `--profiles`, which are compared with each other in it: give those of two runs";
            return Err(why.to_owned());
        }
        if object.get("scenario").and_then(Value::as_str).is_none() {
            return Err(none(&"it names no scenario"));
        }
        Ok(Self(object))
    }

    /// The object as text.
    pub fn json(&self) -> String {
        format!("{:#}\n", Value::Object(self.0.clone()))
    }

    /// What the run noted of itself, a line each.
    pub fn notes(&self) -> &str {
        self.0.get("notes").and_then(Value::as_str).unwrap_or_default()
    }

    /// A figure; none where it was not measured.
    pub fn get(&self, key: &str) -> Option<f64> {
        self.0.get(key).and_then(Value::as_f64)
    }

    fn count(&mut self, key: &str, count: u64) {
        self.0.insert(key.to_owned(), count.into());
    }

    pub(crate) fn number(&mut self, key: &str, number: Option<f64>) {
        // Three decimals are more than any of them is exact to.
        let number = number.filter(|number| number.is_finite()).map(|number| (number * 1e3).round() / 1e3);
        if let Some(number) = number {
            self.0.insert(key.to_owned(), number.into());
        }
    }

    pub(crate) fn text(&mut self, key: &str, text: impl Into<String>) {
        self.0.insert(key.to_owned(), text.into().into());
    }

    fn latencies(&mut self, prefix: &str, submit: &Latencies, execution: &Latencies, all: bool) {
        let quantiles = [("p50", 0.5, true), ("p95", 0.95, all), ("p99", 0.99, true), ("p999", 0.999, all)];
        for (name, share, _) in quantiles.into_iter().filter(|(_, _, wanted)| *wanted) {
            let of = |latencies: &Latencies| latencies.quantile(share).map(|micros| micros as f64);
            self.number(&format!("{prefix}submit_{name}_us"), of(submit));
            self.number(&format!("{prefix}execution_{name}_ms"), of(execution).map(|micros| micros / 1e3));
        }
    }
}

/// The figures of a run.
pub(crate) fn of(
    options: &LoadOptions,
    outcome: &RunOutcome,
    stages: &[Stage],
    limit: Option<&Bottleneck>,
) -> Figures {
    let mut figures = Figures::default();
    asked(&mut figures, options);
    figures.text("store", if outcome.server { "mongodb" } else { "embedded" });
    throughput(&mut figures, options, outcome);
    if let Some(end) = options.scenario.measured().and_then(|name| named(outcome, name)) {
        figures.latencies("", &end.meter.submit, &end.meter.execution, true);
        figures.number("execution_max_ms", end.meter.execution.quantile(1.0).map(|us| us as f64 / 1e3));
        figures.number("arrivals_late_p99_us", end.meter.late.quantile(0.99).map(|us| us as f64));
    }
    whole(&mut figures, outcome);
    for end in &outcome.phases {
        let prefix = format!("phase.{}.", end.phase.name);
        figures.number(&format!("{prefix}ended_per_s"), Some(end.ended_per_s()));
        figures.number(&format!("{prefix}arrivals_per_s"), end.rates.map(|_| end.arrivals_per_s()));
        figures.latencies(&prefix, &end.meter.submit, &end.meter.execution, false);
    }
    story(&mut figures, options.scenario, outcome);
    reference(&mut figures, outcome);
    for stage in stages {
        let name = stage.name.replace(' ', "_");
        figures.number(&format!("stage.{name}.cpu"), Some(stage.cpu));
        figures.number(&format!("stage.{name}.disk"), Some(stage.disk));
    }
    if let Some(limit) = limit {
        figures.text("bottleneck", limit.stage);
    }
    figures
}

/// What was asked for.
fn asked(figures: &mut Figures, options: &LoadOptions) {
    figures.text("scenario", options.scenario.name());
    figures.text("tools", options.tools.name());
    figures.text("latency", options.latency.to_string());
    figures.text("durability", format!("{:?}", options.durability).to_lowercase());
    figures.text("version", env!("CARGO_PKG_VERSION"));
    if let Some(profile) = options.profile {
        figures.text("profile", profile.name());
    }
    figures.number("failure_rate", Some(options.failure_rate));
    for (key, count) in [
        ("tenants", u64::from(options.tenants)),
        ("steps", u64::from(options.steps)),
        ("width", u64::from(options.width)),
        ("concurrency", u64::from(options.concurrency)),
        ("shards", options.shards() as u64),
        ("seed", options.seed),
    ] {
        figures.count(key, count);
    }
    match options.length {
        Length::Time(time) => figures.number("duration_s", Some(time.as_secs_f64())),
        Length::Executions(executions) => figures.count("executions", executions),
    }
    figures.number("rate", options.rate);
}

/// Full load: what the closed loop came to, until the store had everything; nothing where it did not get all.
fn throughput(figures: &mut Figures, options: &LoadOptions, outcome: &RunOutcome) {
    let stored = |end: &&PhaseResult| end.counts.ended() > 0 && end.behind.is_some();
    let Some(end) = outcome.phases.first().filter(stored) else { return };
    let (ended, steps) = (end.counts.ended() as f64, end.counted.get("steps") as f64);
    figures.number("executions_per_s", Some(end.ended_per_s()));
    figures.number("steps_per_s", Some(steps / end.lasted.as_secs_f64()));
    let changes = (end.counted.get("store.updates") + end.counted.get("store.coalesced")) as f64;
    figures.number("status_changes_per_s", Some(changes / end.lasted.as_secs_f64()));
    figures.number("cpu_us_per_step", end.cpu_s.filter(|_| steps > 0.0).map(|cpu| cpu * 1e6 / steps));
    figures.number("store.round_trips_per_execution", Some(end.counted.get("round_trips") as f64 / ended));
    figures.number("store.behind_s", end.behind.map(|behind| behind.as_secs_f64()));
    figures.number(NOISE, noise(options, outcome));
}

/// What the reference came to, and how many times as good the engine is at full load.
fn reference(figures: &mut Figures, outcome: &RunOutcome) {
    let columns = outcome.reference.iter().flat_map(|reference| &reference.columns);
    for (column, (_, _, prefix)) in columns.zip(COLUMNS) {
        let per_s = |count: u64| Some(count as f64 / column.lasted.as_secs_f64()).filter(|_| count > 0);
        let round_trips =
            (column.executions > 0).then(|| column.status_changes_of_ended as f64 / column.executions as f64);
        let cpu = column.cpu_s.filter(|_| column.steps > 0).map(|cpu| cpu * 1e6 / column.steps as f64);
        let of_engine = |key: &str| figures.get(key).filter(|figure| *figure > 0.0);
        let times = |ours: Option<f64>, theirs: Option<f64>| Some(ours? / theirs?);
        let values = [
            per_s(column.status_changes),
            per_s(column.executions),
            per_s(column.steps),
            column.execution.quantile(0.5).map(|micros| micros as f64 / 1e3),
            cpu,
            round_trips,
            times(of_engine("status_changes_per_s"), per_s(column.status_changes)),
            times(of_engine("executions_per_s"), per_s(column.executions)),
            times(cpu, of_engine("cpu_us_per_step")),
            times(round_trips, of_engine("store.round_trips_per_execution")),
        ];
        for ((key, _), value) in OF_REFERENCE.iter().zip(values) {
            figures.number(&format!("{prefix}{key}"), value);
        }
    }
}

/// How far windows of full load lie from their mean, as a share of it.
fn noise(options: &LoadOptions, outcome: &RunOutcome) -> Option<f64> {
    let rates: Vec<f64> =
        outcome.seen.samples.iter().filter(|s| s.phase == 0).map(|s| s.ended_per_s).collect();
    // The first windows warm up, and the last drains.
    let rates = rates.get(2..rates.len().saturating_sub(1)).filter(|rates| rates.len() >= 5)?;
    if matches!(options.length, Length::Executions(_)) && rates.len() < 10 {
        return None;
    }
    let mean = rates.iter().sum::<f64>() / rates.len() as f64;
    let variance = rates.iter().map(|rate| (rate - mean).powi(2)).sum::<f64>() / (rates.len() - 1) as f64;
    (mean > 0.0).then(|| variance.sqrt() / mean)
}

/// What counts for the whole run.
fn whole(figures: &mut Figures, outcome: &RunOutcome) {
    let (counts, counted) = (outcome.counts, outcome.counted);
    let arrivals = counts.submitted + counts.refused + counts.dropped;
    figures.number("error_ratio", (arrivals > 0).then(|| counts.errors() as f64 / arrivals as f64));
    figures.number("read_mean_ms", outcome.reads.1.map(|mean| mean.as_secs_f64() * 1e3));
    for (key, count) in COUNTERS.iter().zip(counted.0).map(|((_, key), count)| (*key, count)).skip(2) {
        figures.count(key, count);
    }
    for (key, count) in [
        ("submitted", counts.submitted),
        ("completed", counts.completed),
        ("failed", counts.failed),
        ("refused", counts.refused),
        ("dropped", counts.dropped),
        ("left", outcome.left as u64),
        ("errors", counts.errors()),
    ] {
        figures.count(key, count);
    }
    let offered = counted.get("store.coalesced") + counted.get("store.updates");
    figures.number(
        "store.coalesced_ratio",
        (offered > 0).then(|| counted.get("store.coalesced") as f64 / offered as f64),
    );
    if let Some(bytes) = outcome.resident_peak_bytes {
        figures.count("rss_peak_bytes", bytes);
    }
    figures.number("cpu_s", outcome.cpu_s);
    figures.number("elapsed_s", Some(outcome.lasted.as_secs_f64()));
    let samples = &outcome.seen.samples;
    let most = |of: fn(&Sample) -> f64| samples.iter().map(of).reduce(f64::max);
    figures.number("store.pending_documents_max", most(|sample| sample.pending_documents));
    figures.number("in_flight_max", most(|sample| sample.in_flight));
    figures.0.insert("interrupted".to_owned(), outcome.interrupted.into());
}

/// What a scenario is for.
fn story(figures: &mut Figures, scenario: LoadScenario, outcome: &RunOutcome) {
    match scenario {
        LoadScenario::Stress => {
            let broke = outcome.phases.iter().find(|end| matches!(end.verdict(), Verdict::Broke(_)));
            let held = outcome.phases.iter().rfind(|end| end.verdict() == Verdict::Held);
            figures.number("breaking_point_per_s", broke.map(PhaseResult::arrivals_per_s));
            figures.number("sustained_per_s", held.map(PhaseResult::ended_per_s));
        }
        LoadScenario::Spike => figures.number("spike.recovery_s", recovery(outcome)),
        LoadScenario::BurstTenant => {
            let p99 = |name| named(outcome, name)?.meter.execution.quantile(0.99).map(|us| us as f64);
            figures.number(
                "flood.others_p99_ratio",
                p99("flood").zip(p99("even")).map(|(flood, even)| flood / even),
            );
        }
        LoadScenario::Backlog => {
            let piled = outcome.phases.iter().find(|end| end.phase.load == Load::Pile);
            let ended = piled.and_then(|end| end.drained).map(|(_, took)| took);
            let stored = ended.zip(piled.and_then(|end| end.behind)).map(|(took, behind)| took + behind);
            figures.number("backlog.drain_s", ended.map(|took| took.as_secs_f64()));
            figures.number("backlog.stored_s", stored.map(|took| took.as_secs_f64()));
        }
        LoadScenario::Baseline | LoadScenario::Soak => {}
    }
}

/// How long after the spike executions ended as fast again as before it: within twice the calm's 99th percentile.
fn recovery(outcome: &RunOutcome) -> Option<f64> {
    let calm = named(outcome, "calm")?.meter.execution.quantile(0.99)?;
    let (number, end) = outcome.phases.iter().enumerate().find(|(_, end)| end.phase.name == "recovery")?;
    let of_recovery = outcome.seen.samples.iter().filter(|sample| sample.phase == number);
    let slow = of_recovery.clone().rfind(|sample| sample.execution_us.is_some_and(|(_, p99)| p99 > calm * 2));
    let Some(slow) = slow else { return Some(0.0) };
    // Slow to the very end is not recovered, and neither is one of which nothing ended after.
    let recovered = of_recovery.clone().any(|one| one.at_s > slow.at_s && one.execution_us.is_some());
    recovered.then(|| (slow.at_s - end.began_s).max(0.0))
}

fn named<'a>(outcome: &'a RunOutcome, name: &str) -> Option<&'a PhaseResult> {
    outcome.phases.iter().find(|end| end.phase.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_names_every_figure() {
        let document = include_str!("../../docs/stress.md");
        for (key, _) in FIGURES.iter().chain(&OF_PHASE).chain(&OF_REFERENCE) {
            assert!(document.contains(&format!("`{key}`")), "{key}");
        }
    }

    #[test]
    fn what_was_not_measured_is_absent() {
        let mut figures = Figures::default();
        figures.number("cpu_s", None);
        figures.number("elapsed_s", Some(f64::NAN));
        figures.number("store.behind_s", Some(0.12345));
        assert_eq!(figures.0.into_iter().collect::<Vec<_>>(), [("store.behind_s".to_owned(), 0.123.into())]);
    }
}
