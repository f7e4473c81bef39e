//! What the outline of an imported playbook tells: every step of the file by its name, and nothing that only the translation has.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::path::PathBuf;

use updraft_cacao::{import, outline};
use updraft_protocol::outline::{AuthorOutline, Outlined};

fn file(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/playbooks").join(name);
    std::fs::read(path).unwrap()
}

/// What is told of the steps whose ids end so: `Page somebody: http-api · Desk`.
fn told(outline: &AuthorOutline, end: &str) -> Vec<String> {
    let steps = outline.steps.iter().filter(|(id, _)| id.ends_with(end));
    let steps = steps.map(|(_, step)| match step {
        Outlined::Step(step) => format!("{}: {}", step.name, step.does.as_deref().unwrap_or_default()),
        Outlined::Mark(name) => format!("({name})"),
        Outlined::PartOf(_) => "part".to_owned(),
        Outlined::Passed => "passed".to_owned(),
    });
    steps.collect()
}

#[test]
fn a_step_has_its_name_and_says_its_command_and_who_executes_it() {
    let outline = import(&file("switch-severity.json")).unwrap().outline;
    assert_eq!(outline.name, "Route an alert by its severity");
    assert_eq!(
        outline.version,
        "playbook--0b6a1b0e-7f3a-4c55-9a67-1f6f3f0a2001 · modified 2026-03-03 09:00:00Z"
    );
    assert!(outline.has_start);
    let all = told(&outline, "2001");
    assert_eq!(
        all,
        [
            "Page somebody: http-api · Desk",
            "passed",
            "start: takes __host__, __severity__",
            "How bad is it?: switch __severity__:value"
        ]
    );
    let Some(Outlined::Step(switch)) =
        outline.steps.get("switch-condition--2b6a1b0e-7f3a-4c55-9a67-1f6f3f0a2001")
    else {
        panic!("{outline:#?}")
    };
    assert_eq!(switch.bodies, ["high", "medium", "default"]);
}

#[test]
fn steps_that_the_translation_made_are_parts_of_those_of_the_file_or_nothing() {
    for name in std::fs::read_dir(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/playbooks")).unwrap()
    {
        let name = name.unwrap().file_name().into_string().unwrap();
        let imported = import(&file(&name)).unwrap();
        for walked in imported.playbook.walk() {
            let id = walked.id.as_str();
            let Some(step) = imported.outline.steps.get(id) else { panic!("{name}: {id} is not there") };
            let is_made = id.contains('.') && !id.contains(".exception") && !id.contains(".again");
            match step {
                Outlined::PartOf(of) => assert!(is_made && id.starts_with(&format!("{of}.")), "{name}: {id}"),
                Outlined::Step(_) => assert!(!is_made, "{name}: {id} is no step of the file"),
                Outlined::Mark(_) | Outlined::Passed => {}
            }
        }
    }
}

#[test]
fn a_stored_playbook_tells_the_same_but_for_who_executes_a_request() {
    for name in ["switch-severity.json", "while-scan.json", "parallel-lookups.json", "manual-form.json"] {
        let imported = import(&file(name)).unwrap();
        let mut stored = outline(&imported.playbook).unwrap();
        let mut written = imported.outline;
        let does = |outline: &mut AuthorOutline| {
            let steps = outline.steps.values_mut().filter_map(|step| match step {
                Outlined::Step(step) => step.does.as_mut(),
                _ => None,
            });
            for does in steps {
                *does = does.split([' ', ',']).next().unwrap_or_default().to_owned();
            }
        };
        does(&mut stored);
        does(&mut written);
        assert_eq!(stored, written, "{name}");
    }
}

#[test]
fn a_native_playbook_has_no_outline() {
    let native = r#"{"format": 1, "name": "plain", "version": 1, "steps": [{"id": "end--1", "end": null}]}"#;
    assert_eq!(outline(&updraft_protocol::Playbook::parse(native.as_bytes()).unwrap()), None);
}
