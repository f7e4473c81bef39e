//! Mail, by a real SMTP server and by ones that misbehave: what is delivered, what is told, and whether it may have been.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod delivered;
mod files;
mod phases;
mod real;
mod script;
mod secure;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use updraft_integrations::MailIntegration;
use updraft_integrations::mail::MailBuilder;
use updraft_protocol::{
    Call, CallFiles, CallPermit, ExecutionId, Failure, GivenSecret, Integration, Masking, Secret,
    SecretReference, Sending, TaskId,
};

/// The task of all calls.
pub(crate) const TASK: &str = "0190aaaa-bbbb-7111-8222-333344445555";
/// The name of the password.
pub(crate) const PASSWORD: &str = "smtp-password";

/// A call for a tenant, with these arguments besides those that are needed.
pub(crate) fn call_with(more: &Value) -> Call {
    let mut arguments = json!({"to": "analyst@corp.example", "subject": "An alert", "text": "It burns."});
    for (name, value) in more.as_object().unwrap() {
        arguments[name] = value.clone();
    }
    Call {
        tenant: "acme".parse().unwrap(),
        peid: "0190aaaa-bbbb-7111-8222-000000000000".parse::<ExecutionId>().unwrap(),
        task_id: TASK.parse::<TaskId>().unwrap(),
        step_id: "tell".parse().unwrap(),
        action: "send".parse().unwrap(),
        attempt: 1,
        arguments: arguments.into(),
        secrets: vec![],
        masking: Masking::default(),
        timeout: Duration::from_secs(20),
        sending: Sending::default(),
        permit: CallPermit::default(),
        files: CallFiles::default(),
    }
}

/// The password of the operator, as the engine gives it.
pub(crate) fn password(text: &str) -> GivenSecret {
    let reference = SecretReference::of_tool(PASSWORD.parse().unwrap());
    GivenSecret { reference, secret: Secret::short(text).unwrap() }
}

/// A configuration for a server, by the address of its URL.
pub(crate) fn builder(server: &str) -> MailBuilder {
    MailIntegration::builder(server.parse().unwrap(), "SOC <soc@corp.example>")
        .to("corp.example".parse().unwrap())
        .allow("127.0.0.1".parse().unwrap())
}

/// The output of an attempt.
pub(crate) async fn called(mail: &MailIntegration, call: Call) -> Result<Value, Failure> {
    mail.call(call).await.map(|json| json.value().try_into().unwrap())
}

/// The output of an attempt with these arguments.
pub(crate) async fn send(mail: &MailIntegration, more: Value) -> Result<Value, Failure> {
    called(mail, call_with(&more)).await
}

/// The outcome of an attempt, and how often it said that it sends.
pub(crate) async fn attempt(mail: &MailIntegration, timeout: Duration) -> (Result<Value, Failure>, usize) {
    let begun = Arc::new(AtomicUsize::new(0));
    let count = begun.clone();
    let mut call = call_with(&json!({}));
    call.timeout = timeout;
    call.sending = Sending::new(move || {
        count.fetch_add(1, Ordering::SeqCst);
        true
    });
    let outcome = called(mail, call).await;
    (outcome, begun.load(Ordering::SeqCst))
}
