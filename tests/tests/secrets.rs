//! Canaries: secrets that tools send back in every spelling, in the step that carried them and in later ones, are in no
//! output, failure, event, document, file or line of the log. One test: the log is the whole process's.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

use std::fmt::Write as _;
use std::io::Write;
use std::path::Path;
use std::pin::pin;
use std::sync::{Arc, Mutex};

use futures_util::StreamExt;
use serde_json::{Value, json};
use updraft::secret::{Error, Found};
use updraft::{
    ActionSpec, Answer, Call, ExecutionStatus, Failure, FailureKind, Integration, Masking, Name, Secret,
    SecretProvider, Submission, TenantCode,
};
use updraft_tests::timeouts::TEST_TIMEOUT;
use updraft_tests::{Harness, playbook, tenant};

/// Of every kind of character that some spelling treats in its own way.
const CANARY: &str = "c4n\"ary\\<&> ä%41+/=";
/// What the tool says is a secret too, as a token that it fetched.
const TOKEN: &str = "t0ken-of-the-canary";

struct Vault;

impl SecretProvider for Vault {
    fn secret<'a>(&'a self, _: &'a TenantCode, name: &'a Name) -> Found<'a> {
        let found =
            if name.as_str() == "canary" { Ok(Secret::new(CANARY).unwrap()) } else { Err(Error::Unknown) };
        Box::pin(std::future::ready(found))
    }
}

/// A tool that tells what it was given, as whatever stands between may spell it.
struct Parrot;

fn percent(text: &str) -> String {
    text.bytes().fold(String::new(), |mut all, byte| {
        write!(all, "%{byte:02x}").unwrap();
        all
    })
}

fn entities(text: &str) -> String {
    text.chars().fold(String::new(), |mut all, c| {
        write!(all, "&#x{:X};", u32::from(c)).unwrap();
        all
    })
}

fn hex(text: &str) -> String {
    text.bytes().fold(String::new(), |mut all, byte| {
        write!(all, "{byte:02X}").unwrap();
        all
    })
}

fn base64(text: &str) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut all = String::new();
    for chunk in text.as_bytes().chunks(3) {
        let bits =
            chunk.iter().fold(0_u32, |bits, byte| (bits << 8) | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..=chunk.len() {
            all.push(char::from(ALPHABET[(bits >> (18 - 6 * place)) as usize & 63]));
        }
    }
    all
}

fn escaped(text: &str) -> String {
    json!(text).to_string().trim_matches('"').to_owned()
}

/// The spellings of a text, each with something around it.
fn spellings(secret: &str) -> Vec<String> {
    let once = [
        secret.to_owned(),
        escaped(secret),
        percent(secret),
        entities(secret),
        hex(secret),
        base64(secret),
        base64(&format!("u{secret}x")),
        base64(&format!("user:{secret}")),
    ];
    let twice = [
        percent(&escaped(secret)),
        escaped(&percent(secret)),
        percent(&percent(secret)),
        escaped(&escaped(secret)),
    ];
    once.into_iter().chain(twice).map(|spelled| format!("<{spelled}>")).collect()
}

/// What must not stand anywhere: parts of each spelling that are long enough to be no chance.
fn forbidden() -> Vec<String> {
    let of =
        |secret: &str| spellings(secret).into_iter().map(|spelled| spelled[1..spelled.len() - 1].to_owned());
    of(CANARY)
        .chain(of(TOKEN))
        .map(|spelled| spelled.chars().skip(4).take(spelled.len().saturating_sub(12)).collect())
        .collect()
}

impl Integration for Parrot {
    fn actions(&self) -> &[&str] {
        &["take", "repeat", "fail", "panic"]
    }

    fn spec(&self, action: &str) -> ActionSpec {
        ActionSpec { takes_secrets: action == "take", ..ActionSpec::default() }
    }

    fn call(&self, mut call: Call) -> Answer<'_> {
        let masking: Masking = call.masking.clone();
        let all: Vec<String> = spellings(CANARY).into_iter().chain(spellings(TOKEN)).collect();
        let taken = call.revealed();
        Box::pin(async move {
            match call.action.as_str() {
                "take" => {
                    assert_eq!(taken["key"].as_str(), Some(CANARY));
                    masking.hide(&Secret::new(TOKEN).unwrap());
                    Ok(json!({"texts": all, "names": {CANARY: 1, TOKEN: 2}}).into())
                }
                "repeat" => Ok(json!({"texts": all, "large": vec![all.join(" "); 200]}).into()),
                "fail" => Err(Failure::new(FailureKind::Status, all[0].clone())
                    .with_answer(json!({"body": all}).into())),
                _ => panic!("{CANARY}"),
            }
        })
    }
}

const STEPS: &str = "steps:
  - {id: take, action: parrot.take, arguments: {key: {$secret: canary}}}
  - {id: repeat, action: parrot.repeat}
  - {id: fail, action: parrot.fail, on_failure: panic}
  - {id: panic, action: parrot.panic, retry: {attempts: 1}, on_failure: end}
  - {id: end, end: {all: '{{ steps.repeat.output }}', error: '{{ steps.fail.error.message }}'}}
";

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The bytes of all files of a directory.
fn files(directory: &Path) -> Vec<u8> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(files(&path));
        } else if path.is_file() {
            all.extend(std::fs::read(path).unwrap());
        }
    }
    all
}

fn is_clean(sink: &str, bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for forbidden in forbidden() {
        // Stores and JSON escape what they keep once more.
        for part in [forbidden.clone(), escaped(&forbidden)] {
            assert!(!text.contains(&part), "{sink} has {part:?} of a secret");
        }
    }
}

#[tokio::test]
async fn no_sink_has_a_secret_in_any_spelling() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::new("trace"))
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let harness = Harness::default();
    let engine = harness.builder().secrets(Vault).integration("parrot", Parrot).start().await.unwrap();
    let pid = harness.put(&engine, &playbook(STEPS)).await;
    let handle = engine.submit(Submission::new(tenant("acme"), pid)).await.unwrap();
    let mut events = String::new();
    let mut told = pin!(handle.events());
    while let Some(event) = told.next().await {
        write!(events, "{:?}", event.unwrap()).unwrap();
    }
    let ended = handle.wait().await.unwrap();
    assert_eq!(ended.state.execution_status, ExecutionStatus::Completed, "{:?}", ended.state.error);
    let inspection = handle.inspect().await.unwrap();
    let of = |step: &str| inspection.tasks.iter().find(|task| task.head.step_id.as_str() == step).unwrap();
    let texts: Value =
        of("take").state.response.as_ref().unwrap().value()["texts"].clone().try_into().unwrap();
    for text in texts.as_array().unwrap() {
        assert!(text.as_str().unwrap().contains("***"), "{text}");
    }
    assert!(of("panic").state.error.as_ref().unwrap().message.ends_with("panicked: ***"));
    is_clean("an event", events.as_bytes());
    is_clean("a document", serde_json::to_string(&inspection.execution).unwrap().as_bytes());
    for task in &inspection.tasks {
        is_clean("a task", format!("{:?} {}", task, serde_json::to_string(task).unwrap()).as_bytes());
    }
    is_clean("the health", format!("{:?}", engine.health().await).as_bytes());
    let directory = harness.path().to_owned();
    let _ = engine.shutdown(TEST_TIMEOUT).await;
    is_clean("a file", &files(&directory));
    let log = log.0.lock().unwrap().clone();
    assert!(String::from_utf8_lossy(&log).contains("the attempt failed"), "the log has lines of attempts");
    is_clean("the log", &log);
}
