//! Updates for the tests: those of the suite of all stores, with data that a server could mistake for operators.

use std::sync::Arc;

use serde_json::json;
use updraft_protocol::{
    ExecutionHead, ExecutionStatus, ExecutionUpdate, Json, Revision, TaskUpdate, TenantCode, Timestamp,
};

use crate::conformance::samples as suite;
pub(crate) use crate::conformance::samples::{executions, peid, revision, stored_execution, stored_task};

pub(crate) fn tenant() -> TenantCode {
    suite::tenant("acme").unwrap()
}

/// Data that a server would evaluate if it mistook it for operators.
pub(crate) fn hostile() -> Json {
    Json::from(json!({
        "$set": {"execution_status": "failed"},
        "$where": "sleep(1000)",
        "a.b": "$name",
        "list": ["$$ROOT", {"$add": [1, 2]}, {"$literal": 1}],
        "": {"$unset": ""},
    }))
}

pub(crate) fn head(input: Json) -> Arc<ExecutionHead> {
    let (uid, variables) = (Some("$analyst".into()), Json::from(json!({"$limit": 1})));
    Arc::new(ExecutionHead { uid, input, variables, ..suite::execution_head(&tenant()).unwrap() })
}

/// A change of an execution.
pub(crate) fn change(number: u64, revision: Revision) -> ExecutionUpdate {
    let mut change = suite::change(number, revision, ExecutionStatus::Executing);
    change.state.updated_date = Timestamp(suite::DAY + revision.seq);
    change
}

/// The first update of an execution.
pub(crate) fn execution(number: u64) -> ExecutionUpdate {
    ExecutionUpdate { head: Some(head(hostile())), ..change(number, revision(1, 1)) }
}

/// The first update of a task.
pub(crate) fn task(number: u64, task_seq: u32) -> TaskUpdate {
    suite::task(number, task_seq, &tenant()).unwrap()
}
