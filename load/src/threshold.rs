//! Thresholds: what a figure must be for the run to end well.

use std::fmt;
use std::str::FromStr;

use crate::figures::{self, Figures, NOISE};
use crate::scenario::LoadScenario;
use crate::valid_keys;

/// Short names of the figures that are asked for most.
const SHORT: [(&str, &str); 4] = [
    ("p50", "execution_p50_ms"),
    ("p95", "execution_p95_ms"),
    ("p99", "execution_p99_ms"),
    ("p999", "execution_p999_ms"),
];
/// Units of values, with the ending of the figures that they fit and their factor.
const UNITS: [(&str, &str, f64); 11] = [
    ("us", "_s", 1e-6),
    ("µs", "_s", 1e-6),
    ("ms", "_s", 1e-3),
    ("s", "_s", 1.0),
    ("min", "_s", 60.0),
    ("KiB", "_bytes", 1024.0),
    ("MiB", "_bytes", 1_048_576.0),
    ("GiB", "_bytes", 1_073_741_824.0),
    ("KB", "_bytes", 1e3),
    ("MB", "_bytes", 1e6),
    ("GB", "_bytes", 1e9),
];

/// How a figure is held against a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Relation {
    Below,
    AtMost,
    Above,
    AtLeast,
}

/// Longest first, so that `<=` is not read as `<`.
const RELATIONS: [(&str, Relation); 4] =
    [("<=", Relation::AtMost), (">=", Relation::AtLeast), ("<", Relation::Below), (">", Relation::Above)];

/// What a figure must be.
#[derive(Debug, Clone, PartialEq)]
pub struct Threshold {
    key: String,
    relation: Relation,
    value: f64,
    /// As it was written.
    text: String,
}

/// What became of a threshold.
#[derive(Debug, Clone, Copy, PartialEq)]
#[must_use]
pub(crate) enum Held {
    Yes(f64),
    No(f64),
    /// The figure was not measured, which is no success.
    NotMeasured,
}

impl Threshold {
    /// Why no run of this scenario, with a reference or without, can hold it; none where one can.
    pub fn mistake(&self, scenario: LoadScenario, reference: bool) -> Option<String> {
        let known = |key: &str| valid_keys::known(key, scenario, reference);
        if known(&self.key) {
            return None;
        }
        if valid_keys::known(&self.key, scenario, true) {
            return Some(format!("--assert {}: `{}` is measured with --reference", self.text, self.key));
        }
        let short = SHORT.iter().filter(|(_, key)| known(key)).map(|(short, _)| *short);
        let whole = figures::FIGURES.iter().map(|(key, _)| *key).filter(|key| known(key));
        let phases = scenario.phases();
        let names: Vec<&str> = phases.iter().map(|phase| phase.name).collect();
        Some(format!(
            "--assert {}: there is no figure `{}` in this scenario; it has {}, stage.STAGE.cpu, stage.STAGE.disk, \
             {NOISE}, and phase.PHASE.FIGURE of {}",
            self.text,
            self.key,
            short.chain(whole).collect::<Vec<_>>().join(", "),
            names.join(", ")
        ))
    }

    /// Holds the figure against it.
    pub(crate) fn held(&self, figures: &Figures) -> Held {
        let Some(figure) = figures.get(&self.key) else { return Held::NotMeasured };
        let held = match self.relation {
            Relation::Below => figure < self.value,
            Relation::AtMost => figure <= self.value,
            Relation::Above => figure > self.value,
            Relation::AtLeast => figure >= self.value,
        };
        if held { Held::Yes(figure) } else { Held::No(figure) }
    }
}

impl FromStr for Threshold {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = RELATIONS.iter().find_map(|(sign, relation)| {
            text.split_once(sign).map(|(key, value)| (key.trim(), *relation, value.trim()))
        });
        // Of `p99=<200ms`, `p99=` would be the figure.
        let (key, relation, value) = parts
            .filter(|(key, _, value)| !key.contains('=') && !value.starts_with(['<', '>', '=']))
            .ok_or("a figure, one of < <= > >=, and a value are needed: `p99<200ms`")?;
        let key = SHORT.iter().find(|(short, _)| *short == key).map_or(key, |(_, key)| key);
        Ok(Self { key: key.to_owned(), relation, value: valued(key, value)?, text: text.to_owned() })
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The value in the unit of the figure.
fn valued(key: &str, value: &str) -> Result<f64, String> {
    let finite = |text: &str| text.parse().ok().filter(|number: &f64| number.is_finite());
    if let Some(number) = finite(value) {
        return Ok(number);
    }
    let number = value.trim_end_matches(char::is_alphabetic);
    let unit = &value[number.len()..];
    // Of a rate, `_per_s` is no time.
    let of_figure = match key {
        _ if key.ends_with("_per_s") => None,
        _ if key.ends_with("_us") || key.ends_with("_us_per_step") => Some(("_s", 1e-6)),
        _ if key.ends_with("_ms") => Some(("_s", 1e-3)),
        _ if key.ends_with("_s") => Some(("_s", 1.0)),
        _ if key.ends_with("bytes") => Some(("_bytes", 1.0)),
        _ => None,
    };
    let Some((kind, factor)) = of_figure else {
        return Err(format!("`{value}`: `{key}` takes a number without a unit"));
    };
    let units = || UNITS.iter().filter(|(_, of, _)| *of == kind);
    let fits = finite(number.trim()).zip(units().find(|(name, ..)| *name == unit));
    let allowed = || units().map(|(name, ..)| *name).collect::<Vec<_>>().join(", ");
    fits.map(|(number, (.., of_unit))| number * of_unit / factor)
        .ok_or_else(|| format!("`{value}`: `{key}` takes a number, alone or with one of {}", allowed()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(text: &str, figure: f64) -> Held {
        let threshold: Threshold = text.parse().unwrap();
        let mut figures = Figures::default();
        figures.0.insert(threshold.key.clone(), figure.into());
        threshold.held(&figures)
    }

    #[test]
    fn a_figure_is_held_against_a_value_in_its_own_unit() {
        assert_eq!(held("p99<200ms", 199.9), Held::Yes(199.9));
        assert_eq!(held("p99<200ms", 200.0), Held::No(200.0));
        assert_eq!(held("p99 <= 0.2s", 200.0), Held::Yes(200.0));
        assert_eq!(held("submit_p99_us<2ms", 1_999.0), Held::Yes(1_999.0));
        assert_eq!(held("rss_peak_bytes<1MiB", 1_048_576.0), Held::No(1_048_576.0));
        assert_eq!(held("p99<1e3ms", 999.0), Held::Yes(999.0));
        assert_eq!(held("submit_p50_us<=200µs", 200.0), Held::Yes(200.0));
        assert_eq!(held("cpu_us_per_step<=18us", 17.5), Held::Yes(17.5));
        assert_eq!(held("executions_per_s>1e9", 20_000.0), Held::No(20_000.0));
        assert_eq!(held("executions_per_s>=20000", 20_000.0), Held::Yes(20_000.0));
        let absent: Threshold = "errors<=0".parse().unwrap();
        assert_eq!(absent.held(&Figures::default()), Held::NotMeasured);
    }

    #[test]
    fn nonsense_is_refused() {
        for text in [
            "p99",
            "p99<",
            "p99<fast",
            "p99<inf",
            "p99<NaN",
            "p99<200 parsec",
            "executions_per_s>5ms",
            "p99=200ms",
            "p99=<200ms",
            "p99<<200ms",
        ] {
            assert!(text.parse::<Threshold>().is_err(), "{text}");
        }
        assert!("p99<200ns".parse::<Threshold>().unwrap_err().contains("us, µs, ms, s, min"));
        let mistake = |text: &str| text.parse::<Threshold>().unwrap().mistake(LoadScenario::Baseline, false);
        assert!(mistake("latency<1").is_some_and(|said| said.contains("executions_per_s")));
        assert!(mistake("phase.spike.submit_p99_us<1ms").is_some());
        assert_eq!(mistake("phase.steady.submit_p99_us<1ms"), None);
        assert_eq!(mistake("p99<1ms"), None);
        let said = mistake("reference.ratio_status_changes>=20");
        assert!(said.is_some_and(|said| said.contains("--reference")));
    }
}
