//! The tools of one engine: by their names, and where executions began with another version, by that. Calls none.

use std::collections::BTreeMap;
use std::sync::Arc;

use updraft_protocol::{Integration, Name};

/// The tools of one engine.
#[derive(Clone, Default)]
pub struct EngineTools {
    newest: BTreeMap<Name, Arc<dyn Integration>>,
    others: BTreeMap<(Name, u32), Arc<dyn Integration>>,
}

impl EngineTools {
    /// These tools, and other versions of some.
    pub fn new(
        newest: BTreeMap<Name, Arc<dyn Integration>>,
        others: BTreeMap<(Name, u32), Arc<dyn Integration>>,
    ) -> Self {
        Self { newest, others }
    }

    /// The names of all tools.
    pub fn names(&self) -> impl Iterator<Item = &Name> {
        self.newest.keys()
    }

    /// Whether there is a tool of this name, in any version.
    pub fn has(&self, name: &Name) -> bool {
        self.newest.contains_key(name)
    }

    /// A tool in the version by which a plan was checked.
    pub fn get(&self, name: &Name, version: Option<u32>) -> Option<&Arc<dyn Integration>> {
        let newest = self.newest.get(name).filter(|tool| tool.version() == version);
        newest.or_else(|| self.others.get(&(name.clone(), version?)))
    }
}
