//! `updraft validate`, `list`, `show`, `recover` and `schema`: what they say, and to whom.

use std::process::Stdio;

use serde_json::{Value, json};

use crate::ended::{Ended, ended, updraft};
use crate::given::{files, playbook};

const END: &str = "  - {id: done, end: ok}\n";

#[test]
fn every_mistake_of_every_file_is_told_with_its_place() {
    let graph = playbook("  - {id: a, action: http.fly, on_failure: contain}\n  - {id: b, end: null}\n");
    let shape = playbook("  - {id: a, delay: soon}\n");
    let dir = files(&[("good.yaml", &playbook(END)), ("graph.yaml", &graph), ("shape.yaml", &shape)]);
    let run = ended(dir.path(), &["validate", "graph.yaml", "good.yaml", "shape.yaml", "missing.yaml"]);
    assert_eq!(run.code, 2);
    let lines: Vec<&str> = run.out.lines().collect();
    assert!(lines[0].starts_with("graph.yaml: steps[0].action: "), "{}", run.out);
    assert!(lines[1].starts_with("graph.yaml: steps[0].on_failure: no step \"contain\""), "{}", run.out);
    assert!(run.out.contains("\ngood.yaml: ok\n"), "{}", run.out);
    assert!(run.out.contains("\nshape.yaml: line 6, column "), "{}", run.out);
    assert!(run.out.contains("\nmissing.yaml: "), "{}", run.out);
    assert_eq!(ended(dir.path(), &["validate", "good.yaml"]).code, 0);
}

#[test]
fn a_mistake_of_form_hides_none_of_the_rest_and_makes_no_other() {
    let steps =
        "  - {id: a, delay: 5}\n  - {id: b, if: 'steps.a.output', then: []}\n  - {end: '{{ inptu.x }}'}\n";
    let dir = files(&[("p.yaml", &playbook(steps))]);
    let run = ended(dir.path(), &["validate", "p.yaml"]);
    let told: Vec<&str> =
        run.err.lines().chain(run.out.lines()).filter(|line| line.contains("p.yaml: ")).collect();
    assert_eq!((run.code, told.len()), (2, 2), "{told:?}");
    assert!(told[0].contains("steps[0].delay") && told[1].contains("steps[2].end"), "{told:?}");
    assert!(told[1].contains("`inptu` is not known"), "{told:?}");
}

#[test]
fn a_place_that_lets_a_value_be_structure_is_noted_and_is_no_mistake() {
    let steps = "  - id: a\n    action: http.request\n    arguments:\n      url: \
                 'https://h/{{ input.file | path }}'\n      query: {ids: '{{ input.ids | spread }}'}\n";
    let wrong = "  - {id: a, action: http.request, arguments: {url: '{{ input.url }}'}}\n";
    let dir = files(&[("p.yaml", &playbook(steps)), ("q.yaml", &playbook(wrong))]);
    let run = ended(dir.path(), &["validate", "p.yaml"]);
    assert_eq!(run.code, 0, "{}", run.out);
    let lines: Vec<&str> = run.out.lines().collect();
    assert_eq!(
        lines,
        [
            "p.yaml: ok",
            "p.yaml: note: steps[0].arguments.query.ids: by `spread`, a value may be several values",
            "p.yaml: note: steps[0].arguments.url: by `path`, a value may be several segments of the path",
        ]
    );
    let run = ended(dir.path(), &["validate", "--json", "q.yaml", "p.yaml"]);
    assert_eq!(run.code, 2);
    let told = run.json();
    assert_eq!((&told[0]["file"], &told[0]["notes"]), (&json!("q.yaml"), &json!([])));
    let mistake = &told[0]["mistakes"][0];
    assert_eq!(mistake["path"], "steps[0].arguments.url");
    let message = mistake["message"].as_str().unwrap();
    assert!(message.starts_with("before the path of a URL, only texts and"), "{message}");
    assert_eq!((&told[1]["mistakes"], told[1]["notes"].as_array().unwrap().len()), (&json!([]), 2));
}

#[test]
fn what_looks_like_a_secret_and_is_none_is_noted() {
    let step = "  - {id: a, action: http.request, arguments: {method: POST, url: 'https://h/', \
                json: {grant: x, client_secret: {secret: edr}, note: {secret: a b}}}}\n";
    let dir = files(&[("p.yaml", &playbook(step))]);
    let run = ended(dir.path(), &["validate", "p.yaml"]);
    let note = "p.yaml: note: steps[0].arguments.json.client_secret: `secret` is a name like any other, and is sent as it \
                stands; for a secret, write `$secret`";
    assert_eq!((run.code, run.out.lines().collect::<Vec<_>>()), (0, vec!["p.yaml: ok", note]));
}

#[test]
fn no_mistake_of_an_argument_hides_those_of_the_others() {
    let step = "  - {id: a, action: http.request, arguments: {methd: POST, url: 'https://h/', \
                headers: [a], auth: {basc: {user: u}}, redirects: 99, text: '{{ input.}}', json: 1}}\n";
    let slip = "  - {id: a, end: null, ouptut: failed}\n";
    let dir = files(&[("p.yaml", &playbook(step)), ("q.yaml", &playbook(slip))]);
    let run = ended(dir.path(), &["validate", "p.yaml"]);
    let places = [
        "auth.basc: there is no such field; did you mean \"basic\"?",
        "headers: a map from names to values is needed",
        "methd: there is no such argument; did you mean \"method\"?",
        "redirects: a number from 0 to",
        "text: ",
    ];
    assert_eq!((run.code, run.out.lines().count()), (2, places.len()), "{}", run.out);
    for place in places {
        assert_eq!(
            run.out.matches(&format!("p.yaml: steps[0].arguments.{place}")).count(),
            1,
            "{place}: {}",
            run.out
        );
    }
    let run = ended(dir.path(), &["validate", "q.yaml"]);
    let words = "steps[0].ouptut: there is no such field; there is end";
    assert!(run.out.contains(words), "{}", run.out);
}

#[test]
fn a_directory_of_secrets_is_named_by_the_environment_unless_the_variable_is_empty() {
    let step = "  - {id: a, action: http.request, arguments: {url: 'https://h/', \
                auth: {bearer: {$secret: edr}}}}\n";
    let dir = files(&[("p.yaml", &playbook(step))]);
    std::fs::create_dir(dir.path().join("s")).unwrap();
    std::fs::write(dir.path().join("s/edr"), "s3cret-of-the-edr").unwrap();
    for (variable, code) in [("s", 0), ("", 2)] {
        let mut command = updraft(dir.path(), &["validate", "p.yaml"]);
        let run: Ended = command.env("UPDRAFT_SECRETS", variable).output().unwrap().into();
        assert_eq!(run.code, code, "{}{}", run.out, run.err);
        assert_eq!(run.out.contains("missing here: secret `edr`"), code == 2, "{}{}", run.out, run.err);
    }
}

#[test]
fn executions_are_listed_newest_first_by_tenant_and_status() {
    let failing = playbook("  - {id: no, fail: it failed}\n").replace("name: test", "name: failing");
    let dir = files(&[("good.yaml", &playbook(END)), ("bad.yaml", &failing)]);
    let run = |arguments: &[&str]| ended(dir.path(), arguments).json()["execution"]["peid"].clone();
    let first = run(&["run", "good.yaml", "--json"]);
    let second = run(&["run", "bad.yaml", "--json"]);
    let other = run(&["run", "good.yaml", "--json", "--tenant", "acme"]);
    let list = |arguments: &[&str]| -> Value {
        let all = [&["list", "--json"][..], arguments].concat();
        let listed = ended(dir.path(), &all).json();
        listed.as_array().unwrap().iter().map(|execution| execution["peid"].clone()).collect()
    };
    assert_eq!(list(&[]), json!([second, first]));
    assert_eq!(list(&["--limit", "1"]), json!([second]));
    assert_eq!(list(&["--status", "completed"]), json!([first]));
    assert_eq!(list(&["--tenant", "acme"]), json!([other]));
    assert_eq!(list(&["--tenant", "nobody"]), json!([]));
    let table = ended(dir.path(), &["list"]).out;
    let lines: Vec<&str> = table.lines().collect();
    assert!(lines[0].starts_with("PEID") && lines[1].starts_with(second.as_str().unwrap()), "{table}");
    assert!(lines[1].contains("failed") && lines[2].contains("completed"), "{table}");
}

#[test]
fn an_execution_is_shown_to_its_tenant_alone() {
    let dir = files(&[("p.yaml", &playbook(END))]);
    let run = ended(dir.path(), &["run", "p.yaml", "--json", "--tenant", "acme"]);
    let peid = run.json()["execution"]["peid"].as_str().unwrap().to_owned();
    let shown = ended(dir.path(), &["show", &peid, "--tenant", "acme", "--json"]);
    assert_eq!(shown.json(), run.json(), "show tells what run told");
    let table = ended(dir.path(), &["show", &peid, "--tenant", "acme"]).out;
    assert!(table.contains("output     \"ok\"") && table.contains("updraft.end"), "{table}");
    let other = ended(dir.path(), &["show", &peid]);
    assert_eq!((other.code, other.out.as_str()), (1, ""));
    assert!(other.err.contains("tenant default has no execution"), "{}", other.err);
}

#[test]
fn how_a_playbook_is_marked_is_told_where_it_is_checked_and_where_its_execution_is_shown() {
    let marked = playbook(END).replace("steps:", "markings: ['TLP:GREEN', \"for\\e[2J ACME\"]\nsteps:");
    let dir = files(&[("p.yaml", &marked), ("q.yaml", &playbook(END))]);
    let told = ended(dir.path(), &["validate", "p.yaml", "q.yaml"]).out;
    let lines: Vec<&str> = told.lines().collect();
    assert_eq!((lines[0], lines[1], lines[3]), ("p.yaml: ok", "p.yaml: marked TLP:GREEN", "q.yaml: ok"));
    assert!(lines[2].starts_with("p.yaml: marked for") && !told.contains('\u{1b}'), "{told:?}");
    let told = ended(dir.path(), &["validate", "--json", "p.yaml"]).json();
    assert_eq!(told[0]["markings"][0], "TLP:GREEN");
    let run = ended(dir.path(), &["run", "p.yaml", "--json"]);
    let peid = run.json()["execution"]["peid"].as_str().unwrap().to_owned();
    let table = ended(dir.path(), &["show", &peid]).out;
    assert!(table.contains("\nmarked     TLP:GREEN\nmarked     for"), "{table}");
}

#[test]
fn reading_where_nothing_is_makes_nothing() {
    let dir = files(&[("file", "")]);
    let peid = "01a1fc56-3693-726d-b211-11b21cd582cc";
    for arguments in [&["list"][..], &["show", peid], &["recover"]] {
        let run = ended(dir.path(), arguments);
        assert_eq!(run.code, 2);
        assert!(run.err.contains("updraft-data: no data directory there"), "{}", run.err);
    }
    assert_eq!(ended(dir.path(), &["list", "--data", "file"]).code, 2);
    assert!(!dir.path().join("updraft-data").exists());
}

#[test]
fn a_table_says_of_which_item_or_branch_a_task_is() {
    let steps = "  - {id: each, for_each: '[1, 2]', do: [{id: one, delay: 1ms}]}\n  \
                 - {id: both, parallel: all, branches: {edr: [{id: two, delay: 1ms}]}}\n";
    let dir = files(&[("p.yaml", &playbook(steps)), ("q.yaml", &playbook(END))]);
    let shown = |book: &str, data: &str| {
        let run = ended(dir.path(), &["run", book, "--json", "--data", data]).json();
        let peid = run["execution"]["peid"].as_str().unwrap().to_owned();
        ended(dir.path(), &["show", &peid, "--data", data]).out
    };
    let table = shown("p.yaml", "a");
    for row in
        ["one   each:0    updraft.delay", "one   each:1    updraft.delay", "two   both:edr  updraft.delay"]
    {
        assert!(table.contains(row), "{table}");
    }
    assert!(!shown("q.yaml", "b").contains("  IN  "), "there is nothing to tell apart");
}

#[test]
fn where_nothing_is_unfinished_recover_says_so() {
    let dir = files(&[("p.yaml", &playbook(END))]);
    assert_eq!(ended(dir.path(), &["run", "p.yaml"]).code, 0);
    let nothing = ended(dir.path(), &["recover"]);
    assert_eq!(
        (nothing.code, nothing.out.as_str(), nothing.err.as_str()),
        (0, "", "nothing is unfinished\n")
    );
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let dir = files(&[("p.yaml", &playbook(END))]);
    for arguments in
        [&["run", "p.yaml", "--json"][..], &["run", "p.yaml"], &["list"], &["list", "--json"], &["schema"]]
    {
        let mut command = updraft(dir.path(), arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let run: Ended = child.wait_with_output().unwrap().into();
        assert_eq!(run.code, 0, "{arguments:?}: {}", run.err);
        assert!(!run.err.contains("updraft:") && !run.err.contains("panicked"), "{}", run.err);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error_but_stops_no_execution() {
    let dir = files(&[("p.yaml", &playbook(END))]);
    let full = || std::fs::File::options().write(true).open("/dev/full").unwrap();
    let peid = ended(dir.path(), &["run", "p.yaml", "--json"]).json()["execution"]["peid"].clone();
    for arguments in
        [&["run", "p.yaml"][..], &["list"], &["list", "--json"], &["show", peid.as_str().unwrap()]]
    {
        let run: Ended = updraft(dir.path(), arguments).stdout(full()).output().unwrap().into();
        assert_eq!(run.code, 1, "{}", run.err);
        assert!(run.err.contains("the output cannot be written: No space left"), "{}", run.err);
    }
    assert_eq!(ended(dir.path(), &["list", "--json"]).json()[0]["execution_status"], "completed");
}

#[test]
fn the_schema_is_that_of_the_library() {
    let schema = ended(std::env::temp_dir().as_path(), &["schema"]).json();
    assert_eq!(schema, updraft::schema::playbook_schema());
}

#[test]
fn help_tells_the_exit_codes() {
    let help = ended(std::env::temp_dir().as_path(), &["run", "--help"]);
    assert_eq!(help.code, 0);
    assert!(help.out.contains("interrupted (Ctrl-C, SIGTERM)"), "{}", help.out);
}
