//! The report: every figure's median and spread, and the ratios against what they must reach.

use std::path::Path;

use serde_json::{Map, Value, json};

use crate::figures::{Figures, median};

/// What a figure must reach: at least, or at most.
enum Goal {
    AtLeast(f64),
    AtMost(f64),
}

/// The figures that have one.
const GOALS: [(&str, Goal); 6] = [
    ("RATIO engine ÷ driver alone, 1 at a time", Goal::AtLeast(0.95)),
    ("RATIO engine ÷ reference one after another", Goal::AtLeast(25.0)),
    ("RATIO engine ÷ reference ten at a time", Goal::AtLeast(10.0)),
    ("RATIO slow steps ÷ reference one after another", Goal::AtLeast(4.0)),
    ("engine: round trips for an execution", Goal::AtMost(0.02)),
    ("visible: 99 of 100 [ms]", Goal::AtMost(100.0)),
];

impl Goal {
    fn text(&self, figure: f64) -> String {
        let (reached, sign, goal) = match self {
            Self::AtLeast(goal) => (figure >= *goal, "≥", goal),
            Self::AtMost(goal) => (figure <= *goal, "≤", goal),
        };
        format!("{sign} {goal}{}", if reached { "" } else { ": MISSED" })
    }
}

fn shown(figure: f64) -> String {
    match figure.abs() {
        large if large >= 100.0 => format!("{figure:.0}"),
        middle if middle >= 10.0 => format!("{figure:.1}"),
        _ => format!("{figure:.3}"),
    }
}

/// The table, as Markdown.
pub(crate) fn table(figures: &Figures) -> String {
    let mut table = "| figure | median | lowest to highest | goal |\n| --- | --- | --- | --- |\n".to_owned();
    for (name, rounds) in figures.rows() {
        let middle = median(rounds);
        let lowest = rounds.iter().copied().fold(f64::INFINITY, f64::min);
        let highest = rounds.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let goal = GOALS.iter().find(|(goal, _)| *goal == name);
        let goal = goal.map(|(_, goal)| goal.text(middle)).unwrap_or_default();
        let spread = format!("{} to {}", shown(lowest), shown(highest));
        table += &format!("| {name} | {} | {spread} | {goal} |\n", shown(middle));
    }
    table
}

/// Every figure of every round.
pub(crate) fn write_json(figures: &Figures, file: &Path) {
    let rows: Map<String, Value> = figures
        .rows()
        .map(|(name, rounds)| (name.to_owned(), json!({ "median": median(rounds), "rounds": rounds })))
        .collect();
    let text = serde_json::to_string_pretty(&rows).expect("JSON");
    std::fs::write(file, text).expect("the file of --json");
}
