//! What the documents tell people to type, typed: each command of the page on the program works.

use std::path::Path;

use crate::ended::{Ended, ended, shell};
use crate::given::{files, playbook};
use crate::tools::Tools;

/// The commands of the first shell block after a heading.
fn commands(heading: &str) -> Vec<String> {
    let page =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/program.md")).unwrap();
    let block =
        page.split(heading).nth(1).unwrap().split("```sh\n").nth(1).unwrap().split("```").next().unwrap();
    block.lines().map(|line| line.split(" #").next().unwrap().trim().to_owned()).collect()
}

/// The id of a containment: the example isolates a host.
fn contained(dir: &Path, tools: &Tools) -> String {
    let example = "examples/ransomware-containment";
    let endpoint = tools.place();
    let alert = std::fs::read(dir.join(example).join("alert.json")).unwrap();
    let mut alert: serde_json::Value = serde_json::from_slice(&alert).unwrap();
    // Servers wait for a person.
    alert["hosts"] = serde_json::json!([{"name": "WS-FIN-014"}]);
    std::fs::write(dir.join("host.json"), alert.to_string()).unwrap();
    let playbook = format!("{example}/playbook.yaml");
    let run = ended(dir, &["run", &playbook, "--input", "host.json", "--endpoint", &endpoint]);
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    let listed = ended(dir, &["containments", "--json"]).json();
    listed[0]["id"].as_str().unwrap_or_else(|| panic!("{listed}")).to_owned()
}

#[test]
fn every_command_of_the_page_on_the_program_can_be_pasted() {
    let end = playbook("  - {id: done, end: null}\n");
    let cacao = include_str!("../../../cacao/tests/playbooks/two-firewalls.json");
    let dir = files(&[("playbook.yaml", &end), ("cacao.json", cacao), ("alert.json", "{}")]);
    std::os::unix::fs::symlink(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples"),
        dir.path().join("examples"),
    )
    .unwrap();
    let tools = Tools::serve(dir.path());
    let commands = commands("# The program\n");
    assert!(commands.len() >= 10, "{commands:?}");
    for command in commands {
        // They wait for somebody, or need an engine that runs, and have tests of their own.
        let needs_more = ["--serve", "updraft serve", "--file ID"].iter().any(|part| command.contains(part));
        if needs_more || ["updraft health", "updraft top"].contains(&command.as_str()) {
            continue;
        }
        let command = command.replace("DIR", "updraft-data");
        let command = if command.contains("PEID") {
            let listed = ended(dir.path(), &["list", "--json"]).json();
            let peid = listed[0]["peid"].as_str().unwrap();
            let shown = ended(dir.path(), &["show", peid, "--json"]).json();
            let task = shown["tasks"][0]["task_request_id"].as_str().unwrap();
            command.replace("PEID", peid).replace("TASK", task)
        } else if command.contains(" ID ") {
            command.replace(" ID ", &format!(" {} ", contained(dir.path(), &tools)))
        } else {
            command
        };
        // The tools of the example are at a port that is free here; the report is short.
        let command = if command.contains("phishing-triage") {
            format!("{command} --endpoint {}", tools.place())
        } else if command.contains("stress") {
            format!("{command} --executions 20")
        } else {
            command
        };
        let run: Ended = shell(dir.path(), &command).output().unwrap().into();
        // An execution that has ended cannot be cancelled any more, nor told anything, which is said.
        let late = ["cancel", "answer", "signal", "updraft pause ", "prioritise", "skip", "updraft extend"];
        // Of many, none is left that has not ended.
        let is_late = late.iter().any(|late| command.contains(late)) && !command.contains("--where");
        // One that has completed runs again only from a step that is named.
        let code =
            if command.contains("rerun") && !command.contains("--where") { 2 } else { i32::from(is_late) };
        assert_eq!(run.code, code, "{command}: {}{}", run.out, run.err);
    }
}
