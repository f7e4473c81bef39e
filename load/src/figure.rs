//! Figures of a run: what each is called, which of two is better, how far it differs from run to run, which runs have it, and
//! how it is read. The object, the report, thresholds and comparisons know them from here.

use crate::bottleneck;
use crate::breaking::Verdict;
use crate::outcome::{COLUMNS, PhaseResult, RunOutcome, Sample};
use crate::reference::Column;
use crate::scenario::{Load, LoadScenario};

use Better::{Higher, Lower};
use When::{Always, Arrivals, In, Open};

/// Which of two values is the better one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Better {
    Higher,
    Lower,
}

/// How a figure differs from run to run, and so how it is compared.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Kind {
    /// By which share it may differ and say nothing.
    pub(crate) band: f64,
    /// Whether it wavers as the rate of the closed loop does: rates, of open loops too, which are multiples of it, and what
    /// is divided by them.
    pub(crate) wavers: bool,
    /// Whether it is a sum of the run, which is compared for one of its executions.
    pub(crate) sum: bool,
    /// Whether it says anything of how well a run was.
    pub(crate) compared: bool,
}

const STEADY: Kind = Kind { band: 0.05, wavers: false, sum: false, compared: true };
const RATE: Kind = Kind { wavers: true, ..STEADY };
const MEDIAN: Kind = Kind { band: 0.1, ..STEADY };
/// What hangs on a moment does so as tails of latencies do.
const TAIL: Kind = Kind { band: 0.25, ..STEADY };
const SUM: Kind = Kind { sum: true, ..STEADY };
const SUM_OF_RATE: Kind = Kind { sum: true, ..RATE };
const SUM_OF_TAIL: Kind = Kind { sum: true, ..TAIL };
const SIZE: Kind = Kind { compared: false, ..STEADY };

/// Which runs have a figure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum When {
    Always,
    /// Those of the scenario.
    In(LoadScenario),
    /// Those that a phase of open loop is measured by.
    Arrivals,
    /// Phases of open loops: only they have arrivals that are due.
    Open,
}

/// A name, which value is better, how it differs, which runs have it, and how it is read; none where it was not measured.
pub(crate) type Figure<T> = (&'static str, Better, Kind, When, fn(&T) -> Option<f64>);

/// Figures of a whole run. The unit stands last in the name; where none does, it is a count or a ratio.
pub(crate) const OF_RUN: &[Figure<RunOutcome>] = &[
    ("executions_per_s", Higher, RATE, Always, |run| Some(run.full_load()?.per_s("ended"))),
    ("steps_per_s", Higher, RATE, Always, |run| Some(run.full_load()?.per_s("steps"))),
    ("status_changes_per_s", Higher, RATE, Always, |run| Some(run.full_load()?.per_s("status_changes"))),
    ("cpu_us_per_step", Lower, RATE, Always, |run| {
        let end = run.full_load()?;
        ratio(end.cpu_s? * 1e6, end.counted.get("steps"))
    }),
    ("read_mean_ms", Lower, STEADY, Always, |run| Some(run.read_mean?.as_secs_f64() * 1e3)),
    ("rss_peak_bytes", Lower, STEADY, Always, |run| Some(run.resident_peak_bytes? as f64)),
    ("cpu_s", Lower, SUM_OF_RATE, Always, |run| run.cpu_s),
    ("elapsed_s", Lower, SIZE, Always, |run| Some(run.lasted.as_secs_f64())),
    ("store.batches", Lower, SUM_OF_TAIL, Always, |run| run.count("store.batches")),
    ("store.updates", Lower, SUM, Always, |run| run.count("store.updates")),
    ("store.coalesced", Higher, SUM, Always, |run| run.count("store.coalesced")),
    ("store.retries", Lower, SUM, Always, |run| run.count("store.retries")),
    ("store.rows_written", Lower, SUM, Always, |run| run.count("store.rows_written")),
    ("store.round_trips_per_execution", Lower, STEADY, Always, |run| {
        let counted = run.full_load()?.counted;
        ratio(counted.get("round_trips") as f64, counted.get("ended"))
    }),
    ("store.coalesced_ratio", Higher, STEADY, Always, |run| {
        ratio(run.count("store.coalesced")?, run.counted.get("status_changes"))
    }),
    ("store.pending_documents_max", Lower, TAIL, Always, |run| run.most(|now| now.pending_documents)),
    ("store.behind_s", Lower, TAIL, Always, |run| Some(run.full_load()?.behind?.as_secs_f64())),
    ("journal.fsyncs", Lower, SUM_OF_TAIL, Always, |run| run.count("journal.fsyncs")),
    ("journal.frames", Lower, SUM_OF_TAIL, Always, |run| run.count("journal.frames")),
    ("journal.bytes", Lower, SUM, Always, |run| run.count("journal.bytes")),
    ("submitted", Higher, SIZE, Always, |run| run.count("submitted")),
    ("completed", Higher, SIZE, Always, |run| run.count("completed")),
    ("failed", Lower, STEADY, Always, |run| run.count("failed")),
    ("refused", Lower, STEADY, Always, |run| run.count("refused")),
    ("dropped", Lower, STEADY, Always, |run| run.count("dropped")),
    ("left", Lower, STEADY, Always, |run| Some(run.left as f64)),
    ("errors", Lower, STEADY, Always, |run| run.count("errors")),
    ("error_ratio", Lower, STEADY, Always, |run| ratio(run.count("errors")?, run.counted.get("arrivals"))),
    ("in_flight_max", Lower, TAIL, Always, |run| run.most(|now| now.in_flight)),
    ("breaking_point_per_s", Higher, STEADY, In(LoadScenario::Stress), |run| {
        let broke = run.phases.iter().find(|end| matches!(end.verdict(), Verdict::Broke(_)));
        broke.map(PhaseResult::arrivals_per_s)
    }),
    ("sustained_per_s", Higher, STEADY, In(LoadScenario::Stress), |run| {
        let held = run.phases.iter().rfind(|end| end.verdict() == Verdict::Held);
        held.map(|end| end.per_s("ended"))
    }),
    ("spike.recovery_s", Lower, TAIL, In(LoadScenario::Spike), recovery),
    ("flood.others_p99_ratio", Lower, TAIL, In(LoadScenario::BurstTenant), |run| {
        let p99 = |name| run.phase(name)?.meter.execution.us(0.99);
        Some(p99("flood")? / p99("even")?)
    }),
    ("backlog.drain_s", Lower, STEADY, In(LoadScenario::Backlog), |run| {
        Some(run.phase("pile")?.drained?.1.as_secs_f64())
    }),
    ("backlog.stored_s", Lower, STEADY, In(LoadScenario::Backlog), |run| {
        let end = run.phase("pile")?;
        Some((end.drained?.1 + end.behind?).as_secs_f64())
    }),
];

/// Figures that each phase has, as `phase.NAME.FIGURE`. Those of arrivals stand also without that, as the phase has them that
/// the scenario is measured by.
pub(crate) const OF_PHASE: &[Figure<PhaseResult>] = &[
    ("arrivals_per_s", Higher, RATE, Open, |end| end.rates.map(|_| end.arrivals_per_s())),
    ("ended_per_s", Higher, RATE, Always, |end| Some(end.per_s("ended"))),
    ("submit_p50_us", Lower, MEDIAN, Arrivals, |end| end.meter.submit.us(0.5)),
    ("submit_p95_us", Lower, TAIL, Arrivals, |end| end.meter.submit.us(0.95)),
    ("submit_p99_us", Lower, TAIL, Arrivals, |end| end.meter.submit.us(0.99)),
    ("submit_p999_us", Lower, TAIL, Arrivals, |end| end.meter.submit.us(0.999)),
    ("execution_p50_ms", Lower, MEDIAN, Arrivals, |end| end.meter.execution.ms(0.5)),
    ("execution_p95_ms", Lower, TAIL, Arrivals, |end| end.meter.execution.ms(0.95)),
    ("execution_p99_ms", Lower, TAIL, Arrivals, |end| end.meter.execution.ms(0.99)),
    ("execution_p999_ms", Lower, TAIL, Arrivals, |end| end.meter.execution.ms(0.999)),
    ("execution_max_ms", Lower, TAIL, Arrivals, |end| end.meter.execution.ms(1.0)),
    (LATE, Lower, TAIL, Arrivals, |end| end.meter.late.us(0.99)),
];

/// How late arrivals were sent: none are where none are due.
const LATE: &str = "arrivals_late_p99_us";

/// Figures of each column of the reference, as `reference.FIGURE` and `reference.ten.FIGURE`.
pub(crate) const OF_REFERENCE: [Figure<Column>; 6] = [
    ("status_changes_per_s", Higher, STEADY, Always, |column| column.per_s(&column.counts.status_changes)),
    ("executions_per_s", Higher, STEADY, Always, |column| column.per_s(&column.counts.executions)),
    ("steps_per_s", Higher, STEADY, Always, |column| column.per_s(&column.counts.steps)),
    ("round_trips_per_execution", Lower, STEADY, Always, Column::round_trips),
    ("cpu_us_per_step", Lower, STEADY, Always, Column::cpu_us_per_step),
    ("execution_p50_ms", Lower, MEDIAN, Always, |column| column.counts.execution.ms(0.5)),
];
/// Of the same: words, the figure of the engine beside it, and where there is one, that of the ratio: how many times as good the
/// engine is.
pub(crate) const RATIOS: [(&str, &str, Option<&str>); 6] = [
    ("status changes per second", "status_changes_per_s", Some("ratio_status_changes")),
    ("executions per second", "executions_per_s", Some("ratio_executions")),
    ("steps per second", "steps_per_s", None),
    ("writes of the store per execution", "store.round_trips_per_execution", Some("ratio_round_trips")),
    ("CPU per step", "cpu_us_per_step", Some("ratio_cpu_per_step")),
    ("one execution, p50", "execution_p50_ms", None),
];

/// How far windows of full load lie from their mean.
pub(crate) const NOISE: &str = "noise.executions_per_s";

/// The names of all figures without a prefix, in the order of the report.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    all().map(|(key, ..)| key)
}

/// All figures without a prefix.
fn all() -> impl Iterator<Item = Description> {
    OF_RUN.iter().map(described).chain(OF_PHASE.iter().map(described).filter(|(.., when)| *when == Arrivals))
}

/// A figure without how it is read.
type Description = (&'static str, Better, Kind, When);

fn described<T>(&(key, better, kind, when, _): &Figure<T>) -> Description {
    (key, better, kind, when)
}

/// What there is to know of a figure; none where there is no such figure.
pub(crate) fn known(key: &str) -> Option<Description> {
    if let Some((_, key)) = key.strip_prefix("phase.").and_then(|rest| rest.split_once('.')) {
        return OF_PHASE.iter().map(described).find(|figure| figure.0 == key);
    }
    // The longest prefix first: that of one column begins as that of the other.
    if let Some(key) = COLUMNS.iter().rev().find_map(|(_, _, prefix)| key.strip_prefix(prefix)) {
        let ratios = RATIOS.iter().filter_map(|(.., ratio)| Some(((*ratio)?, Higher, STEADY, Always)));
        return OF_REFERENCE.iter().map(described).chain(ratios).find(|figure| figure.0 == key);
    }
    all().find(|figure| figure.0 == key)
}

/// Whether a run of this scenario, with a reference or without, may have the figure.
pub(crate) fn may_have(key: &str, scenario: LoadScenario, reference: bool) -> bool {
    if let Some(of_stage) = key.strip_prefix("stage.") {
        let (stage, figure) = of_stage.rsplit_once('.').unwrap_or_default();
        return bottleneck::is_stage(&stage.replace('_', " ")) && ["cpu", "disk"].contains(&figure);
    }
    let Some((.., when)) = known(key) else { return key == NOISE };
    if let Some((phase, figure)) = key.strip_prefix("phase.").and_then(|rest| rest.split_once('.')) {
        let of = scenario.phases().into_iter().find(|known| known.name == phase);
        let due = when == Open || figure == LATE;
        return of.is_some_and(|phase| !due || matches!(phase.load, Load::Open { .. }));
    }
    if key.starts_with(COLUMNS[0].2) {
        return reference;
    }
    match when {
        In(only) => only == scenario,
        Arrivals => scenario.measured().is_some(),
        Always | Open => true,
    }
}

/// A share of a count, where it is one to divide by.
fn ratio(value: f64, count: u64) -> Option<f64> {
    (count > 0).then_some(value / count as f64)
}

/// How long after the spike executions ended as fast again as before it: within twice the calm's 99th percentile.
fn recovery(run: &RunOutcome) -> Option<f64> {
    let calm = run.phase("calm")?.meter.execution.quantile(0.99)?;
    let (number, end) = run.phases.iter().enumerate().find(|(_, end)| end.phase.name == "recovery")?;
    let of_recovery = || run.seen.samples.iter().filter(|sample| sample.phase == number);
    let is_slow = |sample: &&Sample| sample.execution_us.is_some_and(|(_, p99)| p99 > calm * 2);
    let Some(slow) = of_recovery().rfind(is_slow) else { return Some(0.0) };
    // Slow to the very end is not recovered, and neither is one of which nothing ended after.
    let recovered = of_recovery().any(|one| one.at_s > slow.at_s && one.execution_us.is_some());
    recovered.then(|| (slow.at_s - end.began_s).max(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_names_every_figure() {
        let document = include_str!("../../docs/stress.md");
        let further = OF_PHASE.iter().map(|figure| figure.0).chain(OF_REFERENCE.map(|figure| figure.0));
        let ratios = RATIOS.iter().filter_map(|(.., ratio)| *ratio);
        for key in names().chain(further).chain(ratios) {
            assert!(document.contains(&format!("`{key}`")), "{key}");
        }
    }

    #[test]
    fn figures_of_a_phase_are_known_where_the_scenario_has_it() {
        let known = |key| may_have(key, LoadScenario::Baseline, false);
        assert!(known("executions_per_s") && known("phase.steady.submit_p99_us"));
        assert!(!known("phase.spike.submit_p99_us") && !known("phase.steady.cpu_s"));
        assert!(!known("phase.steady") && !known("") && !known("arrivals_per_s"));
        assert!(known("phase.ramp.arrivals_per_s") && !known("phase.throughput.arrivals_per_s"));
        assert!(known("phase.ramp.arrivals_late_p99_us") && !known("phase.throughput.arrivals_late_p99_us"));
        assert!(known("stage.shard_0.cpu") && known("stage.store_writer.disk") && known(NOISE));
        assert!(!known("stage.shard_0") && !known("stage.cook.cpu") && !known("stage.shard_x.cpu"));
    }

    #[test]
    fn a_figure_that_a_scenario_never_has_is_not_known_to_it() {
        assert!(may_have("breaking_point_per_s", LoadScenario::Stress, false));
        for key in ["breaking_point_per_s", "spike.recovery_s", "backlog.drain_s", "flood.others_p99_ratio"] {
            assert!(!may_have(key, LoadScenario::Baseline, false), "{key}");
        }
        for key in ["execution_p99_ms", "submit_p50_us", "arrivals_late_p99_us"] {
            let known = |scenario| may_have(key, scenario, false);
            assert!(known(LoadScenario::Baseline) && !known(LoadScenario::Backlog), "{key}");
        }
        assert!(may_have("executions_per_s", LoadScenario::Backlog, false));
    }

    #[test]
    fn figures_of_the_reference_are_known_where_it_runs() {
        let known = |key, reference| may_have(key, LoadScenario::Soak, reference);
        for key in ["reference.ratio_executions", "reference.ten.status_changes_per_s"] {
            assert!(known(key, true) && !known(key, false), "{key}");
        }
        assert!(!known("reference.ten", true) && !known("reference.elapsed_s", true));
    }
}
