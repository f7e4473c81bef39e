//! The tools at whose gates calls stand in line, though they take no permits: those that do not work just now. Owns their
//! names; never waits.

use std::collections::BTreeMap;

use updraft_protocol::Name;

use super::sync::{Arc, AtomicUsize, Mutex, Ordering, lock};

/// The names, shared by whoever holds a clone.
#[derive(Clone, Default)]
pub struct GatedTools(Arc<Inner>);

#[derive(Default)]
struct Inner {
    /// Of those below, so that nobody takes the lock while there are none.
    count: AtomicUsize,
    /// How many gates each of them has.
    tools: Mutex<BTreeMap<Name, usize>>,
}

impl GatedTools {
    /// Whether calls of this tool stand in line.
    pub fn has(&self, tool: &Name) -> bool {
        self.0.count.load(Ordering::Acquire) > 0 && lock(&self.0.tools).contains_key(tool)
    }

    /// A gate of this tool is there.
    pub fn add(&self, tool: &Name) {
        let mut tools = lock(&self.0.tools);
        *tools.entry(tool.clone()).or_default() += 1;
        self.0.count.store(tools.len(), Ordering::Release);
    }

    /// A gate of this tool is gone.
    pub fn remove(&self, tool: &Name) {
        let mut tools = lock(&self.0.tools);
        if let Some(gates) = tools.get_mut(tool) {
            *gates -= 1;
            if *gates == 0 {
                tools.remove(tool);
            }
        }
        self.0.count.store(tools.len(), Ordering::Release);
    }
}

impl std::fmt::Debug for GatedTools {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("GatedTools").field(&self.0.count.load(Ordering::Acquire)).finish()
    }
}
