//! The table of indexes, with their definitions. Calls no server.

use mongodb::bson::{Document, doc};
use updraft_protocol::{ExecutionStatus, TaskStatus};

use crate::mongo::{AUDIT, CONTAINMENTS, DEAD_LETTERS, EXECUTIONS, PLAYBOOKS, TASKS};

/// An index that a query needs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::mongo) struct Index {
    pub(in crate::mongo) collection: &'static str,
    pub(in crate::mongo) name: &'static str,
    /// Fields and directions. `_id` ends those of lists, so that rows of one millisecond have an order too.
    keys: &'static [(&'static str, i32)],
    unique: bool,
    /// Documents without this field are left out. It is the first of the index: some servers find nothing by it
    /// elsewhere.
    only_with: Option<&'static str>,
    /// Only documents are in it whose first field has this text.
    only_in: Option<&'static str>,
}

/// Every index. Two of executions end with what the slowest playbooks are reckoned from.
pub(in crate::mongo) const ALL: &[Index] = &[
    index(PLAYBOOKS, "playbooks_by_name", &[("tenant_code", 1), ("name", 1), ("version", 1)]).unique(),
    index(
        PLAYBOOKS,
        "playbooks_by_category",
        &[("tenant_code", 1), ("status", 1), ("category_id", 1), ("name", 1), ("version", 1)],
    ),
    index(
        EXECUTIONS,
        "executions_by_status",
        &[
            ("tenant_code", 1),
            ("execution_status", 1),
            ("createddate", -1),
            ("_id", -1),
            ("pid", 1),
            ("playbook_runtime", 1),
        ],
    ),
    index(EXECUTIONS, "executions_by_user", &[("uid", 1), ("createddate", -1), ("_id", -1)]).only_with("uid"),
    index(
        EXECUTIONS,
        "executions_by_runtime",
        &[("execution_status", 1), ("createddate", -1), ("_id", -1), ("pid", 1), ("playbook_runtime", 1)],
    ),
    index(
        EXECUTIONS,
        "executions_by_key",
        &[("idempotency_key", 1), ("tenant_code", 1), ("playbook_name", 1)],
    )
    .unique()
    .only_with("idempotency_key"),
    index(
        EXECUTIONS,
        "executions_queued",
        &[
            ("execution_status", 1),
            ("tenant_code", 1),
            ("queue_position", 1),
            ("_id", 1),
            ("playbook_name", 1),
        ],
    )
    .only_in(ExecutionStatus::Queued.as_str()),
    index(
        EXECUTIONS,
        "executions_by_alert",
        &[("alert_id", 1), ("tenant_code", 1), ("playbook_name", 1), ("createddate", -1)],
    )
    .only_with("alert_id"),
    index(EXECUTIONS, "executions_started", &[("tenant_code", 1), ("started_position", 1), ("_id", 1)]),
    index(EXECUTIONS, "executions_ended", &[("tenant_code", 1), ("ended_position", 1), ("_id", 1)]),
    index(TASKS, "tasks_by_execution", &[("peid", 1), ("task_seq", 1)]),
    index(TASKS, "tasks_by_alert", &[("tenant_code", 1), ("alert_id", 1), ("status", 1), ("_id", 1)]),
    index(
        TASKS,
        "tasks_by_wait",
        &[("status", 1), ("tenant_code", 1), ("wait.kind", 1), ("wait.until", 1), ("_id", 1)],
    )
    .only_in(TaskStatus::Waiting.as_str()),
    index(TASKS, "tasks_by_wait_since", &[("status", 1), ("wait.kind", 1), ("wait.since", 1), ("_id", 1)])
        .only_in(TaskStatus::Waiting.as_str()),
    index(TASKS, "tasks_by_retry_since", &[("status", 1), ("wait.since", 1), ("_id", 1), ("wait.kind", 1)])
        .only_in(TaskStatus::Retrying.as_str()),
    index(TASKS, "tasks_by_attempt", &[("status", 1), ("attempt", 1), ("_id", 1)])
        .only_in(TaskStatus::Retrying.as_str()),
    index(TASKS, "tasks_unregistered", &[("registration_due", 1), ("_id", 1)]).only_with("registration_due"),
    index(TASKS, "tasks_waiting", &[("waiting_position", 1), ("_id", 1), ("tenant_code", 1)])
        .only_with("waiting_position"),
    index(CONTAINMENTS, "containments_open", &[("tenant_code", 1), ("open_until", 1), ("_id", 1)]),
    index(CONTAINMENTS, "containments_due", &[("due", 1), ("_id", 1)]).only_with("due"),
    index(CONTAINMENTS, "containments_by_target", &[("tenant_code", 1), ("target", 1), ("_id", 1)]),
    index(AUDIT, "audit_by_tenant", &[("tenant_code", 1), ("_id", -1)]),
    index(DEAD_LETTERS, "dead_letters_by_tenant", &[("tenant_code", 1), ("_id", 1)]),
];

const fn index(collection: &'static str, name: &'static str, keys: &'static [(&'static str, i32)]) -> Index {
    Index { collection, name, keys, unique: false, only_with: None, only_in: None }
}

impl Index {
    const fn unique(self) -> Self {
        Self { unique: true, ..self }
    }

    const fn only_with(self, field: &'static str) -> Self {
        Self { only_with: Some(field), ..self }
    }

    const fn only_in(self, status: &'static str) -> Self {
        Self { only_in: Some(status), ..self }
    }

    /// Its definition, as `createIndexes` takes it.
    pub(super) fn definition(&self) -> Document {
        let keys = self.keys.iter().map(|(field, direction)| ((*field).to_owned(), (*direction).into()));
        let mut definition = doc! { "name": self.name, "key": keys.collect::<Document>() };
        if self.unique {
            definition.insert("unique", true);
        }
        if let Some(field) = self.only_with {
            definition.insert("partialFilterExpression", doc! { field: { "$exists": true } });
        }
        if let Some((status, (field, _))) = self.only_in.zip(self.keys.first()) {
            definition.insert("partialFilterExpression", doc! { *field: status });
        }
        definition
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_that_leaves_documents_out_begins_with_what_they_lack() {
        let partial: Vec<_> = ALL.iter().filter_map(|index| Some((index.only_with?, index.keys))).collect();
        assert!(partial.iter().all(|(field, keys)| keys.first().is_some_and(|(first, _)| first == field)));
        assert_eq!(partial.len(), 6);
    }
}
