//! Calls by hand: one call of an integration that a person asks for, outside of any execution. Stores nothing, retries nothing, and
//! stands in no line.

use std::sync::Arc;
use std::time::Duration;

use updraft_actors::Secrets;
use updraft_actors::single_call::single_call;
use updraft_protocol::{
    Call, CallFiles, CallPermit, ExecutionId, Failure, FailureKind, Json, Masking, Name, SecretReference,
    Sending, StepId, TaskId, TenantCode, Value,
};
use uuid::Uuid;

use crate::builder::Builder;

/// A call that a person asks for.
#[derive(Debug, Clone)]
pub struct ManualCall {
    /// The customer for whom it is made.
    pub tenant: TenantCode,
    /// The tool.
    pub integration: Name,
    /// What it is to do.
    pub action: Name,
    /// The arguments, without secrets.
    pub arguments: Value,
    /// How long it may take, unless the action says more.
    pub timeout: Duration,
}

impl Builder {
    /// Makes a call by hand, with the secrets that the integration itself needs; they are masked in the answer. The limits of
    /// the tool are not asked: those of an engine that runs are its own.
    ///
    /// # Errors
    /// The failure of the call, or of what it needs.
    pub async fn manual_call(&self, call: ManualCall) -> Result<Json, Failure> {
        let ManualCall { tenant, integration: name, action, arguments, timeout } = call;
        let Some(integration) = self.integrations.get(name.as_str()) else {
            let message = format!("missing here: the integration {name}");
            return Err(Failure::new(FailureKind::NotConfigured, message));
        };
        let spec = integration.spec(action.as_str());
        let step_id = StepId::new("by-hand")
            .map_err(|error| Failure::new(FailureKind::InvalidArguments, error.to_string()))?;
        let secrets: Arc<[SecretReference]> =
            spec.secrets.into_iter().map(SecretReference::of_tool).collect();
        let call = Call {
            tenant,
            peid: ExecutionId::from_bytes([0; 16]),
            // A key of its own: another call by hand is meant to act again.
            task_id: TaskId::from_bytes(*Uuid::now_v7().as_bytes()),
            step_id,
            action,
            attempt: 1,
            arguments,
            secrets: Vec::new(),
            masking: Masking::default(),
            timeout: spec.timeout.unwrap_or(timeout).max(timeout),
            sending: Sending::default(),
            permit: CallPermit::default(),
            files: CallFiles::default(),
        };
        single_call(integration, call, (secrets, Vec::new()), &Secrets::new(self.secrets.clone())).await
    }
}
