//! `bash`: what a command gets, what is kept of it, and that nothing of it outlives its attempt.

use serde_json::json;
use tempfile::TempDir;
use updraft_integrations::BashIntegration;
use updraft_protocol::limits::{SHELL_ERROR_BYTES, SHELL_OUTPUT_BYTES};
use updraft_protocol::{FailureKind, Integration, Sending};

use crate::{call_of, given, run, told, until};

fn bash() -> BashIntegration {
    BashIntegration::new("/tmp")
}

#[tokio::test]
async fn a_command_runs_without_input_and_with_little_of_an_environment() {
    let output = run(&bash(), json!({"command": "pwd; cat; env | sort; echo problem >&2"})).await.unwrap();
    assert_eq!((&output["exit_code"], &output["stderr"]), (&json!(0), &json!("problem\n")));
    let stdout = output["stdout"].as_str().unwrap();
    let names: Vec<&str> =
        stdout.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name).collect();
    assert_eq!(names, ["HOME", "LANG", "PATH", "PWD", "SHLVL", "_"]);
    assert!(stdout.starts_with("/\n") && stdout.contains("HOME=/tmp\n"), "{stdout}");
    assert!(output.get("note").is_none());
    let output =
        run(&bash(), json!({"command": "-x 2>&1; pwd; [[ a == a ]]", "directory": "/usr"})).await.unwrap();
    assert!(output["stdout"].as_str().unwrap().ends_with("/usr\n"), "a command is no option: {output}");
}

#[tokio::test]
async fn an_exit_code_that_is_not_expected_is_a_failure_that_says_what_the_command_said() {
    let command = "echo out; seq 1000 >&2; echo 'no such host' >&2; exit 3";
    let failure = run(&bash(), json!({"command": command})).await.unwrap_err();
    assert_eq!(
        (failure.kind, failure.retryable(), failure.may_have_acted()),
        (FailureKind::Status, false, true)
    );
    assert!(failure.message.starts_with("bash: exit code 3: "), "{failure}");
    assert!(failure.message.ends_with("999\n1000\nno such host") && failure.message.len() < 400, "{failure}");
    let answer = failure.answer.unwrap().value();
    assert_eq!((answer["status"].as_i64(), answer["body"]["stdout"].as_str()), (Some(3), Some("out\n")));
    assert!(answer["body"]["stderr"].as_str().unwrap().ends_with("no such host\n"));
    let output = run(&bash(), json!({"command": "exit 3", "expect": [0, 3]})).await.unwrap();
    assert_eq!(output["exit_code"], 3);
    assert!(run(&bash(), json!({"command": "exit 0", "expect": [1]})).await.is_err());
    let failure = run(&bash(), json!({"command": "kill -9 $$"})).await.unwrap_err();
    assert_eq!(failure.message, "bash: exit code 137");
    assert!(
        run(&bash(), json!({"command": "if"})).await.unwrap_err().message.starts_with("bash: exit code 2: ")
    );
}

#[tokio::test]
async fn of_much_output_the_beginning_and_of_many_messages_the_end_is_kept() {
    let command =
        "head -c 5000000 /dev/zero | tr '\\0' a; head -c 900000 /dev/zero | tr '\\0' b >&2; echo end >&2";
    let output = run(&bash(), json!({"command": command})).await.unwrap();
    assert_eq!(output["stdout"].as_str().unwrap().len(), SHELL_OUTPUT_BYTES);
    let stderr = output["stderr"].as_str().unwrap();
    assert!(stderr.ends_with("bend\n") && stderr.len() < SHELL_ERROR_BYTES, "{}", stderr.len());
    let note = output["note"].as_str().unwrap();
    assert!(
        note.starts_with("stdout: of 5000000 bytes the first 524288 are kept; stderr: of 900004 bytes"),
        "{note}"
    );
    let output = run(&bash(), json!({"command": "head -c 400000 /dev/zero"})).await.unwrap();
    assert!(output.to_string().len() < 600_000, "what is escaped as JSON is counted so");
}

#[tokio::test]
async fn what_is_no_text_is_said() {
    let output = run(&bash(), json!({"command": "printf 'a\\377b'"})).await.unwrap();
    assert_eq!(output["stdout"], "a\u{fffd}b");
    assert_eq!(output["note"], "stdout: not UTF-8; what is no character is U+FFFD");
    let output = run(&bash(), json!({"command": "for i in {1..300000}; do printf é; done"})).await.unwrap();
    let note = output["note"].as_str().unwrap();
    assert!(
        !note.contains("UTF-8") && note.contains("first 524288"),
        "a character that is cut is none: {note}"
    );
}

#[tokio::test]
async fn nothing_of_a_command_outlives_its_attempt() {
    let dir = TempDir::new().unwrap();
    let (begun, beat) = (dir.path().join("begun"), dir.path().join("beat"));
    let command = format!(
        "(while :; do echo x >>'{}'; sleep 0.01; done) & touch '{}'; wait",
        beat.display(),
        begun.display()
    );
    let bash = bash();
    {
        let call = bash.call(call_of(json!({ "command": command })));
        tokio::select! {
            _ = call => panic!("it does not end"),
            () = until(|| begun.exists() && beat.exists()) => {}
        }
    }
    still(&beat).await;
    // One that has ended leaves nothing either, and is not waited for.
    let command =
        format!("sleep 1000 & (while :; do echo x >>'{}'; sleep 0.01; done) & echo done", beat.display());
    let output = run(&bash, json!({ "command": command })).await.unwrap();
    assert_eq!(output["stdout"], "done\n");
    still(&beat).await;
}

/// Waits until nobody writes to the file any more: twenty beats without one.
async fn still(beat: &std::path::Path) {
    let length = || std::fs::metadata(beat).map_or(0, |found| found.len());
    let (mut last, mut same) = (length(), 0);
    while same < 20 {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        let now = length();
        same = if now == last { same + 1 } else { 0 };
        last = now;
    }
}

#[tokio::test]
async fn a_secret_is_a_variable_and_on_no_command_line() {
    let mut call = call_of(json!({
        "command": "tr '\\0' '\\n' </proc/$$/cmdline; printf '[%s]' \"$TOKEN\"",
        "secrets": {"TOKEN": null},
    }));
    call.secrets = vec![given("/secrets/TOKEN", "hunter2 '\"$(id)")];
    let output = bash().call(call).await.unwrap().value();
    let stdout = output["stdout"].as_str().unwrap().to_owned();
    let (line, printed) = stdout.split_once('[').and_then(|_| stdout.rsplit_once('[')).unwrap();
    assert_eq!(printed, "hunter2 '\"$(id)]");
    assert!(!line.contains("hunter2"), "{line}");
}

#[tokio::test]
async fn what_is_withdrawn_or_cannot_start_has_not_acted() {
    let dir = TempDir::new().unwrap();
    let mark = dir.path().join("mark");
    let mut call = call_of(json!({"command": format!("touch '{}'", mark.display())}));
    call.sending = Sending::new(|| false);
    let failure = bash().call(call).await.unwrap_err();
    assert!(!failure.may_have_acted() && !mark.exists());
    let (call, begun) = told(json!({"command": "true", "directory": "/does/not/exist"}));
    let failure = bash().call(call).await.unwrap_err();
    assert_eq!(
        (failure.kind, failure.may_have_acted(), failure.retryable()),
        (FailureKind::Unreachable, false, false)
    );
    assert!(begun.load(std::sync::atomic::Ordering::SeqCst));
}

#[test]
fn a_directory_is_a_path_from_the_root() {
    let flaws = bash().check("run", &json!({"command": "ls", "directory": "tmp"}).into());
    assert_eq!((flaws.len(), flaws[0].place.as_str()), (1, "directory"));
    assert!(bash().check("run", &json!({"command": null, "directory": "/tmp"}).into()).is_empty());
}
