//! What conditions may not do, and what they may not cost.

use proptest::prelude::*;

use super::*;

const MUCH: &str = "too much work";

fn large() -> Value {
    json!({"big": "x".repeat(500_000), "list": vec![1; 100_000], "texts": vec!["abc"; 50_000]})
}

#[test]
fn what_is_not_there_is_a_mistake() {
    for (source, reason) in [
        ("", "line 1, column"),
        ("input.n >", "line 1, column"),
        ("input.n == 1 1", "line 1, column"),
        ("user.name == 'a'", "`user` is not known; there are `input`, `variables` and `steps`"),
        ("steps == 1", "`steps` is read one step at a time"),
        ("size(steps) == 1", "`steps` is read one step at a time"),
        ("steps.exists(s, s == 'a')", "`steps` is read one step at a time"),
        ("steps[input.id].output == 1", "a step is named by its id"),
        ("steps.a.result == 1", "`steps.a` has no `result`; a step has `output`, `status` and `error`"),
        ("steps.a.error.text == ''", "`steps.a.error` has no `text`"),
        ("shout(input.x)", "no function `shout`; there are matches, bool"),
        ("input.x.shout()", "no function `shout`"),
        ("timestamp('x') == 1", "no function `timestamp`"),
        ("type(input.x) == int", "no function `type`"),
        ("bytes('a') == b'a'", "no function `bytes`"),
        ("optional.of(1) == 1", ""),
        ("Struct{a: 1} == 1", "messages are not available"),
        ("input.x.matches(input.y)", "the pattern of `matches` must be written out"),
        ("input.x.matches('(')", "`matches`: error: unclosed group"),
        ("input.x.matches('(a{1000}){1000}')", "`matches`: "),
        ("input.a.all(x, x.all(y, y))", "cannot be inside one another"),
        ("input.a.all(input, true)", "`input` cannot be the name of an item"),
        ("input.a.all(x, true) && x", "`x` is not known"),
        ("'a", "a text is not closed"),
        ("'a\n'", "a text is not closed"),
        ("@weigh(1)", ""),
    ] {
        let error = Condition::compile("c", source).expect_err(source).to_string();
        assert!(error.starts_with("c: ") && error.contains(reason), "{source}: {error}");
    }
    let five = ["input.a.all(x, x)"; 5].join(" && ");
    refused(&five, json!({}), "more than 4 of");
    let many = ["input.a.matches('a')"; 17].join(" && ");
    refused(&many, json!({}), "more than 16 `matches`");
}

#[test]
fn deep_and_long_sources_are_mistakes_and_not_overflows() {
    let deep = 10_000;
    for source in [
        format!("{}true{}", "(".repeat(deep / 2), ")".repeat(deep / 2)),
        "(".repeat(deep),
        "[".repeat(deep),
        "{".repeat(deep),
        format!("{}true", "!".repeat(deep)),
        format!("{}1 == 1", "-".repeat(deep)),
        format!("1{} == 1", " + 1".repeat(deep / 4)),
        format!("input{} == 1", ".a".repeat(deep / 2)),
        format!("input{} == 1", "[0]".repeat(deep / 3)),
        format!("input{} == 1", ".size()".repeat(deep / 7)),
        format!("{}true", "true ? true && true : ".repeat(deep / 22)),
        format!("{}true{}", "true ? ".repeat(deep / 14), " : true".repeat(deep / 14)),
        format!("1{}", " == 1".repeat(deep / 5)),
        format!("1{}", " in 1".repeat(deep / 5)),
        format!("'{}", "\\(".repeat(deep / 2)),
        format!("'\n'{}", "(".repeat(deep)),
        format!("r'\\'{}", "(".repeat(deep)),
        format!("'''\n'''{}", "(".repeat(deep)),
        format!("true//\n{}", "(".repeat(deep)),
        format!("true{}", " ".repeat(TEMPLATE_SOURCE_BYTES)),
    ] {
        let error = Condition::compile("c", &source).expect_err(&source[..10]);
        assert!(error.message.len() < 500, "{error}");
    }
}

#[test]
fn long_flat_conditions_are_fine() {
    let source = ["input.kind.name == 'a'"; 100].join(" || ");
    assert_eq!(decide(&source, json!({"kind": {"name": "b"}})), Ok(false));
    let items = (0..500).map(|n| n.to_string()).collect::<Vec<_>>().join(", ");
    assert_eq!(decide(&format!("input.n in [{items}]"), json!({"n": 499})), Ok(true));
}

#[test]
fn comprehensions_cannot_make_much_of_little() {
    for source in [
        "size(input.list.map(x, input.big + input.big)) > 0",
        "input.list.exists(x, input.big == input.big + 'a')",
        "input.list.all(x, input.texts == input.texts)",
        "input.list.exists(x, x in input.texts)",
        "input.list.exists(x, input.big < 5)",
        "input.list.exists(x, input.big.contains('yy'))",
        "size(input.list.map(x, input.texts)) > 0",
        "size(input.list.map(x, [input.texts, input.texts])) > 0",
        "size(input.list.map(x, {'a': input.texts})) > 0",
        "input.list.exists(x, input.big.matches('y$'))",
        "input.list.exists(x, string(input.big) == 'a')",
        "input.list.exists(x, input.texts + 1 == 1)",
    ] {
        refused(source, large(), MUCH);
    }
    // What was refused is not forgiven by the other side of `||`.
    refused("input.list.exists(x, input.big + input.big == input.big) || true", large(), MUCH);
    let doubled = (0..20).fold("input.big".to_owned(), |text, _| format!("[{text}, {text}]"));
    refused(&format!("{doubled} == 1"), large(), "a condition has at most");
}

#[test]
fn large_inputs_are_decided_within_the_budget() {
    let users: Vec<_> = (0..1_000).map(|n| json!({"id": n, "name": format!("user-{n}")})).collect();
    let input = json!({"users": users, "id": 999});
    assert_eq!(decide("input.users.exists(u, u.id == input.id)", input.clone()), Ok(true));
    assert_eq!(decide("size(input.users.filter(u, u.name.endsWith('7'))) == 100", input), Ok(true));
}

#[test]
fn ordinary_patterns_fit() {
    for pattern in [
        "^[\\\\w.+-]+@[\\\\w-]+[.][\\\\w.-]+$",
        "(?i)invoice|payment|urgent",
        "^\\\\d{1,3}([.]\\\\d{1,3}){3}$",
    ] {
        let source = format!("input.s.matches('{pattern}')");
        assert!(Condition::compile("c", &source).is_ok(), "{:?}", Condition::compile("c", &source));
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
        source in "(input|input\\.a|steps\\.lookup\\.output|1|2u|2\\.5|'s'|b'x'|r\"a\"|\\[1, 2\\]|\\{'a': 1\\}|true|null| \\+ | - | \\* | / | % | in | && | \\|\\| | == | < |!|-|\\.size\\(\\)|\\.map\\(x, x\\)|\\.exists\\(x, x == 1\\)|\\.contains\\('a'\\)|has\\(|\\[|\\]|\\[0\\]|\\(|\\)| \\? | : |,|\\.\\?a|`a`){1,12}"
    ) {
        if let Ok(condition) = Condition::compile("c", &source) {
            let _ = condition.decide(&Facts::new(json!({"a": [1, "x", {"b": null}]})));
        }
    }
}
