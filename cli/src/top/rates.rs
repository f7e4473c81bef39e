//! Rates: what two snapshots of one engine tell that one alone does not. Draws nothing.

use updraft::{EngineSnapshot, IntegrationLoad};

/// The newest snapshot against the one before, if there is one of the same engine.
pub(super) struct Rates<'a> {
    now: &'a EngineSnapshot,
    before: Option<&'a EngineSnapshot>,
}

/// What a tool did between two snapshots; its means are of all its calls where it made none between them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct ToolRate {
    pub(super) completed_per_s: Option<f64>,
    pub(super) failed_per_s: Option<f64>,
    pub(super) retried_per_s: Option<f64>,
    pub(super) mean_ms: Option<f64>,
    pub(super) mean_wait_ms: Option<f64>,
}

impl<'a> Rates<'a> {
    pub(super) fn new(now: &'a EngineSnapshot, before: Option<&'a EngineSnapshot>) -> Self {
        // Counts that went back are of another engine.
        let same = |before: &&EngineSnapshot| {
            before.journal.durable <= now.journal.durable
                && before.store.written <= now.store.written
                && before.at < now.at
        };
        Self { now, before: before.filter(same) }
    }

    /// How much more of this there is each second.
    pub(super) fn per_s(&self, of: impl Fn(&EngineSnapshot) -> u64) -> Option<f64> {
        let before = self.before?;
        let seconds = self.now.at.since(before.at) as f64 / 1e3;
        Some(of(self.now).saturating_sub(of(before)) as f64 / seconds)
    }

    pub(super) fn of_tool(&self, tool: &IntegrationLoad) -> ToolRate {
        let found = |snapshot: &'a EngineSnapshot| {
            snapshot.integrations.iter().find(|other| other.integration == tool.integration)
        };
        let before = self.before.and_then(found);
        let per_s = |of: fn(&IntegrationLoad) -> u64| {
            let of_tool = |snapshot: &EngineSnapshot| {
                let same = |other: &&IntegrationLoad| other.integration == tool.integration;
                snapshot.integrations.iter().find(same).map_or(0, of)
            };
            self.per_s(of_tool)
        };
        ToolRate {
            completed_per_s: per_s(|tool| tool.completed),
            failed_per_s: per_s(failed),
            retried_per_s: per_s(|tool| tool.retried),
            mean_ms: mean(tool, before, |tool| (tool.took_ms, tool.completed + failed(tool))),
            mean_wait_ms: mean(tool, before, |tool| (tool.waited_ms, tool.waited)),
        }
    }
}

fn failed(tool: &IntegrationLoad) -> u64 {
    tool.failed.values().sum()
}

/// The mean between two snapshots, or of all.
fn mean(
    now: &IntegrationLoad,
    before: Option<&IntegrationLoad>,
    of: fn(&IntegrationLoad) -> (u64, u64),
) -> Option<f64> {
    let (sum, number) = of(now);
    let (sum_before, number_before) = before.map(of).unwrap_or_default();
    let (more, further) = (sum.saturating_sub(sum_before), number.saturating_sub(number_before));
    let (sum, number) = if further > 0 { (more, further) } else { (sum, number) };
    (number > 0).then(|| sum as f64 / number as f64)
}
