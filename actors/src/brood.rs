//! A brood: the executions of one life of a shard. When the shard dies they stop, and its successor waits
//! until they are gone, so that no execution is run by two actors.

use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

/// Seen from outside of the shard.
#[derive(Clone)]
pub(crate) struct Brood {
    orphaned: CancellationToken,
    members: TaskTracker,
}

/// Held by the shard; its drop stops the members.
pub(crate) struct Parent {
    brood: Brood,
    _guard: DropGuard,
}

/// Held by whatever must be gone before the parent has a successor.
pub(crate) struct Member {
    orphaned: CancellationToken,
    _counted: Counted,
}

/// Held by each execution, which hears of its parent's death by its post.
pub(crate) struct Counted {
    _token: TaskTrackerToken,
}

impl Brood {
    pub(crate) fn new() -> Self {
        Self { orphaned: CancellationToken::new(), members: TaskTracker::new() }
    }

    pub(crate) fn parent(&self) -> Parent {
        Parent { brood: self.clone(), _guard: self.orphaned.clone().drop_guard() }
    }

    /// Waits until no member is left.
    pub(crate) async fn gone(&self) {
        self.members.close();
        self.members.wait().await;
    }
}

impl Parent {
    pub(crate) fn member(&self) -> Member {
        Member { orphaned: self.brood.orphaned.clone(), _counted: self.counted() }
    }

    pub(crate) fn counted(&self) -> Counted {
        Counted { _token: self.brood.members.token() }
    }
}

impl Member {
    /// Waits for the end of the parent.
    pub(crate) fn orphaned(&self) -> impl Future<Output = ()> + 'static {
        self.orphaned.clone().cancelled_owned()
    }
}
