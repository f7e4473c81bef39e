//! Ctrl-C and crashes: what a run leaves behind goes on.

use std::io::BufReader;
use std::path::Path;
use std::process::{Child, ChildStderr, Stdio};

use tempfile::TempDir;

use crate::ended::{Ended, ended, read_until, signal, updraft};
use crate::given::{files, playbook, two_requests};
use crate::tools::Tool;

/// A run of two requests, the first of which is under way.
pub(crate) struct Run {
    pub(crate) dir: TempDir,
    pub(crate) tool: Tool,
    pub(crate) child: Child,
    errors: BufReader<ChildStderr>,
    pub(crate) first: std::net::TcpStream,
}

impl Run {
    pub(crate) fn begin() -> Self {
        let (dir, tool) = (files(&[("p.yaml", &two_requests())]), Tool::listen());
        let variable = format!("tools=http://{}", tool.address);
        let allow = tool.address.to_string();
        let arguments = ["run", "p.yaml", "--json", "--endpoint", &variable, "--allow-net", &allow];
        let mut command = updraft(dir.path(), &arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let errors = BufReader::new(child.stderr.take().unwrap());
        let (line, first) = tool.asked();
        assert_eq!(line, "GET /first HTTP/1.1");
        Self { dir, tool, child, errors, first }
    }
}

/// Recovers, and answers both requests as they come.
fn recover(dir: &Path, tool: &Tool, requests: &[&str]) -> Ended {
    let allow = tool.address.to_string();
    let arguments = ["recover", "--data", "updraft-data", "--json", "--allow-net", &allow];
    let mut command = updraft(dir, &arguments);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    for request in requests {
        let (line, stream) = tool.asked();
        assert_eq!(line, format!("GET /{request} HTTP/1.1"));
        Tool::answer(stream);
    }
    child.wait_with_output().unwrap().into()
}

#[test]
fn an_interruption_leaves_the_execution_and_recover_completes_the_same() {
    let steps = "  - {id: wait, delay: 3s}\n  - {id: done, end: null}\n";
    let dir = files(&[("p.yaml", &playbook(steps))]);
    let mut command = updraft(dir.path(), &["run", "p.yaml", "--json"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut errors = BufReader::new(child.stderr.take().unwrap());
    read_until(&mut errors, "wait  executing");
    signal(&child, "TERM");
    read_until(&mut errors, "go on with: updraft recover --data updraft-data");
    let run: Ended = child.wait_with_output().unwrap().into();
    assert_eq!(run.code, 4);
    let left = run.json();
    assert_eq!(left["execution"]["execution_status"], "executing");

    let resumed = ended(dir.path(), &["recover", "--json"]);
    assert_eq!(resumed.code, 0, "{}", resumed.err);
    let ends = resumed.json();
    assert_eq!(ends.as_array().unwrap().len(), 1);
    assert_eq!(ends[0]["execution"]["peid"], left["execution"]["peid"]);
    assert_eq!(ends[0]["execution"]["execution_status"], "completed");
    assert_eq!(ends[0]["tasks"][0]["task_request_id"], left["tasks"][0]["task_request_id"]);
}

#[test]
fn an_attempt_under_way_is_let_end_and_where_that_is_the_end_it_is_told() {
    let Run { dir, tool, child, mut errors, first } = Run::begin();
    Tool::answer(first);
    let (_, second) = tool.asked();
    signal(&child, "INT");
    read_until(&mut errors, "interrupted: ");
    Tool::answer(second);
    let run: Ended = child.wait_with_output().unwrap().into();
    assert_eq!(run.code, 0);
    assert_eq!(run.json()["execution"]["execution_status"], "completed");
    assert_eq!(ended(dir.path(), &["recover", "--json"]).out, "[]\n");
}

#[test]
fn a_second_interruption_ends_it_at_once_and_the_execution_goes_on() {
    let Run { dir, tool, child, mut errors, first } = Run::begin();
    signal(&child, "INT");
    read_until(&mut errors, "interrupted: ");
    signal(&child, "INT");
    let run: Ended = child.wait_with_output().unwrap().into();
    assert_eq!((run.code, run.out.as_str()), (130, ""));
    drop(first);
    let resumed = recover(dir.path(), &tool, &["first", "second"]);
    assert_eq!(resumed.code, 0, "{}", resumed.err);
    assert_eq!(resumed.json()[0]["tasks"][0]["attempt"], 1, "a crash is not an attempt that failed");
}

#[test]
fn after_a_crash_reading_shows_the_truth_and_resumes_nothing() {
    let Run { dir, tool, mut child, first, .. } = Run::begin();
    child.kill().unwrap();
    child.wait().unwrap();
    drop(first);
    let listed = ended(dir.path(), &["list", "--json", "--status", "executing"]).json();
    let peid = listed[0]["peid"].as_str().unwrap().to_owned();
    let shown = ended(dir.path(), &["show", &peid, "--json"]);
    assert_eq!(shown.json()["tasks"][0]["status"], "executing");
    assert_eq!(tool.waiting(), None, "reading starts no attempt");
    let resumed = recover(dir.path(), &tool, &["first", "second"]);
    assert_eq!(resumed.json()[0]["execution"]["peid"], peid.as_str());
    let shown = ended(dir.path(), &["show", &peid]);
    assert!(shown.out.contains("status     completed"), "{}", shown.out);
}

#[test]
fn an_execution_that_fails_when_it_goes_on_exits_1() {
    let Run { dir, tool, mut child, first, .. } = Run::begin();
    child.kill().unwrap();
    child.wait().unwrap();
    drop(first);
    let allow = tool.address.to_string();
    let mut command = updraft(dir.path(), &["recover", "--allow-net", &allow]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // A tool that hangs up fails the only attempt.
    drop(tool.asked());
    let resumed: Ended = child.wait_with_output().unwrap().into();
    assert_eq!(resumed.code, 1, "{}", resumed.err);
    assert!(resumed.out.contains("test version 1  failed in "), "{}", resumed.out);
}
