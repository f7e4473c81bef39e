//! `guardrail`, beside the process that runs executions and without one, and `validate --guardrails`.

use std::io::BufReader;
use std::path::Path;
use std::process::Stdio;

use crate::ended::{Ended, ended, read_until, updraft};
use crate::given::{files, playbook};
use crate::tools::{Tool, Tools};

const ISOLATE: &str = "  - {id: isolate, action: http.request, arguments: {method: POST, url: '{{ variables.tools }}/edr/hosts/ws-1/isolate', json: {}}}\n";

const READS: &str = "guardrails:\n  - {name: plain-http, for: [http], only: {reads: true}}\n";

fn by(words: &[&str]) -> Vec<String> {
    let by = ["--uid", "ana", "--reason", "INC-7"];
    ["guardrail"].iter().chain(words).chain(&by).map(|word| (*word).to_owned()).collect()
}

fn guardrail(dir: &Path, words: &[&str]) -> Ended {
    let words = by(words);
    ended(dir, &words.iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn what_is_set_where_nobody_runs_holds_for_whoever_runs_next() {
    let dir = files(&[("p.yaml", &playbook(ISOLATE)), ("reads.yaml", READS)]);
    let (tools, dir) = (Tools::serve(dir.path()), dir.path());
    let run = || ended(dir, &["run", "p.yaml", "--endpoint", &tools.place(), "--durability", "os"]);
    let first = run();
    assert_eq!(first.code, 0, "{}{}", first.out, first.err);
    let set = guardrail(dir, &["set", "reads.yaml"]);
    assert_eq!((set.code, set.out.as_str()), (0, "plain-http  set\n"), "{}", set.err);
    let refused = run();
    assert_eq!(refused.code, 1, "{}{}", refused.out, refused.err);
    let told = format!("{}{}", refused.out, refused.err);
    assert!(
        told.contains("guardrail \"plain-http\" (only): only calls that look something up are made"),
        "{told}"
    );
    let listed = ended(dir, &["guardrail", "list"]);
    assert!(listed.out.starts_with("plain-http  reads only: http  (set 20"), "{}", listed.out);
    assert!(listed.out.ends_with(" by ana: INC-7)\n"), "{}", listed.out);
    let audit = ended(dir, &["guardrail", "audit"]);
    let lines: Vec<&str> = audit.out.lines().collect();
    assert_eq!(lines.len(), 2, "{}", audit.out);
    assert!(
        lines[0].contains("guardrail.refused plain-http default  refused by the engine"),
        "{}",
        audit.out
    );
    assert!(lines[1].contains("guardrail.set plain-http  done by ana: INC-7"), "{}", audit.out);
    let cleared = guardrail(dir, &["clear", "plain-http"]);
    assert_eq!((cleared.code, cleared.out.as_str()), (0, "plain-http  cleared\n"), "{}", cleared.err);
    assert_eq!(run().code, 0);
    let none = guardrail(dir, &["clear", "plain-http"]);
    assert!(none.code == 2 && none.err.contains("there is no guardrail \"plain-http\""), "{}", none.err);
}

#[test]
fn what_is_set_beside_a_run_holds_for_its_next_call() {
    let steps = format!("  - {{id: ask, approval: Isolate?}}\n{ISOLATE}");
    let dir = files(&[("p.yaml", &playbook(&steps)), ("reads.yaml", READS)]);
    let (tools, dir) = (Tools::serve(dir.path()), dir.path());
    let mut command = updraft(dir, &["run", "p.yaml", "--endpoint", &tools.place(), "--json"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut errors = BufReader::new(child.stderr.take().unwrap());
    read_until(&mut errors, "ask");
    let wrong = guardrail(dir, &["clear", "other"]);
    assert!(wrong.code == 1 && wrong.err.contains("there is no guardrail \"other\""), "{}", wrong.err);
    let set = guardrail(dir, &["set", "reads.yaml"]);
    assert_eq!((set.code, set.out.as_str()), (0, "plain-http  set\n"), "{}", set.err);
    let listed = ended(dir, &["guardrail", "list", "--json"]).json();
    assert_eq!(listed[0]["guardrail"]["only"]["reads"], serde_json::json!(true), "{listed}");
    let peid = ended(dir, &["list", "--json"]).json()[0]["peid"].as_str().unwrap().to_owned();
    assert_eq!(ended(dir, &["answer", &peid, "approve", "--uid", "ana"]).code, 0);
    let run: Ended = child.wait_with_output().unwrap().into();
    assert_eq!(run.code, 1, "{}", run.out);
    let audit = ended(dir, &["guardrail", "audit", "--tenant", "default", "--json"]).json();
    assert_eq!(audit[0]["what"], "guardrail.refused", "{audit}");
}

#[test]
fn a_file_that_makes_no_sense_is_refused_with_every_place_and_sets_nothing() {
    let wrong = "guardrails:\n  - {name: a, kill_switch: true}\n  - name: few\n    cap: {calls: 5}\n    protected:\n      ips: [10.0.0.0/33]\n";
    let dir = files(&[("p.yaml", &playbook(ISOLATE)), ("wrong.yaml", wrong), ("reads.yaml", READS)]);
    let told = guardrail(dir.path(), &["set", "wrong.yaml"]);
    assert_eq!(told.code, 2, "{}", told.err);
    for line in [
        "wrong.yaml: line 4, column 10, guardrails[1].cap.per: so many calls in which time?",
        "wrong.yaml: line 6, column 13, guardrails[1].protected.ips[0]: this is no address",
    ] {
        assert!(told.err.contains(line), "{}", told.err);
    }
}

#[test]
fn validate_says_which_steps_a_guardrail_concerns_and_which_it_refuses() {
    let reads =
        "  - {id: look, action: http.request, arguments: {url: '{{ variables.tools }}/edr/hosts/ws-1'}}\n";
    let rails = format!("{READS}  - {{name: few, for: [http.request], effect: write, cap: {{active: 3}}}}\n");
    let dir = files(&[("p.yaml", &playbook(&format!("{reads}{ISOLATE}"))), ("rails.yaml", &rails)]);
    let told = ended(dir.path(), &["validate", "p.yaml", "--guardrails", "rails.yaml"]);
    assert_eq!(told.code, 0, "{}{}", told.out, told.err);
    for line in [
        "note: step \"look\" (http.request): guardrail \"plain-http\" (reads only: http)\n",
        "note: step \"isolate\" (http.request): guardrail \"plain-http\" (reads only: http); it changes something: its calls are refused\n",
        "guardrail \"few\" (cap 3 at once: http.request); it has no `expires`, so that nobody knows when its effect ends",
    ] {
        assert!(told.out.contains(line), "{}", told.out);
    }
    let other = "guardrails:\n  - {name: stop, for: [htp], kill_switch: true}\n";
    std::fs::write(dir.path().join("rails.yaml"), other).unwrap();
    let wrong = ended(dir.path(), &["validate", "p.yaml", "--guardrails", "rails.yaml"]);
    assert!(
        wrong.code == 2 && wrong.err.contains("for[0]: no integration \"htp\"; did you mean \"http\"?"),
        "{}",
        wrong.err
    );
}

#[test]
fn a_call_that_was_counted_counts_after_a_kill() {
    let few = "guardrails:\n  - {name: few, for: [http.request], cap: {calls: 1, per: 1h, over: refuse}}\n";
    let post = "  - {id: post, action: http.request, arguments: {method: POST, url: '{{ variables.tools }}/x', json: {}}}\n";
    let empty = playbook("  - {id: nothing, set: {}}\n");
    let dir = files(&[("empty.yaml", &empty), ("p.yaml", &playbook(post)), ("few.yaml", few)]);
    let (tool, dir) = (Tool::listen(), dir.path());
    assert_eq!(ended(dir, &["run", "empty.yaml", "--tenant", "other"]).code, 0);
    assert_eq!(guardrail(dir, &["set", "few.yaml"]).code, 0);
    let (variable, allow) = (format!("tools=http://{}", tool.address), tool.address.to_string());
    let words = ["run", "p.yaml", "--endpoint", &variable, "--allow-net", &allow];
    let mut child = updraft(dir, &words).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let (line, _request) = tool.asked();
    assert_eq!(line, "POST /x HTTP/1.1");
    child.kill().unwrap();
    child.wait().unwrap();
    let second = ended(dir, &words);
    let told = format!("{}{}", second.out, second.err);
    assert!(second.code == 1 && told.contains("no room: 1 of 1 calls within 1h"), "{told}");
    assert_eq!(tool.waiting(), None, "it was never sent");
}
