//! The inbox: what waits for people, as a list shows it. Owns the form of an entry; answers nothing.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use updraft_protocol::limits::PAGE_ROWS;
use updraft_protocol::{ExecutionId, Gate, ScopePath, StepId, TaskDocument, TaskId, Timestamp};
use updraft_storage::store::{InboxCursor, InboxQuery};

use crate::engine::Engine;
use crate::error::ReadError;
use crate::reader::Reader;

/// An approval that waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InboxEntry {
    /// Its execution.
    pub peid: ExecutionId,
    /// Its task, which an answer names.
    pub task: TaskId,
    /// Its step.
    pub step_id: StepId,
    /// The run of a body that contains the step.
    pub scope: ScopePath,
    /// The alert of its execution.
    pub alert_id: Option<Arc<str>>,
    /// The question.
    pub question: Arc<str>,
    /// The choices, who may answer, and the answers so far.
    pub gate: Gate,
    /// Since when it waits.
    pub since: Timestamp,
    /// Until when.
    pub until: Timestamp,
}

impl InboxEntry {
    /// The entry of a task; `None` if the task waits for nobody.
    fn of(task: TaskDocument) -> Option<Self> {
        let wait = *task.state.wait?;
        Some(Self {
            peid: task.head.peid,
            task: task.task_request_id,
            step_id: task.head.step_id.clone(),
            scope: task.head.scope.clone(),
            alert_id: task.head.alert_id.clone(),
            question: wait.subject.unwrap_or_default(),
            gate: *wait.gate?,
            since: wait.since,
            until: wait.until?,
        })
    }

    /// About how large it is in memory.
    pub(crate) fn bytes(&self) -> usize {
        let names = self.gate.choices.len() + self.gate.assignees.len() + self.gate.groups.len();
        let answers = size_of_val(&*self.gate.answers);
        size_of::<Self>() + self.question.len() + names * 32 + answers
    }

    /// Milliseconds until its time is over.
    pub fn left(&self, now: Timestamp) -> u64 {
        self.until.since(now)
    }

    /// Where the next page begins, if this is the last entry of a page.
    pub fn cursor(&self) -> InboxCursor {
        InboxCursor { until: self.until, task: self.task }
    }
}

impl Reader {
    /// One page of the approvals of a tenant that wait, the one whose time is over first first; `limit` is bounded to 1 to
    /// 1,000. A page may have fewer entries: it ends with the one that makes it
    /// [`PAGE_BYTES`](crate::limits::PAGE_BYTES) large. The list has ended if a page is empty.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn inbox(&self, query: InboxQuery) -> Result<Vec<InboxEntry>, ReadError> {
        let limit = query.limit.clamp(1, PAGE_ROWS);
        let tasks = self.store.inbox(InboxQuery { limit, ..query }).await?;
        Ok(tasks.into_iter().filter_map(InboxEntry::of).collect())
    }
}

impl Engine {
    /// One page of an inbox, from the store: as [`Reader::inbox`]. What was asked or answered within the last moments may be
    /// missing, or still there; an answer to it is told so.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn inbox(&self, query: InboxQuery) -> Result<Vec<InboxEntry>, ReadError> {
        self.reader().inbox(query).await
    }
}
