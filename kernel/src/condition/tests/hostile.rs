//! What conditions may not do, and the limits of their cost.

use proptest::prelude::*;

use super::*;

const MUCH: &str = "too much";

fn large() -> Value {
    json!({"big": "x".repeat(500_000), "list": vec![1; 100_000], "texts": vec!["abc"; 50_000]})
}

#[test]
fn what_is_not_there_is_a_mistake() {
    for (source, reason) in [
        ("", "unexpected end of input"),
        ("input.n >", "unexpected end of input"),
        ("input.n == 1 1", "expected an operator, or the end of the expression"),
        (
            "user.name == 'a'",
            "`user` is not known; there are `input`, `variables`, `constants`, `steps` and `now`",
        ),
        ("steps == 1", "`steps` is read one step at a time"),
        ("steps|length == 1", "`steps` is read one step at a time"),
        ("'a' in steps", "`steps` is read one step at a time"),
        ("steps[input.id].output == 1", "a step is named by its id"),
        ("steps.a.result == 1", "`steps.a` has no `result`; a step has `output`, `status` and `error`"),
        ("steps.a.error.text == ''", "`steps.a.error` has no `text`"),
        ("yell(input.x)", "functions and methods are not available"),
        ("input.x.yell()", "functions and methods are not available"),
        ("input.x|yell", "no filter `yell`; there are abs, "),
        ("input.x is yelling", "no test `yelling`; there are boolean, "),
        ("input.x is matching(input.y)", "`matching` needs a pattern that is written out"),
        ("input.x is matching('a' ~ 'b')", "`matching` needs a pattern that is written out"),
        ("input.x is matching", "`matching` needs a pattern"),
        ("input.x|select('matching', input.y)", "`select` needs a pattern that is written out"),
        ("input.x is matching('(')", "not a regular expression: unclosed group"),
        ("input.x is matching('(a{1000}){1000}')", "the pattern is too large"),
        ("input.a is eq", "`eq` needs an argument"),
        ("input.a is eq(1, 2)", "`eq` is given too many arguments"),
        ("loop.first", "`loop` is only there inside a loop"),
        ("'a", "unexpected end of string"),
        ("{% if true %}", "a condition is written without"),
    ] {
        let error = Condition::compile("c", source).expect_err(source).to_string();
        assert!(error.starts_with("c: ") && error.contains(reason), "{source}: {error}");
    }
}

#[test]
fn deep_and_long_sources_are_mistakes_and_not_overflows() {
    let deep = 10_000;
    for source in [
        format!("{}true{}", "(".repeat(deep / 2), ")".repeat(deep / 2)),
        "(".repeat(deep),
        "[".repeat(deep),
        "{".repeat(deep),
        format!("{}true", "not ".repeat(deep / 4)),
        format!("{}1 == 1", "-".repeat(deep)),
        format!("1{} == 1", " + 1".repeat(deep / 4)),
        format!("1{} == 1", " - a".repeat(deep / 4)),
        format!("input{} == 1", ".a".repeat(deep / 2)),
        format!("input{} == 1", "[0]".repeat(deep / 3)),
        format!("input.a{} == 1", "|length".repeat(deep / 7)),
        format!("{}true", "true if true else ".repeat(deep / 18)),
        format!("1{}", " == 1".repeat(deep / 5)),
        format!("1{}", " in 1".repeat(deep / 5)),
        format!("'{}", "\\(".repeat(deep / 2)),
        format!("true{}", " ".repeat(TEMPLATE_SOURCE_BYTES)),
    ] {
        let error = Condition::compile("c", &source).expect_err(&source[..10]);
        assert!(error.message.len() < 500, "{error}");
    }
}

#[test]
fn lists_of_the_source_may_be_long() {
    let items = (0..500).map(|n| n.to_string()).collect::<Vec<_>>().join(", ");
    assert_eq!(decide(&format!("input.n in [{items}]"), json!({"n": 499})), Ok(true));
}

#[test]
fn much_is_refused_before_it_is_done() {
    for source in [
        "input.list|select('in', input.texts)|length == 0",
        "input.list|select('eq', input.list)|length == 0",
        "input.texts|map('replace', 'a', input.big)|length == 0",
        "(input.big ~ input.big ~ input.big)|replace('x', 'yyyyyyyy')|replace('y', 'zzzzzzzz') == ''",
        "input.texts|sort(attribute='a,a,a,a,a,a,a,a')|length == 1",
        "(input.list|join) is matching('[01]*1[01]{3000}2')",
        "input.list|select('eq', input.list)|length == 0 or true",
    ] {
        refused(source, large(), MUCH);
    }
}

#[test]
fn large_inputs_are_decided_within_the_budget() {
    let users: Vec<_> =
        (0..5_000).map(|n| json!({"id": n, "name": format!("user-{n}"), "tags": ["a", "b"]})).collect();
    let input = json!({"users": users, "id": 999});
    assert_eq!(decide("input.users|selectattr('id', 'eq', input.id)|length == 1", input.clone()), Ok(true));
    assert_eq!(decide("input.users|selectattr('name', 'endingwith', '7')|length == 500", input), Ok(true));
}

#[test]
fn one_field_of_the_largest_answer_can_be_read() {
    let input = json!({"rows": vec![json!({}); 300_000], "score": 90, "user": {"name": "x".repeat(1_000)}});
    assert_eq!(decide("input.score > 80 and input.user.name is startingwith('x')", input), Ok(true));
}

#[test]
fn ordinary_patterns_fit() {
    for pattern in [
        r"^[\\w.+-]+@[\\w-]+[.][\\w.-]+$",
        "(?i)invoice|payment|urgent",
        r"^\\d{1,3}([.]\\d{1,3}){3}$",
        r"powershell.*-enc\\s+[A-Za-z0-9+/=]{20,}",
    ] {
        let source = format!("input.s is matching('{pattern}')");
        assert_eq!(decide(&source, json!({"s": "nothing of it"})), Ok(false));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_compiles_or_is_a_mistake(source in "\\PC{0,60}") {
        if let Ok(condition) = Condition::compile("c", &source) {
            let _ = condition.decide(&Facts::new(json!({})));
        }
    }

    #[test]
    fn any_expression_compiles_or_is_a_mistake(
        source in "(input|input\\.a|steps\\.lookup\\.output|1|2\\.5|'s'|\\[1, 2\\]|\\{'a': 1\\}|true|none| \\+ | - | \\* | / | % | ~ | in | not | and | or | == | < |-|\\|length|\\|sort|\\|map\\('upper'\\)| is defined| is matching\\('a'\\)|\\[|\\]|\\[0\\]|\\[1:\\]|\\(|\\)| if | else |,|\\.a){1,12}"
    ) {
        if let Ok(condition) = Condition::compile("c", &source) {
            let facts = Facts::new(json!({"a": [1, "x", {"b": null}]}));
            prop_assert_eq!(condition.decide(&facts), condition.decide(&facts));
        }
    }
}
