//! The head of a world's execution.

use serde_json::json;
use updraft_protocol::{CacheMode, ExecutionHead, Json, PlaybookId, Priority, TenantCode, Timestamp};

use crate::plan::Plan;

/// The head of an execution of this plan.
pub(super) fn head(plan: &Plan, input: Json, now: Timestamp) -> ExecutionHead {
    ExecutionHead {
        tenant_code: TenantCode::new("acme").expect("a tenant"),
        pid: PlaybookId::from_bytes([9; 16]),
        playbook_name: plan.name.clone(),
        playbook_version: plan.version,
        uid: None,
        alert_id: None,
        priority: Priority::Normal,
        createddate: now,
        input,
        variables: Json::from(json!({})),
        idempotency_key: None,
        input_hash: None,
        parent: None,
        rerun_of: None,
        cache: CacheMode::Use,
    }
}
