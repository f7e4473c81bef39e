//! The ownership of a store on a server: which engine took it through these connections, and whether another has taken
//! it since. Decides whether writes are allowed; calls no server.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use uuid::Uuid;

/// Shared by all clones of a store.
#[derive(Debug, Clone, Default)]
pub(super) struct Ownership(Arc<Mutex<Held>>);

#[derive(Debug, Default)]
enum Held {
    /// No engine took it through these connections.
    #[default]
    Never,
    /// This engine did.
    By(Uuid),
    /// Another engine took it since.
    Lost,
}

impl Ownership {
    /// This engine took it, in place of any engine that had it through these connections before.
    pub(super) fn taken(&self, incarnation: Uuid) {
        *self.held() = Held::By(incarnation);
    }

    /// Another engine has taken it from this one. Ignored if this one was already replaced by an engine with the same
    /// connections.
    pub(super) fn lost(&self, incarnation: Uuid) {
        let mut held = self.held();
        if matches!(*held, Held::By(holder) if holder == incarnation) {
            *held = Held::Lost;
        }
    }

    /// Whether another engine has it than the one that took it here.
    pub(super) fn is_lost(&self) -> bool {
        matches!(*self.held(), Held::Lost)
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_lost_by_the_one_that_has_it_and_had_again_by_the_next() {
        let (ownership, [one, two]) = (Ownership::default(), [1, 2].map(Uuid::from_u128));
        ownership.lost(one);
        assert!(!ownership.is_lost(), "nobody took it");
        ownership.taken(one);
        ownership.taken(two);
        ownership.lost(one);
        assert!(!ownership.is_lost(), "the first was followed here");
        ownership.clone().lost(two);
        assert!(ownership.is_lost());
        ownership.taken(one);
        assert!(!ownership.is_lost());
    }
}
