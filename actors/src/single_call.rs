//! One call outside of any execution: its secrets fetched, its time limited, its panic caught, its answer masked as that of an
//! attempt. Stores nothing, counts nothing, and retries nothing.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use updraft_protocol::limits::ATTEMPT_UNSENT;
use updraft_protocol::{Call, Failure, FailureKind, Integration, Json, Name, SecretReference, Span};

use crate::blocking::BlockingTool;
use crate::secrets::{Needed, Secrets};
use crate::task::panicked;

/// Makes a call with these secrets; the answer is masked by them and by the others that the playbook names.
///
/// # Errors
/// The failure of the call, or of what it needs.
pub async fn single_call(
    integration: &Arc<dyn Integration>,
    mut call: Call,
    (own, others): (Arc<[SecretReference]>, Vec<Name>),
    secrets: &Arc<Secrets>,
) -> Result<Json, Failure> {
    let (tenant, timeout) = (call.tenant.clone(), call.timeout);
    call.masking = secrets.masking(&tenant);
    call.secrets = secrets.of_attempt(&tenant, &Needed { lease_check: None, own, others }).await?;
    // One that blocks does so on a thread of its own.
    let blocking = integration.blocking_threads().map(|threads| -> Arc<dyn Integration> {
        Arc::new(BlockingTool::new(call.action.clone(), integration.clone(), threads))
    });
    let integration = blocking.as_ref().unwrap_or(integration);
    // An integration keeps the time of its answer itself; before it is sent, a call may stand in line.
    let calling = AssertUnwindSafe(integration.call(call)).catch_unwind();
    let outcome = match tokio::time::timeout(ATTEMPT_UNSENT + timeout, calling).await {
        Ok(called) => called.unwrap_or_else(|panic| Err(panicked(panic))),
        Err(_) => Err(Failure::new(FailureKind::Timeout, format!("no answer within {}", Span(timeout)))),
    };
    secrets.masked(&tenant, outcome)
}
