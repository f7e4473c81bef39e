//! What an author's steps look like in place of native ones.

use serde_json::json;
use updraft_protocol::Playbook;
use updraft_protocol::outline::{AuthorOutline, Outlined, OutlinedStep};

use crate::diagram::{Diagram, Face, Group, Kind, Step};
use crate::{Colours, Ruling};

/// A translated playbook: a step with two calls in a loop of one round, a choice whose branch is left early, and an end.
fn native() -> Playbook {
    let steps = json!([
        {"id": "begin", "set": {}},
        {"id": "calls.delay", "delay": "5s"},
        {"id": "calls", "until": "true", "at_most": 1, "do": [
            {"id": "calls.1", "action": "http.request"},
            {"id": "calls.2", "action": "http.request"},
            {"id": "calls.out", "set": {"score": "1"}}
        ], "on_failure": "mend"},
        {"id": "ask", "if": "variables.score == 1", "then": [
            {"id": "look", "action": "edr.find", "on_failure": "inner"},
            {"id": "act", "action": "edr.isolate", "next": "look.return"},
            {"id": "inner", "action": "edr.mend"},
            {"id": "look.return", "set": {}}
        ], "else": [{"id": "stop", "set": {}}], "next": "finish"},
        {"id": "mend", "action": "edr.mend"},
        {"id": "finish", "end": null}
    ]);
    let written =
        json!({"format": 1, "name": "native", "version": 1, "variables": {"score": 0}, "steps": steps});
    Playbook::parse(written.to_string().as_bytes()).unwrap()
}

fn outline() -> AuthorOutline {
    let step = |name: &str, does: &str, bodies: &[&str]| {
        let bodies = bodies.iter().map(|title| (*title).to_owned()).collect();
        let does = (!does.is_empty()).then(|| does.to_owned());
        Outlined::Step(OutlinedStep { name: name.to_owned(), description: String::new(), does, bodies })
    };
    let part = |of: &str| Outlined::PartOf(of.to_owned());
    let steps = [
        ("begin", Outlined::Mark("Alert".to_owned())),
        ("calls.delay", part("calls")),
        ("calls", step("Ask twice", "http-api · Desk", &[])),
        ("calls.1", part("calls")),
        ("calls.2", part("calls")),
        ("calls.out", part("calls")),
        ("ask", step("Is it bad?", "if __score__:value = 1", &["on_true", "on_false"])),
        ("look", step("Look", "", &[])),
        ("look.return", Outlined::Passed),
        ("stop", Outlined::Passed),
        ("finish", Outlined::Mark("end".to_owned())),
    ];
    AuthorOutline {
        name: "Written".to_owned(),
        version: "of May".to_owned(),
        description: "What it is for.".to_owned(),
        has_start: true,
        steps: steps.into_iter().map(|(id, step)| (id.to_owned(), step)).collect(),
    }
}

fn drawn() -> Diagram {
    Diagram::of(&native()).unwrap().outlined(&outline())
}

fn titles(group: &Group) -> Vec<&str> {
    group.steps.iter().map(|step| step.title.as_str()).collect()
}

/// The ways of a list: `Look -on_failure-> inner`.
fn ways(group: &Group) -> Vec<String> {
    let title = |at: usize| group.steps.get(at).map_or("out", |step| step.title.as_str());
    let next = group.steps.iter().enumerate().filter(|(_, step)| step.to_next);
    let next = next.map(|(at, _)| format!("{} -> {}", title(at), title(at + 1)));
    let jumps = group.jumps.iter().map(|jump| {
        let label = jump.label.map(|label| format!("{label}-")).unwrap_or_default();
        format!("{} -{label}> {}", title(jump.from), title(jump.to))
    });
    let mut ways: Vec<String> = next.chain(jumps).collect();
    ways.sort();
    ways
}

#[test]
fn steps_have_the_names_of_their_author_and_those_of_the_translation_are_parts_of_them() {
    let diagram = drawn();
    assert_eq!((diagram.title.as_str(), diagram.told()), ("Written", vec!["of May".to_owned()]));
    assert_eq!(titles(&diagram.main), ["Alert", "Ask twice", "Is it bad?", "mend", "end"]);
    let calls: &Step = &diagram.main.steps[1];
    assert_eq!(
        (calls.kind, calls.detail.as_str(), calls.branches.len()),
        (Kind::Action, "http-api · Desk", 0)
    );
    assert_eq!(calls.parts, ["calls.1", "calls.2", "calls.out", "calls.delay"]);
    assert_eq!(calls.notes[0].text, "delay 5s");
    let ask = &diagram.main.steps[2];
    let bodies: Vec<(&str, bool)> =
        ask.branches.iter().map(|body| (body.title.as_str(), body.group.is_some())).collect();
    assert_eq!(bodies, [("on_true", true), ("on_false", false)], "an end alone is a way that goes on");
    let faces: Vec<bool> = diagram.main.steps.iter().map(|step| step.face == Face::Mark).collect();
    assert_eq!(faces, [true, false, false, false, true]);
}

#[test]
fn every_way_that_was_there_is_still_there() {
    let diagram = drawn();
    assert_eq!(
        ways(&diagram.main),
        [
            "Alert -> Ask twice",
            "Ask twice -> Is it bad?",
            "Ask twice -on_failure-> mend",
            "Is it bad? -> end",
            "mend -> end",
        ]
        .map(str::to_owned)
    );
    let body = diagram.main.steps[2].branches[0].group.clone().unwrap();
    assert_eq!(titles(&body), ["Look", "act", "inner", "end"], "a mark stands where a body is left early");
    assert_eq!(
        ways(&body),
        ["Look -> act", "Look -on_failure-> inner", "act -> end", "end -> out", "inner -> end"]
            .map(str::to_owned)
    );
}

#[test]
fn a_picture_shows_no_id_but_in_its_tooltips() {
    let diagram = drawn();
    let svg = diagram.svg(Colours::Preferred).unwrap();
    let document = roxmltree::Document::parse(&svg).unwrap();
    let texts = document.descendants().filter(|node| node.has_tag_name("text"));
    let shown: Vec<&str> = texts.filter_map(|node| node.text()).collect();
    assert!(shown.contains(&"Ask twice") && shown.contains(&"Alert"), "{shown:?}");
    assert!(!shown.iter().any(|text| text.contains("calls") || text.contains("start")), "{shown:?}");
    assert!(svg.contains("<title>Ask twice\ncalls (action)\nhttp-api · Desk\ndelay 5s</title>"), "{svg}");
    let text: Vec<String> = diagram
        .text(100, Ruling::Ascii)
        .iter()
        .map(|line| line.iter().map(|piece| piece.text.as_str()).collect())
        .collect();
    assert!(text.contains(&"* Ask twice  http-api - Desk".to_owned()), "{text:#?}");
}
