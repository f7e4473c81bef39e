//! The scope of one shard actor: cancellation and tracking of what the actor has started. When the actor dies, its executions
//! stop, and its successor begins only when all of them are gone, so that no execution is run by two actors.

use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

/// Seen from outside of the shard.
#[derive(Clone)]
pub(crate) struct ShardScope {
    cancelled: CancellationToken,
    members: TaskTracker,
}

/// Held by the shard; its drop stops the members.
pub(crate) struct ScopeOwner {
    scope: ShardScope,
    _guard: DropGuard,
}

/// Held by whatever must be gone before the shard has a successor.
pub(crate) struct ScopeMember {
    cancelled: CancellationToken,
    _token: ScopeToken,
}

/// Held by each execution, which is told of the end of the scope by its inbox.
pub(crate) struct ScopeToken {
    _token: TaskTrackerToken,
}

impl ShardScope {
    pub(crate) fn new() -> Self {
        Self { cancelled: CancellationToken::new(), members: TaskTracker::new() }
    }

    pub(crate) fn owner(&self) -> ScopeOwner {
        ScopeOwner { scope: self.clone(), _guard: self.cancelled.clone().drop_guard() }
    }

    /// Waits until no member is left.
    pub(crate) async fn finished(&self) {
        self.members.close();
        self.members.wait().await;
    }
}

impl ScopeOwner {
    pub(crate) fn member(&self) -> ScopeMember {
        ScopeMember { cancelled: self.scope.cancelled.clone(), _token: self.token() }
    }

    pub(crate) fn token(&self) -> ScopeToken {
        ScopeToken { _token: self.scope.members.token() }
    }
}

impl ScopeMember {
    /// Waits until the shard's actor is gone.
    pub(crate) fn cancelled(&self) -> impl Future<Output = ()> + 'static {
        self.cancelled.clone().cancelled_owned()
    }
}
