//! The comparison of profiles: what their rounds came to, held against the balanced one of the same round. Runs
//! nothing.

use std::fmt::Write as _;

use crate::compare::{self, Change};
use crate::figures::{self, Figures};
use crate::format::figure;
use crate::profile::Profile;
use crate::scenario::LoadScenario;

/// What is compared, where the scenario measures it. Counts of a run that lasts a given time say nothing.
const SHOWN: &str = "executions_per_s steps_per_s cpu_us_per_step submit_p50_us submit_p99_us execution_p50_ms \
    execution_p99_ms rss_peak_bytes store.round_trips_per_execution store.coalesced_ratio \
    store.pending_documents_max store.behind_s in_flight_max errors breaking_point_per_s \
    spike.recovery_s flood.others_p99_ratio backlog.drain_s backlog.stored_s";
/// What a profile is chosen by.
const CHOSEN_BY: [(&str, &str); 4] = [
    ("executions_per_s", "most executions per second"),
    ("execution_p99_ms", "shortest executions (p99)"),
    ("submit_p99_us", "quickest acknowledgements (p99)"),
    ("rss_peak_bytes", "least memory"),
];

/// The figures of each profile, of one round.
type Round = Vec<(Profile, Figures)>;

/// What was measured so far.
#[derive(Default)]
pub struct ProfileComparison {
    rounds: Vec<Round>,
    /// The round under way.
    begun: Round,
}

/// One figure of one profile.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Cell {
    /// The median of its rounds.
    value: f64,
    /// The median of its ratios to the balanced profile of the same round.
    ratio: f64,
    /// How far rounds lie from that, or what says nothing anyway.
    noise: f64,
    change: Change,
}

impl ProfileComparison {
    /// Takes one run of the round under way.
    pub fn add(&mut self, profile: Profile, figures: Figures) {
        self.begun.push((profile, figures));
    }

    /// Ends the round under way.
    pub fn end_round(&mut self) {
        self.rounds.push(std::mem::take(&mut self.begun));
    }

    /// Whether nothing was measured.
    pub fn is_empty(&self) -> bool {
        self.rounds.is_empty() && self.begun.is_empty()
    }

    /// The comparison as text for a terminal. Of one that was `cut` short, and why, whole rounds count; where there is none,
    /// what there is is told without being compared.
    pub fn text(&self, cut: Option<&str>) -> String {
        let rounds = self.rounds.len();
        let mut text = format!("updraft stress: profiles against each other, {rounds} rounds in turn\n");
        if let Some(why) = cut {
            let _ = writeln!(text, "NOTE {why}: only whole rounds are compared.");
        }
        for note in self.notes() {
            let _ = writeln!(text, "NOTE {note}");
        }
        if self.is_empty() {
            return text;
        }
        let columns: String = Profile::ALL.iter().map(|p| format!(" {:>27}", p.name())).collect();
        let _ = writeln!(text, "\n{:32}{columns}", "median (times balanced, verdict)");
        for key in SHOWN.split(' ') {
            let cells = self.cells(key);
            if cells.iter().any(Option::is_some) {
                let cells = cells.into_iter().map(|cell| format!(" {:>27}", shown(key, cell)));
                let _ = writeln!(text, "{key:32}{}", cells.collect::<String>());
            }
        }
        if rounds > 0 {
            text.push('\n');
            for (key, name) in CHOSEN_BY {
                let best = self.best(key).map(|best| format!("{name}: {best}\n"));
                text += &best.unwrap_or_default();
            }
        }
        text
    }

    /// The same as one flat object.
    pub fn figures(&self, scenario: LoadScenario) -> Figures {
        let mut figures = Figures::default();
        figures.0.insert("contest".to_owned(), scenario.name().into());
        figures.0.insert("rounds".to_owned(), self.rounds.len().into());
        for key in SHOWN.split(' ') {
            for (profile, cell) in Profile::ALL.iter().zip(self.cells(key)) {
                let Some(cell) = cell else { continue };
                let name = profile.name();
                figures.number(&format!("{name}.{key}"), Some(cell.value));
                if *profile != Profile::Balanced && !self.rounds.is_empty() {
                    figures.number(&format!("{name}.ratio.{key}"), Some(cell.ratio));
                    figures.number(&format!("{name}.noise.{key}"), Some(cell.noise));
                    figures.text(&format!("{name}.verdict.{key}"), cell.change.name());
                }
            }
        }
        figures
    }

    /// What the runs noted of themselves, each once.
    fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        for (profile, figures) in self.rounds.iter().flatten().chain(&self.begun) {
            let lines = figures.notes().lines();
            notes.extend(lines.map(|line| format!("{}: {line}", profile.name())));
        }
        notes.sort();
        notes.dedup();
        notes
    }

    /// One figure of every profile; none where a round does not have it.
    fn cells(&self, key: &str) -> Vec<Option<Cell>> {
        Profile::ALL.iter().map(|profile| self.cell(key, *profile)).collect()
    }

    fn cell(&self, key: &str, profile: Profile) -> Option<Cell> {
        if self.rounds.is_empty() {
            let (_, figures) = self.begun.iter().find(|(begun, _)| *begun == profile)?;
            let value = figures.get(key)?;
            return Some(Cell { value, ratio: 1.0, noise: 0.0, change: Change::Same });
        }
        let of = |round: &Round, wanted: Profile| {
            round.iter().find(|(profile, _)| *profile == wanted).and_then(|(_, figures)| figures.get(key))
        };
        let values: Option<Vec<f64>> = self.rounds.iter().map(|round| of(round, profile)).collect();
        let bases: Option<Vec<f64>> = self.rounds.iter().map(|round| of(round, Profile::Balanced)).collect();
        let (values, bases) = (values?, bases?);
        let ratios: Vec<f64> =
            values.iter().zip(&bases).map(|(value, base)| against(*value, *base)).collect();
        let ratio = median(&ratios)?;
        let spread =
            ratios.iter().map(|one| (one - ratio).abs() / ratio.max(f64::EPSILON)).fold(0.0, f64::max);
        // Of one round there is no spread, but what its runs measured of themselves.
        let alone = self.rounds.iter().filter(|_| self.rounds.len() == 1).flatten();
        let wavered = alone.map(|(_, figures)| compare::noise(key, figures)).fold(0.0, f64::max);
        let noise = spread.max(wavered).max(compare::band(key));
        let change = compare::change(figures::better(key)?, 1.0, ratio, noise);
        Some(Cell { value: median(&values)?, ratio, noise, change })
    }

    /// Which profile has the best of a figure, where the difference is more than noise.
    fn best(&self, key: &str) -> Option<String> {
        let cells = self.cells(key);
        let named = Profile::ALL.iter().zip(&cells).filter_map(|(p, cell)| Some((p, (*cell)?)));
        let higher = figures::better(key)? == figures::Better::Higher;
        let best = named.filter(|(_, cell)| cell.change == Change::Better).max_by(|(_, a), (_, b)| {
            if higher { a.ratio.total_cmp(&b.ratio) } else { b.ratio.total_cmp(&a.ratio) }
        });
        let worse: Vec<&str> = Profile::ALL
            .iter()
            .zip(&cells)
            .filter(|(_, cell)| cell.is_some_and(|cell| cell.change == Change::Worse))
            .map(|(profile, _)| profile.name())
            .collect();
        Some(match best {
            Some((profile, cell)) => format!("{} ({:.2} times balanced)", profile.name(), cell.ratio),
            None if worse.is_empty() => "none differs by more than the noise".to_owned(),
            None => format!("balanced is not beaten; {} worse", worse.join(" and ")),
        })
    }
}

/// A ratio that two zeros have too: nothing is as good as nothing.
fn against(value: f64, base: f64) -> f64 {
    if value == base { 1.0 } else { value / base.max(f64::EPSILON) }
}

fn shown(key: &str, cell: Option<Cell>) -> String {
    let Some(cell) = cell else { return "-".to_owned() };
    let value = figure(key, cell.value);
    if cell.ratio == 1.0 {
        return value;
    }
    // What was nothing before has no ratio that a person would read.
    let ratio = if cell.ratio < 1e4 { format!("{:.2}", cell.ratio) } else { "much".to_owned() };
    format!("{value} ({ratio} {})", cell.change.name())
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

    fn round(comparison: &mut ProfileComparison, executions: [u64; 3], memory: [u64; 3]) {
        for ((profile, executions), memory) in Profile::ALL.iter().zip(executions).zip(memory) {
            let json = json!({"executions_per_s": executions, "rss_peak_bytes": memory, "errors": 0});
            let serde_json::Value::Object(object) = json else { panic!("an object") };
            comparison.add(*profile, Figures(object));
        }
        comparison.end_round();
    }

    #[test]
    fn rounds_are_compared_within_themselves_and_noise_is_no_difference() {
        let mut comparison = ProfileComparison::default();
        // The machine is half as fast in the second round; that is no difference between profiles.
        round(&mut comparison, [50, 100, 130], [10, 20, 20]);
        round(&mut comparison, [25, 50, 45], [11, 20, 21]);
        round(&mut comparison, [52, 104, 125], [10, 20, 20]);
        let cells = comparison.cells("executions_per_s");
        let told: Vec<_> = cells.iter().map(|cell| cell.map(|cell| (cell.ratio, cell.change))).collect();
        assert_eq!(told[0], Some((0.5, Change::Worse)));
        assert_eq!(told[1], Some((1.0, Change::Same)));
        assert_eq!(told[2].map(|(_, verdict)| verdict), Some(Change::Same), "rounds contradict each other");
        let best = comparison.best("executions_per_s").unwrap();
        assert_eq!(best, "balanced is not beaten; conservative worse");
        assert_eq!(comparison.best("rss_peak_bytes").unwrap(), "conservative (0.50 times balanced)");
        assert_eq!(comparison.cells("errors")[0].map(|cell| cell.change), Some(Change::Same));
        assert_eq!(comparison.cells("submit_p99_us"), [None; 3], "what was not measured is absent");
    }

    #[test]
    fn a_round_that_did_not_end_does_not_count() {
        let mut comparison = ProfileComparison::default();
        comparison.add(Profile::Balanced, Figures::default());
        assert!(comparison.cells("executions_per_s").iter().all(Option::is_none));
        assert_eq!((median(&[]), median(&[3.0]), median(&[4.0, 1.0])), (None, Some(3.0), Some(2.5)));
    }

    #[test]
    fn what_runs_note_of_themselves_is_told_once_for_each_profile() {
        let mut comparison = ProfileComparison::default();
        let noted = |text: &str| {
            let mut figures = Figures::default();
            figures.text("notes", text);
            figures
        };
        comparison.add(Profile::Balanced, noted("slow\nlate"));
        comparison.end_round();
        comparison.add(Profile::Balanced, noted("late"));
        comparison.add(Profile::Aggressive, noted("late"));
        assert_eq!(comparison.notes(), ["aggressive: late", "balanced: late", "balanced: slow"]);
    }

    #[test]
    fn runs_of_a_round_that_did_not_end_are_told_without_being_compared() {
        let mut comparison = ProfileComparison::default();
        assert!(comparison.is_empty());
        let mut figures = Figures::default();
        figures.number("executions_per_s", Some(50.0));
        comparison.add(Profile::Conservative, figures);
        assert!(!comparison.is_empty());
        let cells = comparison.cells("executions_per_s");
        assert_eq!(
            cells.iter().map(|cell| cell.map(|cell| cell.value)).collect::<Vec<_>>(),
            [Some(50.0), None, None]
        );
        assert!(cells.iter().flatten().all(|cell| cell.change == Change::Same));
    }
}
