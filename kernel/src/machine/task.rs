//! Tasks inside the machine: each is one run of one step in one scope.

use std::ops::{Index, IndexMut};

use updraft_protocol::{
    Failure, FailureKind, Json, Revision, ScopePath, TaskId, TaskState, TaskStatus, Timestamp,
};

use super::asking::Asking;
use super::branches::Branches;
use super::cleanup::Cleaning;
use super::items::Items;
use super::rounds::Rounds;
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
    /// The number of its newest call; 0 before the first.
    pub(super) call: u32,
    /// The task whose result it took over. Boxed: few have one.
    pub(super) taken_from: Option<Box<TaskId>>,
}

/// The reason why a task waits.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Phase {
    /// For its attempt to end.
    Running,
    /// For the end of its execution: its attempt was dropped before it was sent.
    Unsent,
    /// Until another task may run.
    Ready,
    /// For an instant.
    Waiting(Timestamp),
    /// For the end of its child, which is to stop; it is asked again at this instant.
    ChildStops(Timestamp),
    /// For its branches.
    Joining(Box<Branches>),
    /// For the items of its loop.
    Repeating(Box<Items>),
    /// For the rounds of its loop, or the pause between two.
    Rounds(Box<Rounds>),
    /// For people, with bodies beside its wait.
    Asking(Box<Asking>),
    /// For the body before what runs in any case.
    Guarding,
    /// For what runs in any case.
    CleaningUp(Box<Cleaning>),
    /// For nothing: it has ended.
    Ended,
}

impl Phase {
    /// Whether it waits for scopes that it opened.
    pub(super) fn has_scopes(&self) -> bool {
        matches!(
            self,
            Self::Joining(_)
                | Self::Repeating(_)
                | Self::Rounds(_)
                | Self::Asking(_)
                | Self::Guarding
                | Self::CleaningUp(_)
        )
    }

    /// The bytes that a loop holds: its items, or what its next round is handed.
    pub(super) fn held_bytes(&self) -> usize {
        match self {
            Self::Repeating(items) => items.bytes,
            Self::Rounds(rounds) => Rounds::bytes_of(&rounds.carried),
            _ => 0,
        }
    }

    /// Of its scopes, so many are left, and no further one begins.
    pub(super) fn wait_for_scopes(&mut self, left: usize) {
        match self {
            Self::Joining(branches) => branches.leave(left),
            Self::Repeating(items) => items.leave(left),
            Self::Rounds(rounds) => rounds.leave(),
            Self::Asking(asking) => asking.leave(),
            _ => {}
        }
    }
}

/// How a task ended.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Ending {
    Completed(Option<Json>),
    Failed(Failure),
    /// A `fail` step, with its output.
    EndedFailed(Failure, Json),
    Unknown(Failure),
    /// Its outcome no longer counts.
    Cancelled,
}

/// The tasks in memory, in the order of their numbers. Those of an item of a loop leave memory when it has ended.
#[derive(Debug, Default)]
pub(super) struct Tasks {
    tasks: Vec<Task>,
    /// The number of the newest task, in memory or not.
    newest: u32,
}

impl Tasks {
    /// The number of the next new task.
    pub(super) fn next(&self) -> TaskSeq {
        TaskSeq(self.newest.saturating_add(1))
    }

    /// Numbers up to this one are taken.
    pub(super) fn take_up_to(&mut self, seq: TaskSeq) {
        self.newest = self.newest.max(seq.0);
    }

    pub(super) fn insert(&mut self, task: Task) {
        self.take_up_to(task.seq);
        if self.tasks.len() == self.tasks.capacity() {
            // Grows from one: an execution that waits for its first tool has a single task.
            self.tasks.reserve_exact(self.tasks.len().max(1));
        }
        let at = match self.tasks.last() {
            Some(last) if last.seq > task.seq => self.tasks.partition_point(|known| known.seq < task.seq),
            _ => self.tasks.len(),
        };
        self.tasks.insert(at, task);
    }

    /// Removes a task, which nothing reads any more.
    pub(super) fn remove(&mut self, seq: TaskSeq) -> Option<Task> {
        self.at(seq).map(|at| self.tasks.remove(at))
    }

    /// Removes many of them in one pass: the beginning of a rerun ends as many at once as a loop has items.
    pub(super) fn remove_all(&mut self, mut leaving: Vec<TaskSeq>, mut on_removed: impl FnMut(&Task)) {
        leaving.sort_unstable();
        self.tasks.retain(|task| {
            let leaves = leaving.binary_search(&task.seq).is_ok();
            if leaves {
                on_removed(task);
            }
            !leaves
        });
    }

    /// Whether all tasks are in memory.
    pub(super) fn are_all_there(&self) -> bool {
        self.tasks.len() == self.newest as usize
    }

    pub(super) fn get(&self, seq: TaskSeq) -> Option<&Task> {
        self.tasks.get(self.at(seq)?)
    }

    pub(super) fn get_mut(&mut self, seq: TaskSeq) -> Option<&mut Task> {
        let at = self.at(seq)?;
        self.tasks.get_mut(at)
    }

    pub(super) fn iter(&self) -> std::slice::Iter<'_, Task> {
        self.tasks.iter()
    }

    fn at(&self, seq: TaskSeq) -> Option<usize> {
        // While no task has left memory, a task's index follows from its number.
        let at = (seq.0 as usize).wrapping_sub(1);
        if self.tasks.get(at).is_some_and(|task| task.seq == seq) {
            return Some(at);
        }
        self.tasks.binary_search_by_key(&seq, |task| task.seq).ok()
    }
}

impl Index<TaskSeq> for Tasks {
    type Output = Task;

    fn index(&self, seq: TaskSeq) -> &Task {
        &self.tasks[self.at(seq).unwrap_or(self.tasks.len())]
    }
}

impl IndexMut<TaskSeq> for Tasks {
    fn index_mut(&mut self, seq: TaskSeq) -> &mut Task {
        let at = self.at(seq).unwrap_or(self.tasks.len());
        &mut self.tasks[at]
    }
}

impl Task {
    pub(super) fn due(&self) -> Option<Timestamp> {
        match self.phase {
            Phase::Waiting(due) | Phase::ChildStops(due) => Some(due),
            Phase::Rounds(ref rounds) => rounds.next_instant(),
            Phase::Asking(ref asking) => asking.next_instant(),
            Phase::CleaningUp(ref cleaning) => Some(cleaning.until).filter(|_| !cleaning.is_over),
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
            TaskStatus::Failed => Some(match self.state.response.clone() {
                Some(output) => Ending::EndedFailed(failure(), output),
                None => Ending::Failed(failure()),
            }),
            TaskStatus::Cancelled => Some(Ending::Cancelled),
            TaskStatus::Unknown => Some(Ending::Unknown(failure())),
            TaskStatus::Executing | TaskStatus::Retrying | TaskStatus::Waiting => None,
        }
    }
}
