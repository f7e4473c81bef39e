//! What templates do.

use super::*;

#[track_caller]
fn gives(text: &str, input: Value, expected: Value) {
    assert_eq!(render(text, input), Ok(expected), "{text}");
}

#[test]
fn a_whole_expression_keeps_its_type() {
    let input = json!({"n": 5, "list": [1, "a", null], "on": true, "f": 1.5, "big": u64::MAX, "none": null});
    gives("{{ input.n }}", input.clone(), json!(5));
    gives("{{input.list}}", input.clone(), json!([1, "a", null]));
    gives("{{ input.on }}", input.clone(), json!(true));
    gives("{{ input.f }}", input.clone(), json!(1.5));
    gives("{{ input.big }}", input.clone(), json!(u64::MAX));
    gives("{{ input.none }}", input.clone(), Value::Null);
    gives("{{ input }}", input.clone(), input.clone());
    gives("{{ input.n > 3 and input.on }}", input.clone(), json!(true));
    gives("{{ {'a': input.n, 'b': [1, 2]} }}", input, json!({"a": 5, "b": [1, 2]}));
}

#[test]
fn a_text_around_an_expression_makes_a_text() {
    gives(" {{ input.n }}", json!({"n": 5}), json!(" 5"));
    gives("{{ input.n }}\n", json!({"n": 5}), json!("5\n"));
    gives("{{ input.a }}{{ input.b }}", json!({"a": 1, "b": "x"}), json!("1x"));
    gives("a {# note #}b", json!({}), json!("a b"));
    gives("{% raw %}{{ x }}{% endraw %}", json!({}), json!("{{ x }}"));
}

#[test]
fn nothing_is_escaped_as_html() {
    gives("<b>{{ input.s }}</b>", json!({"s": "<i>&\"'"}), json!("<b><i>&\"'</b>"));
    gives("{{ input.s|tojson }}", json!({"s": "<i>&'"}), json!("\"<i>&'\""));
}

#[test]
fn steps_variables_and_errors_are_seen() {
    gives("{{ steps.lookup.output.score }}", json!({}), json!(90));
    gives("{{ steps['lookup'].status }}", json!({}), json!("completed"));
    gives(
        "{{ steps['block-ip'].error.kind }}: {{ steps['block-ip'].error.message }}",
        json!({}),
        json!("timeout: no answer in 30s"),
    );
    gives("{{ variables.limit + 1 }}", json!({}), json!(81));
    gives("{{ now }}", json!({}), json!("2026-01-31T11:00:00.000Z"));
    gives("{{ now < '2026-02' and now|date_format('%H') == '11' }}", json!({}), json!(true));
    gives(
        "{{ steps.lookup }}",
        json!({}),
        json!({"status": "completed", "output": {"score": 90, "names": ["x", "y"]}}),
    );
}

#[test]
fn what_is_undefined_is_named_and_data_is_not() {
    let input = json!({"user": {"name": "secret-name"}, "list": [1], "key": "secret-key"});
    let error = |text: &str| render(text, input.clone()).unwrap_err();
    assert_eq!(error("{{ input.user.mail }}"), "arguments.x: `input.user.mail` is undefined");
    assert_eq!(error("a {{ input.nobody.mail.host }}"), "arguments.x: `input.nobody` is undefined");
    assert_eq!(error("{{ steps.other.output }}"), "arguments.x: `steps.other` is undefined");
    assert_eq!(error("{{ input.list[3] }}"), "arguments.x: `input.list[3]` is undefined");
    assert_eq!(error("{{ input.user[input.key] }}"), "arguments.x: `input.user[…]` is undefined");
    assert_eq!(
        error("{{ input.user.name|int }}"),
        "arguments.x: `int` was given a value of type text that is not a whole number"
    );
    assert_eq!(error("{% if input.gone %}a{% endif %}"), "arguments.x: `input.gone` is undefined");
    assert_eq!(error("{{ input.list[5:]|first }}"), "arguments.x: `…|first` is undefined");
    assert_eq!(
        error("{{ 'a' if false }}"),
        "arguments.x: an `if` without `else` gives nothing: the value is undefined"
    );
    assert_eq!(
        error("{{ input.user.name if false }}"),
        "arguments.x: an `if` without `else` does not give `input.user.name`: the value is undefined"
    );
    assert!(!error("{{ input.user.name + 1 }}").contains("secret"));
    assert!(!error("{{ 170141183460469231731687303715884105727 + input.list[0] }}").contains("17014"));
}

#[test]
fn default_and_is_defined_take_what_is_undefined_anywhere_on_the_path() {
    gives("{{ input.a.b.c|default('none') }}", json!({}), json!("none"));
    gives("{{ steps.other.output.score|default(0) }}", json!({}), json!(0));
    gives("{{ steps.lookup.output.score|d(0) }}", json!({}), json!(90));
    gives("{{ steps.other is defined }}", json!({}), json!(false));
    gives("{{ input.a.b is undefined }}", json!({}), json!(true));
    gives("{{ input.list|first|default('empty') }}", json!({"list": []}), json!("empty"));
    gives("{{ input.none|default('x', true) }}", json!({"none": null}), json!("x"));
}

#[test]
fn filters_do_what_they_say() {
    let input = json!({
        "s": " Ab c ", "list": [3, 1, 2, 1], "users": [{"n": "b", "on": true}, {"n": "a", "on": false}],
        "map": {"k": 1, "j": 2}, "f": 2.567
    });
    let cases = [
        ("{{ input.s|trim|upper }}", json!("AB C")),
        ("{{ input.s|trim|replace('b', 'XX') }}", json!("AXX c")),
        ("{{ input.list|sort }}", json!([1, 1, 2, 3])),
        ("{{ input.list|unique|join('-') }}", json!("3-1-2")),
        ("{{ input.list|join(d=', ') }}", json!("3, 1, 2, 1")),
        ("{{ input.list|sum }}", json!(7)),
        ("{{ input.list|max }}", json!(3)),
        ("{{ input.list|length }}", json!(4)),
        ("{{ input.list|reverse }}", json!([1, 2, 1, 3])),
        ("{{ input.list[1:3] }}", json!([1, 2])),
        ("{{ input.list + [9] }}", json!([3, 1, 2, 1, 9])),
        ("{{ input.users|map(attribute='n')|list }}", json!(["b", "a"])),
        ("{{ input.users|selectattr('on')|map(attribute='n') }}", json!(["b"])),
        ("{{ input.list|select('gt', 1) }}", json!([3, 2])),
        ("{{ ['a', 'b']|map('upper') }}", json!(["A", "B"])),
        ("{{ input.users|sort(attribute='n')|first }}", json!({"n": "a", "on": false})),
        ("{{ input.map|dictsort }}", json!([["j", 2], ["k", 1]])),
        ("{{ input.map|items }}", json!([["j", 2], ["k", 1]])),
        ("{{ input.map|tojson }}", json!("{\"j\":2,\"k\":1}")),
        ("{{ [1]|tojson(indent=2) }}", json!("[\n  1\n]")),
        ("{{ input.f|round(1) }}", json!(2.6)),
        ("{{ '5'|int + 1 }}", json!(6)),
        ("{{ 'a b&c'|urlencode }}", json!("a%20b%26c")),
        ("{{ 'a,b'|split(',') }}", json!(["a", "b"])),
        ("{{ 'a' ~ 1 ~ input.s }}", json!("a1 Ab c ")),
        ("{{ 'x' in input.map }}", json!(false)),
        ("{{ 3 in input.list }}", json!(true)),
        ("{{ 7 is divisibleby(0) }}", json!(false)),
        ("{{ 8 is divisibleby 4 }}", json!(true)),
        ("{{ 7 // 2 * 3 % 4 - 1 }}", json!(0)),
        ("{{ 1 < 2 < 3 }}", json!(true)),
    ];
    for (text, expected) in cases {
        gives(text, input.clone(), expected);
    }
}

#[test]
fn statements_do_what_they_say() {
    let input = json!({"list": ["a", "b"], "map": {"k": 1}});
    gives(
        "{% for x in input.list %}{{ loop.index }}{{ x }}{% if not loop.last %},{% endif %}{% endfor %}",
        input.clone(),
        json!("1a,2b"),
    );
    gives("{% for k, v in input.map|items %}{{ k }}={{ v }}{% endfor %}", input.clone(), json!("k=1"));
    gives(
        "{% for x in input.list if x != 'a' %}{{ x }}{% else %}none{% endfor %}",
        input.clone(),
        json!("b"),
    );
    gives("{% set n = input.list|length %}{{ n + 1 }}", input.clone(), json!("3"));
    gives("{% with a = 1, b = 2 %}{{ a + b }}{% endwith %}", input.clone(), json!("3"));
    gives(
        "{% if input.list|length > 5 %}many{% elif input.list %}some{% else %}none{% endif %}",
        input,
        json!("some"),
    );
}

#[test]
fn printed_values_look_as_in_json() {
    gives(
        "{{ input.a }}|{{ input.b }}|{{ input.c }}|{{ input.d }}|{{ input.e }}|{{ input.f }}",
        json!({"a": true, "b": null, "c": 1.0, "d": ["x", {"k": "\"\u{1}é"}], "e": {}, "f": "plain \"text\""}),
        json!("true|null|1.0|[\"x\",{\"k\":\"\\\"\\u0001é\"}]|{}|plain \"text\""),
    );
    gives("{{ ['a', 1, none]|join('-') }}{{ 'x' ~ true }}", json!({}), json!("a-1-nullxtrue"));
}

#[test]
fn a_text_is_no_list_of_its_letters() {
    let input = json!({"urls": "http://x", "list": ["a"]});
    for (source, words) in [
        ("{{ input.urls[0] }}", "an index takes an item of a list, not of a text"),
        ("{{ input.urls[-1] }}", "an index takes an item"),
        ("{{ input.urls[0]|default('none') }}", "an index takes an item"),
        ("{{ input.urls|first }}", "`first` needs a list"),
        ("{{ input.urls|last }}", "`last` needs a list"),
        ("{{ input.urls|join(',') }}", "`join` needs a list or a map"),
        ("{{ input.urls|list }}", "`list` needs a list or a map"),
        ("{{ input.urls|map('upper')|list }}", "`map` needs a list or a map"),
        ("{% for url in input.urls %}{{ url }}{% endfor %}", "a loop goes through a list or a map"),
    ] {
        let message = render(source, input.clone()).unwrap_err();
        assert!(message.contains(words), "{source}: {message}");
    }
    gives("{{ input.urls[:4] }} {{ input.urls|length }} {{ input.list[0] }}", input, json!("http 8 a"));
}

#[test]
fn a_template_in_a_name_is_a_mistake() {
    for value in [json!({"{{ input.x }}": 1}), json!([{"a": {"{% if %}": "b"}}])] {
        let mistakes = Template::compile("arguments", &value.into()).unwrap_err();
        assert!(mistakes[0].message.starts_with("the name of a field is written out"), "{mistakes:?}");
    }
}

#[test]
fn keys_and_plain_texts_are_left_alone() {
    let value = json!({"{ input }": "plain", "n": [1, {"a": "b"}]});
    let template = Template::compile("arguments", &value.clone().into()).unwrap();
    assert!(template.is_literal());
    assert_eq!(template.render(&Data::new(json!({}))), Ok(value.into()));
}

#[test]
fn templates_deep_in_a_value_are_rendered_and_named() {
    let value = json!({"a": [{"b c": "{{ input.n }}"}, "{{ input.gone }}"], "lit": 1});
    let template = Template::compile("steps[2].arguments", &value.into()).unwrap();
    let failure = template.render(&Data::new(json!({"n": 1}))).unwrap_err();
    assert_eq!(failure.message, "steps[2].arguments.a[1]: `input.gone` is undefined");
    let rendered = template.render(&Data::new(json!({"n": 1, "gone": []}))).unwrap();
    assert_eq!(rendered, json!({"a": [{"b c": 1}, []], "lit": 1}));
    let mistakes =
        Template::compile("a", &json!(["{{ x }}", {"k k": "{{ input.y.z( }}"}]).into()).unwrap_err();
    assert_eq!(mistakes[0].path, "a[0]");
    assert_eq!(mistakes[1].path, "a[1][\"k k\"]");
}

#[test]
fn what_a_template_reads_is_known_beforehand() {
    let template = compile(
        "{{ steps.a.output }}{{ steps['b-1'].status }}{{ input.x[variables.y] }}{{ steps.c is defined }}",
    )
    .unwrap();
    let references = template.references();
    assert!(references.input && references.variables);
    assert_eq!(references.steps.keys().collect::<Vec<_>>(), ["a", "b-1", "c"]);
    assert!(!compile("{{ variables.y }}").unwrap().references().input);
}

#[test]
fn spellings_of_other_languages_are_told_in_templates_too() {
    for (expression, words) in [
        ("input.a = 1", "`=` is written `==`"),
        ("input.a === 1", "`===` is written `==`"),
        ("input.a <> 1", "`<>` is written `!=`"),
        ("input.a =~ 'x'", "`=~` is written `is matching('…')`"),
        ("input.a AND input.b", "`AND` is written `and`"),
        ("input.a Or input.b", "`Or` is written `or`"),
        ("NOT input.a", "`NOT` is written `not`"),
        ("input.a IN input.b", "`IN` is written `in`"),
        ("input.a && input.b", "`&&` is written `and`"),
        ("input.a || input.b", "`||` is written `or`"),
        ("!input.a", "`!` is written `not`"),
        ("input.a ? 1 : 2", "`a ? b : c` is written `b if a else c`"),
        ("340282366920938463463374607431768211456", "a whole number is too long to be written out"),
    ] {
        refused(&format!("{{{{ {expression} }}}}"), json!({}), words);
        refused(&format!("{{% if {expression} %}}a{{% endif %}}"), json!({}), words);
        let condition = crate::condition::Condition::compile("c", expression).unwrap_err().to_string();
        assert!(condition.contains(words), "{expression}: {condition}");
    }
    // Text outside of expressions, or in quotes, is not checked for other notations.
    refused("a && b = AND {{ '||' }}{{ input. }}", json!({}), "unexpected");
    gives("{% set n = 1 %}{{ n }} && !{{ 'NOT = a' }}", json!({}), json!("1 && !NOT = a"));
    gives("{{ input.AND }}", json!({"AND": 1}), json!(1));
}
