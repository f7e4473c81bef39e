//! The scope of one shard actor: cancellation and tracking of the tasks that the actor has started. When the actor
//! dies, its executions stop. Its successor begins only when all of them are gone, so that no execution is run by two
//! actors.

use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

/// The scope, as seen from outside of the shard.
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

/// Held by every task that must be gone before the shard has a successor.
pub(crate) struct ScopeMember {
    cancelled: CancellationToken,
    _token: ScopeToken,
}

/// Held by each execution, which gets the end of the scope through its inbox.
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

    pub(crate) fn member(&self) -> ScopeMember {
        let _token = ScopeToken { _token: self.members.token() };
        ScopeMember { cancelled: self.cancelled.clone(), _token }
    }

    /// Waits until there is no member.
    pub(crate) async fn finished(&self) {
        self.members.close();
        self.members.wait().await;
    }
}

impl ScopeOwner {
    pub(crate) fn member(&self) -> ScopeMember {
        self.scope.member()
    }

    pub(crate) fn scope(&self) -> ShardScope {
        self.scope.clone()
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
