//! The comparison of runs: figures under names, in rounds, each held against that of the base in the same round. Knows only
//! what the runs' objects say.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::figure::{self, Better, NOISE};
use crate::figures::Figures;
use crate::scenario::LoadScenario;
use crate::table::Table;
use crate::unit;

/// What two runs must have been asked for alike, and have come to.
const LOAD: &str = "scenario interrupted duration_s executions rate seed profile shards store tools latency \
    failure_rate durability tenants steps width concurrency";

/// The figures of each name, of one round.
type Round = BTreeMap<&'static str, Figures>;

/// What was measured so far.
pub struct Comparison {
    names: Vec<&'static str>,
    base: &'static str,
    rounds: Vec<Round>,
}

/// What a difference says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
enum Change {
    Better,
    Worse,
    /// Within what differs from run to run.
    Same,
}

/// One figure of one name: the median of its rounds.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Cell {
    value: f64,
    /// Beside the base; none of the base itself, and where nothing is compared.
    beside: Option<Beside>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Beside {
    /// The median of the ratios to the base of the same round.
    ratio: f64,
    /// How far rounds lie from that, or what says nothing anyway.
    noise: f64,
    change: Change,
}

/// Compares two runs as text for a terminal; none where they have no figure in common.
pub fn compare(a: Figures, b: Figures) -> Option<String> {
    let differs = |key: &&str| a.0.get(*key) != b.0.get(*key);
    let shown = |figures: &Figures, key: &str| {
        figures.0.get(key).map_or_else(|| "nothing".to_owned(), Value::to_string)
    };
    let differ = |key: &str| format!("the loads differ: {key} is {} and {}", shown(&a, key), shown(&b, key));
    let notes: Vec<String> = LOAD.split(' ').filter(differs).map(differ).collect();
    let mut comparison = Comparison::new(&["A", "B"], "A");
    comparison.add("A", a);
    comparison.add("B", b);
    (!comparison.rows().is_empty()).then(|| comparison.text("updraft stress: two runs", notes))
}

impl Comparison {
    /// Of runs under these names, held against those of the base.
    pub fn new(names: &[&'static str], base: &'static str) -> Self {
        Self { names: names.to_vec(), base, rounds: Vec::new() }
    }

    /// Takes one run. With the second of a name the next round begins.
    pub fn add(&mut self, name: &'static str, figures: Figures) {
        match self.rounds.last_mut().filter(|round| !round.contains_key(name)) {
            Some(round) => {
                round.insert(name, figures);
            }
            None => self.rounds.push(BTreeMap::from([(name, figures)])),
        }
    }

    /// Whether nothing was measured.
    pub fn is_empty(&self) -> bool {
        self.rounds.is_empty()
    }

    /// The comparison as text for a terminal, with further notes. Where a round was cut short, whole rounds count; where
    /// there is none, what there is is told without being compared.
    pub fn text(&self, title: &str, notes: Vec<String>) -> String {
        let mut text = format!("{title}, held against {}; whole rounds: {}\n", self.base, self.whole().len());
        for note in notes.into_iter().chain(self.notes()) {
            text += &format!("NOTE {note}\n");
        }
        let head = format!("median (times {}, verdict)", self.base);
        let mut table = Table::new(std::iter::once(head.as_str()).chain(self.names.iter().copied()));
        for (key, cells) in self.rows() {
            let sum = figure::known(&key).is_some_and(|(_, _, kind, _)| kind.sum);
            let shown = |value: f64| if sum { of_one(value) } else { unit::shown(&key, value) };
            let beside = |cell: Cell| match cell.beside {
                None => shown(cell.value),
                // What was nothing before has no ratio that a person would read.
                Some(Beside { ratio, change, .. }) if ratio < 1e4 => {
                    format!("{} {ratio:.2} {}", shown(cell.value), change.name())
                }
                Some(Beside { change, .. }) => format!("{} {}", shown(cell.value), change.name()),
            };
            let name = if sum { format!("{key} per execution") } else { key.clone() };
            table.add(name, cells.into_iter().map(|cell| cell.map(beside)));
        }
        text + "\n" + &table.text()
    }

    /// The same as one flat object, without sums.
    pub fn figures(&self, scenario: LoadScenario) -> Figures {
        let mut figures = Figures::default();
        figures.text("contest", scenario.name());
        figures.number("rounds", Some(self.whole().len() as f64));
        for (key, cells) in self.rows() {
            let wanted = figure::known(&key).is_some_and(|(_, _, kind, _)| !kind.sum);
            for (name, cell) in self.names.iter().zip(cells).filter(|_| wanted) {
                figures.number(&format!("{name}.{key}"), cell.map(|cell| cell.value));
                let Some(beside) = cell.and_then(|cell| cell.beside) else { continue };
                figures.number(&format!("{name}.ratio.{key}"), Some(beside.ratio));
                figures.number(&format!("{name}.noise.{key}"), Some(beside.noise));
                figures.text(&format!("{name}.verdict.{key}"), beside.change.name());
            }
        }
        figures
    }

    /// Rounds that have every name.
    fn whole(&self) -> &[Round] {
        let whole = self.rounds.iter().take_while(|round| round.len() == self.names.len());
        &self.rounds[..whole.count()]
    }

    /// What the runs noted of themselves, each once.
    fn notes(&self) -> Vec<String> {
        let lines = |(name, figures): (&&str, &Figures)| -> Vec<String> {
            figures.notes().lines().map(|line| format!("{name}: {line}")).collect()
        };
        let mut notes: Vec<String> = self.rounds.iter().flatten().flat_map(lines).collect();
        notes.sort();
        notes.dedup();
        notes
    }

    /// Every figure that two names have, or that one has where nothing is compared, in the order of the runs' own report.
    fn rows(&self) -> Vec<(String, Vec<Option<Cell>>)> {
        let parts = self.rounds.first().into_iter().flat_map(BTreeMap::values).flat_map(|run| run.0.keys());
        let is_part = |key: &&String| key.starts_with("phase.") || key.starts_with("reference.");
        let parts: BTreeSet<&String> = parts.filter(is_part).collect();
        let least = if self.whole().is_empty() { 1 } else { 2 };
        let row = |key: &str| {
            let cells: Vec<_> = self.names.iter().map(|name| self.cell(key, name)).collect();
            (cells.iter().flatten().count() >= least).then(|| (key.to_owned(), cells))
        };
        figure::names().filter_map(row).chain(parts.into_iter().filter_map(|key| row(key))).collect()
    }

    fn cell(&self, key: &str, name: &'static str) -> Option<Cell> {
        let (_, better, kind, _) = figure::known(key).filter(|(_, _, kind, _)| kind.compared)?;
        let of = |round: &Round, name| -> Option<f64> {
            let figures = round.get(name)?;
            let value = figures.get(key)?;
            Some(if kind.sum { value / ended(figures)? } else { value })
        };
        let rounds = self.whole();
        let Some(first) = rounds.first() else {
            return Some(Cell { value: of(self.rounds.first()?, name)?, beside: None });
        };
        let values: Option<Vec<f64>> = rounds.iter().map(|round| of(round, name)).collect();
        let value = median(&values?)?;
        if name == self.base {
            return Some(Cell { value, beside: None });
        }
        let against = |round| Some(ratio(of(round, name)?, of(round, self.base)?));
        let ratios = rounds.iter().map(against).collect::<Option<Vec<f64>>>()?;
        let ratio = median(&ratios)?;
        let spread =
            ratios.iter().map(|one| (one - ratio).abs() / ratio.max(f64::EPSILON)).fold(0.0, f64::max);
        // Of one round there is no spread, but what its runs measured of themselves.
        let alone = first.values().filter(|_| rounds.len() == 1 && kind.wavers);
        let wavered = alone.filter_map(|figures| figures.get(NOISE)).fold(0.0, f64::max);
        let noise = spread.max(wavered).max(kind.band);
        Some(Cell { value, beside: Some(Beside { ratio, noise, change: change(better, ratio, noise) }) })
    }
}

impl Change {
    fn name(self) -> &'static str {
        match self {
            Self::Better => "better",
            Self::Worse => "worse",
            Self::Same => "same",
        }
    }
}

/// What a ratio says.
fn change(better: Better, ratio: f64, noise: f64) -> Change {
    // Of the larger one, so that swapping the two swaps the verdict.
    if (ratio - 1.0).abs() <= noise * ratio.max(1.0) {
        return Change::Same;
    }
    if (ratio > 1.0) == (better == Better::Higher) { Change::Better } else { Change::Worse }
}

/// A ratio that two zeros have too: nothing is as good as nothing.
fn ratio(value: f64, base: f64) -> f64 {
    if value == base { 1.0 } else { value / base.max(f64::EPSILON) }
}

/// How many executions ended, for sums; none where none did.
fn ended(figures: &Figures) -> Option<f64> {
    let ended = figures.get("completed")? + figures.get("failed").unwrap_or_default();
    Some(ended).filter(|ended| *ended > 0.0)
}

/// What one execution has of a sum: mostly far less than one of its unit.
fn of_one(value: f64) -> String {
    if value == 0.0 || value.abs() >= 0.01 { format!("{value:.2}") } else { format!("{value:.2e}") }
}

/// The middle one, or the mean of the two in the middle.
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 {
        return sorted.get(middle).copied();
    }
    Some(f64::midpoint(*sorted.get(middle.checked_sub(1)?)?, *sorted.get(middle)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn figures(value: Value) -> Figures {
        let Value::Object(object) = value else { panic!("an object") };
        Figures(object)
    }

    fn comparison(rounds: &[[Value; 3]]) -> Comparison {
        let names = ["low", "middle", "high"];
        let mut comparison = Comparison::new(&names, "middle");
        for (name, run) in rounds.iter().flat_map(|round| names.into_iter().zip(round)) {
            comparison.add(name, figures(run.clone()));
        }
        comparison
    }

    #[test]
    fn a_difference_beyond_the_noise_is_better_or_worse_as_the_figure_goes() {
        assert_eq!(change(Better::Higher, 1.04, 0.05), Change::Same);
        assert_eq!(change(Better::Higher, 1.2, 0.05), Change::Better);
        assert_eq!(change(Better::Lower, 1.2, 0.05), Change::Worse);
        assert_eq!(change(Better::Lower, ratio(3.0, 0.0), 0.05), Change::Worse);
        assert_eq!(change(Better::Lower, ratio(0.0, 0.0), 0.05), Change::Same);
        assert_eq!((median(&[]), median(&[3.0]), median(&[4.0, 1.0])), (None, Some(3.0), Some(2.5)));
    }

    #[test]
    fn figures_of_two_runs_are_compared_with_the_noise_that_they_measured() {
        let a = json!({"executions_per_s": 100, "steps_per_s": 500, "noise.executions_per_s": 0.5, "cpu_s": 1,
            "left": 0, "completed": 1000, "journal.bytes": 4000, "phase.steady.submit_p50_us": 10});
        let b = json!({"executions_per_s": 140, "steps_per_s": 700, "cpu_s": 7, "left": 1, "completed": 1400,
            "journal.bytes": 5600, "phase.steady.submit_p50_us": 5});
        let mut two = Comparison::new(&["A", "B"], "A");
        two.add("A", figures(a));
        two.add("B", figures(b));
        let rows = two.rows();
        let told: Vec<_> = rows
            .iter()
            .map(|(key, cells)| (key.as_str(), cells[1].unwrap().beside.unwrap().change))
            .collect();
        assert_eq!(
            told,
            [
                ("executions_per_s", Change::Same),
                ("steps_per_s", Change::Same),
                ("cpu_s", Change::Worse),
                ("journal.bytes", Change::Same),
                ("left", Change::Worse),
                ("phase.steady.submit_p50_us", Change::Better),
            ]
        );
    }

    #[test]
    fn rounds_are_compared_within_themselves_and_noise_is_no_difference() {
        let round = |executions: [u64; 3]| {
            executions.map(|executions| json!({"executions_per_s": executions, "errors": 0}))
        };
        // The machine is half as fast in the second round; that is no difference between the runs of one.
        let rounds = [[50, 100, 130], [25, 50, 45], [52, 104, 125]].map(round);
        let rows = comparison(&rounds).rows();
        let of = |row: usize, name: usize| rows[row].1[name].unwrap().beside;
        let low = of(0, 0).unwrap();
        assert_eq!((rows[0].0.as_str(), low.ratio, low.change), ("executions_per_s", 0.5, Change::Worse));
        assert_eq!(of(0, 1), None, "that is what the others are held against");
        assert_eq!(of(0, 2).unwrap().change, Change::Same, "rounds contradict each other");
        assert_eq!((rows[1].0.as_str(), of(1, 0).unwrap().change), ("errors", Change::Same));
        assert_eq!(rows.len(), 2, "what was not measured is absent");
    }

    #[test]
    fn runs_of_a_round_that_did_not_end_are_told_without_being_compared_and_only_where_none_did() {
        let run = || figures(json!({"executions_per_s": 50, "notes": "slow\nlate"}));
        let mut begun = Comparison::new(&["low", "middle"], "middle");
        assert!(begun.is_empty());
        begun.add("low", run());
        assert_eq!(begun.rows()[0].1, [Some(Cell { value: 50.0, beside: None }), None]);
        begun.add("middle", run());
        begun.add("low", figures(json!({"executions_per_s": 1})));
        assert_eq!(begun.rows()[0].1[0].map(|cell| cell.value), Some(50.0));
        assert_eq!(begun.notes(), ["low: late", "low: slow", "middle: late", "middle: slow"]);
    }
}
