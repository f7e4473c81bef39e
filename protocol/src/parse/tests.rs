//! The text of a playbook: its shape, its limits, and the places of mistakes.

mod scalars;
mod words;

use super::*;
use crate::playbook::StepKind;

const YAML: &str =
    "format: 1\nname: a\nversion: 1\nsteps:\n  - id: one\n    action: http.request\n    timeout: 5s\n";

#[test]
fn yaml_and_json_give_the_same_playbook() {
    let yaml = Playbook::parse(YAML.as_bytes()).unwrap();
    let json = Playbook::parse(&serde_json::to_vec(&yaml).unwrap()).unwrap();
    assert_eq!(yaml, json);
    assert!(matches!(&yaml.steps[0].kind, StepKind::Action(a) if a.integration.as_str() == "http"));
}

#[test]
fn a_mistake_has_its_line_and_column() {
    let error = Playbook::parse(YAML.replace("5s", "soon").as_bytes()).unwrap_err();
    let Error::Shape { place, message, .. } = error else { panic!("{error}") };
    assert_eq!((place.line, place.column), (7, 14), "{message}");
    assert!(message.contains("`soon` is not a duration"), "{message}");

    let json = "{\"format\": 1,\n \"name\": 5}";
    let Error::Shape { place, .. } = Playbook::parse(json.as_bytes()).unwrap_err() else { panic!("shape") };
    assert_eq!((place.line, place.path.as_str()), (2, "name"));
}

#[test]
fn all_mistakes_of_form_are_told_at_once_each_at_its_own_place() {
    let text = "format: 1
name: a
version: 1
types: 3
steps:
  - {id: a, acton: http.request}
  - {delay: 5min}
  - for_each: input.x
    do:
      - {set: {x: 1}, wen: 1}
      - {delay: 5s}
      - {delay: 7 parsecs}
  - {switch: input.x, cases: [{iss: 1, do: []}]}
  - {parallel: all, branches: {b: [{delay: 1s, nxt: x}]}}
  - {if: 'true', thn: [], elze: [], timeout: 5, retry: {attempts: x}}
  - {delay: 1s}
";
    let error = Playbook::parse(text.as_bytes()).unwrap_err();
    let places: Vec<String> = error
        .mistakes()
        .iter()
        .filter_map(|told| {
            Some(told.split_once(", column")?.1.split_once(", ")?.1.split_once(": ")?.0.to_owned())
        })
        .collect();
    let expected = [
        "types",
        "steps[0].acton",
        "steps[1].delay",
        "steps[2].do[0].wen",
        "steps[2].do[2].delay",
        "steps[3].cases[0].iss",
        "steps[4].branches.b[0].nxt",
        "steps[5].thn",
        "steps[5].elze",
        "steps[5].timeout",
        "steps[5].retry.attempts",
    ];
    assert_eq!(places, expected, "{error}");
    let alone = Playbook::parse(YAML.replace("version: 1\n", "").as_bytes()).unwrap_err();
    assert_eq!(alone.mistakes().len(), 1, "{alone}");
    assert!(alone.to_string().contains("`version` is missing"), "{alone}");
}

#[test]
fn mistakes_behind_aliases_are_looked_for_as_long_as_the_text_is_that_they_stand_for() {
    let aliases = "  - *a\n".repeat(900);
    let step = format!("  - &a {{acton: x, description: {}}}\n", "x".repeat(4_000));
    let text = format!("format: 1\nname: a\nversion: 1\nsteps:\n{step}{aliases}");
    let error = Playbook::parse(text.as_bytes()).unwrap_err();
    assert_eq!(error.mistakes().len(), 5, "a few of 901 mistakes in 3.6 MB");
}

#[test]
fn what_an_author_wrote_at_length_is_cut_where_it_comes_back() {
    let json = format!("{{\"format\": 1, \"{}\": 1}}", "ä".repeat(100_000));
    let yaml = YAML.replace("5s", &"x".repeat(100_000));
    for text in [json, yaml] {
        let error = Playbook::parse(text.as_bytes()).unwrap_err().to_string();
        assert!(error.starts_with("line ") && error.len() < 2_000, "{}", error.len());
    }
}

#[test]
fn a_field_of_another_kind_of_step_is_refused() {
    let refused = |step: &str| {
        let text = format!("format: 1\nname: a\nversion: 1\nsteps: [{step}]\n");
        Playbook::parse(text.as_bytes()).unwrap_err().to_string()
    };
    for (step, words) in [
        (
            "{id: a, action: http.request, then: [], else: []}",
            "step \"a\": a step with `action` has no field `then`, `else`; it has action, integration,",
        ),
        ("{delay: 5s, on_unknown: b}", "a step with `delay` has no field `on_unknown`; it has delay, next"),
        (
            "{id: a}",
            "step \"a\": what the step does is missing: one of `action`, `parallel`, `branches`, `if`",
        ),
        ("{delya: 5s}", "steps[0].delya: there is no such field; did you mean \"delay\"?"),
        (
            "{end: null, descripton: a}",
            "steps[0].descripton: there is no such field; did you mean \"description\"?",
        ),
        (
            "{delay: 5s, output: 1, wibble: 1}",
            "steps[0].wibble: there is no such field; there are delay, next, on_cancel",
        ),
        (
            "{id: a, wibble: 1}",
            "`until`, `set`, `delay`, `wait_until`, `wait_for`, `approval`, `finally`, `playbook`, `end`, `fail`; `wibble` is a field of no step",
        ),
        (
            "{action: request}",
            "a step with `action` needs the integration too: `action: INTEGRATION.request`",
        ),
        ("{if: 'true'}", "a step with `if` needs `then`"),
        ("{while: x}", "a step with `while` needs `do`"),
        ("{do: []}", "what `do` is for is missing: `for_each`, `while`, `until` or `finally`"),
        ("{do: [], catch: []}", "a step with `do` and `catch` needs `finally`; without it,"),
        ("{do: {do: [], catch: []}, catch: [], finally: []}", "has `catch` twice: in `do`, and beside it"),
        (
            "{for_each: input.x, do: [], catch: []}",
            "a step with `for_each` has no field `catch`; `catch` stands in a body",
        ),
        ("{id: continue, end: null}", "`continue` cannot be the id of a step"),
    ] {
        assert!(refused(step).contains(words), "{}", refused(step));
    }
}

#[test]
fn what_is_caught_may_stand_beside_the_steps_and_what_undoes_may_be_one_word() {
    let read = |step: &str| {
        Playbook::parse(format!("format: 1\nname: a\nversion: 1\nsteps: [{step}]\n").as_bytes()).unwrap()
    };
    for (short, whole) in [
        (
            "{do: [{end: 1}], catch: [{end: 2}], finally: [{end: 3}]}",
            "{do: {do: [{end: 1}], catch: [{end: 2}]}, finally: [{end: 3}]}",
        ),
        ("{action: a.b, undo: {action: c, on: cancel}}", "{action: a.b, undo: {action: c, on: [cancel]}}"),
    ] {
        assert_eq!(read(short), read(whole));
        let json = serde_json::to_vec(&read(short)).unwrap();
        assert_eq!(Playbook::parse(&json).unwrap(), read(short));
    }
}

#[test]
fn an_unknown_format_a_huge_text_and_bytes_are_refused() {
    let newer = YAML.replace("format: 1", "format: 2");
    assert_eq!(Playbook::parse(newer.as_bytes()), Err(Error::Format { found: 2 }));
    let huge = vec![b' '; PLAYBOOK_BYTES + 1];
    assert_eq!(Playbook::parse(&huge), Err(Error::TooLarge { bytes: PLAYBOOK_BYTES + 1 }));
    assert_eq!(
        Playbook::parse(b"name: \xff"),
        Err(Error::NotText(text::Error::Ends { line: 1, column: 7, encoding: "UTF-8" }))
    );
}

#[test]
fn aliases_stand_for_a_bounded_number_of_values_and_bytes() {
    let with = |variables: String| YAML.replace("steps:", &format!("variables: {{{variables}}}\nsteps:"));
    let few = with(format!("a: &a [{}], b: [{}]", "x, ".repeat(50), "*a, ".repeat(90)));
    assert_eq!(Playbook::parse(few.as_bytes()).unwrap().variables["b"][89][49], "x");
    let values = with(format!("a: &a [{}], b: [{}]", "x, ".repeat(200), "*a, ".repeat(90)));
    let bytes = with(format!("a: &a {}, b: [{}]", "x".repeat(100_000), "*a, ".repeat(90)));
    for (text, reason) in [(values, "aliases stand for too much"), (bytes, "aliases stand for too much")] {
        let error = Playbook::parse(text.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
    }
}

#[test]
fn a_bomb_of_aliases_is_refused() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let below = format!("*a{}, ", level - 1).repeat(10);
        bomb.push_str(&format!("a{level}: &a{level} [{}]\n", below.trim_end_matches(", ")));
    }
    assert!(Playbook::parse(bomb.as_bytes()).is_err());
}

#[test]
fn bodies_inside_bodies_are_read_as_deep_as_values_may_be() {
    let nested = |depth: usize| {
        let body =
            (0..depth).fold("[{end: null}]".to_owned(), |body, _| format!("[{{if: 'true', then: {body}}}]"));
        Playbook::parse(format!("format: 1\nname: a\nversion: 1\nsteps: {body}\n").as_bytes())
    };
    // Without optimisation each field of a step has stack of its own, at each level.
    let read = std::thread::Builder::new().stack_size(16 << 20).spawn(move || {
        assert_eq!(nested(62).unwrap().walk().len(), 63);
        let error = nested(63).unwrap_err().to_string();
        assert!(error.contains("nested more than 127 deep"), "{error}");
    });
    read.unwrap().join().unwrap();
}
