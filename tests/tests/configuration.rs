//! What a playbook needs of its engine: what is missing is refused when it is put or submitted; what an accepted execution
//! misses later is waited for, by its name, and it goes on when it is there.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::StreamExt;
use serde_json::json;
use updraft::integrations::HttpIntegration;
use updraft::secret::{Error, Found};
use updraft::{
    Answer, Call, Engine, EngineTrouble, Event, EventKind, ExecutionStatus, FailureKind, Handle, Integration,
    MissingOne, Name, Playbook, PutError, Refusal, Secret, SecretProvider, Submission, TaskStatus,
    TenantCode, Value,
};
use updraft_tests::timeouts::TEST_TIMEOUT;
use updraft_tests::{Harness, asked, playbook, tenant};

/// Secrets that come and go; one without a text is kept where nobody answers.
#[derive(Clone, Default)]
struct Vault(Arc<Mutex<BTreeMap<String, Option<Secret>>>>);

impl Vault {
    fn set(&self, name: &str, text: &str) {
        self.0.lock().unwrap().insert(name.to_owned(), Some(Secret::new(text).unwrap()));
    }

    fn silence(&self, name: &str) {
        self.0.lock().unwrap().insert(name.to_owned(), None);
    }

    fn remove(&self, name: &str) {
        self.0.lock().unwrap().remove(name);
    }
}

impl SecretProvider for Vault {
    fn secret<'a>(&'a self, _: &'a TenantCode, name: &'a Name) -> Found<'a> {
        let found = self.0.lock().unwrap().get(name.as_str()).cloned().ok_or(Error::Unknown);
        let found = found.and_then(|secret| secret.ok_or(Error::Unavailable));
        Box::pin(std::future::ready(found))
    }
}

/// A tool that takes secrets, and keeps what it was given.
#[derive(Clone, Default)]
struct Guarded(Arc<Mutex<Vec<String>>>);

impl Integration for Guarded {
    fn actions(&self) -> &[&str] {
        &["act"]
    }

    fn spec(&self, _: &str) -> updraft::ActionSpec {
        updraft::ActionSpec { takes_secrets: true, ..updraft::ActionSpec::default() }
    }

    fn call(&self, mut call: Call) -> Answer<'_> {
        let arguments = call.revealed();
        self.0.lock().unwrap().push(arguments["key"].as_str().unwrap_or_default().to_owned());
        Box::pin(async { Ok(json!({"done": true}).into()) })
    }
}

const TWO_STEPS: &str = "steps:
  - {id: first, delay: 10ms}
  - {id: act, action: guarded.act, at_most_once: true, arguments: {key: {$secret: edr}}}
";

/// A tool that takes no secrets, answers what another was given, and does not answer while that is nothing.
struct Parrot {
    heard: Guarded,
    answers: bool,
}

impl Integration for Parrot {
    fn actions(&self) -> &[&str] {
        &["say"]
    }

    fn call(&self, _: Call) -> Answer<'_> {
        let heard = self.heard.0.lock().unwrap().join(" ");
        Box::pin(async move {
            if self.answers { Ok(json!({"heard": heard}).into()) } else { std::future::pending().await }
        })
    }
}

async fn waiting(engine: &Engine) -> MissingOne {
    for _ in 0..TEST_TIMEOUT.as_millis() / 10 {
        for trouble in engine.health().await.troubles {
            if let EngineTrouble::NotConfigured { tasks } = trouble {
                return tasks[0].clone();
            }
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("nothing waits for configuration")
}

async fn put(engine: &Engine, playbook: &Playbook) -> String {
    match engine.playbooks().put(&tenant("acme"), playbook.clone()).await {
        Err(PutError::Invalid(mistakes)) => mistakes.iter().map(|one| format!("{one}\n")).collect(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_the_author_names_and_nobody_has_is_refused_when_the_playbook_is_put() {
    let harness = Harness::default();
    let http = HttpIntegration::builder().build().unwrap();
    let engine = harness.builder().integration("http", http).start().await.unwrap();
    let secret = playbook(
        "steps:\n  - {id: a, action: http.request, \
         arguments: {url: 'https://tool.example/', headers: {X-Key: {$secret: edr}}}}\n",
    );
    assert_eq!(
        put(&engine, &secret).await,
        "steps[0].arguments.headers.X-Key: missing here: secret `edr` of tenant acme: the tenant has no such secret\n"
    );
    let place = playbook(
        "steps:\n  - {id: a, action: http.request, \
         arguments: {url: 'http://10.1.2.3:8443/hosts/{{ input.host }}'}}\n",
    );
    assert_eq!(
        put(&engine, &place).await,
        "steps[0].arguments.url: missing here: permission to reach 10.1.2.3:8443\n"
    );
    let tool = playbook("steps:\n  - {id: a, action: htp.request}\n");
    assert_eq!(
        put(&engine, &tool).await,
        "steps[0].action: no integration \"htp\"; did you mean \"http\"?\n"
    );
    let _ = engine.shutdown(TEST_TIMEOUT).await;
}

#[tokio::test]
async fn a_place_that_the_submission_gives_is_refused_where_it_may_not_be_reached() {
    let harness = Harness::default();
    let http = HttpIntegration::builder().allow("10.1.2.3:443".parse().unwrap()).build().unwrap();
    let engine = harness.builder().integration("http", http).start().await.unwrap();
    let connects = playbook(
        "variables: {edr: null}\nsteps:\n  - {id: a, action: http.request, \
         arguments: {url: '{{ variables.edr }}/hosts'}}\n",
    );
    let pid = harness.put(&engine, &connects).await;
    let submission = Submission::new(tenant("acme"), pid).endpoint("edr", "https://10.1.2.4/api");
    let error = engine.submit(submission).await.unwrap_err();
    assert!(matches!(error.refusal, Refusal::Missing(_)) && !error.retryable());
    assert_eq!(
        error.to_string(),
        "variables.edr: missing here, to which steps[0].arguments.url connects: permission to reach 10.1.2.4:443"
    );
    let _ = engine.shutdown(TEST_TIMEOUT).await;
}

#[tokio::test]
async fn a_secret_that_has_gone_is_waited_for_by_its_name_until_it_is_there_again() {
    let (harness, vault, tool) = (Harness::default(), Vault::default(), Guarded::default());
    vault.set("edr", "the-first-key");
    let engine =
        harness.builder().secrets(vault.clone()).integration("guarded", tool.clone()).start().await.unwrap();
    let pid = harness.put(&engine, &playbook(TWO_STEPS)).await;
    let submit = || engine.submit(Submission::new(tenant("acme"), pid));
    let before = submit().await.unwrap();
    assert_eq!(before.wait().await.unwrap().state.execution_status, ExecutionStatus::Completed);
    vault.remove("edr");
    let (handle, cancelled) = (submit().await.unwrap(), submit().await.unwrap());
    let missing = waiting(&engine).await;
    assert_eq!(missing.what, "missing here: secret `edr` of tenant acme: the tenant has no such secret");
    assert_eq!(missing.until.since(missing.since), 24 * 3600 * 1_000);
    let task = handle.inspect().await.unwrap().tasks.pop().unwrap().state;
    let error = task.error.unwrap();
    assert_eq!(
        (task.status, error.kind, task.attempt),
        (TaskStatus::Retrying, FailureKind::NotConfigured, 0)
    );
    assert!(cancelled.cancel(asked()).await.is_ok(), "there is a way out");
    assert_eq!(cancelled.wait().await.unwrap().state.execution_status, ExecutionStatus::Cancelled);
    vault.set("edr", "the-second-key");
    assert_eq!(handle.wait().await.unwrap().state.execution_status, ExecutionStatus::Completed);
    assert_eq!(*tool.0.lock().unwrap(), ["the-first-key", "the-second-key"]);
    assert!(engine.health().await.is_well(), "nothing is missing any more");
    let _ = engine.shutdown(TEST_TIMEOUT).await;
}

#[tokio::test]
async fn a_start_without_an_integration_waits_for_one_that_has_it() {
    let (harness, vault, tool) = (Harness::default(), Vault::default(), Guarded::default());
    vault.set("edr", "the-first-key");
    let slow = TWO_STEPS.replace("10ms", "300ms");
    let engine =
        harness.builder().secrets(vault.clone()).integration("guarded", tool.clone()).start().await.unwrap();
    let peid = harness.submit(&engine, &playbook(&slow), json!(null)).await.peid();
    let _ = engine.shutdown(Duration::ZERO).await;
    let engine = harness.start().await;
    let missing = waiting(&engine).await;
    assert_eq!((missing.peid, missing.step.as_str()), (peid, "act"));
    assert_eq!(missing.what, "missing here: integration \"guarded\"");
    let pid = engine.execution(&tenant("acme"), peid).await.unwrap().unwrap().execution.head.pid;
    let refused = engine.submit(Submission::new(tenant("acme"), pid)).await.unwrap_err();
    assert!(refused.to_string().contains("steps[1].action: no integration \"guarded\""), "{refused}");
    let _ = engine.shutdown(Duration::ZERO).await;
    let engine = harness.builder().secrets(vault).integration("guarded", tool.clone()).start().await.unwrap();
    let handle: Handle = engine.take_resumed().pop().unwrap();
    assert_eq!(handle.wait().await.unwrap().state.execution_status, ExecutionStatus::Completed);
    assert_eq!(*tool.0.lock().unwrap(), ["the-first-key"]);
    let _ = engine.shutdown(TEST_TIMEOUT).await;
}

#[tokio::test]
async fn when_nobody_brings_what_is_missing_the_step_fails_for_it() {
    let (harness, vault) = (Harness::default(), Vault::default());
    vault.set("edr", "the-first-key");
    let builder = harness.builder().secrets(vault.clone()).integration("guarded", Guarded::default());
    let engine = builder.configuration_wait(Duration::from_millis(1_500)).start().await.unwrap();
    let pid = harness.put(&engine, &playbook(TWO_STEPS)).await;
    let finished = engine.submit(Submission::new(tenant("acme"), pid)).await.unwrap();
    finished.wait().await.unwrap();
    vault.remove("edr");
    let handle = engine.submit(Submission::new(tenant("acme"), pid)).await.unwrap();
    assert_eq!(handle.wait().await.unwrap().state.execution_status, ExecutionStatus::Failed);
    let task = handle.inspect().await.unwrap().tasks.pop().unwrap().state;
    assert_eq!(
        task.error.unwrap().message,
        "missing here: secret `edr` of tenant acme: the tenant has no such secret; it was waited for 1s 500ms"
    );
    assert!(engine.health().await.is_well());
    let _ = engine.shutdown(TEST_TIMEOUT).await;
}

#[test]
fn secrets_are_asked_for_in_a_runtime_without_a_clock() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (harness, vault, tool) = (Harness::default(), Vault::default(), Guarded::default());
    vault.set("edr", "the-first-key");
    let status = runtime.block_on(async {
        let builder = harness.builder().secrets(vault.clone()).integration("guarded", tool.clone());
        let engine = builder.start().await.unwrap();
        let pid = harness.put(&engine, &playbook(TWO_STEPS)).await;
        let handle = engine.submit(Submission::new(tenant("acme"), pid)).await.unwrap();
        let ended = handle.wait().await.unwrap();
        let _ = engine.shutdown(TEST_TIMEOUT).await;
        ended.state.execution_status
    });
    assert_eq!(status, ExecutionStatus::Completed);
    assert_eq!(*tool.0.lock().unwrap(), ["the-first-key"]);
}

#[tokio::test]
async fn what_was_sent_before_a_restart_is_masked_in_what_is_answered_after_it() {
    let (harness, vault, tool) = (Harness::default(), Vault::default(), Guarded::default());
    vault.set("edr", "the-first-key");
    let builder = |answers| {
        let parrot = Parrot { heard: tool.clone(), answers };
        let builder = harness.builder().secrets(vault.clone()).integration("guarded", tool.clone());
        builder.integration("parrot", parrot)
    };
    let engine = builder(false).start().await.unwrap();
    let steps = "steps:
  - {id: act, action: guarded.act, arguments: {key: {$secret: edr}}}
  - {id: say, action: parrot.say, timeout: 1h}
";
    let handle = harness.submit(&engine, &playbook(steps), json!(null)).await;
    let mut events = pin!(handle.events());
    let says = |event: Event| match event.kind {
        EventKind::Task { step_id, .. } => step_id.is_some_and(|step| step.as_str() == "say"),
        _ => false,
    };
    while !says(events.next().await.unwrap().unwrap()) {}
    let _ = engine.shutdown(Duration::ZERO).await;

    vault.silence("edr");
    let engine = builder(true).start().await.unwrap();
    let missing = waiting(&engine).await;
    assert_eq!(missing.step.as_str(), "say");
    assert_eq!(
        missing.what,
        "missing here: secret `edr` of tenant acme, to mask it in answers: the provider of secrets does not answer"
    );
    vault.set("edr", "the-first-key");
    let handle = engine.take_resumed().pop().unwrap();
    assert_eq!(handle.wait().await.unwrap().state.execution_status, ExecutionStatus::Completed);
    let said = handle.inspect().await.unwrap().tasks.pop().unwrap().state;
    assert_eq!(said.response.unwrap().value(), Value::from(json!({"heard": "***"})));
    let _ = engine.shutdown(TEST_TIMEOUT).await;
}
