//! The tools of one engine: by their names, and where executions began with another version, by that. Has those that block called
//! on threads of their own. Calls none.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::time::Instant;
use updraft_protocol::{Integration, Name};

use crate::blocking::{BlockingTool, HeldThreads, ToolThreads};

/// The tools of one engine.
#[derive(Clone, Default)]
pub struct EngineTools {
    newest: BTreeMap<Name, Arc<dyn Integration>>,
    others: BTreeMap<(Name, u32), Arc<dyn Integration>>,
    /// The threads of those that block.
    threads: Vec<Arc<ToolThreads>>,
}

impl EngineTools {
    /// These tools, and other versions of some.
    pub fn new(
        newest: BTreeMap<Name, Arc<dyn Integration>>,
        others: BTreeMap<(Name, u32), Arc<dyn Integration>>,
    ) -> Self {
        let mut threads = Vec::new();
        let mut on_threads = |name: &Name, tool: Arc<dyn Integration>| -> Arc<dyn Integration> {
            match tool.blocking_threads() {
                None => tool,
                Some(most) => {
                    let tool = BlockingTool::new(name.clone(), tool, most);
                    threads.push(tool.threads());
                    Arc::new(tool)
                }
            }
        };
        let newest = newest.into_iter().map(|(name, tool)| {
            let tool = on_threads(&name, tool);
            (name, tool)
        });
        let newest = newest.collect();
        let others = others.into_iter().map(|(key, tool)| {
            let tool = on_threads(&key.0, tool);
            (key, tool)
        });
        let others = others.collect();
        Self { newest, others, threads }
    }

    /// The tools that block of which threads are held by calls whose time is over.
    pub fn held_threads(&self, now: Instant) -> Vec<HeldThreads> {
        self.threads.iter().filter_map(|threads| threads.held(now)).collect()
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
