//! The inbox: approvals that wait for people. Owns which of them an inbox has, and their order; reads no store.

use std::sync::Arc;

use updraft_protocol::{Gate, TaskDocument, TaskId, TaskStatus, TenantCode, Timestamp, Wait, WaitKind};

/// The approvals of an inbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inbox {
    /// All that wait.
    All,
    /// Those that a person may still answer, who is in these groups.
    Person {
        /// The person.
        uid: Arc<str>,
        /// The groups.
        groups: Vec<Arc<str>>,
    },
    /// Those that name a group.
    Group(Arc<str>),
}

/// One page of the approvals of a tenant that wait, those whose time is over first first.
#[derive(Debug, Clone)]
pub struct InboxQuery {
    /// The tenant.
    pub tenant: TenantCode,
    /// The approvals.
    pub of: Inbox,
    /// The end of the last page.
    pub after: Option<InboxCursor>,
    /// The most rows; the store caps it at `limits::PAGE_ROWS`, and a page ends early once it has `limits::PAGE_BYTES`.
    pub limit: usize,
}

/// The last row of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct InboxCursor {
    /// When its time is over.
    pub until: Timestamp,
    /// Its task.
    pub task: TaskId,
}

impl Inbox {
    /// Whether the inbox has an approval with this gate.
    pub fn has(&self, gate: &Gate) -> bool {
        match self {
            Self::All => true,
            Self::Person { uid, groups } => {
                gate.asks(uid, groups) && !gate.answers.iter().any(|given| given.uid == *uid)
            }
            Self::Group(group) => gate.groups.contains(group),
        }
    }

    /// Whether the inbox has this task.
    pub(crate) fn has_task(&self, task: &TaskDocument) -> bool {
        let waits = task.state.status == TaskStatus::Waiting;
        let gate = task.state.wait.as_ref().and_then(|wait| wait.gate.as_deref());
        waits && gate.is_some_and(|gate| self.has(gate))
    }
}

/// The place in the order of an inbox of a task with this wait, if it is one for people.
pub(crate) fn place(task: TaskId, wait: &Wait) -> Option<InboxCursor> {
    let until = wait.until.filter(|_| wait.kind == WaitKind::Approval)?;
    Some(InboxCursor { until, task })
}
