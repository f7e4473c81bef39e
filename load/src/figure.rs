//! Figures of a run: what each is called, how it is compared, and how it is read. The object, the report, thresholds and
//! comparisons know them from here.

use crate::breaking::Verdict;
use crate::outcome::{COLUMNS, PhaseResult, RunOutcome, Sample};
use crate::scenario::{LoadScenario, RAISED};

use Better::{Higher, Lower};

/// Which of two values is the better one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Better {
    Higher,
    Lower,
}

/// How a figure is compared: which value is better, and by which share it may differ and say nothing. None says nothing of how
/// well a run was.
pub(crate) type Compared = Option<(Better, f64)>;

const HIGHER: Compared = Some((Higher, 0.05));
const LOWER: Compared = Some((Lower, 0.05));
const MEDIAN: Compared = Some((Lower, 0.1));
/// What hangs on a moment differs as tails of latencies do.
const TAIL: Compared = Some((Lower, 0.25));
const SUM: Compared = None;

/// A name, how it is compared, and how it is read; none where it was not measured.
pub(crate) type Figure<T> = (&'static str, Compared, fn(&T) -> Option<f64>);

/// Figures of full load, and, as `reference.FIGURE` and `reference.ten.FIGURE`, of each column of the reference. The unit stands
/// last in the name; where none does, it is a count or a ratio.
pub(crate) const OF_FULL_LOAD: [Figure<PhaseResult>; 5] = [
    ("executions_per_s", HIGHER, |end| end.measured_per_s("ended")),
    ("steps_per_s", HIGHER, |end| end.measured_per_s("steps")),
    ("status_changes_per_s", HIGHER, |end| end.measured_per_s("status_changes")),
    ("cpu_us_per_step", LOWER, |end| ratio(end.used.cpu_s? * 1e6, end.counted.get("steps"))),
    ("store.round_trips_per_execution", LOWER, |end| {
        ratio(end.counted.get("round_trips") as f64, end.counted.get("ended"))
    }),
];

/// The engine beside the reference: words, a figure of both, and where there is one, that of the ratio: how many times as good
/// the engine is.
pub(crate) const BESIDE: [(&str, &str, Option<&str>); 6] = [
    ("status changes per second", "status_changes_per_s", Some("ratio_status_changes")),
    ("executions per second", "executions_per_s", Some("ratio_executions")),
    ("steps per second", "steps_per_s", None),
    ("writes of the store per execution", "store.round_trips_per_execution", Some("ratio_round_trips")),
    ("CPU per step", "cpu_us_per_step", Some("ratio_cpu_per_step")),
    ("one execution, p50", "execution_p50_ms", None),
];

/// Figures of a whole run.
pub(crate) const OF_RUN: &[Figure<RunOutcome>] = &[
    ("read_mean_ms", LOWER, |run| Some(run.read_mean?.as_secs_f64() * 1e3)),
    ("rss_peak_bytes", LOWER, |run| Some(run.resident_peak_bytes? as f64)),
    ("cpu_s", SUM, |run| run.cpu_s),
    ("elapsed_s", SUM, |run| Some(run.lasted.as_secs_f64())),
    ("store.batches", SUM, |run| count(run, "store.batches")),
    ("store.updates", SUM, |run| count(run, "store.updates")),
    ("store.coalesced", SUM, |run| count(run, "store.coalesced")),
    ("store.retries", SUM, |run| count(run, "store.retries")),
    ("store.rows_written", SUM, |run| count(run, "store.rows_written")),
    ("store.coalesced_ratio", HIGHER, |run| {
        ratio(run.counted.get("store.coalesced") as f64, run.counted.get("status_changes"))
    }),
    ("store.pending_documents_max", TAIL, |run| run.most(None, |now| now.pending_documents)),
    ("store.behind_s", TAIL, |run| Some(run.full_load()?.behind?.as_secs_f64())),
    ("journal.fsyncs", SUM, |run| count(run, "journal.fsyncs")),
    ("journal.frames", SUM, |run| count(run, "journal.frames")),
    ("journal.bytes", SUM, |run| count(run, "journal.bytes")),
    ("submitted", SUM, |run| count(run, "submitted")),
    ("completed", SUM, |run| count(run, "completed")),
    ("failed", LOWER, |run| count(run, "failed")),
    ("refused", LOWER, |run| count(run, "refused")),
    ("dropped", LOWER, |run| count(run, "dropped")),
    ("left", LOWER, |run| Some(run.left as f64)),
    ("errors", LOWER, |run| count(run, "errors")),
    ("error_ratio", LOWER, |run| ratio(run.counted.get("errors") as f64, run.counted.get("arrivals"))),
    ("in_flight_max", TAIL, |run| run.most(None, |now| now.in_flight)),
    ("breaking_point_per_s", HIGHER, |run| {
        let broke = raised(run).find(|end| matches!(end.verdict(), Verdict::Broke(_)));
        broke.map(PhaseResult::arrivals_per_s)
    }),
    ("sustained_per_s", HIGHER, |run| {
        raised(run).filter(|end| end.verdict() == Verdict::Held).last().map(|end| end.per_s("ended"))
    }),
    ("spike.recovery_s", TAIL, recovery),
    ("flood.others_p99_ratio", TAIL, |run| {
        let p99 = |name| run.phase(name)?.meter.execution.us(0.99);
        Some(p99("flood")? / p99("even")?)
    }),
    ("enrichment.look_ups", SUM, |run| Some(run.enriched?.0 as f64)),
    ("enrichment.calls", LOWER, |run| Some(run.enriched?.1 as f64)),
    ("enrichment.look_ups_per_call", HIGHER, |run| {
        let (look_ups, calls) = run.enriched?;
        ratio(look_ups as f64, calls)
    }),
    ("backlog.drain_s", LOWER, |run| Some(run.phase("pile")?.drained?.1.as_secs_f64())),
    ("backlog.stored_s", LOWER, |run| {
        let end = run.phase("pile")?;
        Some((end.drained?.1 + end.behind?).as_secs_f64())
    }),
];

/// Rates of each phase, as `phase.NAME.FIGURE`.
pub(crate) const OF_PHASE: &[Figure<PhaseResult>] = &[
    ("arrivals_per_s", HIGHER, |end| end.rates.map(|_| end.arrivals_per_s())),
    ("ended_per_s", HIGHER, |end| Some(end.per_s("ended"))),
];

/// Latencies of each phase, with that prefix; and without, of the phase by which the scenario is measured.
pub(crate) const OF_ARRIVALS: &[Figure<PhaseResult>] = &[
    ("submit_p50_us", MEDIAN, |end| end.meter.submit.us(0.5)),
    ("submit_p95_us", TAIL, |end| end.meter.submit.us(0.95)),
    ("submit_p99_us", TAIL, |end| end.meter.submit.us(0.99)),
    ("submit_p999_us", TAIL, |end| end.meter.submit.us(0.999)),
    ("execution_p50_ms", MEDIAN, |end| end.meter.execution.ms(0.5)),
    ("execution_p95_ms", TAIL, |end| end.meter.execution.ms(0.95)),
    ("execution_p99_ms", TAIL, |end| end.meter.execution.ms(0.99)),
    ("execution_p999_ms", TAIL, |end| end.meter.execution.ms(0.999)),
    ("execution_max_ms", TAIL, |end| end.meter.execution.ms(1.0)),
    ("arrivals_late_p99_us", TAIL, |end| end.meter.late.us(0.99)),
];

/// All figures without a prefix, in the order of the report, and how each is compared.
pub(crate) fn all() -> impl Iterator<Item = (&'static str, Compared)> {
    let of_full_load = OF_FULL_LOAD.iter().map(described);
    of_full_load.chain(OF_RUN.iter().map(described)).chain(OF_ARRIVALS.iter().map(described))
}

fn described<T>(&(key, compared, _): &Figure<T>) -> (&'static str, Compared) {
    (key, compared)
}

/// How a figure is compared; none where there is no such figure, of any scenario.
pub(crate) fn known(key: &str) -> Option<Compared> {
    if let Some((_, key)) = key.strip_prefix("phase.").and_then(|rest| rest.split_once('.')) {
        return find(OF_PHASE.iter().chain(OF_ARRIVALS).map(described), key);
    }
    // The longest prefix first: that of one column begins as that of the other.
    if let Some(key) = COLUMNS.iter().rev().find_map(|(_, _, prefix)| key.strip_prefix(prefix)) {
        let of_both = BESIDE.iter().find(|(_, of_both, _)| in_reference(of_both) == key);
        let is_ratio = BESIDE.iter().any(|(.., ratio)| *ratio == Some(key));
        return of_both.map_or(is_ratio.then_some(HIGHER), |(_, key, _)| find(all(), key));
    }
    let of_stage = key.strip_prefix("stage.").and_then(|rest| rest.rsplit_once('.'));
    if of_stage.is_some_and(|(_, figure)| ["cpu", "disk"].contains(&figure)) {
        return Some(SUM);
    }
    find(all(), key)
}

fn find(mut figures: impl Iterator<Item = (&'static str, Compared)>, key: &str) -> Option<Compared> {
    figures.find(|(known, _)| *known == key).map(|(_, compared)| compared)
}

/// Whether a run of this scenario, with a reference or without, may have the figure.
pub(crate) fn may_have(key: &str, scenario: LoadScenario, reference: bool) -> bool {
    let phase = key.strip_prefix("phase.").and_then(|rest| rest.split_once('.'));
    let has = phase.is_none_or(|(phase, _)| scenario.phases().iter().any(|known| known.name == phase));
    known(key).is_some() && has && (reference || !key.starts_with(COLUMNS[0].2))
}

/// A share of a count, where it is one to divide by.
fn ratio(value: f64, count: u64) -> Option<f64> {
    (count > 0).then_some(value / count as f64)
}

/// The name of a figure of the engine among those of a column of the reference.
pub(crate) fn in_reference(key: &str) -> &str {
    key.trim_start_matches("store.")
}

fn count(run: &RunOutcome, figure: &str) -> Option<f64> {
    Some(run.counted.get(figure) as f64)
}

/// The phases that raise the load step by step.
fn raised(run: &RunOutcome) -> impl Iterator<Item = &PhaseResult> {
    run.phases.iter().filter(|end| end.phase.name.starts_with(RAISED))
}

/// How long after the spike executions ended as fast again as before it: within twice the calm's 99th percentile.
fn recovery(run: &RunOutcome) -> Option<f64> {
    let calm = run.phase("calm")?.meter.execution.us(0.99)?;
    let (number, end) = run.phases.iter().enumerate().find(|(_, end)| end.phase.name == "recovery")?;
    let of_recovery = || run.seen.samples.iter().filter(|sample| sample.phase == number);
    let is_slow = |sample: &&Sample| sample.execution_us.is_some_and(|(_, p99)| p99 > calm * 2.0);
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
        let further =
            OF_PHASE.iter().map(|figure| figure.0).chain(BESIDE.map(|(_, key, _)| in_reference(key)));
        let ratios = BESIDE.iter().filter_map(|(.., ratio)| *ratio);
        for key in all().map(|(key, _)| key).chain(further).chain(ratios) {
            assert!(document.contains(&format!("`{key}`")), "{key}");
        }
    }

    #[test]
    fn a_figure_is_known_with_the_phases_of_the_scenario_and_with_the_reference() {
        let known = |key| may_have(key, LoadScenario::Baseline, false);
        assert!(known("executions_per_s") && known("phase.steady.submit_p99_us"));
        assert!(!known("phase.spike.submit_p99_us") && !known("phase.steady.cpu_s"));
        assert!(!known("phase.steady") && !known("") && !known("arrivals_per_s"));
        assert!(known("stage.shard_0.cpu") && !known("stage.shard_0"));
        for key in ["reference.ratio_executions", "reference.ten.status_changes_per_s"] {
            assert!(may_have(key, LoadScenario::Baseline, true) && !known(key), "{key}");
        }
        assert!(!may_have("reference.ten", LoadScenario::Baseline, true));
    }
}
