//! Reads: calls that only look something up, made outside of any execution, for dry runs. What changes something is refused here
//! too, whoever asks for it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use updraft_actors::Secrets;
use updraft_actors::single_call::single_call;
use updraft_protocol::{
    Call, CallFiles, CallPermit, Effect, ExecutionId, Failure, FailureKind, Integration, Json, Masking, Name,
    SecretReference, Sending, StepId, TaskId, TenantCode, Value,
};

use crate::builder::Builder;

/// The tools of a configuration, for calls that only read.
#[derive(Clone)]
pub struct Reads {
    integrations: BTreeMap<String, Arc<dyn Integration>>,
    secrets: Arc<Secrets>,
}

/// A call that is to be made.
#[derive(Debug, Clone)]
pub struct ReadRequest {
    /// The customer for whom it is made.
    pub tenant: TenantCode,
    /// Its idempotency key.
    pub task_id: TaskId,
    /// The step that asks.
    pub step_id: StepId,
    /// The tool.
    pub integration: Name,
    /// What it is to look up.
    pub action: Name,
    /// The arguments, with `null` in the place of each secret.
    pub arguments: Value,
    /// The secrets, by their places.
    pub secrets: Arc<[SecretReference]>,
    /// Other secrets that the answer may hold, which are masked in it too.
    pub masked: Vec<Name>,
    /// How long it may take.
    pub timeout: Duration,
}

impl Builder {
    /// The tools of this configuration, for calls that only read.
    pub fn reads(&self) -> Reads {
        Reads { integrations: self.integrations.clone(), secrets: Secrets::new(self.secrets.clone()) }
    }
}

impl Reads {
    /// Looks something up, once; secrets are masked in the answer.
    ///
    /// # Errors
    /// The failure of the call; [`FailureKind::Forbidden`] where it would change something.
    pub async fn read(&self, request: ReadRequest) -> Result<Json, Failure> {
        let (tool, action) = (&request.integration, &request.action);
        let Some(integration) = self.integrations.get(tool.as_str()) else {
            let message = format!("missing here: the integration {tool}");
            return Err(Failure::new(FailureKind::NotConfigured, message));
        };
        if integration.effect(action.as_str(), &request.arguments) != Effect::Read {
            let message = format!("{tool}.{action} changes something, and only reads are made");
            return Err(Failure::new(FailureKind::Forbidden, message));
        }
        let call = Call {
            tenant: request.tenant,
            peid: ExecutionId::from_bytes([0; 16]),
            task_id: request.task_id,
            step_id: request.step_id,
            action: request.action,
            attempt: 1,
            arguments: request.arguments,
            secrets: Vec::new(),
            masking: Masking::default(),
            timeout: request.timeout,
            sending: Sending::default(),
            permit: CallPermit::default(),
            files: CallFiles::default(),
        };
        single_call(integration, call, (request.secrets, request.masked), &self.secrets).await
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use updraft_protocol::{Answer, Secret, SecretProvider, secret::Found};

    use super::*;

    /// Says what it was told, secrets included.
    struct Echo;

    impl Integration for Echo {
        fn actions(&self) -> &[&str] {
            &["look", "act"]
        }

        fn effect(&self, action: &str, _: &Value) -> Effect {
            if action == "look" { Effect::Read } else { Effect::Write }
        }

        fn call(&self, mut call: Call) -> Answer<'_> {
            Box::pin(async move { Ok(Json::from(call.revealed())) })
        }
    }

    struct One;

    impl SecretProvider for One {
        fn secret<'a>(&'a self, _: &'a TenantCode, _: &'a Name) -> Found<'a> {
            Box::pin(async { Ok(Secret::new("s3cr3t-token").expect("a secret")) })
        }
    }

    fn request(action: &str) -> ReadRequest {
        let reference =
            SecretReference { place: "/key".into(), name: Name::new("token").unwrap(), prefix: "".into() };
        ReadRequest {
            tenant: TenantCode::new("acme").unwrap(),
            task_id: TaskId::from_bytes([1; 16]),
            step_id: StepId::new("look").unwrap(),
            integration: Name::new("echo").unwrap(),
            action: Name::new(action).unwrap(),
            arguments: json!({"key": null, "ip": "203.0.113.9"}).into(),
            secrets: [reference].into(),
            masked: Vec::new(),
            timeout: Duration::from_secs(5),
        }
    }

    #[tokio::test]
    async fn a_read_is_made_with_its_secrets_which_its_answer_does_not_show() {
        let reads = Builder::default().integration("echo", Echo).secrets(One).reads();
        let answer = reads.read(request("look")).await.unwrap();
        assert_eq!(answer.value(), json!({"key": "***", "ip": "203.0.113.9"}));
    }

    #[tokio::test]
    async fn what_changes_something_is_refused() {
        let reads = Builder::default().integration("echo", Echo).secrets(One).reads();
        let failure = reads.read(request("act")).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Forbidden);
        let elsewhere = ReadRequest { integration: Name::new("other").unwrap(), ..request("look") };
        assert_eq!(reads.read(elsewhere).await.unwrap_err().kind, FailureKind::NotConfigured);
    }
}
