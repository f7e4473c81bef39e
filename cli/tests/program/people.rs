//! `answer`, `inbox` and `signal`, beside the process that runs the execution, and answers at its terminal.

use std::io::{BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::json;

use crate::ended::{Ended, ended, read_until, shell, updraft};
use crate::given::{files, playbook};

#[test]
fn people_answer_and_programs_signal_beside_the_process_that_runs_it() {
    let steps = "  - {id: ask, approval: Isolate?, assignees: [ana, ben], quorum: 2}\n  - {id: told, wait_for: closed}\n";
    let dir = files(&[("p.yaml", &playbook(steps))]);
    let mut command = updraft(dir.path(), &["run", "p.yaml", "--json"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut errors = BufReader::new(child.stderr.take().unwrap());
    read_until(&mut errors, "ask");
    let peid = ended(dir.path(), &["list", "--json"]).json()[0]["peid"].as_str().unwrap().to_owned();
    let answer = |uid: &str, choice: &str| ended(dir.path(), &["answer", &peid, choice, "--uid", uid]);
    let inbox = |of: &[&str]| ended(dir.path(), &[&["inbox", "--json"], of].concat()).json();
    let asked = inbox(&["--person", "ana"]);
    assert_eq!((&asked[0]["peid"], &asked[0]["question"]), (&json!(peid), &json!("Isolate?")), "{asked}");
    assert_eq!(inbox(&["--person", "eve"]), json!([]));
    assert_eq!(inbox(&["--group", "leads"]), json!([]));
    let table = ended(dir.path(), &["inbox"]);
    assert!(table.out.contains(&peid) && table.out.contains("approve|refuse"), "{}", table.out);
    let uninvited = answer("eve", "approve");
    assert_eq!(uninvited.code, 1);
    assert!(uninvited.err.contains("the approval does not ask \"eve\""), "{}", uninvited.err);
    let elsewhere = ["answer", &peid, "approve", "--uid", "ana", "--step", "aks"];
    let elsewhere = ended(dir.path(), &elsewhere);
    assert!(elsewhere.err.contains("no approval of the step aks waits; there wait "), "{}", elsewhere.err);
    assert!(elsewhere.err.contains(" (step ask)"), "{}", elsewhere.err);
    let counted = answer("ana", "approve");
    assert_eq!((counted.code, counted.out), (0, format!("{peid}  counted; one more is needed: approve\n")));
    assert_eq!(
        (inbox(&["--person", "ana"]), inbox(&["--person", "ben"])[0]["peid"].clone()),
        (json!([]), json!(peid))
    );
    let task = ended(dir.path(), &["show", &peid, "--json"]).json()["tasks"][0]["task_request_id"].clone();
    let decided = answer("ben", "approve");
    assert_eq!((decided.code, decided.out), (0, format!("{peid}  decided: approve\n")), "{}", decided.err);
    let late = ["answer", &peid, "refuse", "--uid", "ana", "--task", task.as_str().unwrap()];
    let late = ended(dir.path(), &late);
    assert!(late.err.contains("ben has chosen \"approve\""), "{}", late.err);
    assert!(answer("ana", "approve").err.contains("no approval of"));
    assert_eq!(inbox(&[]), json!([]));

    let payload = json!({"by": "ana"}).to_string();
    let signal = |name: &str, reason: &str| {
        let words = ["signal", &peid, name, "--id", "call-7", "--payload", &payload];
        ended(dir.path(), &[&words[..], &["--uid", "svc-tickets", "--reason", reason]].concat())
    };
    let silent = signal("closed", " ");
    assert!(silent.code == 1 && silent.err.contains("a control needs a person"), "{}", silent.err);
    let wrong = signal("close", "T-7 is closed");
    assert!(wrong.code == 1 && wrong.err.contains("no step of the playbook waits"), "{}", wrong.err);
    let taken = signal("closed", "T-7 is closed");
    assert_eq!((taken.code, taken.out), (0, format!("{peid}  taken\n")), "{}", taken.err);
    let run: Ended = child.wait_with_output().unwrap().into();
    assert_eq!((run.code, &run.json()["execution"]["output"]), (0, &json!({"by": "ana"})), "{}", run.out);
    let shown = ended(dir.path(), &["show", &peid]);
    assert!(shown.out.contains("  signal closed call-7 by svc-tickets: T-7 is closed"), "{}", shown.out);
}

#[test]
fn where_nobody_sits_at_a_terminal_it_is_said_how_an_approval_is_answered() {
    let steps = "  - {id: ask, approval: Isolate?, choices: {isolate: continue}}\n";
    let dir = files(&[("p.yaml", &playbook(steps))]);
    let mut command =
        updraft(dir.path(), &["run", "p.yaml", "--tenant", "acme", "--data", "my data", "--uid", "ana"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut errors = BufReader::new(child.stderr.take().unwrap());
    let said = read_until(&mut errors, "answer with: ");
    let line = said.split("answer with: ").nth(1).unwrap().trim().replace("NAME", "ana");
    assert!(line.contains(" isolate --task ") && line.contains("--tenant acme"), "{line}");
    let answered: Ended = shell(dir.path(), &line).output().unwrap().into();
    assert!(answered.code == 0 && answered.out.ends_with("decided: isolate\n"), "{}", answered.err);
    let run: Ended = child.wait_with_output().unwrap().into();
    assert_eq!(run.code, 0, "{}", run.out);
}

#[test]
fn a_wait_ends_later_and_who_asked_for_what_is_told() {
    let dir = files(&[("p.yaml", &playbook("  - {id: ask, approval: Isolate?, timeout: 1h}\n"))]);
    let mut command = updraft(dir.path(), &["run", "p.yaml", "--json"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut errors = BufReader::new(child.stderr.take().unwrap());
    read_until(&mut errors, "ask");
    let peid = ended(dir.path(), &["list", "--json"]).json()[0]["peid"].as_str().unwrap().to_owned();
    let shown = ended(dir.path(), &["show", &peid, "--json"]).json();
    let task = shown["tasks"][0]["task_request_id"].as_str().unwrap().to_owned();
    let by = ["--uid", "ana", "--reason", "she is back tomorrow"];
    let extend = |span: &str| {
        ended(dir.path(), &[&["extend", &peid, "--task", &task, "--for", span], &by[..]].concat())
    };
    let extended = extend("48h");
    assert_eq!(extended.code, 0, "{}", extended.err);
    assert!(extended.out.contains(&format!("{peid}  {task} waits until ")), "{}", extended.out);
    let overdue = |more: &[&str]| ended(dir.path(), &[&["why", "--json"], more].concat());
    let waiting = overdue(&["--waiting", "approval"]).json();
    let row = &waiting[0]["task"];
    assert_eq!(
        (&row["peid"], &row["wait"]["task"], &row["tenant"]),
        (&json!(peid), &json!(task), &json!("default"))
    );
    let told = ended(dir.path(), &["why", "--waiting", "approval"]).out;
    assert!(told.starts_with("default  ") && told.contains(&peid) && told.contains("Isolate?"), "{told}");
    for more in [&["--waiting", "approval", "--older", "1h"][..], &["--retries", "1"], &["--slow"]] {
        assert_eq!(overdue(more).json(), json!([]), "{more:?}");
    }
    for wrong in [
        &[][..],
        &["--waiting", "lunch"],
        &[&peid, "--slow"],
        &["--slow", "--retries", "1"],
        &["--slow", "--older", "1h"],
    ] {
        assert_eq!(overdue(wrong).code, 2, "{wrong:?}");
    }
    let far = extend("400d");
    assert!(far.code != 0 && !far.err.is_empty(), "{}", far.out);
    let cancelled = ended(dir.path(), &[&["cancel", &peid], &by[..]].concat());
    assert_eq!(cancelled.code, 0, "{}", cancelled.err);
    assert_eq!(child.wait().unwrap().code(), Some(3));
    for command in ["show", "why"] {
        let told = ended(dir.path(), &[command, &peid]).out;
        let extended = told.lines().find(|line| line.contains("extend_wait")).unwrap_or_default();
        assert!(extended.contains(&task) && extended.ends_with("by ana: she is back tomorrow"), "{told}");
        assert!(told.contains("cancel by ana: she is back tomorrow"), "{told}");
    }
    let anonymous = ended(dir.path(), &["cancel", &peid]);
    assert!(anonymous.code == 2 && anonymous.err.contains("--uid"), "{}", anonymous.err);
}

/// Runs the program at a terminal, which `script` of util-linux gives it: what is typed there, and what is seen.
#[cfg(target_os = "linux")]
fn at_terminal(dir: &std::path::Path, options: &str) -> (Child, ChildStdin, BufReader<ChildStdout>) {
    let line = format!("{} run p.yaml {options}", env!("CARGO_BIN_EXE_updraft"));
    let mut command = Command::new("script");
    command.current_dir(dir).args(["-qec", &line, "/dev/null"]).env("TERM", "xterm");
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (typed, seen) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
    (child, typed, seen)
}

#[test]
#[cfg(target_os = "linux")]
fn somebody_at_a_terminal_is_asked_there() {
    let form = "form: {type: object, required: [hours], properties: {hours: {type: integer}}}";
    let steps = format!("  - {{id: ask, approval: Isolate?, {form}}}\n  - {{id: told, approval: Sure?}}\n");
    let dir = files(&[("p.yaml", &playbook(&steps))]);
    let (mut child, mut typed, mut seen) = at_terminal(dir.path(), "--uid ana");
    read_until(&mut seen, "step ask asks: Isolate?");
    read_until(&mut seen, "type one of approve, refuse, a blank, and the form as JSON");
    for (answer, told) in [
        ("maybe\n", "no choice \"maybe\""),
        ("approve\n", "data.hours: "),
        ("approve {\"hours\": 4}\n", "decided"),
    ] {
        typed.write_all(answer.as_bytes()).unwrap();
        read_until(&mut seen, told);
    }
    read_until(&mut seen, "step told asks: Sure?");
    typed.write_all(b"refuse\n").unwrap();
    read_until(&mut seen, "ana has refused");
    assert_eq!(child.wait().unwrap().code(), Some(1));
}

#[test]
#[cfg(target_os = "linux")]
fn an_answer_is_for_the_question_that_is_shown_and_none_that_comes_later() {
    let steps = "  - id: each\n    for_each: \"['laptop', 'dc']\"\n    as: host\n    do:\n      \
                 - {id: ask, approval: 'Isolate {{ host }}?'}\n    collect: '{{ steps.ask.output.choice }}'\n";
    let dir = files(&[("p.yaml", &playbook(steps))]);
    let (mut child, mut typed, mut seen) = at_terminal(dir.path(), "--uid ana");
    let first = read_until(&mut seen, "in each:0 asks: Isolate laptop?");
    assert!(!first.contains("Isolate dc?"), "one question at a time: {first}");
    read_until(&mut seen, "questions that wait: 2");
    for next in ["in each:1 asks: Isolate dc?", "in each:0 asks: Isolate laptop?"] {
        typed.write_all(b"\n").unwrap();
        read_until(&mut seen, next);
    }
    // Both lines are typed while the first question is shown.
    typed.write_all(b"approve\napprove\n").unwrap();
    let second = read_until(&mut seen, "the line was typed before this question");
    assert!(second.contains("decided") && second.contains("in each:1 asks: Isolate dc?"), "{second}");
    typed.write_all(b"refuse\n").unwrap();
    read_until(&mut seen, "ana has refused");
    assert_eq!(child.wait().unwrap().code(), Some(1));
}

#[test]
#[cfg(target_os = "linux")]
fn a_line_that_was_begun_for_a_question_whose_time_is_over_answers_no_other() {
    let ask = |id: &str, more: &str| format!("      {id}: [{{id: {id}, approval: '{id}?', {more}}}]\n");
    let steps = "  - id: both\n    parallel: all\n    branches:\n".to_owned()
        + &ask("short", "timeout: 3s, on_timeout: continue")
        + &ask("long", "timeout: 1h");
    let dir = files(&[("p.yaml", &playbook(&steps))]);
    let (mut child, mut typed, mut seen) = at_terminal(dir.path(), "--uid ana");
    read_until(&mut seen, "asks: short?");
    read_until(&mut seen, "questions that wait: 2");
    read_until(&mut seen, "the question before has ended: press Enter");
    typed.write_all(b"approve\n").unwrap();
    read_until(&mut seen, "the question has changed meanwhile");
    read_until(&mut seen, "asks: long?");
    typed.write_all(b"approve\n").unwrap();
    read_until(&mut seen, "decided");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
#[cfg(target_os = "linux")]
fn a_question_to_a_group_is_asked_of_a_member_and_others_are_told_how_it_is_answered() {
    let dir = files(&[("p.yaml", &playbook("  - {id: ask, approval: Isolate?, group: soc leads}\n"))]);
    let (mut child, mut typed, mut seen) = at_terminal(dir.path(), "--uid ana --group 'soc leads'");
    read_until(&mut seen, "type one of approve, refuse");
    typed.write_all(b"approve\n").unwrap();
    read_until(&mut seen, "decided");
    assert_eq!(child.wait().unwrap().code(), Some(0));

    let (mut child, typed, mut seen) = at_terminal(dir.path(), "--uid ana --group guests");
    let said = read_until(&mut seen, "answer with: ");
    assert!(said.contains("it asks soc leads, whom --uid and --group do not name"), "{said}");
    let line = said.split("answer with: ").nth(1).unwrap().trim().replace("NAME", "ben");
    assert!(line.ends_with("--uid ben --group 'soc leads'"), "{line}");
    let answered: Ended = shell(dir.path(), &line).output().unwrap().into();
    assert_eq!(answered.code, 0, "{}", answered.err);
    assert_eq!(child.wait().unwrap().code(), Some(0));
    drop(typed);
}
