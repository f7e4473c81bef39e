//! Each mistake, with its place and message.

use super::*;

/// The one mistake of a playbook with these fields.
#[track_caller]
fn header(fields: Value, expected: &str) {
    assert_eq!(check(&with(fields)).unwrap_err(), [expected]);
}

/// The one mistake of a playbook with these steps.
#[track_caller]
fn one(steps: Value, expected: &str) {
    assert_eq!(mistakes(steps), [expected]);
}

#[test]
fn what_cannot_be_read_back_as_json_is_refused_although_its_text_may_be_read() {
    let quotes = "'".to_owned() + &"\"".repeat(600_000) + "'";
    let text = format!(
        "format: 1\nname: a\nversion: 1\nvariables: {{q: {quotes}}}\nsteps:\n  - {{id: e, type: end}}\n"
    );
    let playbook = Playbook::parse(text.as_bytes()).unwrap();
    let bytes = serde_json::to_vec(&playbook).unwrap().len();
    let mistakes = check(&playbook).unwrap_err();
    assert_eq!(mistakes, [format!("playbook: has {bytes} bytes as JSON; at most 1048576 are allowed")]);
}

#[test]
fn what_an_author_wrote_at_length_is_cut_where_it_comes_back() {
    let mistakes = check(&with(json!({"variables": {"ä ".repeat(10_000): 1}}))).unwrap_err();
    assert!(mistakes[0].starts_with("variables: \"ä ") && mistakes[0].ends_with('…'), "{}", mistakes[0]);
    assert!(mistakes[0].len() < 2_000, "{}", mistakes[0].len());
}

#[test]
fn of_the_playbook_itself() {
    header(json!({"steps": []}), "steps: a playbook needs at least one step");
    let many: Vec<_> = (0..1_001).map(|n| json!({"id": format!("s{n}"), "type": "end"})).collect();
    header(json!({"steps": many}), "steps: 1001 steps; at most 1000 are allowed");
    header(json!({"version": 0}), "version: must be from 1 to 4294967295");
    header(json!({"format": 2}), "format: 2 is not known; this version reads format 1");
    header(json!({"timeout": "0s"}), "timeout: must be longer than zero");
    header(json!({"timeout": "732d"}), "timeout: must be at most 366d");
    header(json!({"tasks_at_once": 0}), "tasks_at_once: must be from 1 to 1000");
    header(json!({"tasks_at_once": 1_001}), "tasks_at_once: must be from 1 to 1000");
    header(json!({"start": "b"}), "start: no step \"b\"");
    for name in ["", "1a", "a-b", "a.b", "ä"] {
        let rule = "is no name of a variable: letters, digits and `_`, not starting with a digit";
        header(json!({"variables": {name: 1}}), &format!("variables: {name:?} {rule}"));
    }
    let deep = (0..100).fold(json!(1), |value, _| json!([value]));
    header(json!({"variables": {"deep": deep}}), "variables.deep: nested more than 64 deep");
    assert!(check(&with(json!({"variables": {"_a1": {"b c": [1]}}}))).is_ok());
}

#[test]
fn of_ids_and_references() {
    one(json!([{"id": "a"}, {"id": "b"}, {"id": "a"}]), "steps[2].id: \"a\" is also the id of steps[0]");
    one(
        json!([{"id": "contain", "on_failure": "contian"}]),
        "steps[0].on_failure: no step \"contian\"; did you mean \"contain\"?",
    );
    one(json!([{"id": "a", "on_success": "other"}]), "steps[0].on_success: no step \"other\"");
    one(json!([{"id": "a", "at_most_once": true, "on_unknown": "x"}]), "steps[0].on_unknown: no step \"x\"");
    one(json!([{"id": "a", "type": "parallel", "branches": ["x"]}]), "steps[0].branches[0]: no step \"x\"");
    one(json!([{"id": "a", "type": "if", "condition": "true", "else": "x"}]), "steps[0].else: no step \"x\"");
    one(json!([{"id": "a", "type": "if", "condition": "true", "then": "x"}]), "steps[0].then: no step \"x\"");
    one(
        json!([{"id": "a", "type": "delay", "duration": "1s", "on_success": "x"}]),
        "steps[0].on_success: no step \"x\"",
    );
}

#[test]
fn of_tools() {
    one(
        json!([{"id": "a", "integration": "htp"}]),
        "steps[0].integration: no integration \"htp\"; did you mean \"http\"?",
    );
    one(json!([{"id": "a", "integration": "slack"}]), "steps[0].integration: no integration \"slack\"");
    one(
        json!([{"id": "a", "action": "requst"}]),
        "steps[0].action: \"http\" has no action \"requst\"; did you mean \"request\"?",
    );
    one(json!([{"id": "a", "action": "fly"}]), "steps[0].action: \"http\" has no action \"fly\"");
}

#[test]
fn of_times_and_retries() {
    one(json!([{"id": "a", "timeout": "0s"}]), "steps[0].timeout: must be longer than zero");
    one(json!([{"id": "a", "timeout": "732d"}]), "steps[0].timeout: must be at most 366d");
    one(
        json!([{"id": "a", "type": "delay", "duration": "0s"}]),
        "steps[0].duration: must be longer than zero",
    );
    one(json!([{"id": "a", "type": "delay", "duration": "732d"}]), "steps[0].duration: must be at most 366d");
    for attempts in [0, 101] {
        one(
            json!([{"id": "a", "retry": {"attempts": attempts}}]),
            "steps[0].retry.attempts: must be from 1 to 100",
        );
    }
    one(
        json!([{"id": "a", "retry": {"initial": "2m"}}]),
        "steps[0].retry.max: must not be shorter than `initial`",
    );
    one(json!([{"id": "a", "retry": {"max": "732d"}}]), "steps[0].retry.max: must be at most 366d");
    for multiplier in [0.9, 10.1, -1.0] {
        one(
            json!([{"id": "a", "retry": {"multiplier": multiplier}}]),
            "steps[0].retry.multiplier: must be from 1 to 10",
        );
    }
    let mut nan = playbook(json!([{"id": "a", "retry": {}}]));
    if let updraft_protocol::playbook::StepKind::Action(action) = &mut nan.steps[0].kind {
        action.retry.as_mut().unwrap().multiplier = f64::NAN;
    }
    assert_eq!(check(&nan).unwrap_err(), ["steps[0].retry.multiplier: must be from 1 to 10"]);
    one(
        json!([{"id": "a", "retry": {"give_up_after": "732d"}}]),
        "steps[0].retry.give_up_after: must be at most 366d",
    );
    one(
        json!([{"id": "a", "on_unknown": "b"}, {"id": "b"}]),
        "steps[0].on_unknown: only a step with `at_most_once` can be of unknown outcome",
    );
    let retry = json!({"attempts": 3, "initial": "0s", "give_up_after": "0s"});
    assert!(check(&playbook(json!([{"id": "a", "at_most_once": true, "retry": retry}]))).is_ok());
}

#[test]
fn of_branches() {
    one(
        json!([{"id": "p", "type": "parallel", "branches": []}]),
        "steps[0].branches: at least one branch is needed",
    );
    let many: Vec<_> = (0..1_001).map(|n| format!("s{n}")).collect();
    one(
        json!([{"id": "p", "type": "parallel", "branches": many}]),
        "steps[0].branches: 1001 branches; at most 1000 are allowed",
    );
    one(
        json!([{"id": "p", "type": "parallel", "branches": ["a", "b", "a"]}, {"id": "a"}, {"id": "b"}]),
        "steps[0].branches[2]: \"a\" is also branches[0]",
    );
    let nested = |depth: usize| {
        let level = |n: usize| json!({"id": format!("p{n}"), "type": "parallel", "branches": [format!("p{}", n + 1)]});
        let mut steps: Vec<_> = (0..depth).map(level).collect();
        steps.push(json!({"id": format!("p{depth}")}));
        json!(steps)
    };
    assert!(check(&playbook(nested(8))).is_ok());
    one(nested(9), "steps[8].branches: `parallel` is nested more than 8 deep");
}

#[test]
fn of_texts() {
    one(
        json!([{"id": "a", "arguments": {"url": "{{ inptu.x }}"}}]),
        "steps[0].arguments.url: `inptu` is not known; there are `input`, `variables` and `steps`",
    );
    one(
        json!([{"id": "a", "type": "end", "output": {"x": ["{{ input. }}"]}}]),
        "steps[0].output.x[0]: line 1: unexpected end of variable block, expected identifier or integer",
    );
    one(
        json!([{"id": "a", "type": "if", "condition": "inptu.x == 1"}]),
        "steps[0].condition: `inptu` is not known; there are `input`, `variables` and `steps`",
    );
    let deep = (0..100).fold(json!("x"), |value, _| json!([value]));
    let deep = mistakes(json!([{"id": "a", "arguments": {"deep": deep}}]));
    assert!(
        deep[0].starts_with("steps[0].arguments.deep[0][0]") && deep[0].ends_with("nested more than 64 deep"),
        "{deep:?}"
    );
}

#[test]
fn are_told_together_in_the_order_of_their_places() {
    let mut playbook = playbook(json!([
        {"id": "a", "integration": "htp", "timeout": "0s", "on_failure": "nowhere", "arguments": {"x": "{{ y }}"}},
        {"id": "b", "action": "requst"},
        {"id": "a", "type": "if", "condition": "1 +"}
    ]));
    playbook.version = 0;
    let found = check(&playbook).unwrap_err();
    let places: Vec<_> = found.iter().map(|mistake| mistake.split(": ").next().unwrap()).collect();
    assert_eq!(
        places,
        [
            "version",
            "steps[0].integration",
            "steps[0].arguments.x",
            "steps[0].timeout",
            "steps[0].on_failure",
            "steps[1].action",
            "steps[2].id",
            "steps[2].condition"
        ]
    );
}

#[test]
fn are_told_up_to_a_limit() {
    let steps: Vec<_> = (0..1_000).map(|n| json!({"id": format!("s{n}"), "on_success": "gone"})).collect();
    assert_eq!(mistakes(json!(steps)).len(), updraft_protocol::limits::MISTAKES);
}

#[test]
fn the_texts_of_all_steps_share_one_budget_and_the_first_that_exceeds_it_is_told() {
    let id = |n: usize| (n < 500).then(|| format!("s{n}"));
    let pattern = |n: usize| json!({"id": id(n), "type": "if", "condition": "input.a is matching('[a-z]{900}')", "then": id(n + 1)});
    assert!(
        check(&playbook(
            (0..50)
                .map(pattern)
                .collect::<Vec<_>>()
                .into_iter()
                .map(|mut step| {
                    if step["then"] == "s50" {
                        step["then"] = Value::Null;
                    }
                    step
                })
                .collect()
        ))
        .is_ok()
    );
    let found = mistakes((0..500).map(pattern).collect());
    assert!(found.len() == 1 && found[0].contains(".condition: the playbook "), "{found:?}");
    let texts = vec!["{{1}}"; 80_000];
    let found = mistakes(
        json!([{"id": "a", "arguments": {"all": texts}}, {"id": "b", "type": "end", "output": "{{ 1 }}"}]),
    );
    assert!(
        found[0].starts_with("steps[0].arguments.all[") && found[0].contains(": the playbook "),
        "{found:?}"
    );
}

#[test]
fn of_secrets_the_first_beyond_the_bound_has_its_place() {
    let mut catalogue = Catalogue::default();
    catalogue.add_integration(Name::new("web").unwrap(), std::sync::Arc::new(super::endpoints::Web));
    let naming = |at: usize, names: std::ops::Range<usize>| {
        let query: Value = names.map(|n| (format!("q{n}"), json!({"$secret": format!("s{n}")}))).collect();
        json!({"id": format!("a{at}"), "type": "action", "integration": "web", "action": "get",
            "arguments": {"query": query}, "on_success": format!("a{}", at + 1)})
    };
    let playbook = |last: usize| {
        let end = json!({"id": "a3", "type": "end"});
        let steps = [naming(0, 0..64), naming(1, 64..110), naming(2, 100..last), end];
        with(json!({ "steps": steps }))
    };
    assert_eq!(Plan::check(&playbook(128), &catalogue).unwrap().secrets.len(), 128);
    let mistakes = Plan::check(&playbook(130), &catalogue).unwrap_err();
    let told: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
    assert_eq!(told, ["steps[2].arguments.query.q128: at most 128 secrets are allowed in a playbook"]);
    assert!(Plan::of_accepted(&playbook(130), &catalogue).is_ok(), "what was accepted runs on");
}
