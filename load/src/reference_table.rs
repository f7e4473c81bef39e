//! The table of ratios: the engine beside the reference, in rows of text. Measures nothing.

use crate::figures::Figures;
use crate::format::figure;
use crate::outcome::COLUMNS;

/// Where a cell has nothing to say.
const NOTHING: &str = "-";
/// What is compared: its name, the engine's figure, that of a column, and that of the ratio where there is one.
const ROWS: [(&str, &str, &str, Option<&str>); 6] = [
    (
        "status changes per second",
        "status_changes_per_s",
        "status_changes_per_s",
        Some("ratio_status_changes"),
    ),
    ("executions per second", "executions_per_s", "executions_per_s", Some("ratio_executions")),
    ("steps per second", "steps_per_s", "steps_per_s", None),
    (
        "writes of the store per execution",
        "store.round_trips_per_execution",
        "round_trips_per_execution",
        Some("ratio_round_trips"),
    ),
    ("CPU per step", "cpu_us_per_step", "cpu_us_per_step", Some("ratio_cpu_per_step")),
    ("one execution, p50", "execution_p50_ms", "execution_p50_ms", None),
];

/// The table: a head, and a row for each that was compared. Empty where no reference was measured.
pub(crate) fn table(figures: &Figures) -> Vec<Vec<String>> {
    let measured = |prefix: &str| figures.get(&format!("{prefix}status_changes_per_s")).is_some();
    let columns: Vec<_> = COLUMNS.iter().filter(|(_, _, prefix)| measured(prefix)).collect();
    if columns.is_empty() {
        return Vec::new();
    }
    let mut head = vec!["at full load".to_owned(), "Updraft".to_owned()];
    head.extend(columns.iter().flat_map(|(_, name, _)| [(*name).to_owned(), "times".to_owned()]));
    let rows = ROWS.iter().map(|(name, ours, theirs, ratio)| {
        let shown =
            |key: &str| figures.get(key).map_or_else(|| NOTHING.to_owned(), |value| figure(key, value));
        let mut row = vec![(*name).to_owned(), shown(ours)];
        for (_, _, prefix) in &columns {
            let times = ratio.and_then(|ratio| figures.get(&format!("{prefix}{ratio}")));
            row.push(shown(&format!("{prefix}{theirs}")));
            row.push(times.map_or_else(|| NOTHING.to_owned(), |times| format!("{times:.1}")));
        }
        row
    });
    std::iter::once(head).chain(rows).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_that_was_not_measured_is_left_out_and_so_is_an_empty_table() {
        let mut figures = Figures::default();
        figures.0.insert("executions_per_s".into(), 200.into());
        assert!(table(&figures).is_empty());
        figures.0.insert("reference.status_changes_per_s".into(), 60.into());
        figures.0.insert("reference.executions_per_s".into(), 5.into());
        figures.0.insert("reference.ratio_executions".into(), 40.into());
        let table = table(&figures);
        assert_eq!(table[0], ["at full load", "Updraft", "one at a time", "times"]);
        assert_eq!(table[2], ["executions per second", "200", "5", "40.0"]);
        assert_eq!(table[1], ["status changes per second", NOTHING, "60", NOTHING]);
    }
}
