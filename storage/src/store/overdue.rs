//! Tasks of all tenants that an operator looks at: those that wait for long, and those that are tried again and again. Owns
//! which tasks a list has, and their order; reads no store.

use serde::{Deserialize, Serialize};
use updraft_protocol::{TaskId, TaskState, TaskStatus, Timestamp, WaitKind};

/// Unfinished tasks of all tenants: for operators, never for a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum OverdueTasks {
    /// Those that wait for this since before an instant, the longest wait first.
    Waiting {
        /// What they wait for: none of the waits that end at an instant of their own, such as a `delay`.
        kind: WaitKind,
        /// The instant.
        before: Timestamp,
    },
    /// Those that wait for their next attempt after so many or more, the most attempts first.
    Retrying {
        /// The attempts.
        attempts: u32,
    },
}

/// One page of such tasks, as summaries.
#[derive(Debug, Clone, Copy)]
pub struct OverdueTasksQuery {
    /// The tasks.
    pub of: OverdueTasks,
    /// The end of the last page.
    pub after: Option<OverdueTasksCursor>,
    /// The most rows; the store caps it at `limits::PAGE_ROWS`, and a page ends early once it has `limits::PAGE_BYTES`.
    pub limit: usize,
}

/// The last row of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OverdueTasksCursor {
    /// The beginning of its wait, or the number of its attempts.
    pub at: u64,
    /// Its task.
    pub task: TaskId,
}

impl OverdueTasks {
    /// The status of all its tasks. `None` if there are none: waits of this kind end at an instant of their own.
    pub fn status(&self) -> Option<TaskStatus> {
        match self {
            Self::Waiting { kind, .. } if kind.is_answered() => Some(TaskStatus::Waiting),
            Self::Waiting {
                kind: WaitKind::Retry | WaitKind::Configuration | WaitKind::Cooldown, ..
            }
            | Self::Retrying { .. } => Some(TaskStatus::Retrying),
            Self::Waiting { .. } => None,
        }
    }

    /// The place of a task in the order of the list, before its id; `None` if the list does not have it.
    pub fn place(&self, state: &TaskState) -> Option<u64> {
        if self.status() != Some(state.status) {
            return None;
        }
        match self {
            Self::Waiting { kind, before } => {
                let wait = state.wait.as_deref().filter(|wait| wait.kind == *kind && wait.since < *before);
                wait.map(|wait| wait.since.0)
            }
            Self::Retrying { attempts } => {
                Some(u64::from(state.attempt)).filter(|_| state.attempt >= *attempts)
            }
        }
    }
}
