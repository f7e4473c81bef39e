//! `quota`, `breaker`, `pause-all`, `resume-all` and `paused`, beside the process that runs executions and without one.

use std::io::BufReader;
use std::process::Stdio;

use serde_json::json;

use crate::ended::{Ended, by, ended, out, read_until, updraft};
use crate::given::{files, playbook};
use crate::tools::Tools;

const LOOK: &str =
    "  - {id: look, action: http.request, arguments: {url: '{{ variables.tools }}/edr/hosts/ws-1'}}\n";

#[test]
fn what_an_operator_sets_where_nobody_runs_is_listed_holds_and_is_taken_back() {
    let dir = files(&[("p.yaml", &playbook(LOOK))]);
    let (tools, dir) = (Tools::serve(dir.path()), dir.path());
    let run = || ended(dir, &["run", "p.yaml", "--endpoint", &tools.place(), "--durability", "os"]);
    out(&run());

    let set =
        by(dir, &["quota", "set", "acme", "--in-flight", "20", "--tasks-at-once", "5", "--per-second", "9"]);
    assert_eq!(out(&set), "acme  set\n");
    let listed = ended(dir, &["quota", "list"]);
    assert_eq!(out(&listed), "acme  20 in flight, 5 tasks at once, 9 submissions a second, 9 together\n");
    let quota = ended(dir, &["quota", "list", "--json"]).json();
    assert_eq!(quota[0]["quota"]["tasks_at_once"], json!(5), "{quota}");
    let wrong = by(dir, &["quota", "set", "acme", "--weight", "0"]);
    assert!(wrong.code == 2 && wrong.err.contains("weight: 0 is not within 1 to 1000"), "{}", wrong.err);
    let nothing = by(dir, &["quota", "set", "acme"]);
    assert!(nothing.code == 2 && nothing.err.contains("--in-flight"), "{}", nothing.err);
    assert_eq!(out(&by(dir, &["quota", "clear", "acme"])), "acme  cleared\n");
    assert_eq!(out(&ended(dir, &["quota", "list"])), "");

    assert_eq!(
        out(&by(dir, &["breaker", "force", "http", "--to", "open", "--tenant", "default"])),
        "http of default  open\n"
    );
    let listed = ended(dir, &["breaker", "list"]);
    assert!(out(&listed).starts_with("http of default  open  (since 20"), "{}", listed.out);
    assert!(listed.out.ends_with(" by ana: INC-7)\n"), "{}", listed.out);
    let fails = LOOK.replace("arguments", "when_open: fail, arguments");
    std::fs::write(dir.join("p.yaml"), playbook(&fails).replace("version: 1", "version: 2")).unwrap();
    let refused = run();
    let told = format!("{}{}", refused.out, refused.err);
    assert!(refused.code == 1 && told.contains("an operator has opened its circuit"), "{told}");
    assert_eq!(
        out(&by(dir, &["breaker", "release", "http", "--tenant", "default"])),
        "http of default  released\n"
    );
    out(&run());
    let again = by(dir, &["breaker", "release", "http", "--tenant", "default"]);
    assert_eq!(again.code, 2, "{}{}", again.out, again.err);
}

#[test]
fn all_of_a_playbook_is_paused_beside_the_process_that_runs_it_and_goes_on() {
    let steps = format!("  - {{id: ask, approval: Look?}}\n{LOOK}");
    let dir = files(&[("p.yaml", &playbook(&steps))]);
    let (tools, dir) = (Tools::serve(dir.path()), dir.path());
    let mut command = updraft(dir, &["run", "p.yaml", "--endpoint", &tools.place(), "--json"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut errors = BufReader::new(child.stderr.take().unwrap());
    read_until(&mut errors, "ask");
    let first = ended(dir, &["list", "--json"]).json();
    let (peid, name) = (first[0]["peid"].as_str().unwrap(), first[0]["playbook_name"].as_str().unwrap());
    let scope = format!("default/{name}");

    let nobody = by(dir, &["resume-all", &scope]);
    assert_eq!(nobody.code, 1, "{}{}", nobody.out, nobody.err);
    assert_eq!(out(&by(dir, &["pause-all", &scope])), format!("{scope}  paused, 1 that ran\n"));
    assert_eq!(out(&ended(dir, &["paused"])), format!("{scope}  paused by ana: INC-7\n"));
    let listed = ended(dir, &["paused", "--json"]).json();
    assert_eq!(listed[0], json!({"tenant": "default", "playbook": name, "uid": "ana", "reason": "INC-7"}));
    let status = || ended(dir, &["show", peid, "--json"]).json()["execution"]["execution_status"].clone();
    assert_eq!(status(), json!("paused"));
    assert_eq!(out(&by(dir, &["resume-all", &scope])), format!("{scope}  resumed, 1 that ran\n"));
    assert_eq!(out(&ended(dir, &["paused"])), "");

    // Beside the process, quotas and circuits too.
    let unknown = by(dir, &["breaker", "force", "htp", "--to", "open"]);
    assert!(unknown.code == 1 && unknown.err.contains("integration: there is no \"htp\""), "{}", unknown.err);
    assert_eq!(out(&by(dir, &["quota", "set", "default", "--weight", "3"])), "default  set\n");
    assert_eq!(out(&ended(dir, &["quota", "list"])), "default  weight 3\n");
    assert_eq!(
        out(&by(dir, &["breaker", "force", "http", "--to", "closed", "--host", "a.example:443"])),
        "http at a.example:443  closed\n"
    );
    let breaker = ended(dir, &["breaker", "list", "--json"]).json();
    assert_eq!((&breaker[0]["host"], &breaker[0]["forced"]), (&json!("a.example:443"), &json!("closed")));
    assert_eq!(ended(dir, &["answer", peid, "approve", "--uid", "ana"]).code, 0);
    let run: Ended = child.wait_with_output().unwrap().into();
    assert_eq!(run.code, 0, "{}", run.out);
    let audit = ended(dir, &["guardrail", "audit", "--json"]).json();
    let whats: Vec<&str> =
        audit.as_array().unwrap().iter().map(|one| one["what"].as_str().unwrap()).collect();
    assert_eq!(whats, ["breaker.set", "quota.set", "pause.cleared", "pause.set"]);
}
