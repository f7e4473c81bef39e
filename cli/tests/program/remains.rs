//! Sub-playbooks that nothing waits for: `run` does, at its end.

use std::io::BufReader;
use std::process::Stdio;

use crate::ended::{Ended, ended, paste, read_until, signal, updraft};
use crate::given::{files, playbook};

const PARENT: &str = "  - {id: begin, playbook: child, wait: false}\n  - {id: done, end: ok}\n";

fn child(delay: &str) -> String {
    playbook(&format!("  - {{id: wait, delay: {delay}}}\n")).replace("name: test", "name: child")
}

#[test]
fn what_a_run_has_begun_has_ended_when_it_ends() {
    let dir = files(&[("p.yaml", &playbook(PARENT)), ("c.yaml", &child("1s"))]);
    let run = ended(dir.path(), &["run", "p.yaml", "--sub", "c.yaml", "--json"]);
    assert_eq!((run.code, &run.json()["execution"]["output"]), (0, &"ok".into()), "{}", run.err);
    assert!(run.err.contains("waiting for sub-playbooks that it has begun: "), "{}", run.err);
    let listed = ended(dir.path(), &["list", "--json"]).json();
    let ended_ones = listed.as_array().unwrap().iter().filter(|row| row["execution_status"] == "completed");
    assert_eq!(ended_ones.count(), 2, "{listed}");
    assert_eq!(ended(dir.path(), &["recover"]).err, "nothing is unfinished\n");
}

#[test]
fn a_signal_ends_that_wait_and_the_rest_can_go_on() {
    let dir = files(&[("p.yaml", &playbook(PARENT)), ("c.yaml", &child("20s"))]);
    let mut command = updraft(dir.path(), &["run", "p.yaml", "--sub", "c.yaml"]);
    let mut running = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut errors = BufReader::new(running.stderr.take().unwrap());
    read_until(&mut errors, "waiting for sub-playbooks");
    signal(&running, "TERM");
    let said = read_until(&mut errors, "go on with: ");
    assert!(said.contains("sub-playbooks that are left: 1"), "{said}");
    assert_eq!(running.wait().unwrap().code(), Some(4));
    let recovered: Ended = paste(dir.path(), &said).output().unwrap().into();
    assert_eq!(recovered.code, 0, "{}", recovered.err);
    assert!(recovered.out.contains("child version 1  completed in"), "{}", recovered.out);
}
