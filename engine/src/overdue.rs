//! What takes longer than it should, across tenants: waits of a kind, tasks that are tried again and again, executions beyond
//! their usual time. For operators: whoever calls has found that the person may see all tenants (the right `operate`). Owns
//! the usual time of a playbook; changes nothing.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use updraft_protocol::limits::{OVERDUE_LOOKED_AT, PAGE_ROWS, USUAL_EXECUTIONS, USUAL_EXECUTIONS_MIN};
use updraft_protocol::{
    ExecutionDocument, ExecutionId, ExecutionStatus, Name, PlaybookId, TaskDocument, TenantCode, Timestamp,
    WaitKind,
};
use updraft_storage::store::{Cursor, OverdueTasks, OverdueTasksCursor, OverdueTasksQuery};

use crate::engine::Engine;
use crate::error::ReadError;
use crate::reader::Reader;
use crate::why::{ExplainedWait, explained};

/// What an operator looks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Overdue {
    /// Tasks that wait for something since before an instant, the longest wait first. A `delay`, a `wait_until`, the pause
    /// of a loop and what waits inside of its own execution are never among them.
    Waits {
        /// What they wait for.
        kind: WaitKind,
        /// The instant.
        before: Timestamp,
    },
    /// Tasks that wait for this retry or a later one, the latest first.
    Retries {
        /// The number of the retry, from 1.
        at_least: u32,
    },
    /// Unfinished executions that take longer at this instant than 19 of 20 executions of the same playbook version took, of
    /// the newest 10,000 of all tenants that completed, if 20 of these are of that version. The newest first.
    Slow {
        /// The instant.
        now: Timestamp,
    },
}

/// One page of what is overdue.
#[derive(Debug, Clone, Copy)]
pub struct OverdueQuery {
    /// What is looked for.
    pub of: Overdue,
    /// The end of the last page.
    pub after: Option<OverdueCursor>,
    /// The most rows, from 1 to 1,000.
    pub limit: usize,
}

/// Where the next page begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OverdueCursor {
    /// After a task.
    Task(OverdueTasksCursor),
    /// After an execution.
    Execution {
        /// When it was created.
        createddate: Timestamp,
        /// Its id.
        peid: ExecutionId,
    },
}

/// A page of what is overdue.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct OverduePage {
    /// Its rows; there may be none although another page follows.
    pub rows: Vec<OverdueRow>,
    /// Where the next page begins; `None` if this was the last.
    pub next: Option<OverdueCursor>,
}

/// Something that is overdue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OverdueRow {
    /// A task that waits.
    Task {
        /// Its tenant.
        tenant: TenantCode,
        /// Its execution.
        peid: ExecutionId,
        /// What it waits for, since when, until when, and who or what ends that.
        wait: Box<ExplainedWait>,
    },
    /// An execution.
    Execution {
        /// Its tenant.
        tenant: TenantCode,
        /// Its id.
        peid: ExecutionId,
        /// Its playbook.
        playbook: Name,
        /// The version of that.
        version: u32,
        /// Its status.
        status: ExecutionStatus,
        /// When it was created.
        since: Timestamp,
        /// How long 19 of 20 executions of the version took at most, in milliseconds.
        usual_ms: u64,
    },
}

impl Reader {
    /// One page of what is overdue, of all tenants: for operators, never for a tenant. Read from indexes; for slow executions
    /// up to 1,000 unfinished ones are looked at for a page.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn overdue(&self, query: OverdueQuery) -> Result<OverduePage, ReadError> {
        let limit = query.limit.clamp(1, PAGE_ROWS);
        let of = match query.of {
            Overdue::Slow { now } => return self.slow(query.after, limit, now).await,
            Overdue::Waits { kind, before } => OverdueTasks::Waiting { kind, before },
            Overdue::Retries { at_least } => OverdueTasks::Retrying { attempts: at_least.max(1) },
        };
        let after = match query.after {
            Some(OverdueCursor::Task(after)) => Some(after),
            _ => None,
        };
        let tasks = self.store.overdue_tasks(OverdueTasksQuery { of, after, limit }).await?;
        let last = tasks.last().and_then(|task| {
            let at = of.place(&task.state)?;
            Some(OverdueCursor::Task(OverdueTasksCursor { at, task: task.task_request_id }))
        });
        Ok(OverduePage { rows: tasks.iter().filter_map(task_row).collect(), next: last })
    }

    async fn slow(
        &self,
        after: Option<OverdueCursor>,
        limit: usize,
        now: Timestamp,
    ) -> Result<OverduePage, ReadError> {
        let usual = usual_times(self.store.runtimes(USUAL_EXECUTIONS).await?);
        let mut after = match after {
            Some(OverdueCursor::Execution { createddate, peid }) => Some(Cursor { createddate, peid }),
            _ => None,
        };
        let (mut rows, mut looked_at) = (Vec::new(), 0);
        while rows.len() < limit && looked_at < OVERDUE_LOOKED_AT {
            let most = (limit - rows.len()).min(OVERDUE_LOOKED_AT - looked_at);
            let found = self.store.unfinished(after, most).await?;
            let Some(last) = found.last() else { return Ok(OverduePage { rows, next: None }) };
            after = Some(Cursor { createddate: last.head.createddate, peid: last.peid });
            looked_at += found.len();
            rows.extend(found.iter().filter_map(|execution| slow_row(execution, &usual, now)));
        }
        let next = after.map(|Cursor { createddate, peid }| OverdueCursor::Execution { createddate, peid });
        Ok(OverduePage { rows, next })
    }
}

impl Engine {
    /// One page of what is overdue, from the store: as [`Reader::overdue`]. What changed within the last moments may be missing,
    /// or still there.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn overdue(&self, query: OverdueQuery) -> Result<OverduePage, ReadError> {
        self.reader().overdue(query).await
    }
}

fn task_row(task: &TaskDocument) -> Option<OverdueRow> {
    // A round that is paused is in no such list, so that the instant does not matter.
    let wait = Box::new(explained(task, Timestamp::default())?);
    Some(OverdueRow::Task { tenant: task.head.tenant_code.clone(), peid: task.head.peid, wait })
}

fn slow_row(
    execution: &ExecutionDocument,
    usual: &HashMap<PlaybookId, u64>,
    now: Timestamp,
) -> Option<OverdueRow> {
    let head = &execution.head;
    let usual_ms = *usual.get(&head.pid)?;
    (now.since(head.createddate) > usual_ms).then(|| OverdueRow::Execution {
        tenant: head.tenant_code.clone(),
        peid: execution.peid,
        playbook: head.playbook_name.clone(),
        version: head.playbook_version,
        status: execution.state.execution_status,
        since: head.createddate,
        usual_ms,
    })
}

/// How long 19 of 20 executions took at most, of each playbook version of which there are enough.
fn usual_times(runtimes: Vec<(PlaybookId, u64)>) -> HashMap<PlaybookId, u64> {
    let mut by_playbook: HashMap<PlaybookId, Vec<u64>> = HashMap::new();
    for (pid, runtime) in runtimes {
        by_playbook.entry(pid).or_default().push(runtime);
    }
    let quantile = |(pid, mut runtimes): (PlaybookId, Vec<u64>)| {
        let at = (runtimes.len() * 19).div_ceil(20).checked_sub(1)?;
        (runtimes.len() >= USUAL_EXECUTIONS_MIN).then(|| (pid, *runtimes.select_nth_unstable(at).1))
    };
    by_playbook.into_iter().filter_map(quantile).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_time_is_that_of_nineteen_of_twenty_and_needs_as_many() {
        let (few, enough) = (PlaybookId::from_bytes([1; 16]), PlaybookId::from_bytes([2; 16]));
        let mut runtimes: Vec<_> = (1..20).map(|runtime| (few, runtime)).collect();
        runtimes.extend((1..=40).rev().map(|runtime| (enough, runtime)));
        assert_eq!(usual_times(runtimes), HashMap::from([(enough, 38)]));
        assert!(usual_times(Vec::new()).is_empty());
    }
}
