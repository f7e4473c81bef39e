//! The text of every query: each names its tenant, pages by key and is answered from an index.

use std::sync::LazyLock;

use updraft_protocol::{
    ContainmentDocument, ExecutionHead, ExecutionPositions, ExecutionState, ExecutionStatus, FieldSpec,
    Fields, PlaybookDocument, TaskHead, TaskPositions, TaskState, TaskStatus,
};

use crate::store::Detail;

/// The columns of these fields, in their order. A summary reads nothing that may be large.
fn columns(fields: &[FieldSpec], detail: Detail) -> String {
    let column = |field: &FieldSpec| match (detail, field.large, field.optional) {
        (Detail::Summary, true, true) => "NULL",
        (Detail::Summary, true, false) => "'null'",
        _ => field.name,
    };
    fields.iter().map(column).collect::<Vec<_>>().join(", ")
}

fn playbooks(condition: &str) -> String {
    let columns = columns(PlaybookDocument::FIELDS, Detail::Whole);
    format!("SELECT {columns} FROM playbook_collection WHERE {condition}")
}

fn executions(detail: Detail, condition: &str) -> String {
    format!("SELECT {} FROM playbook_execution_collection WHERE {condition}", execution(detail))
}

fn execution(detail: Detail) -> String {
    let (head, state) = (columns(ExecutionHead::FIELDS, detail), columns(ExecutionState::FIELDS, detail));
    format!("_id, {head}, {state}, epoch, seq")
}

fn tasks(detail: Detail, condition: &str) -> String {
    format!("SELECT {} FROM task_execution_collection WHERE {condition}", task(detail))
}

fn task(detail: Detail) -> String {
    let (head, state) = (columns(TaskHead::FIELDS, detail), columns(TaskState::FIELDS, detail));
    format!("_id, {head}, {state}, epoch, seq")
}

/// A query whose text is made at its first use.
type Query = LazyLock<String>;

pub(super) static PLAYBOOK: Query = Query::new(|| playbooks("_id = ?1 AND tenant_code = ?2"));

pub(super) static PLAYBOOK_NAMED: Query =
    Query::new(|| playbooks("tenant_code = ?1 AND name = ?2 AND version = ?3"));

pub(super) static PLAYBOOK_NEWEST: Query =
    Query::new(|| playbooks("tenant_code = ?1 AND name = ?2 ORDER BY version DESC LIMIT 1"));

/// In the order of names through the index of names: `+` keeps SQLite from sorting a whole status instead.
pub(super) static CATALOGUE: Query = Query::new(|| {
    playbooks(
        "tenant_code = ?1 AND +status = ?2 AND (name, version) > (?3, ?4) ORDER BY name, version LIMIT ?5",
    )
});

pub(super) static CATALOGUE_CATEGORY: Query = Query::new(|| {
    playbooks(
        "tenant_code = ?1 AND status = ?2 AND (name, version) > (?3, ?4) AND category_id = ?6
        ORDER BY name, version LIMIT ?5",
    )
});

pub(super) static EXECUTION: Query =
    Query::new(|| executions(Detail::Whole, "_id = ?1 AND tenant_code = ?2"));

/// Admission gives one key one execution; if two writers have raced, every reader sees the older.
pub(super) const EXECUTION_BY_KEY: &str = "SELECT _id, input_hash FROM playbook_execution_collection
    WHERE tenant_code = ?1 AND playbook_name = ?2 AND idempotency_key = ?3";

/// The lists of executions, in one detail.
pub(super) struct Lists {
    pub(super) of_status: String,
    pub(super) of_user: String,
    /// One arm for each status, merged: every arm is in order in the index, so nothing is sorted.
    pub(super) of_any: String,
}

pub(super) static WHOLE: LazyLock<Lists> = LazyLock::new(|| Lists::of(Detail::Whole));

pub(super) static SUMMARY: LazyLock<Lists> = LazyLock::new(|| Lists::of(Detail::Summary));

impl Lists {
    fn of(detail: Detail) -> Self {
        let select = executions(detail, "tenant_code = ?1");
        let after = "(createddate, _id) < (?2, ?3)";
        let order = "ORDER BY createddate DESC, _id DESC LIMIT ?4";
        let arm =
            |status: &ExecutionStatus| format!("{select} AND execution_status = '{status}' AND {after}");
        let arms: Vec<String> = ExecutionStatus::ALL.iter().map(arm).collect();
        Self {
            of_status: format!("{select} AND execution_status = ?5 AND {after} {order}"),
            of_user: format!("{select} AND uid = ?5 AND {after} {order}"),
            of_any: format!("{} {order}", arms.join(" UNION ALL ")),
        }
    }
}

/// One arm for each status, see [`Lists::of_any`]. Of those that have begun.
pub(super) static UNFINISHED: Query = Query::new(|| {
    let unfinished = ExecutionStatus::ALL.iter().filter(|status| status.runs());
    let arm = |status: &ExecutionStatus| {
        let condition = format!("execution_status = '{status}' AND (createddate, _id) < (?1, ?2)");
        executions(Detail::Summary, &condition)
    };
    let arms: Vec<String> = unfinished.map(arm).collect();
    format!("{} ORDER BY createddate DESC, _id DESC LIMIT ?3", arms.join(" UNION ALL "))
});

/// From the index alone. The names are a list in JSON.
pub(super) const QUEUED: &str = "SELECT _id, queue_position
    FROM playbook_execution_collection INDEXED BY executions_queued
    WHERE execution_status = 'queued' AND tenant_code = ?1
        AND playbook_name NOT IN (SELECT value FROM json_each(?2))
    ORDER BY queue_position, _id LIMIT ?3";

/// From the index alone.
pub(super) const QUEUED_TENANTS: &str = "SELECT tenant_code, count(*)
    FROM playbook_execution_collection INDEXED BY executions_queued
    WHERE execution_status = 'queued' AND tenant_code > ?1 GROUP BY tenant_code ORDER BY tenant_code LIMIT ?2";

pub(super) const NEWEST_OF_ALERT: &str = "SELECT _id FROM playbook_execution_collection
    WHERE tenant_code = ?1 AND alert_id = ?2 AND playbook_name = ?3 AND createddate >= ?4
    ORDER BY createddate DESC LIMIT 1";

pub(super) static TASKS: Query = Query::new(|| {
    tasks(Detail::Whole, "peid = ?1 AND task_seq > ?2 AND tenant_code = ?3 ORDER BY task_seq LIMIT ?4")
});

/// The lists of what tells events, in one detail.
pub(super) struct EventLists {
    pub(super) started: String,
    pub(super) ended: String,
    /// Always without responses.
    pub(super) waits: String,
}

pub(super) static EVENTS: LazyLock<EventLists> = LazyLock::new(|| EventLists::of(Detail::Whole));

pub(super) static SUMMARY_OF_EVENTS: LazyLock<EventLists> = LazyLock::new(|| EventLists::of(Detail::Summary));

impl EventLists {
    fn of(detail: Detail) -> Self {
        let by = |position: &str| {
            format!(
                "tenant_code = ?1 AND {position} IS NOT NULL AND ({position}, _id) > (?2, ?3) AND {position} < ?4
                ORDER BY {position}, _id LIMIT ?5"
            )
        };
        let executions = |position| {
            let (document, positions) = (execution(detail), columns(ExecutionPositions::FIELDS, detail));
            let condition = by(position);
            format!("SELECT {document}, {positions} FROM playbook_execution_collection WHERE {condition}")
        };
        let (task, positions) = (task(Detail::Summary), columns(TaskPositions::FIELDS, detail));
        let condition = by("waiting_position");
        Self {
            started: executions("started_position"),
            ended: executions("ended_position"),
            waits: format!("SELECT {task}, {positions} FROM task_execution_collection WHERE {condition}"),
        }
    }
}

/// The lists of tasks for an alert, in one detail.
pub(super) struct TaskLists {
    pub(super) of_status: String,
    /// See [`Lists::of_any`].
    pub(super) of_any: String,
}

pub(super) static WHOLE_TASKS: LazyLock<TaskLists> = LazyLock::new(|| TaskLists::of(Detail::Whole));

pub(super) static SUMMARY_OF_TASKS: LazyLock<TaskLists> = LazyLock::new(|| TaskLists::of(Detail::Summary));

impl TaskLists {
    fn of(detail: Detail) -> Self {
        let select = tasks(detail, "tenant_code = ?1 AND alert_id = ?2");
        let order = "ORDER BY _id LIMIT ?3";
        let arm = |status: &TaskStatus| format!("{select} AND status = '{status}' AND _id > ?4");
        let arms: Vec<String> = TaskStatus::ALL.iter().map(arm).collect();
        Self {
            of_status: format!("{select} AND status = ?5 AND _id > ?4 {order}"),
            of_any: format!("{} {order}", arms.join(" UNION ALL ")),
        }
    }
}

/// Bounded by the deadline: SQLite takes no bounds from two expressions at once.
pub(super) static INBOX: Query = Query::new(|| {
    tasks(
        Detail::Summary,
        "status = 'waiting' AND tenant_code = ?1 AND wait ->> 'kind' = 'approval'
        AND wait ->> 'until' >= ?2 AND (wait ->> 'until' > ?2 OR _id > ?3) ORDER BY wait ->> 'until', _id",
    )
});

/// See [`INBOX`] for its bounds.
pub(super) static WAITING_SINCE: Query = Query::new(|| {
    tasks(
        Detail::Summary,
        "status IN ('waiting', 'retrying') AND wait ->> 'kind' = ?1 AND wait ->> 'since' < ?2
        AND wait ->> 'since' >= ?3 AND (wait ->> 'since' > ?3 OR _id > ?4) ORDER BY wait ->> 'since', _id LIMIT ?5",
    )
});

pub(super) static RETRYING: Query = Query::new(|| {
    tasks(
        Detail::Summary,
        "status = 'retrying' AND attempt >= ?1 AND (attempt, _id) < (?2, ?3)
        ORDER BY attempt DESC, _id DESC LIMIT ?4",
    )
});

/// From the index alone.
pub(super) const RUNTIMES: &str = "SELECT pid, playbook_runtime FROM playbook_execution_collection
    WHERE execution_status = 'completed' AND playbook_runtime IS NOT NULL ORDER BY createddate DESC LIMIT ?1";

fn containments(condition: &str) -> String {
    let columns = columns(ContainmentDocument::FIELDS, Detail::Whole);
    format!("SELECT {columns} FROM containment_collection WHERE {condition}")
}

pub(super) static CONTAINMENT: Query = Query::new(|| containments("_id = ?1 AND tenant_code = ?2"));

pub(super) static OPEN_CONTAINMENTS: Query = Query::new(|| {
    containments(
        "tenant_code = ?1 AND open_until IS NOT NULL AND (open_until, _id) > (?2, ?3)
        ORDER BY open_until, _id LIMIT ?4",
    )
});

pub(super) static CONTAINMENTS_OF_TARGET: Query =
    Query::new(|| containments("tenant_code = ?1 AND target = ?2 AND _id > ?3 ORDER BY _id LIMIT ?4"));

pub(super) static DUE_CONTAINMENTS: Query =
    Query::new(|| containments("due <= ?1 AND (due, _id) > (?2, ?3) ORDER BY due, _id LIMIT ?4"));

/// Through the index of those that are not registered, which are few at any time.
pub(super) static UNREGISTERED_HOLDS: Query = Query::new(|| {
    tasks(
        Detail::Whole,
        "registration_due IS NOT NULL AND (registration_due, _id) > (?1, ?2)
        ORDER BY registration_due, _id LIMIT ?3",
    )
});

macro_rules! slowest {
    ($tenant:literal) => {
        concat!(
            "SELECT pid, count(*), avg(playbook_runtime) AS average, max(playbook_runtime)
            FROM playbook_execution_collection
            WHERE execution_status = ?1 AND createddate >= ?2 AND playbook_runtime IS NOT NULL",
            $tenant,
            " GROUP BY pid ORDER BY average DESC, pid LIMIT ?3"
        )
    };
}

pub(super) const SLOWEST: &str = slowest!("");

/// A playbook belongs to one tenant: its executions need no filter by tenant, and the index suffices.
pub(super) const SLOWEST_OF_TENANT: &str =
    slowest!(" AND pid IN (SELECT _id FROM playbook_collection WHERE tenant_code = ?4)");

macro_rules! dead_letters {
    ($tenant:literal) => {
        concat!(
            "SELECT _id, tenant_code, peid, reason, updated_date, letter FROM dead_letter WHERE _id > ?1",
            $tenant,
            " ORDER BY _id LIMIT ?2"
        )
    };
}

pub(super) const SETTING: &str =
    "SELECT _id, revision, value, updated_date, uid, reason FROM setting_collection WHERE _id = ?1";

pub(super) const SETTINGS: &str = "SELECT _id, revision, value, updated_date, uid, reason
    FROM setting_collection WHERE _id > ?1 AND _id < ?2 ORDER BY _id LIMIT ?3";

macro_rules! audit {
    ($of:literal) => {
        concat!(
            "SELECT _id, tenant_code, at, uid, what, subject, outcome, reason, details FROM audit_collection
            WHERE _id < ?1",
            $of,
            " ORDER BY _id DESC LIMIT ?2"
        )
    };
}

pub(super) const AUDIT: &str = audit!("");

pub(super) const AUDIT_OF_TENANT: &str = audit!(" AND tenant_code = ?3");

/// In the order in which [`super::row::dead_letter`] reads them.
pub(super) const DEAD_LETTERS: &str = dead_letters!("");

pub(super) const DEAD_LETTERS_OF_TENANT: &str = dead_letters!(" AND tenant_code = ?3");
