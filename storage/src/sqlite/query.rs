//! The text of every query: each names its tenant, pages by key and is answered through an index.

use std::sync::LazyLock;

use updraft_protocol::{ExecutionStatus, TaskStatus};

/// In the order in which [`super::row::playbook`] reads them.
macro_rules! playbook_columns {
    () => {
        "_id, tenant_code, name, version, status, category_id, definition, createddate, updated_date"
    };
}

/// In the order in which [`super::row::execution`] reads them.
macro_rules! execution_columns {
    ("") => {
        execution_columns!("input, variables", "output")
    };
    ("summary") => {
        execution_columns!("'null', 'null'", "NULL")
    };
    ($data:literal, $output:literal) => {
        concat!(
            "_id, tenant_code, pid, playbook_name, playbook_version, uid, alert_id, priority, createddate, ",
            $data,
            ", idempotency_key, input_hash, execution_status, started_date, updated_date, finished_date, \
             playbook_runtime, ",
            $output,
            ", error, epoch, seq"
        )
    };
}

/// In the order in which [`super::row::task`] reads them.
macro_rules! task_columns {
    () => {
        task_columns!("response")
    };
    ($response:literal) => {
        concat!(
            "_id, peid, task_seq, step_id, scope, tenant_code, alert_id, integration, action, status, attempt, ",
            $response,
            ", error, started_date, updated_date, runtime, wait, call, epoch, seq"
        )
    };
}

pub(super) const PLAYBOOK: &str =
    concat!("SELECT ", playbook_columns!(), " FROM playbook_collection WHERE _id = ?1 AND tenant_code = ?2");

pub(super) const PLAYBOOK_NAMED: &str = concat!(
    "SELECT ",
    playbook_columns!(),
    " FROM playbook_collection WHERE tenant_code = ?1 AND name = ?2 AND version = ?3"
);

pub(super) const PLAYBOOK_NEWEST: &str = concat!(
    "SELECT ",
    playbook_columns!(),
    " FROM playbook_collection WHERE tenant_code = ?1 AND name = ?2 ORDER BY version DESC LIMIT 1"
);

/// In the order of names through the index of names: `+` keeps SQLite from sorting a whole status instead.
pub(super) const CATALOGUE: &str = concat!(
    "SELECT ",
    playbook_columns!(),
    " FROM playbook_collection WHERE tenant_code = ?1 AND +status = ?2 AND (name, version) > (?3, ?4)
    ORDER BY name, version LIMIT ?5"
);

pub(super) const CATALOGUE_CATEGORY: &str = concat!(
    "SELECT ",
    playbook_columns!(),
    " FROM playbook_collection
    WHERE tenant_code = ?1 AND status = ?2 AND (name, version) > (?3, ?4) AND category_id = ?6
    ORDER BY name, version LIMIT ?5"
);

pub(super) const EXECUTION: &str = concat!(
    "SELECT ",
    execution_columns!(""),
    " FROM playbook_execution_collection WHERE _id = ?1 AND tenant_code = ?2"
);

/// Admission gives one key one execution; should two writers have raced, every reader sees the older.
pub(super) const EXECUTION_BY_KEY: &str = "SELECT _id, input_hash FROM playbook_execution_collection
    WHERE tenant_code = ?1 AND playbook_name = ?2 AND idempotency_key = ?3";

/// The lists of executions, in one detail.
pub(super) struct Lists {
    pub(super) of_status: String,
    pub(super) of_user: String,
    /// One arm for each status, merged: every arm comes in order from the index, so nothing is sorted.
    pub(super) of_any: String,
}

pub(super) static WHOLE: LazyLock<Lists> = LazyLock::new(|| Lists::of(execution_columns!("")));

/// What may be large is not asked for, and as good as missing.
pub(super) static SUMMARY: LazyLock<Lists> = LazyLock::new(|| Lists::of(execution_columns!("summary")));

impl Lists {
    fn of(columns: &str) -> Self {
        let select = format!("SELECT {columns} FROM playbook_execution_collection WHERE tenant_code = ?1");
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

pub(super) const UNFINISHED: &str = concat!(
    "SELECT ",
    execution_columns!("summary"),
    " FROM playbook_execution_collection
    WHERE execution_status = 'executing' AND (createddate, _id) < (?1, ?2)
    ORDER BY createddate DESC, _id DESC LIMIT ?3"
);

pub(super) const TASKS: &str = concat!(
    "SELECT ",
    task_columns!(),
    " FROM task_execution_collection WHERE peid = ?1 AND task_seq > ?2 AND tenant_code = ?3
    ORDER BY task_seq LIMIT ?4"
);

/// The lists of what was done for an alert, in one detail.
pub(super) struct TaskLists {
    pub(super) of_status: String,
    /// See [`Lists::of_any`].
    pub(super) of_any: String,
}

pub(super) static WHOLE_TASKS: LazyLock<TaskLists> = LazyLock::new(|| TaskLists::of(task_columns!()));

/// See [`SUMMARY`].
pub(super) static SUMMARY_OF_TASKS: LazyLock<TaskLists> =
    LazyLock::new(|| TaskLists::of(task_columns!("NULL")));

impl TaskLists {
    fn of(columns: &str) -> Self {
        let select = format!(
            "SELECT {columns} FROM task_execution_collection WHERE tenant_code = ?1 AND alert_id = ?2"
        );
        let order = "ORDER BY _id LIMIT ?3";
        let arm = |status: &TaskStatus| format!("{select} AND status = '{status}' AND _id > ?4");
        let arms: Vec<String> = TaskStatus::ALL.iter().map(arm).collect();
        Self {
            of_status: format!("{select} AND status = ?5 AND _id > ?4 {order}"),
            of_any: format!("{} {order}", arms.join(" UNION ALL ")),
        }
    }
}

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

/// A playbook belongs to one tenant: its executions need not be asked for theirs, and the index suffices.
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

/// In the order in which [`super::row::dead_letter`] reads them.
pub(super) const DEAD_LETTERS: &str = dead_letters!("");

pub(super) const DEAD_LETTERS_OF_TENANT: &str = dead_letters!(" AND tenant_code = ?3");
