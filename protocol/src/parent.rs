//! Parents: the task that started an execution as its sub-playbook. Owns how the id of the child follows from that
//! task; starts nothing.

use serde::{Deserialize, Serialize};

use crate::ids::{ExecutionId, Name, PlaybookId, TaskId, mix};

/// The task that started an execution, in the head of the execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parent {
    /// The execution of the task.
    pub peid: ExecutionId,
    /// The task.
    pub task: TaskId,
    /// How many executions are above the child: 1 below one that was submitted.
    pub depth: u32,
    /// Whether the task waits for the end of the child. Otherwise the child goes on by itself.
    pub waits: bool,
}

/// The playbook to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlaybookChoice {
    /// This version.
    Id(PlaybookId),
    /// By name: this version, or the newest.
    Named(Name, Option<u32>),
}

impl From<PlaybookId> for PlaybookChoice {
    fn from(pid: PlaybookId) -> Self {
        Self::Id(pid)
    }
}

impl From<Name> for PlaybookChoice {
    fn from(name: Name) -> Self {
        Self::Named(name, None)
    }
}

impl ExecutionId {
    /// The id of the execution that a task starts as its sub-playbook.
    ///
    /// Derived, as the id of the task is: a start that is repeated after a crash finds the execution that it has
    /// started. No submission draws the same id, and none can take it as it could take an idempotency key.
    pub fn of_child(task: TaskId) -> Self {
        let task = u128::from_be_bytes(*task.as_bytes());
        let state = mix(task as u64 ^ mix((task >> 64) as u64 & 0xfff));
        let high = ((task >> 80) as u64) << 16 | 0x7000 | (mix(state) & 0xfff);
        let low = (state & 0x3fff_ffff_ffff_ffff) | 0x8000_0000_0000_0000;
        Self::new(uuid::Uuid::from_u64_pair(high, low))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::StepId;
    use crate::scope::ScopePath;

    #[test]
    fn each_task_has_a_child_of_its_own_and_always_the_same() {
        let root = ExecutionId::from_bytes([1, 2, 3, 4, 5, 6, 0x70, 8, 0x89, 10, 11, 12, 13, 14, 15, 16]);
        let task = |step: &str| TaskId::derive(root, &ScopePath::MAIN, &StepId::new(step).unwrap());
        let child = ExecutionId::of_child(task("a"));
        assert_eq!(child, ExecutionId::of_child(task("a")));
        assert_ne!(child, ExecutionId::of_child(task("b")));
        assert_ne!(child.as_bytes(), task("a").as_bytes());
        assert_eq!(child.uuid().get_version_num(), 7);
        assert_eq!(
            child.as_bytes()[..6],
            root.as_bytes()[..6],
            "executions of one time are adjacent in stores"
        );
    }
}
