//! `list`, `show`, `dead-letters`, `cancel` and `health`, beside an engine that runs, and without one.

use serde_json::json;

use crate::ended::{Ended, ended, updraft};
use crate::given::{files, playbook};
use crate::signals::Run;
use crate::tools::Tool;

const NOBODY: &str = "01a1fc56-3693-726d-b211-11b21cd582cc";

#[test]
fn what_runs_is_seen_and_cancelled_beside_the_process_that_runs_it() {
    let Run { dir, child, first, tool, .. } = Run::begin();
    let dir = dir.path();
    let listed = ended(dir, &["list", "--json", "--status", "executing"]);
    assert_eq!(listed.code, 0, "{}", listed.err);
    let peid = listed.json()[0]["peid"].as_str().unwrap().to_owned();
    let shown = ended(dir, &["show", &peid, "--json"]).json();
    assert_eq!(
        (&shown["execution"]["peid"], &shown["tasks"][0]["status"]),
        (&peid.as_str().into(), &"executing".into())
    );
    assert_eq!(ended(dir, &["dead-letters", "--json"]).json(), json!([]));
    let well = ended(dir, &["health"]);
    assert_eq!((well.code, well.out.lines().next()), (0, Some("well")), "{}{}", well.out, well.err);
    let well = ended(dir, &["health", "--json"]).json();
    assert_eq!(
        (&well["running"], &well["well"], &well["troubles"]),
        (&json!(true), &json!(true), &json!([]))
    );

    let other = ended(dir, &["cancel", &peid, "--tenant", "acme", "--uid", "ana", "--reason", "a test"]);
    assert_eq!(other.code, 1);
    assert!(other.err.contains("tenant acme has no execution"), "{}", other.err);
    std::fs::rename(dir.join("updraft-data/updraft.sock"), dir.join("socket")).unwrap();
    let mute = ended(dir, &["health"]);
    assert_eq!(mute.code, 1);
    assert!(mute.out.starts_with("an engine has updraft-data, and cannot be asked"), "{}", mute.out);
    std::fs::rename(dir.join("socket"), dir.join("updraft-data/updraft.sock")).unwrap();
    let cancelled = ended(dir, &["cancel", &peid, "--uid", "ana", "--reason", "a test"]);
    assert_eq!((cancelled.code, cancelled.out), (0, format!("{peid}  cancelled\n")), "{}", cancelled.err);
    let run: Ended = child.wait_with_output().unwrap().into();
    assert_eq!(run.code, 3, "whoever ran it hears of it: {}", run.out);
    drop(first);
    assert_eq!(tool.waiting(), None, "the second request is never made");
    let none = ended(dir, &["health"]);
    assert_eq!((none.code, none.out.as_str()), (1, "no engine runs on updraft-data\n"), "{}", none.err);
    assert_eq!(ended(dir, &["health", "--json"]).json(), json!({"running": false, "well": false}));
}

#[test]
fn a_cancel_where_nobody_runs_ends_that_execution_and_runs_nothing() {
    let Run { dir, mut child, first, tool, .. } = Run::begin();
    let dir = dir.path();
    child.kill().unwrap();
    child.wait().unwrap();
    drop(first);
    let peid = ended(dir, &["list", "--json"]).json()[0]["peid"].as_str().unwrap().to_owned();
    let cancel = |peid: &str| ended(dir, &["cancel", peid, "--uid", "ana", "--reason", "a test"]);
    assert_eq!(cancel(NOBODY).code, 1);
    let all = ["cancel", "--where", "all", "--yes", "--uid", "ana", "--reason", "a test"];
    let cancelled = ended(dir, &all);
    assert_eq!((cancelled.code, cancelled.out), (0, format!("{peid}  cancelled\n")), "{}", cancelled.err);
    let none = ended(dir, &all);
    assert!(none.code == 0 && none.err.contains("0 executions are to be cancelled"), "{}", none.err);
    let again = cancel(&peid);
    assert_eq!((again.code, again.out), (0, format!("{peid}  was cancelled before\n")));
    assert_eq!(tool.waiting(), None, "nothing was called");
    let shown = ended(dir, &["show", &peid, "--json"]).json();
    assert_eq!(shown["execution"]["execution_status"], "cancelled");
    assert_eq!(shown["tasks"][0]["status"], "unknown", "nobody knows what became of the request");
    assert_eq!(ended(dir, &["recover"]).err, "nothing is unfinished\n");
}

#[test]
fn what_is_told_to_an_execution_needs_an_engine_that_runs_it() {
    let Run { dir, mut child, first, .. } = Run::begin();
    let dir = dir.path();
    child.kill().unwrap();
    child.wait().unwrap();
    drop(first);
    let peid = ended(dir, &["list", "--json"]).json()[0]["peid"].as_str().unwrap().to_owned();
    let by = ["--uid", "ana", "--reason", "a test"];
    for words in [&["pause", &peid][..], &["resume", &peid], &["signal", &peid, "closed", "--id", "1"]] {
        let refused = ended(dir, &[words, &by].concat());
        assert_eq!(refused.code, 1, "{words:?}");
        assert!(refused.err.contains("it resumes at the next start"), "{words:?}: {}", refused.err);
    }
}

#[test]
fn an_end_that_came_before_the_cancel_is_told_and_is_no_success() {
    let dir = files(&[("p.yaml", &playbook("  - {id: done, end: null}\n"))]);
    let run = ended(dir.path(), &["run", "p.yaml", "--json"]).json();
    let peid = run["execution"]["peid"].as_str().unwrap();
    let late = ended(dir.path(), &["cancel", peid, "--uid", "ana", "--reason", "a test"]);
    assert_eq!((late.code, late.out), (1, format!("{peid}  had ended before: completed\n")), "{}", late.err);
}

#[test]
fn where_nothing_is_nothing_is_made() {
    let dir = files(&[]);
    let cancel = ended(dir.path(), &["cancel", NOBODY, "--uid", "ana", "--reason", "a test"]);
    assert_eq!(cancel.code, 2);
    assert!(cancel.err.contains("updraft-data: no data directory there"), "{}", cancel.err);
    let on_a_server =
        ["cancel", NOBODY, "--uid", "ana", "--reason", "a test", "--store", "mongodb://127.0.0.1:1/soar"];
    assert_eq!(ended(dir.path(), &on_a_server).code, 2, "whoever runs it has another directory");
    assert_eq!(ended(dir.path(), &["health"]).code, 1);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[cfg(target_os = "linux")]
#[test]
fn another_user_is_told_nothing_even_where_the_socket_would_let_him() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    use std::os::unix::process::CommandExt;

    let Run { dir, mut child, first, tool, .. } = Run::begin();
    let open = |path: &std::path::Path| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o777)).unwrap()
    };
    let data = dir.path().join("updraft-data");
    if std::fs::metadata(&data).unwrap().uid() == 0 {
        [dir.path(), &data, &data.join("updraft.sock")].into_iter().for_each(open);
        // From a place where that user may run it.
        let program = dir.path().join("updraft");
        std::fs::copy(env!("CARGO_BIN_EXE_updraft"), &program).unwrap();
        open(&program);
        let ask = |uid: u32| -> Ended {
            let mut command = std::process::Command::new(&program);
            command.env_clear().current_dir(dir.path()).args(["health", "--json"]).uid(uid);
            loop {
                match command.output() {
                    // Another test that began a program meanwhile holds the copy open until that one runs.
                    Err(error) if error.kind() == std::io::ErrorKind::ExecutableFileBusy => {
                        std::thread::yield_now()
                    }
                    ran => return ran.unwrap().into(),
                }
            }
        };
        let told = ask(65_534);
        assert_eq!((told.code, told.out.as_str()), (1, ""));
        assert!(told.err.contains("user 65534 may ask nothing of this engine"), "{}", told.err);
        assert_eq!(ask(0).code, 0);
    }
    child.kill().unwrap();
    child.wait().unwrap();
    drop((first, tool));
}

#[test]
fn a_list_is_read_whole_beside_a_running_engine() {
    let Run { dir, mut child, first, .. } = Run::begin();
    let listed = ended(dir.path(), &["list", "--limit", "1"]);
    assert_eq!((listed.code, listed.out.lines().count()), (0, 2), "{}{}", listed.out, listed.err);
    let peid = listed.out.lines().nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
    let table = ended(dir.path(), &["show", &peid]).out;
    assert!(table.contains("status     executing") && table.contains("http.request"), "{table}");
    // Through the command line of a shell that has the variable.
    let by_variable = updraft(std::env::temp_dir().as_path(), &["show", &peid])
        .env("UPDRAFT_DATA", dir.path().join("updraft-data"))
        .output();
    assert_eq!(Ended::from(by_variable.unwrap()).code, 0);
    Tool::answer(first);
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_start_waits_for_a_command_that_reads_and_is_refused_where_nobody_lets_go() {
    let dir = files(&[("p.yaml", &playbook("  - {id: done, end: null}\n"))]);
    let dir = dir.path();
    assert_eq!(ended(dir, &["run", "p.yaml"]).code, 0);
    let held = std::fs::File::open(dir.join("updraft-data/updraft.lock")).unwrap();
    for command in [&["run", "p.yaml"][..], &["recover"]] {
        held.lock().unwrap();
        let started = updraft(dir, command).stderr(std::process::Stdio::piped()).spawn().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(400));
        held.unlock().unwrap();
        let started: Ended = started.wait_with_output().unwrap().into();
        assert_eq!(started.code, 0, "{command:?}: {}", started.err);
    }
    held.lock().unwrap();
    let refused = ended(dir, &["run", "p.yaml"]);
    assert_eq!(refused.code, 2, "{}", refused.err);
    assert!(refused.err.contains("updraft.lock is in use by another process"), "{}", refused.err);
}
