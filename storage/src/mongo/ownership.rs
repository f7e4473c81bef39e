//! The ownership of a store on a server: which engine took it through these connections, and whether another has taken it since.
//! Decides what is still written; asks no server.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use uuid::Uuid;

/// Shared by all clones of a store.
#[derive(Debug, Clone, Default)]
pub(super) struct Ownership(Arc<Mutex<Held>>);

#[derive(Debug, Default)]
enum Held {
    /// Nobody took it here.
    #[default]
    Never,
    /// This one did.
    By(Uuid),
    /// Another took it since.
    Lost,
}

impl Ownership {
    /// This one took it: whoever had it here before, and lost it, is followed.
    pub(super) fn taken(&self, incarnation: Uuid) {
        *self.held() = Held::By(incarnation);
    }

    /// Another than this one has it. Where this one was followed through the same connections, that says nothing of them.
    pub(super) fn lost(&self, incarnation: Uuid) {
        let mut held = self.held();
        if matches!(*held, Held::By(holder) if holder == incarnation) {
            *held = Held::Lost;
        }
    }

    /// Whether another has it than the one that took it here.
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
