//! What operators look for in the memory store. Walks all that it has: it keeps no index for them, and is small.

use std::cmp::Reverse;

use updraft_protocol::limits::PAGE_ROWS;
use updraft_protocol::{ExecutionStatus, PlaybookId, TaskDocument, TaskId};

use super::table::{Table, task, task_detailed};
use crate::page;
use crate::store::{Detail, OverdueTasks, OverdueTasksQuery};

impl Table {
    pub(super) fn overdue_tasks(&self, query: &OverdueTasksQuery) -> Vec<TaskDocument> {
        let mut found: Vec<(u64, TaskId, TaskDocument)> = self
            .all_tasks()
            .filter_map(|update| Some((query.of.place(&update.state)?, update.task_id, task(update)?)))
            .collect();
        found.sort_unstable_by_key(|(at, id, _)| (*at, *id));
        let after = query.after.map(|after| (after.at, after.task));
        if let OverdueTasks::Retrying { .. } = query.of {
            found.sort_unstable_by_key(|(at, id, _)| Reverse((*at, *id)));
            found.retain(|(at, id, _)| after.is_none_or(|after| (*at, *id) < after));
        } else {
            found.retain(|(at, id, _)| after.is_none_or(|after| (*at, *id) > after));
        }
        let tasks = found.into_iter().map(|(_, _, task)| task_detailed(task, Detail::Summary));
        page::of(tasks, query.limit.min(PAGE_ROWS))
    }

    pub(super) fn runtimes(&self, newest: usize) -> Vec<(PlaybookId, u64)> {
        let mut found: Vec<_> = self
            .all_executions()
            .filter(|execution| execution.state.execution_status == ExecutionStatus::Completed)
            .filter_map(|execution| {
                let head = execution.head.as_ref()?;
                Some((head.createddate, head.pid, execution.state.playbook_runtime?))
            })
            .collect();
        found.sort_unstable_by_key(|(created, _, _)| Reverse(*created));
        found.into_iter().take(newest).map(|(_, pid, runtime)| (pid, runtime)).collect()
    }
}
