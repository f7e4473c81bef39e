//! Tasks inside the machine: each is one run of one step in one scope.

use std::ops::{Index, IndexMut};

use updraft_protocol::{
    Failure, FailureKind, Json, Revision, ScopePath, TaskId, TaskState, TaskStatus, Timestamp,
};

use super::scope::ScopeId;
use super::task_seq::TaskSeq;
use crate::plan::StepIndex;

#[derive(Debug)]
pub(super) struct Task {
    pub(super) seq: TaskSeq,
    pub(super) id: TaskId,
    pub(super) step: StepIndex,
    /// Its scope, while that is open.
    pub(super) scope: ScopeId,
    /// The path of its scope.
    pub(super) path: ScopePath,
    pub(super) state: TaskState,
    /// The revision of the document's newest update; 0 before the first.
    pub(super) revision: Revision,
    pub(super) phase: Phase,
}

/// The reason why a task waits.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Phase {
    /// For the walk of `resume` to reach it.
    Recorded,
    /// For its attempt to end.
    Running,
    /// For the end of its execution: its attempt was dropped before it was sent.
    Unsent,
    /// Until another task may run.
    Ready,
    /// For an instant.
    Waiting(Timestamp),
    /// For the scopes that it opened.
    Joining { open: u32, failure: Option<Box<Failure>> },
    /// For nothing: it has ended.
    Ended,
}

/// How a task ended.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Ending {
    Completed(Option<Json>),
    Failed(Failure),
    /// A `fail` step, with its output.
    EndedFailed(Failure, Json),
    Unknown(Failure),
}

/// The tasks in memory, in the order of their numbers.
#[derive(Debug, Default)]
pub(super) struct Tasks(Vec<Task>);

impl Tasks {
    /// The number of the next new task.
    pub(super) fn next(&self) -> TaskSeq {
        TaskSeq(self.0.last().map_or(1, |last| last.seq.0.saturating_add(1)))
    }

    pub(super) fn push(&mut self, task: Task) {
        if self.0.len() == self.0.capacity() {
            // Grows from one: an execution that waits for its first tool has a single task.
            self.0.reserve_exact(self.0.len().max(1));
        }
        self.0.push(task);
    }

    pub(super) fn get(&self, seq: TaskSeq) -> Option<&Task> {
        self.0.get(self.at(seq)?)
    }

    pub(super) fn get_mut(&mut self, seq: TaskSeq) -> Option<&mut Task> {
        let at = self.at(seq)?;
        self.0.get_mut(at)
    }

    pub(super) fn iter(&self) -> std::slice::Iter<'_, Task> {
        self.0.iter()
    }

    pub(super) fn iter_mut(&mut self) -> std::slice::IterMut<'_, Task> {
        self.0.iter_mut()
    }

    fn at(&self, seq: TaskSeq) -> Option<usize> {
        // While no task has left memory, a task's index follows from its number.
        let at = (seq.0 as usize).wrapping_sub(1);
        if self.0.get(at).is_some_and(|task| task.seq == seq) {
            return Some(at);
        }
        self.0.binary_search_by_key(&seq, |task| task.seq).ok()
    }
}

impl Index<TaskSeq> for Tasks {
    type Output = Task;

    fn index(&self, seq: TaskSeq) -> &Task {
        &self.0[self.at(seq).unwrap_or(self.0.len())]
    }
}

impl IndexMut<TaskSeq> for Tasks {
    fn index_mut(&mut self, seq: TaskSeq) -> &mut Task {
        let at = self.at(seq).unwrap_or(self.0.len());
        &mut self.0[at]
    }
}

impl Task {
    pub(super) fn due(&self) -> Option<Timestamp> {
        match self.phase {
            Phase::Waiting(due) => Some(due),
            _ => None,
        }
    }

    /// The ending in an ended task's document.
    pub(super) fn recorded_ending(&self) -> Option<Ending> {
        let failure = || {
            self.state
                .error
                .as_deref()
                .cloned()
                .unwrap_or_else(|| Failure::new(FailureKind::Playbook, "its document gives no reason"))
        };
        match self.state.status {
            TaskStatus::Completed => Some(Ending::Completed(self.state.response.clone())),
            TaskStatus::Failed | TaskStatus::Cancelled => Some(Ending::Failed(failure())),
            TaskStatus::Unknown => Some(Ending::Unknown(failure())),
            TaskStatus::Executing | TaskStatus::Retrying | TaskStatus::Waiting => None,
        }
    }
}
