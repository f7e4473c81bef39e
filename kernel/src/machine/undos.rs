//! What an execution undoes before an end that is no success, the newest first. Owns what its tasks have registered for that,
//! within a bound: a task that has left memory is known here by what its undo needs. Makes no call, and ends no task.

use std::collections::BTreeMap;
use std::sync::Arc;

use updraft_protocol::limits::{RECORDED_ARGUMENTS_BYTES, UNDO_BYTES, UNDO_RECORD_BYTES};
use updraft_protocol::playbook::UndoOn;
use updraft_protocol::{
    Failure, FailureKind, Hold, ScopePath, TaskDocument, TaskId, TaskStatus, Timestamp, UndoRecord,
    UndoStatus, Value,
};

use super::task::Task;
use super::task_seq::TaskSeq;
use crate::plan::StepIndex;

/// What a task has registered.
#[derive(Debug)]
pub(super) struct Registered {
    pub(super) task: TaskSeq,
    id: TaskId,
    pub(super) step: StepIndex,
    /// The path of its scope.
    pub(super) path: ScopePath,
    pub(super) record: Arc<UndoRecord>,
}

/// What the tasks of an execution have registered.
#[derive(Debug, Default)]
pub(super) struct Undos {
    /// In the order in which the tasks ended.
    registered: Vec<Registered>,
    bytes: usize,
    /// The number of the newest record.
    newest: u32,
    /// The tasks of undos that were recorded before a resume, by their scopes.
    recorded: BTreeMap<ScopePath, TaskDocument>,
    /// What is undone now.
    pub(super) current: Option<Registered>,
    /// How many were made, and how many of them failed.
    made: usize,
    failed: usize,
    /// Whether the first has begun: each leads to the next.
    pub(super) has_begun: bool,
    /// Whether no further one is made, as the execution cannot continue.
    pub(super) is_given_up: bool,
}

impl Undos {
    /// The number of the next record.
    pub(super) fn next_number(&self) -> u32 {
        self.newest.saturating_add(1)
    }

    /// A task has acted.
    pub(super) fn register(&mut self, task: &Task, record: Arc<UndoRecord>) {
        let Task { seq: task, id, step, ref path, .. } = *task;
        self.add(Registered { task, id, step, path: path.clone(), record });
    }

    /// A recorded task may have acted.
    pub(super) fn recall(&mut self, step: StepIndex, task: &TaskDocument) {
        let Some(record) = task.state.undo.as_ref().filter(|record| record.of.is_none()) else { return };
        self.add(Registered {
            task: TaskSeq(task.head.task_seq),
            id: task.task_request_id,
            step,
            path: task.head.scope.clone(),
            record: record.clone(),
        });
    }

    fn add(&mut self, registered: Registered) {
        self.newest = self.newest.max(registered.record.number);
        if registered.record.on.iter().any(|on| *on != UndoOn::Asked) {
            let arguments = registered.record.call.arguments.as_ref();
            self.bytes += UNDO_RECORD_BYTES + arguments.map_or(0, |arguments| arguments.as_str().len());
            self.registered.push(registered);
        }
    }

    /// Recorded tasks come in the order in which they began.
    pub(super) fn sort(&mut self) {
        self.registered.sort_by_key(|registered| registered.record.number);
    }

    /// The task of an undo was recorded; false if there is one already in its scope.
    pub(super) fn record(&mut self, task: TaskDocument) -> bool {
        self.recorded.insert(task.head.scope.clone(), task).is_none()
    }

    /// The recorded task of the undo in this scope.
    pub(super) fn recorded(&mut self, scope: &ScopePath) -> Option<TaskDocument> {
        self.recorded.remove(scope)
    }

    /// Why no further step that has to be undone may act; `None` if one may.
    pub(super) fn too_many(&self) -> Option<String> {
        (self.bytes + RECORDED_ARGUMENTS_BYTES > UNDO_BYTES)
            .then(|| format!("an execution remembers at most {UNDO_BYTES} bytes in order to undo its steps"))
    }

    /// Whether something is undone before this end.
    pub(super) fn has_any(&self, on: UndoOn) -> bool {
        self.registered.iter().any(|registered| registered.record.on.contains(&on))
    }

    /// The newest that is undone before this end, and was not yet.
    pub(super) fn take(&mut self, on: UndoOn) -> Option<Registered> {
        let taken = std::iter::from_fn(|| self.registered.pop());
        taken.into_iter().find(|registered| registered.record.on.contains(&on))
    }

    /// The arguments of the call that undoes what is undone now.
    ///
    /// # Errors
    /// They are not known.
    pub(super) fn arguments(&self) -> Result<Value, Failure> {
        let record = self.current.as_ref().map(|registered| &registered.record);
        let arguments = record.and_then(|record| record.call.arguments.as_ref());
        let arguments = arguments.and_then(|arguments| arguments.tree().ok());
        arguments.ok_or_else(|| Failure::new(FailureKind::Undo, "its arguments are not known"))
    }

    /// The undo that is made now has ended. Its task in memory leaves it if that of its step has.
    pub(super) fn end(&mut self, is_done: bool) -> Option<Registered> {
        self.made += 1;
        self.failed += usize::from(!is_done);
        self.current.take()
    }

    /// No further one is made.
    pub(super) fn give_up(&mut self) {
        self.is_given_up = true;
    }

    /// What the task of the undo tells the reconciler of containments at its end: that what its step contains is not needed any
    /// more, or what is left as the undo failed.
    pub(super) fn told(
        &self,
        status: TaskStatus,
        error: Option<&Failure>,
        now: Timestamp,
    ) -> Option<UndoRecord> {
        let registered = self.current.as_ref()?;
        let (status, hold, reason) = match (&registered.record.hold, status) {
            // Registered before its task it is all that is known, why it cannot be undone included.
            (Some(hold), _) => (UndoStatus::Released, hold.clone(), registered.record.reason.clone()),
            (None, TaskStatus::Completed) => return None,
            (None, _) => {
                let reason = error.map_or("the execution could not continue", |error| &error.message);
                (UndoStatus::Failed, left_by(registered.id, now), Some(reason.into()))
            }
        };
        let record = UndoRecord::clone(&registered.record);
        Some(UndoRecord { status, of: Some(registered.id), reason, hold: Some(hold), ..record })
    }

    /// The error of an execution some of whose undos failed: its verdict stays.
    pub(super) fn failed_beside(&self, error: Option<Failure>) -> Option<Failure> {
        if self.failed == 0 {
            return error;
        }
        let told = format!("{} of {} undos failed", self.failed, self.made);
        Some(match error {
            Some(error) => {
                let message = format!("{}; {told}", error.message);
                error.with_message(message)
            }
            None => Failure::new(FailureKind::Undo, told).with_retryable(false),
        })
    }
}

/// What is left of a task whose undo failed, as containments name it.
pub(crate) fn left_by(task: TaskId, now: Timestamp) -> Hold {
    Hold { target: format!("task {task}").into(), until: now }
}
