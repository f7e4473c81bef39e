//! What templates may not do, and the limits of their cost.

use proptest::prelude::*;

use super::*;

/// An input of about a megabyte in many small values, and one large text.
fn large() -> Value {
    json!({"big": "x".repeat(500_000), "list": vec![1; 100_000], "texts": vec!["abc"; 50_000]})
}

const MUCH: &str = "too much ";

#[test]
fn what_is_not_there_is_a_mistake() {
    for (text, reason) in [
        (
            "{{ user.name }}",
            "`user` is not known; there are `input`, `variables`, `constants`, `steps` and `now`",
        ),
        ("{{ steps }}", "`steps` is read one step at a time"),
        ("{{ steps|length }}", "`steps` is read one step at a time"),
        ("{{ steps[input.id].output }}", "a step is named by its id"),
        ("{{ steps.a.result }}", "`steps.a` has no `result`; a step has `output`, `status` and `error`"),
        ("{{ steps.a.b.output }}", "one whose id is `a.b` is written `steps['a.b']`"),
        (
            "{{ steps.a.error.text }}",
            "`steps.a.error` has no `text`; an error has `kind`, `message`, `status`, `headers` and `body`",
        ),
        ("{{ input.x|shout }}", "no filter `shout`"),
        ("{{ input.x|yell }}", "no filter `yell`; there are abs, "),
        ("{{ input.x|safe }}", "no filter `safe`"),
        ("{{ input.x is filter }}", "no test `filter`"),
        ("{{ [1]|map('pprint') }}", "no filter `pprint`"),
        ("{{ [1]|map(input.f) }}", "`map` needs the name of a filter that is written out"),
        ("{{ [[1]]|map('map', 'upper') }}", "`map` cannot be used inside `map`"),
        ("{{ [1]|select('test') }}", "no test `test`"),
        ("{{ now.year }}", "`now` is a text, which has no fields"),
        ("{{ now() }}", "`now(…)` is written `now`"),
        ("{% set now = 1 %}", "`now` cannot be set"),
        ("{{ range(10) }}", "functions and methods are not available"),
        ("{{ debug() }}", "functions and methods are not available"),
        ("{{ input.x.items() }}", "`items(…)` is written `input.map|items`"),
        ("{% include 'a' %}", "unknown statement include"),
        ("{% import 'a' as b %}", "unknown statement import"),
        ("{% extends 'a' %}", "unknown statement extends"),
        ("{% macro a() %}{% endmacro %}", "unknown statement macro"),
        ("{% autoescape true %}{% endautoescape %}", "`{% autoescape %}` is not available"),
        ("{% filter upper %}a{% endfilter %}", "`{% filter %}` is not available"),
        ("{% set a %}b{% endset %}", "needs a value"),
        ("{% do input.x() %}", "`{% do %}` is not available"),
        ("{% set input = 1 %}", "`input` cannot be set"),
        ("{% set a.b = 1 %}", "only a name can be set"),
        ("{% for a in b recursive %}{% endfor %}", "recursive"),
        ("{{ loop.index }}", "`loop` is only there inside a loop"),
        ("{{ 2 ** 9 }}", "`**` is not available"),
        ("{{ [1]|join(*input.x) }}", "not available"),
        ("{{ root.meter }}", "`root` is not known"),
        ("{{ input.x|weigh(0) }}", "no filter `weigh`"),
        ("{{ input. }}", "line 1: unexpected"),
        ("{{ input", "line 1: "),
        ("{% if input.x %}", "line 1: "),
    ] {
        let error = compile(text).expect_err(text);
        assert!(error.starts_with("arguments.x: ") && error.contains(reason), "{text}: {error}");
    }
}

#[test]
fn repeating_a_text_or_list_is_refused() {
    for text in [
        "{{ 'x' * 1000000000 }}",
        "{{ [1] * 1000000000 }}",
        "{{ 1000000000 * 'x' }}",
        "{{ input.s * 1000000000 }}",
    ] {
        refused(text, json!({"s": "x"}), "`*` needs numbers");
    }
    refused("{{ 'x' % 5 }}", json!({}), "`%` needs numbers");
}

#[test]
fn doubling_is_refused_before_memory_is() {
    let doubling = "{% set x = x ~ x %}".repeat(32);
    refused(&format!("{{% set x = input.big %}}{doubling}{{{{ x|length }}}}"), large(), MUCH);
    let doubling = "{% set x = x + x %}".repeat(32);
    refused(&format!("{{% set x = input.list %}}{doubling}{{{{ x|length }}}}"), large(), MUCH);
    let nested = "{% set x = [x, x] %}".repeat(200);
    refused(&format!("{{% set x = [1] %}}{nested}{{{{ x }}}}"), json!({}), "nested too deeply");
    let wide = "{% set x = [x, x] %}".repeat(40);
    refused(&format!("{{% set x = [1] %}}{wide}{{{{ x }}}}"), json!({}), MUCH);
}

#[test]
fn filters_cannot_make_much_of_little() {
    refused("{{ input.big|replace('', input.big) }}", large(), MUCH);
    refused("{{ input.big|replace('x', input.big) }}", large(), MUCH);
    refused("{{ input.list|join(input.big) }}", large(), MUCH);
    refused("{{ input.texts|map('replace', 'a', input.big) }}", large(), MUCH);
    refused("{{ input.texts|select('in', input.list) }}", large(), MUCH);
    refused("{{ input.list|select('eq', input.list) }}", large(), MUCH);
    refused("{{ input.big|split('')|list|map('upper')|list }}", large(), MUCH);
    refused("{{ input.texts|sum(start='') }}", large(), "no argument `start`");
    refused("{{ [1]|tojson(indent=1000000000) }}", json!({}), "`tojson` indents by 0 to 8");
    for text in [
        "{{ 'a'|indent(1000000000) }}",
        "{{ 'a'|center(1000000000) }}",
        "{{ '%1000000000d'|format(1) }}",
        "{{ [1]|batch(1000000000, 1) }}",
        "{{ [1]|slice(1000000000) }}",
    ] {
        refused(text, json!({}), "no filter");
    }
    assert_eq!(render("{{ 2.5|round(2000000000) }}", json!({})), Ok(json!(2.5)));
    assert_eq!(render("{{ 25|round(-2000000000) }}", json!({})), Ok(json!(0)));
}

#[test]
fn printing_stops_at_its_limit_while_it_prints() {
    let limit = format!("too long: a template prints at most {TEMPLATE_OUTPUT_BYTES} bytes");
    refused(&format!("{{% for x in input.list %}}{}{{% endfor %}}", "a".repeat(60)), large(), &limit);
    refused("a{{ input.big }}", large(), &limit);
    refused("{{ input.big }}", json!({"big": "x".repeat(ARGUMENTS_BYTES)}), "too large");
    let exact = "x".repeat(TEMPLATE_OUTPUT_BYTES - 1);
    assert_eq!(
        render("a{{ input.s }}", json!({"s": exact})).map(|v| v.as_str().map(str::len)),
        Ok(Some(TEMPLATE_OUTPUT_BYTES))
    );
}

#[test]
fn all_arguments_together_have_a_limit() {
    let value: Vec<_> = (0..10).map(|_| "b{{ input.s }}").collect();
    let template = Template::compile("a", &json!(value).into()).unwrap();
    let failure = template.render(&Data::new(json!({"s": "x".repeat(200_000)}))).unwrap_err();
    assert!(failure.message.contains("too long"), "{}", failure.message);
    let value = json!(["{{ input.s }}", "x".repeat(ARGUMENTS_BYTES)]);
    let failure =
        Template::compile("a", &value.into()).unwrap().render(&Data::new(json!({"s": 1}))).unwrap_err();
    assert!(failure.message.contains("bytes in all"), "{}", failure.message);
}

#[test]
fn loops_run_out_of_work() {
    refused("{% for a in input.list %}{% for b in input.list %}{% endfor %}{% endfor %}", large(), MUCH);
    refused(
        "{% for a in input.list %}{% if input.big|upper == input.big %}{% endif %}{% endfor %}",
        large(),
        MUCH,
    );
    refused("{% for a in input.list %}{% if a in input.texts %}{% endif %}{% endfor %}", large(), MUCH);
    refused(
        "{% for a in input.list %}{% if input.texts == input.list %}{% endif %}{% endfor %}",
        large(),
        MUCH,
    );
    refused("{% for a in input.list %}{% set b = input.big[:499999] %}{% endfor %}", large(), MUCH);
    refused(
        "{% set t = input.list[99999:] %}{% for a in input.list %}{% set b = t[0] %}{% endfor %}",
        large(),
        MUCH,
    );
}

#[test]
fn the_templates_of_one_step_share_their_work() {
    let text = "{% for a in input.list %}{% if a %}{% endif %}{% endfor %}";
    let value: Vec<_> = (0..100).map(|_| text).collect();
    let template = Template::compile("a", &json!(value).into()).unwrap();
    let failure = template.render(&Data::new(json!({"list": vec![1; 1_000]}))).unwrap_err();
    assert!(failure.message.contains(MUCH), "{}", failure.message);
    let value: Vec<_> = (0..50).map(|_| "{{ input.big|upper|length }}").collect();
    let template = Template::compile("a", &json!(value).into()).unwrap();
    let failure = template.render(&Data::new(large())).unwrap_err();
    assert!(failure.message.contains(MUCH), "{}", failure.message);
}

#[test]
fn deep_and_long_sources_are_mistakes_and_not_overflows() {
    let deep = 10_000;
    for text in [
        format!("{{{{ {}1{} }}}}", "(".repeat(2_000), ")".repeat(2_000)),
        format!("{{{{ {}1{} }}}}", "[".repeat(deep / 2), "]".repeat(deep / 2)),
        format!("{{{{ {} }}}}", "(".repeat(deep)),
        format!("{{{{ {}1 }}}}", "-".repeat(deep)),
        format!("{{{{ {}1 }}}}", "not ".repeat(deep / 4)),
        format!("{{{{ 1{} }}}}", " + 1".repeat(deep / 4)),
        format!("{{{{ input{} }}}}", ".a".repeat(deep / 2)),
        format!("{{{{ input.a{} }}}}", "|d".repeat(deep / 2)),
        format!("{{{{ input{} }}}}", "[0]".repeat(deep / 3)),
        format!("{{{{ 1{} }}}}", " if 1 else 1".repeat(deep / 12)),
        format!("{{{{ 1{} }}}}", " is odd".repeat(deep / 12)),
        format!("{{% if 1 %}}{}{{% endif %}}", "{% elif 1 %}".repeat(deep / 12)),
        format!("{}{}", "{% if 1 %}".repeat(500), "{% endif %}".repeat(500)),
        format!("{}{}", "{% for a in [] %}".repeat(400), "{% endfor %}".repeat(400)),
        format!("{{% set {}a{} = 1 %}}", "(".repeat(deep / 2), ")".repeat(deep / 2)),
        format!("{{% for {}a{} in [] %}}{{% endfor %}}", "(".repeat(deep / 2), ")".repeat(deep / 2)),
        format!("{{{{ {}1{} }}}}", "{1:".repeat(deep / 4), "}".repeat(deep / 4)),
        format!("{{{{ [1]{} }}}}", "|map(1|d(1".repeat(deep / 12)),
        format!("{{{{ 1 }}}}{}", "x".repeat(TEMPLATE_SOURCE_BYTES)),
    ] {
        let error = compile(&text).expect_err(&text[..40]);
        assert!(error.len() < 2_000, "{error}");
    }
}

#[test]
fn nested_arguments_do_not_multiply() {
    let text = format!("{{{{ [1]{}{} }}}}", "|map('d', [1]".repeat(20), ")".repeat(20));
    assert_eq!(render(&text, json!({})), Ok(json!([1])));
}

#[test]
fn deep_values_are_mistakes_or_failures() {
    let mut value = json!("{{ input.x }}");
    for _ in 0..100 {
        value = json!([value]);
    }
    let mistakes = Template::compile("a", &value.into()).unwrap_err();
    assert_eq!(mistakes[0].message, "nested more than 64 deep");
    let deep = (0..100).fold(json!(1), |value, _| json!([value]));
    assert_eq!(render("{{ input.x }}", json!({"x": deep})), Ok(deep.clone()));
    let around = (0..60).fold(json!("{{ input.x }}"), |value, _| json!([value]));
    let failure =
        Template::compile("a", &around.into()).unwrap().render(&Data::new(json!({"x": deep}))).unwrap_err();
    assert!(failure.message.ends_with("the value is nested too deeply"), "{}", failure.message);
    let nest = "{% set x = [[[[[[[[[[x]]]]]]]]]] %}".repeat(400);
    refused(&format!("{{% set x = 1 %}}{nest}{{{{ x }}}}"), json!({}), "nested too deeply");
}

#[test]
fn numbers_that_json_cannot_say_fail() {
    refused("{{ 1e308 * 10.0 }}", json!({}), "the number is not finite");
    refused("{{ 1 / 0 }}", json!({}), "");
    refused("{{ 1 // input.zero }}", json!({"zero": 0}), "");
    refused("{{ 1 % input.zero }}", json!({"zero": 0}), "");
    refused("{{ 18446744073709551615 + 1 }}", json!({}), "a number is too large");
    refused("{{ {1: 2} }}", json!({}), "the keys of a map must be texts");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_compiles_or_is_a_mistake(text in "(\\{\\{|\\}\\}|\\{%|%\\}|[a-z_|.()\\[\\]{}+~*<>='\"0-9, -]|input|steps|for|in|if|endif|set|endfor|not|is|default){0,40}") {
        if let Ok(template) = compile(&text) {
            let _ = template.render(&Data::new(json!({"a": [1, "x"]})));
        }
    }

    #[test]
    fn any_expression_compiles_or_is_a_mistake(text in "(input\\.a|steps\\.lookup\\.output|1|2\\.5|'s'|\\[1, 2\\]| \\+ | ~ | \\* | in | and |\\|length|\\|upper|\\|join\\(','\\)|\\|map\\('upper'\\)|\\[0\\]|\\[1:\\]| is odd| == |\\(|\\)|not | if | else ){1,12}") {
        if let Ok(template) = compile(&format!("{{{{ {text} }}}}")) {
            let _ = template.render(&Data::new(json!({"a": [1, "x", {"b": null}]})));
        }
    }
}
