//! What an engine has counted of the calls of each tool and of its shards, as metrics and for whoever looks at the engine. Labels are
//! bounded: tools beyond [`METRIC_INTEGRATIONS`] are counted together, and of tenants only their class is told. Decides nothing.

mod calls;
mod shards;

use std::collections::BTreeMap;
use std::sync::Arc;

use updraft_protocol::Name;
use updraft_protocol::limits::METRIC_INTEGRATIONS;

use crate::labelled::Labelled;
use crate::quotas::TenantClass;
pub use calls::{CallCounts, CallStatistics};
pub(crate) use calls::{CircuitLevels, WaitingCall};
pub(crate) use shards::ShardFigure;
pub use shards::ShardStatistics;

/// The name under which the tools are counted that have none of their own.
pub const OTHER: &str = "other";

/// The statistics of one engine.
#[derive(Debug)]
pub struct EngineStatistics {
    /// Those of each tool that is counted alone.
    by_tool: BTreeMap<Name, Arc<CallStatistics>>,
    /// Those of all others.
    other: Arc<CallStatistics>,
    /// How long executions were queued, by the classes of their tenants.
    queued: [Labelled; TenantClass::ALL.len()],
    /// Those of each shard.
    shards: Vec<Arc<ShardStatistics>>,
}

impl EngineStatistics {
    /// Those of these tools and of so many shards. Tools are known from the start on, so that no call waits for a lock to be
    /// counted.
    pub fn new<'a>(tools: impl Iterator<Item = &'a Name>, shards: usize) -> Self {
        let alone = tools.filter(|name| name.as_str() != OTHER).take(METRIC_INTEGRATIONS);
        let by_tool =
            alone.map(|name| (name.clone(), Arc::new(CallStatistics::new(name.as_str())))).collect();
        let queued = TenantClass::ALL
            .map(|class| Labelled::new("updraft_backlog_wait_seconds", [("class", class.as_str().into())]));
        let shards = (0..shards).map(|_| Arc::default()).collect();
        Self { by_tool, other: Arc::new(CallStatistics::new(OTHER)), queued, shards }
    }

    /// The statistics of the calls of a tool.
    pub fn of(&self, tool: &Name) -> &Arc<CallStatistics> {
        self.by_tool.get(tool).unwrap_or(&self.other)
    }

    /// The name under which a tool is told.
    pub fn label<'a>(&self, tool: &'a Name) -> &'a str {
        if self.by_tool.contains_key(tool) { tool.as_str() } else { OTHER }
    }

    /// All of them, by the names under which they are told; those of the others last, if they have counted anything.
    pub fn all(&self) -> impl Iterator<Item = (&str, &CallStatistics)> {
        let alone = self.by_tool.iter().map(|(name, calls)| (name.as_str(), calls.as_ref()));
        alone.chain(self.other.is_used().then_some((OTHER, self.other.as_ref())))
    }

    /// The statistics of the shards, by their numbers.
    pub fn shards(&self) -> &[Arc<ShardStatistics>] {
        &self.shards
    }

    /// The statistics of a shard.
    pub(crate) fn shard(&self, index: usize) -> Arc<ShardStatistics> {
        self.shards.get(index).cloned().unwrap_or_default()
    }

    /// The circuits of these tools are in these states, those of all others work.
    pub(crate) fn show_circuits(&self, troubled: &BTreeMap<Name, CircuitLevels>) {
        let mut other = CircuitLevels::default();
        for (name, levels) in troubled {
            if !self.by_tool.contains_key(name) {
                other.join(levels);
            }
        }
        let none = CircuitLevels::default();
        for (name, calls) in &self.by_tool {
            calls.show_circuits(troubled.get(name).unwrap_or(&none));
        }
        self.other.show_circuits(&other);
    }

    /// An execution has left the backlog after this time.
    pub(crate) fn began_queued(&self, class: TenantClass, waited_ms: u64) {
        self.queued[class as usize].record(waited_ms as f64 / 1e3);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tool_beyond_the_bound_is_counted_with_the_others_and_no_label_is_made_for_it() {
        let names: Vec<Name> = (0..METRIC_INTEGRATIONS + 9)
            .map(|number| Name::new(format!("tool-{number:04}")).unwrap())
            .collect();
        let other = Name::new(OTHER).unwrap();
        let statistics = EngineStatistics::new(std::iter::once(&other).chain(&names), 2);
        assert_eq!(statistics.all().count(), METRIC_INTEGRATIONS, "the others have counted nothing");
        let last = &names[METRIC_INTEGRATIONS - 1];
        assert!(!Arc::ptr_eq(statistics.of(last), &statistics.other));
        for beyond in [&names[METRIC_INTEGRATIONS], &other, &Name::new("gone").unwrap()] {
            assert!(Arc::ptr_eq(statistics.of(beyond), &statistics.other), "{beyond}");
        }
        statistics.of(&other).cooled();
        assert_eq!(statistics.all().last().map(|(name, _)| name), Some(OTHER));
    }
}
