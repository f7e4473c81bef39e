//! Thresholds: what a figure must be for the run to end well.

use std::str::FromStr;

use crate::figure;
use crate::figures::Figures;
use crate::scenario::LoadScenario;
use crate::summary::Told;
use crate::unit;

/// How a figure is held against a value. Longest first, so that `<=` is not read as `<`.
const RELATIONS: [(&str, Relation); 4] = [("<=", f64::le), (">=", f64::ge), ("<", f64::lt), (">", f64::gt)];

type Relation = fn(&f64, &f64) -> bool;

/// What a figure must be.
#[derive(Debug, Clone)]
pub struct Threshold {
    key: String,
    relation: Relation,
    value: f64,
    /// As it was written.
    text: String,
}

impl Threshold {
    /// Why no run of this scenario, with a reference or without, can hold it; none where one can.
    pub fn mistake(&self, scenario: LoadScenario, reference: bool) -> Option<String> {
        let Self { key, text, .. } = self;
        let names: Vec<&str> = figure::all().map(|(key, _)| key).collect();
        let phases: Vec<&str> = scenario.phases().iter().map(|phase| phase.name).collect();
        (!figure::may_have(key, scenario, reference)).then(|| {
            format!(
                "--assert {text}: there is no figure `{key}` in this run; it has {}, stage.STAGE.cpu, stage.STAGE.disk, \
                 phase.PHASE.FIGURE of {}, and with --reference those of the reference",
                names.join(", "),
                phases.join(", ")
            )
        })
    }

    /// Whether the figure holds, and what it is. One that was not measured is no success.
    pub(crate) fn held(&self, figures: &Figures) -> Told {
        let text = &self.text;
        let Some(figure) = figures.get(&self.key) else {
            return Told { well: false, text: format!("{text} was not measured") };
        };
        let well = (self.relation)(&figure, &self.value);
        Told { well, text: format!("{text} {}: {figure}", if well { "holds" } else { "does not hold" }) }
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
        // `p99` is that of executions.
        let digits = key.strip_prefix('p').and_then(|digits| digits.parse::<u16>().ok());
        let key = digits.map_or_else(|| key.to_owned(), |digits| format!("execution_p{digits}_ms"));
        Ok(Self { relation, value: unit::read(&key, value)?, key, text: text.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(text: &str, figure: f64) -> bool {
        let threshold: Threshold = text.parse().unwrap();
        let mut figures = Figures::default();
        figures.0.insert(threshold.key.clone(), figure.into());
        threshold.held(&figures).well
    }

    #[test]
    fn a_figure_is_held_against_a_value_in_its_own_unit() {
        assert!(held("p99<200ms", 199.9));
        assert!(!held("p99<200ms", 200.0));
        assert!(held("p99 <= 0.2s", 200.0));
        assert!(held("submit_p99_us<2ms", 1_999.0));
        assert!(!held("rss_peak_bytes<1MiB", 1_048_576.0));
        assert!(held("p99<1e3ms", 999.0));
        assert!(held("submit_p50_us<=200µs", 200.0));
        assert!(held("cpu_us_per_step<=18us", 17.5));
        assert!(!held("executions_per_s>1e9", 20_000.0));
        assert!(held("executions_per_s>=20000", 20_000.0));
        let absent: Threshold = "errors<=0".parse().unwrap();
        assert!(!absent.held(&Figures::default()).well, "it was not measured");
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
