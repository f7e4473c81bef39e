//! Tasks inside the machine: each one run of one step in one scope, and what it waits for.

use std::ops::{Index, IndexMut};

use updraft_protocol::{
    Failure, FailureKind, Json, Revision, ScopePath, TaskId, TaskState, TaskStatus, Timestamp,
};

use super::scope::ScopeId;
use crate::plan::StepIndex;

/// A task's number inside its execution, from 1: by it events and acts name the task. After a crash it is found again by
/// scope and step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskSeq(pub u32);

#[derive(Debug)]
pub(super) struct Task {
    pub(super) seq: TaskSeq,
    pub(super) id: TaskId,
    pub(super) step: StepIndex,
    /// Its scope, as long as that is open.
    pub(super) scope: ScopeId,
    /// Where its scope stands.
    pub(super) path: ScopePath,
    pub(super) state: TaskState,
    /// That of the document's newest update; number 0 while there is none.
    pub(super) revision: Revision,
    pub(super) phase: Phase,
}

/// What a task waits for.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Phase {
    /// The walk of `resume` to come to it.
    Recorded,
    /// Its attempt.
    Running,
    /// The end of its execution: its attempt was dropped before it was sent.
    Unsent,
    /// A free place for its next attempt.
    Ready,
    /// An instant.
    Waiting(Timestamp),
    /// The scopes that it opened.
    Joining { open: u32, failure: Option<Box<Failure>> },
    /// Nothing: it has ended.
    Ended,
}

/// How a task ended.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Ending {
    Completed(Option<Json>),
    Failed(Failure),
    /// An `end` step that ends its path as failed, with the output that it gives.
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
            // From one on: what waits for its first tool has no other.
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
        // Where none has left memory, a task stands at its number.
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

    /// The ending that an ended task's document tells of.
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
            TaskStatus::Executing | TaskStatus::Retrying => None,
        }
    }
}
