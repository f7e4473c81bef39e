//! The summary: the figures, what limits, what was found, and whether thresholds held; for the terminal and
//! for the page alike.

use updraft::bottleneck::{Bottleneck, OTHER_PROCESSES, Stage, percent};

use crate::bottleneck;
use crate::breaking::{self, Verdict};
use crate::figure;
use crate::figures::{self, Figures};
use crate::load::ARRIVALS;
use crate::options::{LoadOptions, name};
use crate::outcome::RunOutcome;
use crate::scenario::LoadScenario;
use crate::store_lag;
use crate::table::Table;
use crate::threshold::Threshold;
use crate::unit;

/// What is shown of each phase.
const OF_PHASE: &str =
    "arrivals_per_s ended_per_s submit_p50_us submit_p99_us execution_p50_ms execution_p99_ms";
/// What is told of what was asked for.
const ASKED: &str = "steps width tools latency tenants concurrency shards seed";
/// A load generator that is later than this sends less than is due, or in bursts.
const LATE_US: f64 = 1e5;

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
    pub(crate) limit: Option<Bottleneck>,
    /// What was found, then each threshold.
    pub(crate) told: Vec<Told>,
    /// With titles: the figures, each phase, the use of each stage, and the engine beside the reference, where that ran.
    pub(crate) tables: Vec<(&'static str, Table)>,
    /// Whether the engine did its work, and every threshold held.
    pub is_well: bool,
}

impl Summary {
    /// Sums an outcome up, and holds it against thresholds.
    pub fn new(options: &LoadOptions, outcome: &RunOutcome, thresholds: &[Threshold]) -> Self {
        let stages = bottleneck::stages(outcome, options.settings(outcome.server).shards);
        let limit = bottleneck::find(outcome, &stages);
        let mut figures = figures::of(options, outcome, &stages, limit.as_ref());
        let ratios = figures::ratios(&figures);
        let mut told = findings(options, outcome, &figures);
        let notes: Vec<&str> = told.iter().filter(|told| !told.well).map(|told| told.text.as_str()).collect();
        if !notes.is_empty() {
            figures.text("notes", notes.join("\n"));
        }
        let held: Vec<Told> = thresholds.iter().map(|threshold| threshold.held(&figures)).collect();
        let trouble = outcome.trouble.is_some() && !outcome.interrupted;
        let is_well = !trouble && held.iter().all(|told| told.well);
        told.extend(held);
        let tables = [
            ("Figures", Some(whole(&figures))),
            ("Phases", Some(phases(outcome, &figures))),
            ("Shares of one core at full load", Some(self::stages(&stages))),
            ("Against one awaited write for each status", ratios),
        ];
        let asked: Vec<String> =
            ASKED.split(' ').map(|key| format!("{key} {}", figures.worded(key))).collect();
        Self {
            title: format!("updraft stress: {}", name(&options.scenario)),
            load: asked.join(", "),
            figures,
            limit,
            told,
            tables: tables.into_iter().filter_map(|(title, table)| Some((title, table?))).collect(),
            is_well,
        }
    }

    /// The summary as text for a terminal.
    pub fn text(&self) -> String {
        let mut words = String::new();
        if let Some(limit) = &self.limit {
            words += &format!("\nlimited by {}: {}\n{}\n", limit.stage, limit.why, limit.change);
        }
        for told in &self.told {
            words += &format!("{} {}\n", if told.well { "ok  " } else { "NOTE" }, told.text);
        }
        let mut text = format!("{}\n{}\n", self.title, self.load);
        for (title, table) in &self.tables {
            text += &format!("\n{title}\n{}{}", table.text(), std::mem::take(&mut words));
        }
        text
    }
}

fn whole(figures: &Figures) -> Table {
    let mut table = Table::new(["figure", "value"]);
    let measured = figure::all().filter_map(|(key, _)| Some((key, figures.shown(key)?)));
    measured.for_each(|(key, shown)| table.add(key, [Some(shown)]));
    table
}

fn phases(outcome: &RunOutcome, figures: &Figures) -> Table {
    let mut table = Table::new(["phase", "lasted"].into_iter().chain(OF_PHASE.split(' ')));
    for end in &outcome.phases {
        let of_phase =
            OF_PHASE.split(' ').map(|key| figures.shown(&format!("phase.{}.{key}", end.phase.name)));
        let lasted = Some(unit::time(end.lasted.as_secs_f64()));
        table.add(end.phase.name, std::iter::once(lasted).chain(of_phase));
    }
    table
}

fn stages(stages: &[Stage]) -> Table {
    let mut table = Table::new(["stage", "CPU", "disk"]);
    for stage in stages {
        table.add(&stage.name, [stage.cpu, stage.disk].map(|share| Some(percent(share))));
    }
    table
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
    let counts = |figure| Some(outcome.counted.get(figure)).filter(|count| *count > 0);
    if let Some((error, refused)) = outcome.first_error.as_ref().zip(counts("refused")) {
        bad(format!("{refused} submissions were refused; the first: {error}"));
    }
    if let Some(dropped) = counts("dropped") {
        bad(format!("{dropped} arrivals found {ARRIVALS} before them and were not submitted."));
    }
    if let Some(count) = counts("failed") {
        bad(format!("{count} executions ended as failed or otherwise not well."));
    }
    store_lag::found(outcome).into_iter().for_each(&mut bad);
    for end in &outcome.phases {
        let (name, sent) = (end.phase.name, end.arrivals_per_s());
        if let Verdict::Broke(why) = end.verdict() {
            bad(format!("phase {name}: broke at {sent:.0} executions/s: {why}."));
        }
        if let Some(late) = end.meter.late.us(0.99).filter(|late| *late > LATE_US) {
            let late = late / 1e3;
            bad(format!(
                "phase {name}: the load generator sent one arrival in a hundred {late:.0} ms late or more."
            ));
        }
    }
    if let Some(reference) = &outcome.reference {
        if let Some(why) = &reference.trouble {
            bad(format!("The reference ended early: {why}."));
        }
        if figures.worded("bottleneck") == OTHER_PROCESSES {
            bad("Other processes took the cores, and so the time of awaited writes: that flatters the ratios.".into());
        }
    }
    found.extend(story(options.scenario, outcome, figures));
    found
}

/// What the scenario was for.
fn story(scenario: LoadScenario, outcome: &RunOutcome, figures: &Figures) -> Option<Told> {
    let of = |key| figures.get(key);
    let (well, text) = match scenario {
        LoadScenario::Stress if !outcome.interrupted => {
            let held = of("sustained_per_s");
            let before = held.map(|held| format!("it sustained {held:.0}"));
            let before = before.as_deref().unwrap_or("no step before was long enough to tell");
            match (of("breaking_point_per_s"), held) {
                (Some(broke), _) => {
                    (true, format!("The breaking point is {broke:.0} executions/s; {before}."))
                }
                (None, Some(held)) => (
                    false,
                    format!("It did not break at {held:.0} executions/s: raise --rate, or --concurrency."),
                ),
                (None, None) => {
                    // Eight tenths of a run are its eight steps.
                    let least = outcome.phases.iter().map(|end| breaking::long_enough(end.ideal)).max();
                    let least = least.unwrap_or_default().as_secs_f64() * 10.0;
                    let short = "Its steps were too short to tell what breaks it";
                    (false, format!("{short}: --duration {least:.0}s or more."))
                }
            }
        }
        LoadScenario::Spike => match of("spike.recovery_s") {
            Some(after) => (true, format!("It had recovered {after:.1} s after the spike.")),
            None => (false, "It did not recover from the spike within the run.".to_owned()),
        },
        LoadScenario::BurstTenant | LoadScenario::AlertStorm => {
            let ratio = of("flood.others_p99_ratio")?;
            let most = if scenario == LoadScenario::AlertStorm { 1.5 } else { 10.0 };
            (
                ratio <= most,
                format!("While one tenant flooded, the others' p99 was {ratio:.1} times as long."),
            )
        }
        LoadScenario::Backlog => {
            let (piled, took) = outcome.phase("pile")?.drained?;
            (true, format!("{piled} executions that waited ended within {:.1} s.", took.as_secs_f64()))
        }
        LoadScenario::Enrichment => {
            let (look_ups, calls) = outcome.enriched?;
            let fold = look_ups as f64 / calls.max(1) as f64;
            (
                fold >= 10.0,
                format!("{look_ups} look-ups made {calls} calls of the tool: one for each {fold:.1}."),
            )
        }
        _ => return None,
    };
    Some(Told { well, text })
}
