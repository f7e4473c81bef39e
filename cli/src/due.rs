//! Containments whose undo is due: follows them to the end of their undo, and counts those that are due later. Undoes nothing:
//! the engine does.

use std::collections::BTreeMap;

use updraft::limits::{CONTAINMENT_WATCH, PAGE_ROWS, SPAN};
use updraft::{ContainmentDocument, ContainmentId, ContainmentStatus, Engine, TenantCode, Timestamp};

use crate::exit::Error;

/// The containments that are followed.
#[derive(Default)]
pub(crate) struct Due {
    /// Those whose undo has not ended.
    open: BTreeMap<ContainmentId, TenantCode>,
    /// Those whose undo had failed when it was looked at.
    failed: BTreeMap<ContainmentId, TenantCode>,
}

impl Due {
    /// Follows all that are due by an instant, or are being undone; returns those of which that has ended since the last look.
    pub(crate) async fn look(
        &mut self,
        engine: &Engine,
        by: Timestamp,
    ) -> Result<Vec<ContainmentDocument>, Error> {
        // The engine looks again at one that is being undone within this time.
        for found in engine.containments().due(by.after(CONTAINMENT_WATCH), PAGE_ROWS).await? {
            if is_due(&found, by) {
                self.open.insert(found.id, found.tenant_code);
            }
        }
        let mut ended = Vec::new();
        for (id, tenant) in self.open.clone() {
            let found = engine.containments().get(&tenant, id).await?;
            if found.as_ref().is_some_and(|found| is_due(found, by)) {
                continue;
            }
            self.open.remove(&id);
            self.failed.remove(&id);
            let Some(found) = found else { continue };
            if found.status == ContainmentStatus::UndoFailed {
                self.failed.insert(id, tenant);
            }
            ended.push(found);
        }
        Ok(ended)
    }

    /// Those that are being undone.
    pub(crate) async fn undoing(&self, engine: &Engine) -> Result<Vec<ContainmentDocument>, Error> {
        let mut found = Vec::new();
        for (id, tenant) in &self.open {
            found.extend(engine.containments().get(tenant, *id).await?);
        }
        Ok(found)
    }

    /// How many are due, and not undone yet.
    pub(crate) fn open(&self) -> usize {
        self.open.len()
    }

    /// Whether the undo of any has failed, and not been made since.
    pub(crate) async fn has_failed(&self, engine: &Engine) -> Result<bool, Error> {
        for (id, tenant) in &self.failed {
            let found = engine.containments().get(tenant, *id).await?;
            if found.is_some_and(|found| found.status == ContainmentStatus::UndoFailed) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Whether the undo runs, or has to begin by an instant.
fn is_due(found: &ContainmentDocument, by: Timestamp) -> bool {
    found.status == ContainmentStatus::Undoing || found.due.is_some_and(|due| due <= by)
}

/// The containments for which an engine has to do something, now or later.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Ahead {
    /// Those to be undone now.
    pub(crate) now: usize,
    /// Those whose undo has failed, and when it is tried again.
    pub(crate) failed: Waiting,
    /// Those that last longer, and when the first ends.
    pub(crate) later: Waiting,
}

/// How many there are, and when the first is due.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Waiting {
    pub(crate) count: usize,
    pub(crate) first: Option<Timestamp>,
}

impl Ahead {
    /// All that an engine has; of more than one page those that are due first.
    pub(crate) async fn of(engine: &Engine, now: Timestamp) -> Result<Self, Error> {
        // No containment lasts longer than a span from its newest change.
        let due = engine.containments().due(now.after(2 * SPAN), PAGE_ROWS).await?;
        Ok(Self::among(&due, now))
    }

    fn among(due: &[ContainmentDocument], now: Timestamp) -> Self {
        let mut ahead = Self::default();
        for found in due {
            if is_due(found, now) {
                ahead.now += 1;
            } else if found.status == ContainmentStatus::UndoFailed {
                ahead.failed.add(found);
            } else {
                ahead.later.add(found);
            }
        }
        ahead
    }
}

impl Waiting {
    /// The most urgent one comes first.
    fn add(&mut self, found: &ContainmentDocument) {
        self.count += 1;
        self.first = self.first.or(found.due);
    }

    /// How many, in words.
    pub(crate) fn count(&self) -> String {
        counted(self.count)
    }

    /// When the first is due, in words.
    pub(crate) fn first(&self) -> String {
        self.first.map(|first| first.to_string()).unwrap_or_default()
    }
}

/// A number of containments that were read as one page.
pub(crate) fn counted(count: usize) -> String {
    if count < PAGE_ROWS { count.to_string() } else { format!("{count} or more") }
}
