//! Shell commands, by the real bash of this machine and the real server of OpenSSH: what runs, what it leaves, what is told.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bash;
mod server;
mod ssh;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::Value;
use updraft_protocol::{
    Call, CallFiles, CallPermit, ExecutionId, Failure, GivenSecret, Integration, Masking, Secret,
    SecretReference, Sending, TaskId,
};

/// A call for a tenant.
pub(crate) fn call_of(arguments: Value) -> Call {
    Call {
        tenant: "acme".parse().unwrap(),
        peid: "0190aaaa-bbbb-7111-8222-000000000000".parse::<ExecutionId>().unwrap(),
        task_id: "0190aaaa-bbbb-7111-8222-000000000001".parse::<TaskId>().unwrap(),
        step_id: "run".parse().unwrap(),
        action: "run".parse().unwrap(),
        attempt: 1,
        arguments: arguments.into(),
        secrets: vec![],
        masking: Masking::default(),
        timeout: Duration::from_secs(60),
        sending: Sending::default(),
        permit: CallPermit::default(),
        files: CallFiles::default(),
    }
}

/// A secret of the step, at a place in its arguments.
pub(crate) fn given(place: &str, text: &str) -> GivenSecret {
    let reference =
        SecretReference { place: place.to_owned(), name: "TOKEN".parse().unwrap(), prefix: String::new() };
    GivenSecret { reference, secret: Secret::short(text).unwrap() }
}

/// The output of an attempt.
pub(crate) async fn run(tool: &impl Integration, arguments: Value) -> Result<Value, Failure> {
    tool.call(call_of(arguments)).await.map(|json| json.value().try_into().unwrap())
}

/// A call that tells whether it was said to be sent.
pub(crate) fn told(arguments: Value) -> (Call, Arc<AtomicBool>) {
    let begun = Arc::new(AtomicBool::new(false));
    let mut call = call_of(arguments);
    let told = begun.clone();
    call.sending = Sending::new(move || {
        told.store(true, Ordering::SeqCst);
        true
    });
    (call, begun)
}

/// Waits for what a command does.
pub(crate) async fn until(mut is_so: impl FnMut() -> bool) {
    while !is_so() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
