//! `updraft graph` and the parts of `updraft validate` that editors read.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use serde_json::{Value, json};

use crate::ended::{ended, updraft};
use crate::given::{files, playbook};

const STEPS: &str = "  - {id: first, set: {n: 1}}\n  - {id: choose, if: 'variables.n > 5', then: [{id: many, end: much}]}\n  - {id: last, fail: 'too few'}\n";

#[test]
fn a_playbook_is_drawn_as_text_and_as_svg() {
    let dir = files(&[("p.yaml", &playbook(STEPS))]);
    let run = ended(dir.path(), &["graph", "p.yaml", "--ascii"]);
    assert_eq!(run.code, 0, "{}", run.err);
    for line in
        ["= first  set n", "? choose  if variables.n > 5", "|- then", "|  . many  end", "`- else, goes on"]
    {
        assert!(run.out.lines().any(|told| told == line), "{line}: {}", run.out);
    }
    let run = ended(dir.path(), &["graph", "p.yaml", "-o", "p.svg"]);
    assert_eq!((run.code, run.out.as_str()), (0, ""), "{}", run.err);
    let svg = std::fs::read_to_string(dir.path().join("p.svg")).unwrap();
    assert!(
        svg.starts_with("<svg ") && svg.contains(">choose</text>") && svg.contains("prefers-color-scheme")
    );
    let run = ended(dir.path(), &["graph", "p.yaml", "-o", "-", "--dark"]);
    assert!(run.out.starts_with("<svg ") && !run.out.contains("prefers-color-scheme"));
}

#[test]
fn an_execution_is_drawn_with_how_its_steps_went() {
    let dir = files(&[("p.yaml", &playbook(STEPS))]);
    let run = ended(dir.path(), &["run", "p.yaml", "--data", "d", "--json"]);
    assert_eq!(run.code, 1, "{}", run.err);
    let peid = run.json()["execution"]["peid"].as_str().unwrap().to_owned();
    let run = ended(dir.path(), &["graph", &peid, "--data", "d", "--ascii"]);
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(run.out.lines().next().unwrap().ends_with("  failed"), "{}", run.out);
    let line = |start: &str| run.out.lines().find(|line| line.contains(start)).unwrap_or_default().to_owned();
    assert!(line("+ first  completed").ends_with("set n"), "{}", run.out);
    assert!(line("x last  failed").contains("too few"), "{}", run.out);
    assert!(line(" many  not reached").contains("end"), "{}", run.out);
    let run = ended(dir.path(), &["graph", &peid, "--data", "d", "-o", "run.svg"]);
    assert_eq!(run.code, 0, "{}", run.err);
    let svg = std::fs::read_to_string(dir.path().join("run.svg")).unwrap();
    assert!(svg.contains(&peid) && svg.contains("not reached") && svg.contains("s-bad"));
}

#[test]
fn a_picture_that_cannot_be_made_or_written_is_told_with_the_reason() {
    let dir = files(&[("p.yaml", &playbook(STEPS)), ("bad.yaml", &playbook("  - {id: a, delay: soon}\n"))]);
    let gone = "01a22419-c8a0-7255-b2da-7e11332c31ca";
    for (arguments, code, told) in [
        (
            &["graph", "p.yaml", "-o", "p.gif"][..],
            2,
            "p.gif: a picture is a file whose name ends in `.svg` or `.png`",
        ),
        (&["graph", "p.yaml", "-o", "no/p.svg"], 1, "no/p.svg: cannot be written: "),
        (&["graph", "bad.yaml"], 2, "bad.yaml: line 6, column "),
        (&["graph", "none.yaml"], 2, "none.yaml: "),
        (&["graph", gone, "--data", "none"], 2, "none"),
    ] {
        let run = ended(dir.path(), arguments);
        assert_eq!(run.code, code, "{arguments:?}: {}", run.err);
        assert!(run.err.contains(told), "{arguments:?}: {}", run.err);
    }
}

#[cfg(feature = "png")]
#[test]
fn a_playbook_is_drawn_as_png() {
    let dir = files(&[("p.yaml", &playbook(STEPS))]);
    let run = ended(dir.path(), &["graph", "p.yaml", "-o", "p.png", "--dark", "--scale", "1"]);
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(std::fs::read(dir.path().join("p.png")).unwrap().starts_with(b"\x89PNG"));
}

#[test]
fn an_editor_is_told_where_each_mistake_stands() {
    let steps = "  - id: a\n    action: http.fly\n    on_failure: contain\n  - {id: b, delay: 5}\n";
    let dir = files(&[("p.yaml", &playbook(steps))]);
    let run = ended(dir.path(), &["validate", "p.yaml", "--json"]);
    let told = run.json();
    assert_eq!((run.code, &told[0]["ok"]), (2, &json!(false)));
    let of = |path: &str| -> Value {
        let mistakes = told[0]["mistakes"].as_array().unwrap();
        mistakes.iter().find(|mistake| mistake["path"] == path).cloned().unwrap_or_else(|| panic!("{told}"))
    };
    let place = |line: u64, column: u64| json!({"line": line, "column": column});
    let handler = of("steps[0].on_failure");
    assert_eq!(handler["range"], json!({"start": place(8, 5), "end": place(8, 15)}), "{handler}");
    assert!(handler["message"].as_str().unwrap().starts_with("no step \"contain\""), "{handler}");
    assert_eq!(of("steps[1].delay")["range"]["start"]["line"], 9);
}

#[test]
fn a_watched_file_is_checked_again_when_it_has_changed() {
    let dir = files(&[("p.yaml", &playbook("  - {id: a, delay: soon}\n"))]);
    let mut watch = updraft(dir.path(), &["validate", "p.yaml", "--json", "--watch"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(watch.stdout.take().unwrap()).lines();
    let mut next = || -> Value { serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap() };
    assert_eq!(next()["ok"], false);
    // Whole at once, as editors do it: half a file is another change.
    std::fs::write(dir.path().join("new"), playbook("  - {id: a, delay: 5s}\n")).unwrap();
    std::fs::rename(dir.path().join("new"), dir.path().join("p.yaml")).unwrap();
    let told = next();
    assert_eq!((&told["ok"], &told["mistakes"]), (&json!(true), &json!([])));
    let pid = watch.id().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    assert_eq!(watch.wait().unwrap().code(), Some(0));
}
