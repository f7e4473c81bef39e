//! Which figures the runs of a scenario may have: what a threshold can be held against. Measures nothing.

use crate::bottleneck;
use crate::figures::{NOISE, better};
use crate::outcome::COLUMNS;
use crate::scenario::{Load, LoadScenario};

/// How figures begin that only the phase has by which a scenario is measured.
const OF_ARRIVALS: [&str; 3] = ["submit_", "execution_", "arrivals_"];

/// Whether a run of this scenario, with a reference or without, may have the figure.
pub(crate) fn known(key: &str, scenario: LoadScenario, reference: bool) -> bool {
    if key.starts_with(COLUMNS[0].2) {
        return reference && better(key).is_some();
    }
    if let Some(of_stage) = key.strip_prefix("stage.") {
        let (stage, figure) = of_stage.rsplit_once('.').unwrap_or_default();
        return bottleneck::is_stage(&stage.replace('_', " ")) && ["cpu", "disk"].contains(&figure);
    }
    if let Some((phase, _)) = key.strip_prefix("phase.").and_then(|rest| rest.split_once('.')) {
        let of = scenario.phases().into_iter().find(|known| known.name == phase);
        // Only an open loop has arrivals that are due.
        let due = of.is_some_and(|phase| matches!(phase.load, Load::Open { .. }));
        return better(key).is_some() && of.is_some() && (due || !key.ends_with(".arrivals_per_s"));
    }
    match key {
        NOISE => true,
        "breaking_point_per_s" | "sustained_per_s" => scenario == LoadScenario::Stress,
        "spike.recovery_s" => scenario == LoadScenario::Spike,
        "flood.others_p99_ratio" => scenario == LoadScenario::BurstTenant,
        "backlog.drain_s" | "backlog.stored_s" => scenario == LoadScenario::Backlog,
        _ if OF_ARRIVALS.iter().any(|part| key.starts_with(part)) => {
            better(key).is_some() && scenario.measured().is_some()
        }
        _ => better(key).is_some(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_of_a_phase_are_known_where_the_scenario_has_it() {
        let known = |key| known(key, LoadScenario::Baseline, false);
        assert!(known("executions_per_s") && known("phase.steady.submit_p99_us"));
        assert!(!known("phase.spike.submit_p99_us") && !known("phase.steady.cpu_s"));
        assert!(!known("phase.steady") && !known(""));
        assert!(known("phase.ramp.arrivals_per_s") && !known("phase.throughput.arrivals_per_s"));
        assert!(known("stage.shard_0.cpu") && known("stage.store_writer.disk") && known(NOISE));
        assert!(!known("stage.shard_0") && !known("stage.cook.cpu") && !known("stage.shard_x.cpu"));
    }

    #[test]
    fn a_figure_that_a_scenario_never_has_is_not_known_to_it() {
        assert!(known("breaking_point_per_s", LoadScenario::Stress, false));
        for key in ["breaking_point_per_s", "spike.recovery_s", "backlog.drain_s", "flood.others_p99_ratio"] {
            assert!(!known(key, LoadScenario::Baseline, false), "{key}");
        }
        for key in ["execution_p99_ms", "submit_p50_us", "arrivals_late_p99_us"] {
            assert!(
                known(key, LoadScenario::Baseline, false) && !known(key, LoadScenario::Backlog, false),
                "{key}"
            );
        }
        assert!(known("executions_per_s", LoadScenario::Backlog, false));
    }

    #[test]
    fn figures_of_the_reference_are_known_where_it_runs() {
        for key in ["reference.ratio_executions", "reference.ten.status_changes_per_s"] {
            let known = |reference| known(key, LoadScenario::Soak, reference);
            assert!(known(true) && !known(false), "{key}");
        }
        let known = |key| known(key, LoadScenario::Soak, true);
        assert!(!known("reference.ten") && !known("reference.elapsed_s"));
    }
}
