//! Commands on this machine and on others: refused unless the operator allows them, with the option that does.
#![cfg(unix)]

use serde_json::json;

use crate::ended::{ended, updraft};
use crate::given::{files, playbook};

const BASH: &str = "  - id: run\n    action: bash.run\n    arguments:\n      command: 'printf \"%s|%s\" {{ input.text }} \
                    \"$TOKEN\"; echo \"$TOKEN\" >&2; exit {{ input.code }}'\n      secrets: {TOKEN: {$secret: tool-token}}\n";

#[test]
fn a_playbook_runs_commands_where_that_is_allowed_and_is_refused_elsewhere() {
    let steps = format!("{BASH}  - end: \"{{{{ steps.run.output.stdout }}}}\"\n");
    let text = "it's $(id) `id`; id\n\"";
    let input = json!({"text": text, "code": 0}).to_string();
    let dir = files(&[("p.yaml", &playbook(&steps)), ("in.json", &input)]);
    let refused = ended(dir.path(), &["validate", "p.yaml", "--without-secrets"]);
    assert_eq!(refused.code, 2);
    let told =
        "p.yaml: steps[0].action: no integration \"bash\"; `--allow-bash` allows commands on this machine";
    assert!(refused.out.lines().any(|line| line == told), "{}", refused.out);
    assert_eq!(ended(dir.path(), &["run", "p.yaml", "--input", "in.json"]).code, 2);
    let mut command = updraft(dir.path(), &["run", "p.yaml", "--input", "in.json", "--allow-bash", "--json"]);
    let output = command.env("UPDRAFT_SECRET_TOOL_TOKEN", "hunter2-hunter2").output().unwrap();
    let whole = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{whole}");
    let run: serde_json::Value = serde_json::from_str(&whole).unwrap();
    assert_eq!(run["execution"]["output"], format!("{text}|***"));
    assert!(
        !whole.contains("hunter2")
            && whole.contains("\"stderr\":\"***\\n\"") | whole.contains("\"stderr\": \"***\\n\"")
    );
}

#[test]
fn a_command_that_fails_says_why_and_shows_no_secret() {
    let dir = files(&[("p.yaml", &playbook(BASH)), ("in.json", r#"{"text": "a", "code": 3}"#)]);
    let mut command = updraft(dir.path(), &["run", "p.yaml", "--input", "in.json", "--allow-bash"]);
    let output = command.env("UPDRAFT_SECRET_TOOL_TOKEN", "hunter2-hunter2").output().unwrap();
    let told = [output.stdout, output.stderr].concat();
    let told = String::from_utf8_lossy(&told).into_owned();
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("bash: exit code 3: ***") && !told.contains("hunter2"), "{told}");
}

#[test]
fn a_machine_is_reached_by_the_options_that_a_refusal_names() {
    let step = "  - {id: run, action: ssh.run, arguments: {host: gw.internal, command: 'uptime'}}\n";
    let dir = files(&[("p.yaml", &playbook(step)), ("known", "")]);
    let told = |more: &[&str]| {
        let run = ended(dir.path(), &[&["validate", "p.yaml"], more].concat());
        (run.code, run.out.lines().map(str::to_owned).collect::<Vec<_>>(), run.err)
    };
    let (code, lines, _) = told(&[]);
    assert_eq!(code, 2);
    let way = "`--allow-ssh HOST --ssh-known-hosts FILE` allows commands on that machine";
    assert!(lines[0].ends_with(&format!("steps[0].action: no integration \"ssh\"; {way}")), "{lines:?}");
    let (code, lines, _) = told(&["--allow-ssh", "10.0.0.0/8", "--ssh-known-hosts", "known"]);
    assert_eq!((code, lines.len()), (2, 2), "{lines:?}");
    let host = "arguments.host: missing here: permission to run commands on gw.internal:22; `--allow-ssh gw.internal:22` gives it";
    assert!(lines.iter().any(|line| line.ends_with(host)), "{lines:?}");
    let key = "arguments.key: missing here: a key for ssh; `--ssh-key FILE` gives it, or `key: {$secret: NAME}` in the step";
    assert!(lines.iter().any(|line| line.ends_with(key)), "{lines:?}");
    let given = ["--allow-ssh", "gw.internal", "--ssh-known-hosts", "known", "--ssh-key", "known"];
    assert_eq!(told(&given).0, 0);
    let (code, _, why) = told(&["--allow-ssh", "gw.internal"]);
    assert!(code == 2 && why.contains("--ssh-known-hosts"), "{why}");
    let (code, _, why) = told(&["--allow-ssh", "gw.internal", "--ssh-known-hosts", "missing"]);
    assert!(code == 2 && why.contains("--allow-ssh: ") && why.contains("missing: "), "{why}");
}
