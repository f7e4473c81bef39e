//! The summary: the figures, what limits, what was found, and whether thresholds held; for the terminal and
//! for the page alike.

use std::fmt::Write as _;

use updraft::ExecutionStatus;

use crate::bottleneck::{self, Bottleneck, Stage};
use crate::breaking::{self, Verdict};
use crate::figures::{self, Figures};
use crate::format::figure;
use crate::load::ARRIVALS;
use crate::options::LoadOptions;
use crate::outcome::RunOutcome;
use crate::reference_table;
use crate::scenario::LoadScenario;
use crate::store_lag;
use crate::threshold::{Held, Threshold};

/// A load generator that is later than this sends less than is due, or in bursts.
const LATE_US: u64 = 100_000;

/// One line of a list, and whether it is good news.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) well: bool,
    pub(crate) text: String,
}

/// What is told of a run.
pub struct Summary {
    pub(crate) title: String,
    pub(crate) load: String,
    /// The figures.
    pub figures: Figures,
    pub(crate) stages: Vec<Stage>,
    pub(crate) limit: Option<Bottleneck>,
    pub(crate) findings: Vec<Told>,
    pub(crate) thresholds: Vec<Told>,
    /// The engine beside the reference; empty where none ran.
    pub(crate) ratios: Vec<Vec<String>>,
    /// Whether the engine, or its store, did not do its work.
    pub(crate) trouble: bool,
}

impl Summary {
    /// Sums an outcome up, and holds it against thresholds.
    pub fn new(options: &LoadOptions, outcome: &RunOutcome, thresholds: &[Threshold]) -> Self {
        let stages = bottleneck::stages(outcome, options.shards());
        let limit = bottleneck::find(outcome, options, &stages);
        let mut figures = figures::of(options, outcome, &stages, limit.as_ref());
        let thresholds = thresholds.iter().map(|threshold| match threshold.held(&figures) {
            Held::Yes(figure) => Told { well: true, text: format!("{threshold} holds: {figure}") },
            Held::No(figure) => Told { well: false, text: format!("{threshold} does not hold: {figure}") },
            Held::NotMeasured => Told { well: false, text: format!("{threshold} was not measured") },
        });
        let thresholds = thresholds.collect();
        let mut findings = findings(options, outcome, &figures);
        let ratios = reference_table::table(&figures);
        if !ratios.is_empty() && limit.as_ref().is_some_and(|limit| limit.stage == bottleneck::OTHERS) {
            let text = "Other processes took the cores: every awaited write waited for them too, which flatters the ratios.";
            findings.push(Told { well: false, text: text.to_owned() });
        }
        let notes: Vec<&str> =
            findings.iter().filter(|told| !told.well).map(|told| told.text.as_str()).collect();
        if !notes.is_empty() {
            figures.text("notes", notes.join("\n"));
        }
        Self {
            title: format!("updraft stress: {}", options.scenario.name()),
            load: format!(
                "{} steps of {} calls, tools {} answer in {}, {} tenants, {} submitters, {} cores, seed {}",
                options.steps,
                options.width,
                options.tools.name(),
                options.latency,
                options.tenants,
                options.concurrency,
                std::thread::available_parallelism().map_or(1, usize::from),
                options.seed
            ),
            findings,
            thresholds,
            ratios,
            trouble: outcome.trouble.is_some() && !outcome.interrupted,
            figures,
            stages,
            limit,
        }
    }

    /// Whether the engine did its work, and every threshold held.
    pub fn is_well(&self) -> bool {
        !self.trouble && self.thresholds.iter().all(|told| told.well)
    }

    /// The summary as text for a terminal.
    pub fn text(&self, outcome: &RunOutcome) -> String {
        let mut text = format!(
            "{}\n{}\n\n{:12} {:>11} {:>11} {:>11} {:>11} {:>11} {:>11}\n",
            self.title,
            self.load,
            "phase",
            "arrivals/s",
            "ended/s",
            "submit p50",
            "submit p99",
            "exec. p50",
            "exec. p99"
        );
        for end in &outcome.phases {
            let name = end.phase.name;
            let cells = figures::OF_PHASE.iter().map(|(key, _)| {
                let value = self.figures.get(&format!("phase.{name}.{key}"));
                format!(" {:>11}", value.map_or_else(|| "-".to_owned(), |value| figure(key, value)))
            });
            let _ = writeln!(text, "{name:12}{}", cells.collect::<String>());
        }
        text.push('\n');
        for (key, _) in figures::FIGURES {
            if let Some(value) = self.figures.get(key) {
                let _ = writeln!(text, "{key:32} {:>14}", figure(key, value));
            }
        }
        text.push('\n');
        if let Some(limit) = &self.limit {
            let _ = writeln!(text, "limited by {}: {}\n{}", limit.stage, limit.why, limit.change);
        }
        for told in self.findings.iter().chain(&self.thresholds) {
            let _ = writeln!(text, "{} {}", if told.well { "ok  " } else { "NOTE" }, told.text);
        }
        for (number, row) in self.ratios.iter().enumerate() {
            let (name, cells) = row.split_first().map_or(("", row.as_slice()), |(name, cells)| (name, cells));
            let cells: String = cells.iter().map(|cell| format!(" {cell:>14}")).collect();
            let _ = writeln!(text, "{}{name:34}{cells}", if number == 0 { "\n" } else { "" });
        }
        text
    }
}

/// What a reader must know beside the figures.
fn findings(options: &LoadOptions, outcome: &RunOutcome, figures: &Figures) -> Vec<Told> {
    let mut found = Vec::new();
    let mut bad = |text: String| found.push(Told { well: false, text });
    if outcome.interrupted {
        bad("It was interrupted: the figures are of what ran so far.".to_owned());
    }
    if let Some(trouble) = outcome.trouble.as_ref().filter(|_| !outcome.interrupted) {
        bad(trouble.to_string());
    }
    if let Some(error) = outcome.first_error.as_ref().filter(|_| outcome.counts.refused > 0) {
        bad(format!("{} submissions were refused; the first: {error}", outcome.counts.refused));
    }
    if outcome.counts.dropped > 0 {
        let dropped = outcome.counts.dropped;
        bad(format!("{dropped} arrivals found {ARRIVALS} before them and were not submitted."));
    }
    if outcome.counts.failed > 0 {
        let failed = ExecutionStatus::Failed.as_str();
        bad(format!("{} executions ended as {failed} or otherwise not well.", outcome.counts.failed));
    }
    store_lag::found(outcome).into_iter().for_each(&mut bad);
    for end in &outcome.phases {
        let (name, sent) = (end.phase.name, end.arrivals_per_s());
        if let Verdict::Broke(why) = end.verdict() {
            bad(format!("phase {name}: broke at {sent:.0} executions/s: {why}."));
        }
        if let Some(late) = end.meter.late.quantile(0.99).filter(|late| *late > LATE_US) {
            let late = late as f64 / 1e3;
            bad(format!(
                "phase {name}: the load generator sent one arrival in a hundred {late:.0} ms late or more."
            ));
        }
    }
    let trouble = outcome.reference.as_ref().and_then(|reference| reference.trouble.as_ref());
    found.extend(trouble.map(|why| Told { well: false, text: format!("The reference ended early: {why}.") }));
    found.extend(story(options.scenario, outcome, figures));
    found
}

/// What the scenario was for.
fn story(scenario: LoadScenario, outcome: &RunOutcome, figures: &Figures) -> Option<Told> {
    let told = |well, text| Some(Told { well, text });
    match scenario {
        LoadScenario::Stress if !outcome.interrupted => {
            let of = |key| figures.get(key);
            match (of("breaking_point_per_s"), of("sustained_per_s")) {
                (Some(broke), Some(held)) => told(
                    true,
                    format!("The breaking point is {broke:.0} executions/s; it sustained {held:.0}."),
                ),
                (Some(broke), None) => told(
                    true,
                    format!("It broke at {broke:.0} executions/s; no step before was long enough to tell."),
                ),
                (None, Some(held)) => told(
                    false,
                    format!("It did not break at {held:.0} executions/s: raise --rate, or --concurrency."),
                ),
                (None, None) => {
                    // Eight tenths of a run are its eight steps.
                    let least = outcome.phases.iter().map(|end| breaking::long_enough(end.ideal)).max();
                    let least = least.unwrap_or_default().as_secs_f64() * 10.0;
                    told(
                        false,
                        format!(
                            "Its steps were too short to tell what breaks it: --duration {least:.0}s or more."
                        ),
                    )
                }
            }
        }
        LoadScenario::Spike => match figures.get("spike.recovery_s") {
            Some(after) => told(true, format!("It had recovered {after:.1} s after the spike.")),
            None => told(false, "It did not recover from the spike within the run.".to_owned()),
        },
        LoadScenario::BurstTenant => {
            let ratio = figures.get("flood.others_p99_ratio")?;
            told(
                ratio < 10.0,
                format!("While one tenant flooded, the others' p99 was {ratio:.1} times as long."),
            )
        }
        LoadScenario::Backlog => {
            let (piled, took) = outcome.phases.iter().find_map(|end| end.drained)?;
            told(true, format!("{piled} executions that waited ended within {:.1} s.", took.as_secs_f64()))
        }
        _ => None,
    }
}
