//! Space: whether the disk has space for the journal, as its handles see it. Set by the journal's thread; never looks
//! at a disk.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use crate::log::{Error, NoSpace};

/// Whether there is space.
#[derive(Default)]
pub(super) struct Space {
    /// Read by every submission, so that most of them take no lock.
    lacking: AtomicBool,
    found: Mutex<Option<NoSpace>>,
}

impl Space {
    /// Records that there is none. Logged once, until there is space again.
    pub(super) fn lacks(&self, cause: &Arc<str>) {
        let mut found = self.found();
        if found.is_none() {
            tracing::warn!(
                %cause,
                "the disk has no room for the journal: nothing new is accepted, what runs waits until there is some"
            );
            *found = Some(NoSpace { cause: Arc::clone(cause), since: Instant::now() });
            self.lacking.store(true, Ordering::Release);
        }
    }

    /// Records that there is space again.
    pub(super) fn has_come(&self) {
        let mut found = self.found();
        if found.take().is_some() {
            tracing::info!("the disk has room for the journal again");
            self.lacking.store(false, Ordering::Release);
        }
    }

    /// Since when there is no space, and why.
    pub(super) fn status(&self) -> Option<NoSpace> {
        self.lacking.load(Ordering::Acquire).then(|| self.found().clone()).flatten()
    }

    /// The refusal of appends that can be submitted again, while there is no space.
    pub(super) fn refusal(&self) -> Option<Error> {
        self.status().map(|NoSpace { cause, .. }| Error::NoSpace { cause })
    }

    fn found(&self) -> MutexGuard<'_, Option<NoSpace>> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_lacking_is_told_with_its_first_cause_until_there_is_room() {
        let space = Space::default();
        assert!(space.refusal().is_none());
        space.lacks(&"no space left on device".into());
        let first = space.status().unwrap();
        space.lacks(&"disk quota exceeded".into());
        assert_eq!(space.status(), Some(first));
        let refusal = space.refusal().unwrap();
        assert!(refusal.retryable() && refusal.to_string().ends_with("no space left on device"), "{refusal}");
        space.has_come();
        assert!(space.status().is_none() && space.refusal().is_none());
    }
}
