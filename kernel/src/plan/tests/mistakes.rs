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
        "format: 1\nname: a\nversion: 1\nvariables: {{q: {quotes}}}\nsteps:\n  - {{id: e, end: null}}\n"
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
    let many: Vec<_> = (0..1_001).map(|n| json!({"id": format!("s{n}"), "end": null})).collect();
    header(json!({"steps": many}), "steps: at most 1000 steps are allowed, those in bodies counted");
    header(json!({"version": 0}), "version: must be from 1 to 4294967295");
    header(json!({"format": 2}), "format: 2 is not known; this version reads format 1");
    header(json!({"timeout": "0s"}), "timeout: must be longer than zero");
    header(json!({"timeout": "732d"}), "timeout: must be at most 366d");
    header(json!({"tasks_at_once": 0}), "tasks_at_once: must be from 1 to 1000");
    header(json!({"tasks_at_once": 1_001}), "tasks_at_once: must be from 1 to 1000");
    header(json!({"markings": vec!["TLP:RED"; 21]}), "markings: at most 20 markings are allowed");
    header(json!({"markings": ["x", " "]}), "markings[1]: is empty: a marking is a text such as `TLP:GREEN`");
    let long = "ä".repeat(513);
    header(json!({"markings": [long]}), "markings[0]: has 1026 bytes; at most 1024 are allowed");
    assert!(check(&with(json!({"markings": ["TLP:AMBER+STRICT", "© ACME"]}))).is_ok());
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
    one(json!([{"id": "a", "next": "other"}]), "steps[0].next: no step \"other\"");
    one(json!([{"id": "a", "at_most_once": true, "on_unknown": "x"}]), "steps[0].on_unknown: no step \"x\"");
    one(json!([{"id": "a", "delay": "1s", "next": "x"}]), "steps[0].next: no step \"x\"");
    one(
        json!([{"id": "a", "if": "true", "then": [{"id": "b", "on_timeout": "x"}]}]),
        "steps[0].then[0].on_timeout: no step \"x\"",
    );
    let inside = json!([
        {"id": "a", "branches": {"x": [{"id": "b", "next": "c"}]}},
        {"id": "c", "if": "true", "then": [{"id": "d"}]},
        {"id": "e", "on_failure": "d"},
    ]);
    assert_eq!(
        mistakes(inside),
        [
            "steps[0].branches.x[0].next: \"c\" is in another body, at steps[1]",
            "steps[2].on_failure: \"d\" is in another body, at steps[1].then[0]",
        ]
    );
}

#[test]
fn of_tools() {
    one(
        json!([{"id": "a", "integration": "htp"}]),
        "steps[0].action: no integration \"htp\"; did you mean \"http\"?",
    );
    one(json!([{"id": "a", "integration": "slack"}]), "steps[0].action: no integration \"slack\"");
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
    one(json!([{"id": "a", "delay": "0s"}]), "steps[0].delay: must be longer than zero");
    one(json!([{"id": "a", "delay": "732d"}]), "steps[0].delay: must be at most 366d");
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
        json!([{"id": "a", "on_unknown": [{"id": "b"}]}]),
        "steps[0].on_unknown: only a step with `at_most_once` can be of unknown outcome",
    );
    let retry = json!({"attempts": 3, "initial": "0s", "give_up_after": "0s"});
    assert!(check(&playbook(json!([{"id": "a", "at_most_once": true, "retry": retry}]))).is_ok());
}

#[test]
fn of_branches() {
    one(json!([{"id": "p", "branches": {}}]), "steps[0].branches: at least one branch is needed");
    one(
        json!([{"id": "p", "branches": {"a": [{"id": "a"}], "b": []}}]),
        "steps[0].branches.b: a branch needs at least one step",
    );
    let nested = |depth: usize| {
        (0..depth).rev().fold(
            json!([{"id": "last"}]),
            |body, level| json!([{"id": format!("p{level}"), "branches": {"b": body}}]),
        )
    };
    assert!(check(&playbook(nested(8))).is_ok());
    let place = "steps[0]".to_owned() + &".branches.b[0]".repeat(8);
    one(nested(9), &format!("{place}: bodies with a scope of their own are nested more than 8 deep"));
}

#[test]
fn of_people_and_instants_that_are_written_out() {
    let asks = |more: Value| {
        let mut step = json!({"approval": "?"});
        step.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!([step])
    };
    one(asks(json!({"assignees": []})), "steps[0].assignees: names nobody");
    one(
        asks(json!({"assignees": ["ana", "bo", "ana"], "quorum": 3})),
        "steps[0].quorum: 2 people cannot be a quorum of 3",
    );
    for fits in [
        json!({"assignees": ["ana"], "group": "soc", "quorum": 3}),
        json!({"assignees": ["{{ input.all }}"], "quorum": 3}),
        json!({"assignees": "{{ input.all }}", "quorum": 3}),
    ] {
        assert!(check(&playbook(asks(fits.clone()))).is_ok(), "{fits}");
    }
    let waits = |until: &str, zone: Option<&str>| {
        let mut step = json!({ "wait_until": until });
        step.as_object_mut().unwrap().extend(zone.map(|zone| ("zone".to_owned(), json!(zone))));
        json!([step])
    };
    for (until, zone) in
        [("2026-12-24T08:00:00Z", None), ("2026-12-24T08:00", Some("UTC")), ("{{ input.at }}", None)]
    {
        assert!(check(&playbook(waits(until, zone))).is_ok(), "{until}");
    }
    for until in ["2026-13-01T08:00:00Z", "2026-12-24T08:00", "tomorrow"] {
        let told = mistakes(waits(until, None));
        assert!(told[0].starts_with(&format!("steps[0].wait_until: {until:?} is no instant: ")), "{told:?}");
    }
}

#[test]
fn of_cases() {
    let switch = |more: Value| {
        let mut step = json!({"id": "s", "cases": [{"is": 1, "do": []}]});
        step.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!([step])
    };
    assert!(check(&playbook(switch(json!({"switch": "input.n"})))).is_ok());
    let bare = "an expression is written without `{{ }}` around it: `steps.lookup.output.hosts`";
    one(switch(json!({"switch": "{{ input.n }}"})), &format!("steps[0].switch: {bare}"));
    one(switch(json!({})), "steps[0].cases[0].is: is compared with nothing: `switch: EXPRESSION` is missing");
    one(
        switch(json!({"switch": "input.n", "cases": [{"is": [1, 2], "do": []}, {"is": 2, "do": []}]})),
        "steps[0].cases[1].is: earlier cases have all of its values, so that it is never reached",
    );
    one(
        switch(
            json!({"switch": "input.n", "cases": [{"is": ["a", "b"], "do": []}, {"is": ["b", "c"], "do": []}]}),
        ),
        "steps[0].cases[1].is: \"b\" stands in cases[0] too, which takes it",
    );
    one(switch(json!({"cases": []})), "steps[0].cases: 0 cases; 1 to 1000 are allowed");
    one(
        switch(json!({"cases": [{"do": []}]})),
        "steps[0].cases[0]: a case needs `is`, a value, or `when`, a condition",
    );
    one(
        switch(json!({"switch": "input.n", "cases": [{"is": 1, "when": "true", "do": []}]})),
        "steps[0].cases[0].when: a case has either `is` or `when`",
    );
    one(
        switch(json!({"cases": [{"when": "inptu.x == 1", "do": []}]})),
        "steps[0].cases[0].when: `inptu` is not known; did you mean \"input\"?; there are `input`, `variables`, `constants`, `steps` and `now`",
    );
    one(
        switch(json!({"switch": "inptu.x"})),
        "steps[0].switch: `inptu` is not known; did you mean \"input\"?; there are `input`, `variables`, `constants`, `steps` and `now`",
    );
}

#[test]
fn of_texts() {
    one(
        json!([{"id": "a", "arguments": {"url": "{{ inptu.x }}"}}]),
        "steps[0].arguments.url: `inptu` is not known; did you mean \"input\"?; there are `input`, `variables`, `constants`, `steps` and `now`",
    );
    one(
        json!([{"id": "a", "end": {"x": ["{{ input. }}"]}}]),
        "steps[0].end.x[0]: line 1: unexpected end of the expression, expected name or integer",
    );
    one(
        json!([{"id": "a", "if": "inptu.x == 1", "then": []}]),
        "steps[0].if: `inptu` is not known; did you mean \"input\"?; there are `input`, `variables`, `constants`, `steps` and `now`",
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
        {"id": "a", "if": "1 +", "then": []}
    ]));
    playbook.version = 0;
    let found = check(&playbook).unwrap_err();
    let places: Vec<_> = found.iter().map(|mistake| mistake.split(": ").next().unwrap()).collect();
    assert_eq!(
        places,
        [
            "version",
            "steps[0].action",
            "steps[0].arguments.x",
            "steps[0].timeout",
            "steps[0].on_failure",
            "steps[1].action",
            "steps[2].id",
            "steps[2].if"
        ]
    );
}

#[test]
fn are_told_up_to_a_limit() {
    let steps: Vec<_> = (0..1_000).map(|n| json!({"id": format!("s{n}"), "next": "gone"})).collect();
    assert_eq!(mistakes(json!(steps)).len(), updraft_protocol::limits::MISTAKES);
}

#[test]
fn the_texts_of_all_steps_share_one_budget_and_the_first_that_exceeds_it_is_told() {
    let pattern =
        |n: usize| json!({"id": format!("s{n}"), "if": "input.a is matching('[a-z]{900}')", "then": []});
    assert!(check(&playbook((0..50).map(pattern).collect())).is_ok());
    let found = mistakes((0..500).map(pattern).collect());
    assert!(found.len() == 1 && found[0].contains(".if: the playbook "), "{found:?}");
    let texts = vec!["{{1}}"; 80_000];
    let found = mistakes(json!([{"id": "a", "arguments": {"all": texts}}, {"id": "b", "end": "{{ 1 }}"}]));
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
        json!({"id": format!("a{at}"), "integration": "web", "action": "get",
            "arguments": {"query": query}})
    };
    let playbook = |last: usize| {
        let end = json!({"id": "a3", "end": null});
        let steps = [naming(0, 0..64), naming(1, 64..110), naming(2, 100..last), end];
        with(json!({ "steps": steps }))
    };
    assert_eq!(Plan::check(&playbook(128), &catalogue).unwrap().secrets.len(), 128);
    let mistakes = Plan::check(&playbook(130), &catalogue).unwrap_err();
    let told: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
    assert_eq!(told, ["steps[2].arguments.query.q128: at most 128 secrets are allowed in a playbook"]);
    assert!(Plan::of_accepted(&playbook(130), &catalogue).is_ok(), "what was accepted runs on");
}
