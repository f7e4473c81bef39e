//! The mistakes of a playbook that are told beside those of its form.

use updraft_protocol::Playbook;
use updraft_protocol::parse::PlaybookRest;

use super::*;

/// The mistakes of form, and those of the rest that stand in the text.
fn told(text: &str) -> (Vec<String>, Vec<String>) {
    let form = Playbook::parse(text.as_bytes()).unwrap_err().mistakes();
    let rest = PlaybookRest::of(text.as_bytes()).unwrap();
    let others = Plan::check(&rest.playbook, &catalogue()).err().unwrap_or_default();
    let others = others.iter().map(ToString::to_string).filter(|other| rest.has(other));
    (form, others.collect())
}

#[test]
fn what_else_is_wrong_is_told_with_the_mistakes_of_form() {
    let text = "format: 1\nname: p\nversion: 1\nsteps:\n  - {delay: 5}\n  - {id: b, end: '{{ inptu.x }}'}\n";
    let (form, others) = told(text);
    assert_eq!((form.len(), others.len()), (1, 1), "{form:?} {others:?}");
    assert!(others[0].starts_with("steps[1].end") && others[0].contains("inptu"), "{others:?}");
}

#[test]
fn nothing_is_told_that_comes_of_what_is_left_out() {
    let steps = [
        "  - {id: a, delay: 5, next: c}\n  - {id: b, if: 'steps.a.output.x', then: [{end: null}]}\n  - {id: c, end: null}\n",
        "  - {id: a, do: [{id: inner, delay: 1s}], dot: 5}\n  - {id: b, end: '{{ steps.inner.output }}'}\n",
        "  - {delay: 5}\n  - {delay: 1s}\n  - {end: '{{ steps.delay_2.status }}'}\n",
        "  - {id: l, for_each: '[1]', as: {x: 1}, do: [{id: b, delay: 1s}]}\n  - {end: '{{ steps.l.output.items }}'}\n",
    ];
    for steps in steps {
        let (form, others) = told(&format!("format: 1\nname: p\nversion: 1\nsteps:\n{steps}"));
        assert!(!form.is_empty());
        assert_eq!(others, Vec::<String>::new(), "{steps}");
    }
    let variables =
        "format: 1\nname: p\nversion: 1\nvariables: [x]\nsteps:\n  - {end: '{{ variables.x }}'}\n";
    assert_eq!(told(variables).1, Vec::<String>::new());
}
