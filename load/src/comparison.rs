//! The comparison of runs: figures under names, in rounds, each held against that of the base in the same round. Knows only
//! what the runs' objects say.

use std::collections::BTreeSet;

use crate::figure::{self, Better};
use crate::figures::Figures;
use crate::options::name;
use crate::scenario::LoadScenario;
use crate::table::Table;
use crate::unit;

/// Runs under names, in rounds: each round has the figures of one run of each name.
pub struct Comparison {
    /// The names.
    pub names: Vec<String>,
    /// The place of the name that the others are held against.
    pub base: usize,
    /// The rounds that ended.
    pub rounds: Vec<Vec<Figures>>,
}

/// One figure of one name: the median of its rounds.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Cell {
    value: f64,
    /// The median of the ratios to the base of the same round.
    ratio: f64,
    /// How far rounds lie from that, or what says nothing anyway.
    noise: f64,
    /// Better, worse, or the same.
    verdict: &'static str,
}

impl Comparison {
    /// The comparison as text for a terminal, with a further note.
    pub fn text(&self, title: &str, note: Option<String>) -> String {
        let base = &self.names[self.base];
        let mut text = format!("{title}, held against {base}; whole rounds: {}\n", self.rounds.len());
        for note in note.into_iter().chain(self.notes()) {
            text += &format!("NOTE {note}\n");
        }
        let head = format!("median (times {base}, verdict)");
        let names = self.names.iter().map(String::as_str);
        let mut table = Table::new(std::iter::once(head.as_str()).chain(names));
        for (key, cells) in self.rows() {
            let shown = |(name, cell): (usize, Option<Cell>)| {
                let Cell { value, ratio, verdict, .. } = cell?;
                let value = unit::shown(&key, value);
                Some(match ratio {
                    _ if name == self.base => value,
                    // What was nothing before has no ratio that a person would read.
                    1e4.. => format!("{value} {verdict}"),
                    _ => format!("{value} {ratio:.2} {verdict}"),
                })
            };
            table.add(key.clone(), cells.into_iter().enumerate().map(shown));
        }
        text + "\n" + &table.text()
    }

    /// The same as one flat object.
    pub fn figures(&self, scenario: LoadScenario) -> Figures {
        let mut figures = Figures::default();
        figures.text("contest", name(&scenario));
        figures.number("rounds", Some(self.rounds.len() as f64));
        for (key, cells) in self.rows() {
            for (name, cell) in self.names.iter().zip(cells) {
                let Some(Cell { value, ratio, noise, verdict }) = cell else { continue };
                figures.number(&format!("{name}.{key}"), Some(value));
                if *name != self.names[self.base] {
                    figures.number(&format!("{name}.ratio.{key}"), Some(ratio));
                    figures.number(&format!("{name}.noise.{key}"), Some(noise));
                    figures.text(&format!("{name}.verdict.{key}"), verdict);
                }
            }
        }
        figures
    }

    /// What the runs noted of themselves, each once.
    fn notes(&self) -> BTreeSet<String> {
        let runs = self.rounds.iter().flat_map(|round| self.names.iter().zip(round));
        let lines = |(name, run)| Figures::notes(run).lines().map(move |line| format!("{name}: {line}"));
        runs.flat_map(lines).collect()
    }

    /// Every figure that two names have, in the order of the runs' own report.
    fn rows(&self) -> Vec<(String, Vec<Option<Cell>>)> {
        let keys = self.rounds.iter().flatten().flat_map(|run| run.0.keys());
        let parts: BTreeSet<&str> =
            keys.map(String::as_str).filter(|key| key.starts_with("phase.")).collect();
        let row = |key: &str| {
            let cells: Vec<_> = (0..self.names.len()).map(|name| self.cell(key, name)).collect();
            (cells.iter().flatten().count() > 1).then(|| (key.to_owned(), cells))
        };
        figure::all().map(|(key, _)| key).chain(parts).filter_map(row).collect()
    }

    fn cell(&self, key: &str, name: usize) -> Option<Cell> {
        let (better, band) = figure::known(key)??;
        let of =
            |name: usize| self.rounds.iter().map(|round| round[name].get(key)).collect::<Option<Vec<_>>>();
        let (own, base) = (of(name)?, of(self.base)?);
        let ratios: Vec<f64> = own.iter().zip(base).map(|(own, base)| ratio(*own, base)).collect();
        let ratio = median(&ratios)?;
        let spread = ratios.iter().map(|one| (one - ratio).abs() / ratio.max(f64::EPSILON));
        let noise = spread.fold(band, f64::max);
        Some(Cell { value: median(&own)?, ratio, noise, verdict: verdict(better, ratio, noise) })
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
        let run = |executions: u64| {
            let text = format!(
                r#"{{"executions_per_s": {executions}, "errors": 0, "submitted": 9, "notes": "late"}}"#
            );
            Figures::parse(&text).unwrap()
        };
        let names = ["low", "middle", "high"].map(str::to_owned).into();
        let compared =
            Comparison { names, base: 1, rounds: rounds.map(|round| round.map(run).into()).into() };
        let rows = compared.rows();
        let of = |row: usize, name: usize| rows[row].1[name];
        let low = of(0, 0).unwrap();
        assert_eq!((rows[0].0.as_str(), low.ratio, low.verdict), ("executions_per_s", 0.5, "worse"));
        assert_eq!(of(0, 2).unwrap().verdict, "same", "rounds contradict each other");
        assert!(compared.text("", None).contains("NOTE low: late\n"));
        assert_eq!((rows[1].0.as_str(), of(1, 0).unwrap().verdict), ("errors", "same"));
        assert_eq!(rows.len(), 2, "a sum is not compared, and what was not measured is absent");
    }
}
