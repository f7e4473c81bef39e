//! The flat object of figures that `--json` writes. A figure that was not measured is absent, never zero.

use serde_json::{Map, Value, json};

use updraft::bottleneck::{Bottleneck, Stage};

use crate::figure::{BESIDE, Better, OF_ARRIVALS, OF_FULL_LOAD, OF_PHASE, OF_RUN, in_reference};
use crate::options::{LoadOptions, name};
use crate::outcome::{COLUMNS, RunOutcome};
use crate::table::Table;
use crate::unit;

/// The object.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Figures(pub(crate) Map<String, Value>);

impl Figures {
    /// Reads the object that `--json` wrote.
    pub fn parse(text: &str) -> Result<Self, String> {
        serde_json::from_str(text).map(Self).map_err(|error| format!("no figures: {error}"))
    }

    /// The object as text.
    pub fn json(&self) -> String {
        format!("{:#}\n", Value::Object(self.0.clone()))
    }

    /// What the run noted of itself, a line each.
    pub fn notes(&self) -> &str {
        self.0.get("notes").and_then(Value::as_str).unwrap_or_default()
    }

    /// A figure or a text, as it stands.
    pub(crate) fn worded(&self, key: &str) -> String {
        let of = self.0.get(key);
        of.map_or_else(String::new, |of| of.as_str().map_or_else(|| of.to_string(), str::to_owned))
    }

    /// A figure; none where it was not measured.
    pub fn get(&self, key: &str) -> Option<f64> {
        self.0.get(key).and_then(Value::as_f64)
    }

    /// A figure as people read it.
    pub(crate) fn shown(&self, key: &str) -> Option<String> {
        self.get(key).map(|value| unit::shown(key, value))
    }

    pub(crate) fn number(&mut self, key: &str, number: Option<f64>) {
        let Some(number) = number.filter(|number| number.is_finite()) else { return };
        let whole = number >= 0.0 && number.fract() == 0.0;
        // Three decimals are more than any of them is exact to.
        let value = if whole { (number as u64).into() } else { ((number * 1e3).round() / 1e3).into() };
        self.0.insert(key.to_owned(), value);
    }

    pub(crate) fn text(&mut self, key: &str, text: impl Into<String>) {
        self.0.insert(key.to_owned(), text.into().into());
    }
}

/// The figures of a run.
pub(crate) fn of(
    options: &LoadOptions,
    outcome: &RunOutcome,
    stages: &[Stage],
    limit: Option<&Bottleneck>,
) -> Figures {
    let mut figures = asked(options);
    figures.text("store", if outcome.server { "mongodb" } else { "embedded" });
    figures.0.insert("interrupted".to_owned(), outcome.interrupted.into());
    for (key, _, read) in OF_FULL_LOAD {
        figures.number(key, outcome.full_load().and_then(read));
    }
    for (key, _, read) in OF_RUN {
        figures.number(key, read(outcome));
    }
    for end in &outcome.phases {
        for (key, _, read) in OF_PHASE.iter().chain(OF_ARRIVALS) {
            figures.number(&format!("phase.{}.{key}", end.phase.name), read(end));
        }
        for (key, _, read) in
            OF_ARRIVALS.iter().filter(|_| options.scenario.measured() == Some(end.phase.name))
        {
            figures.number(key, read(end));
        }
    }
    reference(&mut figures, outcome);
    for stage in stages {
        let name = stage.name.replace(' ', "_");
        figures.number(&format!("stage.{name}.cpu"), Some(stage.cpu));
        figures.number(&format!("stage.{name}.disk"), Some(stage.disk));
    }
    if let Some(limit) = limit {
        figures.text("bottleneck", &limit.stage);
    }
    figures
}

/// What was asked for.
fn asked(options: &LoadOptions) -> Figures {
    let mut asked = Map::new();
    for (key, value) in [
        ("scenario", json!(name(&options.scenario))),
        ("tools", json!(name(&options.tools))),
        ("submit", json!(name(&options.submit))),
        ("latency", json!(options.latency.to_string())),
        ("durability", json!(format!("{:?}", options.durability).to_lowercase())),
        ("version", json!(env!("CARGO_PKG_VERSION"))),
        ("profile", json!(options.profile.as_ref().map(name))),
        ("failure_rate", json!(options.failure_rate)),
        ("tenants", json!(options.tenants)),
        ("steps", json!(options.steps)),
        ("width", json!(options.width)),
        ("concurrency", json!(options.concurrency)),
        ("shards", json!(options.settings(false).shards)),
        ("seed", json!(options.seed)),
        ("duration_s", json!(options.length().time().map(|time| time.as_secs_f64()))),
        ("executions", json!(options.executions)),
        ("rate", json!(options.rate)),
    ] {
        if !value.is_null() {
            asked.insert(key.to_owned(), value);
        }
    }
    Figures(asked)
}

/// What the reference came to, and how many times as good the engine is at full load.
fn reference(figures: &mut Figures, outcome: &RunOutcome) {
    let columns = outcome.reference.iter().flat_map(|reference| &reference.columns);
    for (column, (_, _, prefix)) in columns.zip(COLUMNS) {
        for (_, key, ratio) in BESIDE {
            let mut known = OF_FULL_LOAD.iter().chain(OF_ARRIVALS).filter(|(known, ..)| *known == key);
            let Some((_, compared, read)) = known.next() else { continue };
            let theirs = read(column);
            figures.number(&format!("{prefix}{}", in_reference(key)), theirs);
            let (Some(ours), Some(theirs), Some(ratio)) = (figures.get(key), theirs, ratio) else { continue };
            let higher = compared.is_some_and(|(better, _)| better == Better::Higher);
            let times = if higher { ours / theirs } else { theirs / ours };
            figures.number(&format!("{prefix}{ratio}"), Some(times));
        }
    }
}

/// The engine beside the reference; none where none was measured.
pub(crate) fn ratios(figures: &Figures) -> Option<Table> {
    let measured = |prefix: &str| figures.get(&format!("{prefix}{}", BESIDE[0].1)).is_some();
    let columns: Vec<_> = COLUMNS.iter().filter(|(_, _, prefix)| measured(prefix)).collect();
    let head = columns.iter().flat_map(|(_, name, _)| [*name, "times"]);
    let mut table = Table::new(["at full load", "Updraft"].into_iter().chain(head));
    for (words, key, ratio) in BESIDE {
        let mut cells = vec![figures.shown(key)];
        for (_, _, prefix) in &columns {
            let times = ratio.and_then(|ratio| figures.get(&format!("{prefix}{ratio}")));
            cells.push(figures.shown(&format!("{prefix}{}", in_reference(key))));
            cells.push(times.map(|times| format!("{times:.1}")));
        }
        table.add(words, cells);
    }
    (!columns.is_empty()).then_some(table)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_measured_is_absent() {
        let mut figures = Figures::default();
        figures.number("cpu_s", None);
        figures.number("elapsed_s", Some(f64::NAN));
        figures.number("store.behind_s", Some(0.12345));
        assert_eq!(figures.0.into_iter().collect::<Vec<_>>(), [("store.behind_s".to_owned(), 0.123.into())]);
    }

    #[test]
    fn a_column_that_was_not_measured_is_left_out_and_so_is_an_empty_table() {
        let mut figures = Figures::default();
        figures.number("executions_per_s", Some(200.0));
        assert_eq!(ratios(&figures), None);
        figures.number("reference.status_changes_per_s", Some(60.0));
        figures.number("reference.executions_per_s", Some(5.0));
        figures.number("reference.ratio_executions", Some(40.0));
        let table = ratios(&figures).unwrap().0;
        assert_eq!(table[0], ["at full load", "Updraft", "one at a time", "times"]);
        assert_eq!(table[2], ["executions per second", "200", "5", "40.0"]);
        assert_eq!(table[1], ["status changes per second", "-", "60", "-"]);
    }
}
