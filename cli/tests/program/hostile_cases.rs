//! What test files, recordings and replays are asked for by mistake or in bad faith: each is refused with its place and its reason.

use std::io::BufReader;
use std::process::Stdio;

use crate::ended::{Ended, ended, read_until, updraft};
use crate::given::{files, playbook};

const ASKS: &str = "  - {id: ask, approval: 'Isolate?'}\n  - {end: isolated}\n";

#[test]
fn files_that_a_case_names_are_told_with_its_line() {
    let cases = "playbook: p.yaml\ncases:\n  - name: a\n    alert: missing.json\n  - name: b\n    alert: broken.json\n";
    let dir = files(&[
        ("p.yaml", &playbook(ASKS)),
        ("broken.json", "{"),
        ("a.test.yaml", cases),
        ("b.test.yaml", "playbook: p.yaml\nsub: [p.yaml, nowhere.yaml]\ncases: [{name: a}]\n"),
    ]);
    let run = ended(dir.path(), &["test", "a.test.yaml"]);
    assert_eq!(run.code, 2, "{}", run.err);
    for told in [
        "a.test.yaml: line 4, column 12, cases[0].alert: missing.json: ",
        "line 6, column 12, cases[1].alert: broken.json: line 1",
    ] {
        assert!(run.err.contains(told), "{}", run.err);
    }
    let run = ended(dir.path(), &["test", "b.test.yaml"]);
    let told = "b.test.yaml: line 2, column 15, sub[1]: nowhere.yaml: ";
    assert!(run.code == 2 && run.err.contains(told), "{}", run.err);
}

#[test]
fn as_many_mistakes_are_told_as_somebody_reads() {
    let case = |number: u32| format!("  - {{name: case {number}, expect: {{not: [aks]}}}}\n");
    let cases: String = (0..3_000).map(case).collect();
    let dir =
        files(&[("p.yaml", &playbook(ASKS)), ("a.test.yaml", &format!("playbook: p.yaml\ncases:\n{cases}"))]);
    let run = ended(dir.path(), &["test"]);
    assert_eq!((run.code, run.err.lines().count()), (2, 101), "{}", run.err);
    assert!(run.err.contains("line 102, column 36, cases[99].expect.not[0]: no step \"aks\""), "{}", run.err);
    assert!(run.err.trim_end().ends_with("and 2900 more mistakes"), "{}", run.err);
}

#[test]
fn a_case_without_an_end_is_told_as_that_within_bounds() {
    let endless = "  - id: poll\n    while: 'true'\n    at_most: 100000\n    pause: 1d\n    do:\n      - {set: {n: 2}}\n";
    let case = "playbook: p.yaml\ncases:\n  - name: it ends\n";
    let dir = files(&[("p.yaml", &playbook(endless)), ("p.test.yaml", case)]);
    let run = ended(dir.path(), &["test"]);
    assert_eq!(run.code, 1, "{}{}", run.out, run.err);
    assert!(run.out.contains("unfinished: it waits longer than 400 days"), "{}", run.out);
}

#[test]
fn a_case_is_made_of_what_has_happened_to_the_tenant() {
    let dir = files(&[("p.yaml", &playbook(ASKS)), ("a.json", r#"{"who": "al", "flag": true}"#)]);
    let mut command = updraft(dir.path(), &["run", "p.yaml", "--input", "a.json", "--tenant", "acme"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    read_until(&mut BufReader::new(child.stderr.take().unwrap()), "answer with: ");
    let list = ended(dir.path(), &["list", "--tenant", "acme", "--json"]).json();
    let peid = list[0]["peid"].as_str().unwrap().to_owned();
    let record = |tenant: &str, more: &[&str]| -> Ended {
        let common = ["test", "--record", &peid, "--playbook", "p.yaml", "--tenant", tenant];
        ended(dir.path(), &[&common, more].concat())
    };
    let running = record("acme", &[]);
    assert!(running.code == 2 && running.err.contains("has not ended"), "{}", running.err);
    assert!(running.out.is_empty(), "nobody knows how people will answer: {}", running.out);
    let answered = ended(dir.path(), &["answer", &peid, "approve", "--uid", "ana.lopez", "--tenant", "acme"]);
    assert_eq!(answered.code, 0, "{}", answered.err);
    assert!(child.wait().unwrap().success());
    let other = record("other", &[]);
    assert!(other.code == 1 && other.err.contains("tenant other has no execution"), "{}", other.err);
    for (mask, told) in [
        ("input.flag", "there is no text and no number"),
        ("inputs.who", "the execution has no such value"),
        ("", "the execution has no such value"),
    ] {
        let masked = record("acme", &["--mask", mask]);
        assert!(masked.code == 2 && masked.err.contains(told), "{mask}: {}", masked.err);
    }
    let masked = record("acme", &["--mask", "input.who"]);
    assert!(masked.code == 0 && !masked.out.contains("\"al\""), "{}", masked.out);

    // One that is gone, or of another tenant, does not keep the others from being replayed.
    let nobody = "01890a5d-ac96-774b-bcce-b302099a8057";
    let replay = |tenant: &str| {
        ended(dir.path(), &["replay", nobody, &peid, "--playbook", "p.yaml", "--tenant", tenant])
    };
    let both = replay("acme");
    assert!(both.code == 1 && both.out.contains("2 executions: 1 same, 0 differ"), "{}", both.out);
    assert!(both.out.contains("tenant acme has no such execution"), "{}", both.out);
    let none = replay("other");
    assert!(none.code == 1 && none.out.contains("0 need an answer, 2 failed"), "{}", none.out);
    let dry = ended(dir.path(), &["run", "p.yaml", "--dry-run", "--answers-of", &peid]);
    assert!(dry.code == 1 && dry.err.contains("tenant default has no execution"), "{}", dry.err);
}
