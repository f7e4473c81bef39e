//! Files of executions: an answer goes to one, later steps send it and read its items, and what nothing names does not stay.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

mod tool;

use std::io::Read as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use axum::body::Bytes;
use serde_json::{Value, json};
use updraft::connectors::{Connector, Connectors};
use updraft::integrations::HttpIntegration;
use updraft::limits::{FILE_BYTES, RESPONSE_BYTES};
use updraft::{
    Builder, Engine, ExecutionFile, ExecutionStatus, FailureKind, FileError, Handle, Name, PutError, Rerun,
    Secret, SecretProvider, secret,
};
use updraft_tests::timeouts::TEST_TIMEOUT;
use updraft_tests::{Harness, asked, named, playbook, program, soon, started, tenant, until};

use tool::{ITEMS, export, tool};

/// A provider of one secret.
#[derive(Clone)]
struct Token;

impl SecretProvider for Token {
    fn secret<'a>(&'a self, _: &'a updraft::TenantCode, _: &'a Name) -> secret::Found<'a> {
        Box::pin(std::future::ready(Ok(Secret::new("the-token-of-acme").unwrap())))
    }
}

fn builder(harness: &Harness, address: SocketAddr) -> Builder {
    let http = HttpIntegration::builder().allow(address.to_string().parse().unwrap()).build().unwrap();
    harness.builder().secrets(Token).integration("http", http)
}

fn get_file(address: SocketAddr, path: &str) -> String {
    format!(
        "  - id: export
    action: http.request
    arguments: {{url: 'http://{address}{path}', response: file, headers: {{X-Token: {{$secret: token}}}}}}
    retry: {{attempts: 1}}
"
    )
}

async fn output(engine: &Engine, handle: &Handle) -> Value {
    let ended = soon(handle.wait()).await.unwrap();
    assert_eq!(ended.state.execution_status, ExecutionStatus::Completed, "{:?}", ended.state.error);
    let stored = engine.execution(&tenant("acme"), handle.peid()).await.unwrap().unwrap();
    serde_json::from_str(stored.execution.state.output.as_ref().unwrap().as_str()).unwrap()
}

/// All that lies in the folders of files.
fn lying(harness: &Harness) -> Vec<PathBuf> {
    let mut folders = vec![harness.path().join("files")];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files
}

#[tokio::test]
async fn an_answer_goes_to_a_file_which_later_steps_send_and_read_item_by_item() {
    let (harness, (address, sent)) = (Harness::default(), tool().await);
    let engine = builder(&harness, address).start().await.unwrap();
    let text = format!(
        "steps:\n{}  - id: send
    action: http.request
    arguments: {{url: 'http://{address}/take', method: POST, body_file: '{{{{ steps.export.output.file }}}}'}}
  - id: all
    for_each: {{file: steps.export.output.file}}
    collect: '{{{{ item.n }}}}'
    do: [{{if: 'item.token != \"***\"', then: [{{fail: 'a secret'}}]}}]
  - end: {{file: '{{{{ steps.export.output.file }}}}', all: '{{{{ steps.all.output }}}}'}}
",
        get_file(address, "/export")
    );
    let handle = harness.submit(&engine, &playbook(&text), json!({})).await;
    let output = output(&engine, &handle).await;
    let file: ExecutionFile = serde_json::from_value(output["file"].clone()).unwrap();
    let masked = export().replace("the-token-of-acme", "***");
    assert!(masked.len() > RESPONSE_BYTES, "more than is kept otherwise");
    assert_eq!((file.bytes, file.items), (masked.len() as u64, Some(ITEMS as u64)));
    assert_eq!(output["all"]["completed"], json!(ITEMS));
    assert_eq!(output["all"]["results"], json!((0..ITEMS).collect::<Vec<_>>()));
    let (content_type, body) = sent.lock().unwrap()[0].clone();
    assert_eq!((content_type.as_str(), body == masked.as_bytes()), ("application/json", true));
    // Readers get it, but those of another tenant or of another execution.
    let (acme, other) = (tenant("acme"), tenant("other"));
    let mut opened = engine.execution_file(&acme, handle.peid(), file.id).await.unwrap();
    let mut read = String::new();
    opened.content.read_to_string(&mut read).unwrap();
    assert!(read == masked);
    let another = harness.submit(&engine, &named("another", "steps: [{end: ok}]\n"), json!({})).await.peid();
    for (tenant, peid) in [(&other, handle.peid()), (&acme, another)] {
        let refused = engine.execution_file(tenant, peid, file.id).await.unwrap_err();
        assert_eq!(refused, FileError::Missing(file.id));
    }
    let of_another = named(
        "of-another",
        &format!("steps: [{{for_each: {{file: '\"{}\"'}}, do: [{{end: ok}}]}}]\n", file.id),
    );
    let ended = soon(harness.submit(&engine, &of_another, json!({})).await.wait()).await.unwrap();
    assert!(ended.state.error.as_ref().unwrap().message.contains("has no file"), "{:?}", ended.state.error);
    let _ = engine.shutdown(TEST_TIMEOUT).await;
}

#[tokio::test]
async fn a_rerun_of_a_rerun_has_the_files_of_the_results_that_it_takes_over() {
    let (harness, (address, sent)) = (Harness::default(), tool().await);
    let engine = builder(&harness, address).start().await.unwrap();
    let text = format!(
        "steps:\n{}  - id: send
    action: http.request
    arguments: {{url: 'http://{address}/picky', method: POST, body_file: '{{{{ steps.export.output.file }}}}'}}
  - {{id: all, for_each: {{file: steps.export.output.file}}, do: [{{if: item.n < 0, then: [{{fail: no}}]}}]}}
  - end: {{file: '{{{{ steps.export.output.file }}}}', all: '{{{{ steps.all.output.completed }}}}'}}
",
        get_file(address, "/export")
    );
    let acme = tenant("acme");
    let mut handle = harness.submit(&engine, &playbook(&text), json!({})).await;
    let first = handle.peid();
    for _ in 0..2 {
        let failed = soon(handle.wait()).await.unwrap();
        assert_eq!(failed.state.execution_status, ExecutionStatus::Failed);
        handle = engine.rerun(&acme, handle.peid(), Rerun::new(asked())).await.unwrap();
    }
    let output = output(&engine, &handle).await;
    assert_eq!(output["all"], json!(ITEMS));
    let bodies: Vec<Bytes> = sent.lock().unwrap().iter().map(|(_, body)| body.clone()).collect();
    assert!(bodies.len() == 3 && bodies.iter().all(|body| *body == bodies[0]));
    let file: ExecutionFile = serde_json::from_value(output["file"].clone()).unwrap();
    // One name each, and in all one content: of the first, its rerun, and the rerun of that.
    assert_eq!(lying(&harness).len(), 6);
    for peid in [first, handle.peid()] {
        let opened = engine.execution_file(&acme, peid, file.id).await.unwrap();
        assert_eq!(opened.bytes, file.bytes);
        let refused = engine.execution_file(&tenant("other"), peid, file.id).await.unwrap_err();
        assert_eq!(refused, FileError::Missing(file.id));
    }
    let _ = engine.shutdown(TEST_TIMEOUT).await;
}

#[tokio::test]
async fn files_are_removed_some_time_after_the_end_of_their_execution() {
    let (harness, (address, _)) = (Harness::default(), tool().await);
    let kept = Duration::from_millis(300);
    let builder = builder(&harness, address).files_kept(kept);
    let engine = builder.start().await.unwrap();
    let text = format!(
        "steps:\n{}  - {{id: gate, action: tool.gate}}
  - id: send
    action: http.request
    arguments: {{url: 'http://{address}/picky', method: POST, body_file: '{{{{ steps.export.output.file }}}}'}}
",
        get_file(address, "/export")
    );
    let acme = tenant("acme");
    let handle = harness.submit(&engine, &playbook(&text), json!({})).await;
    harness.tool.begun(1).await;
    let file = lying(&harness)[0].file_stem().unwrap().to_str().unwrap().parse().unwrap();
    // Some sweeps pass while it goes on.
    tokio::time::sleep(3 * kept).await;
    assert!(engine.execution_file(&acme, handle.peid(), file).await.is_ok());
    harness.tool.open(1);
    let failed = soon(handle.wait()).await.unwrap();
    assert_eq!(failed.state.error.as_ref().unwrap().kind, FailureKind::Status, "{:?}", failed.state.error);
    until(async || lying(&harness).is_empty()).await;
    let removed = engine.execution_file(&acme, handle.peid(), file).await.unwrap_err();
    assert_eq!(removed, FileError::Removed { file, kept });
    let rerun = engine.rerun(&acme, handle.peid(), Rerun::new(asked())).await.unwrap();
    let error = soon(rerun.wait()).await.unwrap().state.error.unwrap();
    assert_eq!(error.kind, FailureKind::InvalidArguments, "{error}");
    assert!(error.message.contains("has no file") && error.message.contains("300ms"), "{error}");
    let _ = engine.shutdown(TEST_TIMEOUT).await;
}

#[tokio::test]
async fn what_is_too_large_or_breaks_off_fails_and_leaves_nothing() {
    let (harness, (address, _)) = (Harness::default(), tool().await);
    let engine = builder(&harness, address).start().await.unwrap();
    for (name, kind) in [("endless", FailureKind::TooLarge), ("broken", FailureKind::Interrupted)] {
        let text = format!("steps:\n{}", get_file(address, &format!("/{name}")));
        let handle = harness.submit(&engine, &named(name, &text), json!({})).await;
        let ended = soon(handle.wait()).await.unwrap();
        let error = ended.state.error.clone().unwrap();
        assert_eq!(error.kind, kind, "{error}");
        if kind == FailureKind::TooLarge {
            assert!(error.message.contains(&FILE_BYTES.to_string()), "{error}");
        }
    }
    until(async || lying(&harness).is_empty()).await;
    let _ = engine.shutdown(TEST_TIMEOUT).await;
}

#[tokio::test]
async fn a_loop_over_a_file_goes_on_after_a_crash_and_files_that_nothing_names_are_removed() {
    let (harness, (address, _)) = (Harness::default(), tool().await);
    let engine = started(&builder(&harness, address)).await;
    let text = format!(
        "steps:\n{}  - id: all
    for_each: {{file: steps.export.output.file}}
    at_once: 5
    collect: '{{{{ item.n }}}}'
    do: [{{if: item_index == 1200, then: [{{id: gate, action: tool.gate}}]}}]
  - end: '{{{{ steps.all.output }}}}'
",
        get_file(address, "/export")
    );
    let handle = harness.submit(&engine, &playbook(&text), json!({})).await;
    harness.tool.begun(1).await;
    engine.flush().await.unwrap();
    let peid = handle.peid();
    let before = lying(&harness);
    assert_eq!(before.len(), 2, "{before:?}");
    // Without an end of its calls: as a crash leaves it, with what it has not finished.
    drop((engine, handle));
    let folder = before[0].parent().unwrap();
    let left = folder.join("0190aaaa-bbbb-7111-8222-333344445555");
    std::fs::write(&left, "left").unwrap();
    let unfinished = harness.path().join("files/=unfinished");
    std::fs::create_dir_all(&unfinished).unwrap();
    std::fs::write(unfinished.join("0190aaaa-bbbb-7111-8222-333344445556"), "part").unwrap();
    let engine = started(&builder(&harness, address)).await;
    harness.tool.open(10);
    let resumed = engine.handle(&tenant("acme"), peid).await.unwrap().unwrap();
    let output = output(&engine, &resumed).await;
    assert_eq!(output["results"], json!((0..ITEMS).collect::<Vec<_>>()));
    until(async || !left.exists()).await;
    let mut kept = lying(&harness);
    let mut expected = before;
    kept.sort();
    expected.sort();
    assert_eq!(kept, expected);
    let _ = engine.shutdown(TEST_TIMEOUT).await;
}

#[tokio::test]
async fn the_pages_of_a_connector_go_to_a_file_item_by_item() {
    let (harness, (address, _)) = (Harness::default(), tool().await);
    let text = format!(
        "
connector: listing
version: 1
base_url: http://{address}
actions:
  all:
    request: {{path: /pages, query: {{page: '{{{{ page.number }}}}'}}}}
    pagination: {{by: page, items: '{{{{ body.data }}}}', first: 0, into: file}}
    result: {{alerts: '{{{{ file }}}}', more: '{{{{ more }}}}'}}
  export:
    request: {{path: /export, response: file}}
    result: {{file: '{{{{ file.id }}}}', of: '{{{{ status }}}}'}}
"
    );
    let http = HttpIntegration::builder().allow(address.to_string().parse().unwrap());
    let connectors = Connectors::builder(http).connector(Connector::parse(text.as_bytes()).unwrap());
    let connectors = connectors.build().unwrap();
    let engine = harness.builder().connectors(&connectors).start().await.unwrap();
    let text = "steps:
  - {id: list, action: listing.all}
  - {id: all, for_each: {file: steps.list.output.alerts}, collect: '{{ item.n }}', do: [{delay: 1ms}]}
  - {id: export, action: listing.export}
  - {id: many, for_each: {file: steps.export.output.file}, do: [{if: item.n < 0, then: [{fail: no}]}]}
  - end: {list: '{{ steps.list.output }}', all: '{{ steps.all.output.results }}', many: '{{ steps.many.output.completed }}'}
";
    let handle = harness.submit(&engine, &playbook(text), json!({})).await;
    let output = output(&engine, &handle).await;
    assert_eq!(output["all"], json!((0..40).collect::<Vec<_>>()));
    assert_eq!((&output["list"]["more"], &output["list"]["alerts"]["items"]), (&json!(false), &json!(40)));
    assert_eq!(output["many"], json!(ITEMS));
    let _ = engine.shutdown(TEST_TIMEOUT).await;
}

#[tokio::test]
async fn an_engine_without_a_directory_refuses_a_playbook_that_needs_files() {
    let (address, _) = tool().await;
    let http = HttpIntegration::builder().allow(address.to_string().parse().unwrap()).build().unwrap();
    let engine = Engine::builder().in_memory().integration("http", http).start().await.unwrap();
    let text = format!(
        "steps:\n  - {{id: export, action: http.request, arguments: {{url: 'http://{address}/export', response: file}}}}
  - {{for_each: {{file: input.file}}, do: [{{delay: 1s}}]}}\n"
    );
    let refused = engine.playbooks().put(&tenant("acme"), playbook(&text)).await.unwrap_err();
    let PutError::Invalid(mistakes) = &refused else { panic!("{refused}") };
    let told: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told.iter().all(|one| one.contains("this engine has no data directory")), "{told:?}");
    assert!(
        told[0].starts_with("steps[0].arguments:") && told[1].starts_with("steps[1].for_each:"),
        "{told:?}"
    );
    let _ = engine.shutdown(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn a_process_that_is_killed_while_it_writes_leaves_nothing_and_writes_again() {
    let (directory, (address, sent)) = (tempfile::tempdir().unwrap(), tool().await);
    let text = format!(
        "format: 1\nname: export\nversion: 1\nsteps:
  - id: export
    action: http.request
    arguments: {{url: 'http://{address}/stalled', response: file}}
  - {{id: all, for_each: {{file: steps.export.output.file}}, collect: '{{{{ item.n }}}}', do: [{{end: ok}}]}}
  - end: {{id: '{{{{ steps.export.output.file.id }}}}', count: '{{{{ steps.all.output.completed }}}}'}}
"
    );
    std::fs::write(directory.path().join("export.yaml"), text).unwrap();
    let run = |arguments: &[&str]| {
        let mut command = tokio::process::Command::new(program());
        command.args(arguments).current_dir(directory.path()).kill_on_drop(true);
        command.stdin(std::process::Stdio::null());
        command
    };
    let address = address.to_string();
    let allowed = ["--data", "d", "--allow-net", &address];
    let mut killed = run(&[&["run", "export.yaml"], &allowed[..]].concat()).spawn().unwrap();
    let unfinished = directory.path().join("d/files/=unfinished");
    let has_part = async || {
        let parts = std::fs::read_dir(&unfinished).into_iter().flatten();
        parts.flatten().any(|part| part.metadata().is_ok_and(|part| part.len() > 1 << 20))
    };
    until(has_part).await;
    killed.kill().await.unwrap();
    let recovered = soon(run(&[&["recover"], &allowed[..]].concat()).output()).await.unwrap();
    assert!(recovered.status.success(), "{recovered:?}");
    assert!(!unfinished.exists() || std::fs::read_dir(&unfinished).unwrap().next().is_none());
    assert_eq!(sent.lock().unwrap().len(), 2);
    let listed = soon(run(&["list", "--json", "--data", "d"]).output()).await.unwrap();
    let listed: Value = serde_json::from_slice(&listed.stdout).unwrap();
    let (peid, output) = (listed[0]["peid"].as_str().unwrap(), &listed[0]["output"]);
    assert_eq!(output["count"], json!(ITEMS), "{listed}");
    let file = output["id"].as_str().unwrap();
    let shown = soon(run(&["show", peid, "--file", file, "--data", "d"]).output()).await.unwrap();
    assert!(shown.stdout == export().as_bytes(), "{} bytes", shown.stdout.len());
    let other = run(&["show", peid, "--file", file, "--data", "d", "--tenant", "other"]).output();
    let other = soon(other).await.unwrap();
    assert!(
        !other.status.success() && String::from_utf8_lossy(&other.stderr).contains("has no file"),
        "{other:?}"
    );
}
