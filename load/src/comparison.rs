//! The comparison of runs: figures under names, in rounds, each held against that of the base in the same round. Knows only
//! what the runs' objects say.

use std::collections::BTreeSet;

use crate::figure::{self, Better};
use crate::figures::Figures;
use crate::options::name;
use crate::scenario::LoadScenario;
use crate::table::Table;
use crate::unit;

/// What was measured so far, in rounds: the figures of each name, where its run has ended.
pub struct Comparison {
    names: Vec<String>,
    /// The place of the name that the others are held against.
    base: usize,
    rounds: Vec<Vec<Option<Figures>>>,
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
    /// Better, worse, or the same.
    verdict: &'static str,
}

impl Comparison {
    /// Of runs under these names, held against those of the name at `base`.
    pub fn new(names: Vec<String>, base: usize) -> Self {
        Self { names, base, rounds: Vec::new() }
    }

    /// Takes one run of the name at this place. With the second run of a name the next round begins.
    pub fn add(&mut self, name: usize, figures: Figures) {
        if self.rounds.last().is_none_or(|round| round[name].is_some()) {
            self.rounds.push(vec![None; self.names.len()]);
        }
        if let Some(round) = self.rounds.last_mut() {
            round[name] = Some(figures);
        }
    }

    /// Whether nothing was measured.
    pub fn is_empty(&self) -> bool {
        self.rounds.is_empty()
    }

    /// The comparison as text for a terminal, with further notes. Where a round was cut short, whole rounds count; where
    /// there is none, the runs that ended are shown without being compared.
    pub fn text(&self, title: &str, notes: Vec<String>) -> String {
        let base = &self.names[self.base];
        let mut text = format!("{title}, held against {base}; whole rounds: {}\n", self.whole().len());
        for note in notes.into_iter().chain(self.notes()) {
            text += &format!("NOTE {note}\n");
        }
        let head = format!("median (times {base}, verdict)");
        let mut table =
            Table::new(std::iter::once(head.as_str()).chain(self.names.iter().map(String::as_str)));
        for (key, cells) in self.rows() {
            let shown = |cell: Cell| {
                let value = unit::shown(&key, cell.value);
                match cell.beside {
                    None => value,
                    // What was nothing before has no ratio that a person would read.
                    Some(Beside { ratio, verdict, .. }) if ratio < 1e4 => {
                        format!("{value} {ratio:.2} {verdict}")
                    }
                    Some(Beside { verdict, .. }) => format!("{value} {verdict}"),
                }
            };
            table.add(key.clone(), cells.into_iter().map(|cell| cell.map(shown)));
        }
        text + "\n" + &table.text()
    }

    /// The same as one flat object.
    pub fn figures(&self, scenario: LoadScenario) -> Figures {
        let mut figures = Figures::default();
        figures.text("contest", name(&scenario));
        figures.number("rounds", Some(self.whole().len() as f64));
        for (key, cells) in self.rows() {
            for (name, cell) in self.names.iter().zip(cells) {
                figures.number(&format!("{name}.{key}"), cell.map(|cell| cell.value));
                let Some(beside) = cell.and_then(|cell| cell.beside) else { continue };
                figures.number(&format!("{name}.ratio.{key}"), Some(beside.ratio));
                figures.number(&format!("{name}.noise.{key}"), Some(beside.noise));
                figures.text(&format!("{name}.verdict.{key}"), beside.verdict);
            }
        }
        figures
    }

    /// Rounds that have every name.
    fn whole(&self) -> &[Vec<Option<Figures>>] {
        let cut = self.rounds.iter().position(|round| round.iter().any(Option::is_none));
        &self.rounds[..cut.unwrap_or(self.rounds.len())]
    }

    /// What the runs noted of themselves, each once.
    fn notes(&self) -> BTreeSet<String> {
        let runs = self.rounds.iter().flat_map(|round| self.names.iter().zip(round));
        let noted = runs.filter_map(|(name, run)| Some((name, run.as_ref()?.notes())));
        noted.flat_map(|(name, notes)| notes.lines().map(move |line| format!("{name}: {line}"))).collect()
    }

    /// Every figure that two names have, or that one has where nothing is compared, in the order of the runs' own report.
    fn rows(&self) -> Vec<(String, Vec<Option<Cell>>)> {
        let keys = self.rounds.iter().flatten().flatten().flat_map(|run| run.0.keys());
        let parts: BTreeSet<&str> =
            keys.map(String::as_str).filter(|key| key.starts_with("phase.")).collect();
        let least = if self.whole().is_empty() { 1 } else { 2 };
        let row = |key: &str| {
            let cells: Vec<_> = (0..self.names.len()).map(|name| self.cell(key, name)).collect();
            (cells.iter().flatten().count() >= least).then(|| (key.to_owned(), cells))
        };
        figure::all().map(|(key, _)| key).chain(parts).filter_map(row).collect()
    }

    fn cell(&self, key: &str, name: usize) -> Option<Cell> {
        let (better, band) = figure::known(key)??;
        let whole = self.whole();
        let compares = !whole.is_empty() && name != self.base;
        let rounds = if whole.is_empty() { self.rounds.get(..1)? } else { whole };
        let of = |name: usize| -> Option<Vec<f64>> {
            rounds.iter().map(|round| round[name].as_ref()?.get(key)).collect()
        };
        let own = of(name)?;
        let value = median(&own)?;
        if !compares {
            return Some(Cell { value, beside: None });
        }
        let ratios: Vec<f64> = own.iter().zip(of(self.base)?).map(|(own, base)| ratio(*own, base)).collect();
        let ratio = median(&ratios)?;
        let spread = ratios.iter().map(|one| (one - ratio).abs() / ratio.max(f64::EPSILON));
        let noise = spread.fold(band, f64::max);
        Some(Cell { value, beside: Some(Beside { ratio, noise, verdict: verdict(better, ratio, noise) }) })
    }
}

/// What a ratio says.
fn verdict(better: Better, ratio: f64, noise: f64) -> &'static str {
    // Of the larger one, so that swapping the two swaps the verdict.
    if (ratio - 1.0).abs() <= noise * ratio.max(1.0) {
        return "same";
    }
    if (ratio > 1.0) == (better == Better::Higher) { "better" } else { "worse" }
}

/// A ratio that two zeros have too: nothing is as good as nothing.
fn ratio(value: f64, base: f64) -> f64 {
    if value == base { 1.0 } else { value / base.max(f64::EPSILON) }
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
    use serde_json::{Value, json};

    fn figures(value: Value) -> Figures {
        let Value::Object(object) = value else { panic!("an object") };
        Figures(object)
    }

    fn comparison(runs: &[(usize, Value)]) -> Comparison {
        let names = ["low", "middle", "high"].map(str::to_owned);
        let mut comparison = Comparison::new(names.into(), 1);
        for (name, run) in runs {
            comparison.add(*name, figures(run.clone()));
        }
        comparison
    }

    #[test]
    fn a_difference_beyond_the_noise_is_better_or_worse_as_the_figure_goes() {
        assert_eq!(verdict(Better::Higher, 1.04, 0.05), "same");
        assert_eq!(verdict(Better::Higher, 1.2, 0.05), "better");
        assert_eq!(verdict(Better::Lower, 1.2, 0.05), "worse");
        assert_eq!(verdict(Better::Lower, ratio(3.0, 0.0), 0.05), "worse");
        assert_eq!(verdict(Better::Lower, ratio(0.0, 0.0), 0.05), "same");
        assert_eq!((median(&[]), median(&[3.0]), median(&[4.0, 1.0])), (None, Some(3.0), Some(2.5)));
    }

    #[test]
    fn rounds_are_compared_within_themselves_and_noise_is_no_difference() {
        // The machine is half as fast in the second round; that is no difference between the runs of one.
        let rounds = [[50, 100, 130], [25, 50, 45], [52, 104, 125]];
        let run = |executions: u64| json!({"executions_per_s": executions, "errors": 0, "submitted": 9});
        let runs: Vec<_> = rounds.iter().flat_map(|round| (0..).zip(round.map(run))).collect();
        let rows = comparison(&runs).rows();
        let of = |row: usize, name: usize| rows[row].1[name].unwrap().beside;
        let low = of(0, 0).unwrap();
        assert_eq!((rows[0].0.as_str(), low.ratio, low.verdict), ("executions_per_s", 0.5, "worse"));
        assert_eq!(of(0, 1), None, "that is what the others are held against");
        assert_eq!(of(0, 2).unwrap().verdict, "same", "rounds contradict each other");
        assert_eq!((rows[1].0.as_str(), of(1, 0).unwrap().verdict), ("errors", "same"));
        assert_eq!(rows.len(), 2, "a sum is not compared, and what was not measured is absent");
    }

    #[test]
    fn runs_of_a_round_that_did_not_end_are_shown_without_being_compared_and_only_where_none_did() {
        let run = || json!({"executions_per_s": 50, "notes": "slow\nlate"});
        let begun = comparison(&[(0, run()), (1, run())]);
        let alone = Some(Cell { value: 50.0, beside: None });
        assert_eq!(begun.rows()[0].1, [alone, alone, None]);
        assert_eq!(
            begun.notes().into_iter().collect::<Vec<_>>(),
            ["low: late", "low: slow", "middle: late", "middle: slow"]
        );
        let cut = comparison(&[(0, run()), (1, run()), (2, run()), (0, json!({"executions_per_s": 1}))]);
        assert_eq!(cut.rows()[0].1[0].map(|cell| cell.value), Some(50.0));
    }
}
