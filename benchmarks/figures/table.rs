//! The table: the values of all rounds by figure, and their medians as text.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::row::ROWS;

#[derive(Default)]
pub(crate) struct Table {
    values: BTreeMap<String, Vec<f64>>,
}

impl Table {
    pub(crate) fn add(&mut self, name: String, value: f64) {
        self.values.entry(name).or_default().push(value);
    }

    /// A row for each figure that was measured: the median, what is to be reached, the lowest and the highest.
    pub(crate) fn text(&self) -> String {
        let mut text = String::from(
            "| figure | median | to reach | | lowest to highest |\n| --- | --- | --- | --- | --- |\n",
        );
        for row in ROWS {
            let Some(values) = self.values.get(row.key) else { continue };
            let (middle, lowest, highest) =
                (quantile(values, 0.5), quantile(values, 0.0), quantile(values, 1.0));
            let (goal, verdict) = (row.goal(), row.verdict(middle));
            let _ = writeln!(
                text,
                "| {} | {} {} | {goal} | {verdict} | {} to {} |",
                row.what,
                shown(middle),
                row.unit,
                shown(lowest),
                shown(highest)
            );
        }
        text
    }
}

fn shown(value: f64) -> String {
    match value {
        value if value >= 100.0 => format!("{value:.0}"),
        value if value >= 10.0 => format!("{value:.1}"),
        value => format!("{value:.2}"),
    }
}

/// The value below which this share of them lies.
pub(crate) fn quantile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = ((sorted.len().max(1) - 1) as f64 * share).round() as usize;
    sorted.get(at).copied().unwrap_or(f64::NAN)
}
