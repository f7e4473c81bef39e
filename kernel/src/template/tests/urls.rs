//! URLs: the structure is the author's, whatever the values are.

use ::url::Url;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use super::places::{arguments, rendered};
use super::*;
use crate::template::url::Gives;

/// The rendered URL, or the failure.
fn url(text: &str, input: Value) -> Result<String, String> {
    let rendered = rendered(json!({ "url": text }), input)?;
    Ok(rendered["url"].as_str().unwrap().to_owned())
}

#[track_caller]
fn gives(text: &str, input: Value, expected: &str) {
    assert_eq!(url(text, input).as_deref(), Ok(expected), "{text}");
}

#[track_caller]
fn refused(text: &str, input: Value, reason: &str) {
    let found = url(text, input).expect_err(text);
    assert!(found.starts_with("arguments.url: ") && found.contains(reason), "{found}");
}

#[track_caller]
fn mistake(text: &str, reason: &str) {
    let found = arguments(json!({ "url": text })).expect_err(text);
    assert!(found.starts_with("arguments.url: ") && found.contains(reason), "{found}");
}

#[test]
fn what_urlencode_gave_is_never_encoded_again_by_what_is_made_of_it() {
    let input = json!({"a": "b/c", "l": ["b/c", "d"], "e": ""});
    for text in [
        "{{ (input.a|urlencode) ~ '-x' }}",
        "{{ '-x' + input.a|urlencode }}",
        "{% set x = input.a|urlencode %}{{ 'x' ~ x }}",
        "{{ input.l|map('urlencode')|join('&t=') }}",
        "{{ input.l|join(input.a|urlencode) }}",
        "{{ input.l|map('urlencode')|map('upper')|first }}",
        "{{ input.a|urlencode|upper }}",
        "{{ (input.a|urlencode)[1:] }}",
        "{{ ['x', input.a|urlencode] ~ '' }}",
        "{{ input.a|urlencode|path }}",
    ] {
        let text = format!("https://h/{text}");
        refused(&text, input.clone(), "what `urlencode` gave would be encoded again");
    }
    for (text, expected) in [
        ("{{ input.a|urlencode }}-x", "b%2Fc-x"),
        ("{{ input.a|urlencode|default('x') }}", "b%2Fc"),
        ("{{ input.gone|default(input.a|urlencode) }}", "b%2Fc"),
        ("{{ input.l|map('urlencode')|reverse|last }}", "b%2Fc"),
        ("x{{ input.a|urlencode|length }}", "x5"),
        ("{{ input.e|urlencode }}x{{ input.e ~ input.a }}", "xb%2Fc"),
        ("?{% for t in input.l|map('urlencode') %}t={{ t }}&{% endfor %}", "?t=b%2Fc&t=d&"),
    ] {
        gives(&format!("https://h/{text}"), input.clone(), &format!("https://h/{expected}"));
    }
    assert_eq!(
        render("{{ (input.a|urlencode) ~ '-x' }}", input),
        Ok(json!("b%2Fc-x")),
        "outside of a URL it is a text like others"
    );
}

#[test]
fn a_value_is_encoded_once_by_the_place_where_it_stands() {
    let input = json!({"host": "WS 1/ä?&=#%", "n": 5, "on": true, "big": u64::MAX});
    gives(
        "https://h.example/hosts/{{ input.host }}/x?q={{ input.host }}&{{ input.host }}=1#{{ input.host }}",
        input.clone(),
        "https://h.example/hosts/WS%201%2F%C3%A4%3F%26%3D%23%25/x?q=WS%201%2F%C3%A4%3F%26%3D%23%25\
         &WS%201%2F%C3%A4%3F%26%3D%23%25=1#WS%201%2F%C3%A4%3F%26%3D%23%25",
    );
    gives(
        "https://h/{{ input.n }}/{{ input.on }}-{{ input.big }}",
        input.clone(),
        "https://h/5/true-18446744073709551615",
    );
    gives("https://h/{{ input.host|urlencode }}", input.clone(), "https://h/WS%201%2F%C3%A4%3F%26%3D%23%25");
    gives("https://h/?q={{ input.host|urlencode }}", input, "https://h/?q=WS%201%2F%C3%A4%3F%26%3D%23%25");
    gives(
        "https://h/url/{{ input }}",
        json!("http://x.example/a"),
        "https://h/url/http%3A%2F%2Fx.example%2Fa",
    );
    gives("https://h/a/{{ 'b/c' }}/{{ input ~ '/x' }}/", json!("y"), "https://h/a/b/c/y%2Fx/");
    gives("https://h/{{ input|urlencode|urlencode }}", json!("a/b"), "https://h/a%252Fb");
    gives("https://h?q={{ input }}", json!(""), "https://h?q=");
    gives("https://h/a/?q=/../{{ input }}#/../", json!(".."), "https://h/a/?q=/../..#/../");
}

#[test]
fn what_the_author_wrote_is_not_touched() {
    gives("https://h/a%20b//c;v=1/?x=1&x=2#f{{ input }}", json!(""), "https://h/a%20b//c;v=1/?x=1&x=2#f");
    for text in ["http://h", "https://h/", "HTTPS://h:8443/a?b#c", "https://h/a//b/"] {
        gives(text, json!(null), text);
    }
    for (text, reason) in [
        ("ftp://h/", "starts with http:// or https://"),
        ("h/a", "starts with http:// or https://"),
        ("https://u:p@h/a", "credentials belong into a header"),
        ("https://h/a/../b", "a segment of the path is `.` or `..`"),
        ("https://h/%2e%2e/b", "a segment of the path is `.` or `..`"),
        ("https://h/a b", "no blanks"),
        ("https://h/a\n", "no blanks"),
        ("https://h/a\\b", "has no `\\`"),
        ("https://h/100%", "alone it is written `%25`"),
        ("https://h:99999/", "host or port"),
        ("https://h/a b{{ input }}", "no blanks"),
        ("https://h/%{{ input }}", "alone it is written `%25`"),
        ("https://h/%2{{ input }}", "alone it is written `%25`"),
        ("https://u@h/{{ input }}", "credentials belong into a header"),
        ("https://h:x/{{ input }}", "host or port"),
        ("https:///{{ input }}", "a URL is needed that begins with"),
        ("https:///evil.example", "a URL is needed that begins with"),
        ("https://h/{% if input %}\\{% endif %}", "has no `\\`"),
    ] {
        mistake(text, reason);
    }
    mistake_in_kind();
}

fn mistake_in_kind() {
    for value in [json!(5), json!(["https://h"]), json!({"a": 1})] {
        let found = arguments(json!({ "url": value })).unwrap_err();
        assert_eq!(found, "arguments.url: a text is needed");
    }
}

#[test]
fn a_value_that_would_lead_the_path_elsewhere_is_refused() {
    let spellings = [
        "..",
        ".",
        "WS-1/../DC-1",
        "../x",
        "x/..",
        "a\\..\\b",
        "%2e%2e",
        "%252e%252e/x",
        "..%2fx",
        "..;a",
        "..%00",
        "%c0%ae%c0%ae/x",
        "．．/x",
        ".\t.",
        "%u002e%u002e",
    ];
    for value in spellings {
        for text in [
            "https://h/hosts/{{ input }}/isolate",
            "https://h/{{ input }}",
            "https://h/hosts/{{ input | urlencode }}/isolate",
            "https://h/hosts/{{ input | path }}/isolate",
            "https://h/hosts/x-{{ input ~ '/' }}/isolate",
        ] {
            if text.contains("x-") && !value.contains(['/', '\\']) {
                continue;
            }
            refused(text, json!(value), "the path would lead elsewhere");
        }
    }
}

#[test]
fn a_segment_that_as_a_whole_is_empty_or_dots_is_refused() {
    let pair = |a: &str, b: &str| json!({"a": a, "b": b});
    refused("https://h/hosts/{{ input }}/isolate", json!(""), "a segment of the path is empty");
    refused("https://h/hosts/{{ input }}", json!(""), "a segment of the path is empty");
    refused("https://h/{{ input }}?a=b", json!(""), "a segment of the path is empty");
    refused("https://h/{{ input }}#a", json!(""), "a segment of the path is empty");
    refused("https://h/{{ input.a }}{{ input.b }}/x", pair("", ""), "a segment of the path is empty");
    refused(
        "https://h/x/{% if input %}{{ input }}{% endif %}/y",
        json!(""),
        "a segment of the path is empty",
    );
    refused("https://h/x/{% if input %}{{ input }}{% endif %}", json!(""), "a segment of the path is empty");
    refused(
        "https://h/x/{% for a in input %}{{ a }}{% endfor %}/y",
        json!([]),
        "a segment of the path is empty",
    );
    refused("https://h/{{ input | path }}/x", json!("a//b"), "a segment of the path is empty");
    refused("https://h/{{ input | path }}", json!("a/"), "a segment of the path is empty");
    refused("https://h/.{{ input }}/x", json!(""), "a segment of the path is `.` or `..`");
    refused(
        "https://h/{{ input.a }}{{ input.b }}/x",
        pair("%2", "e"),
        "a segment of the path is `.` or `..`",
    );
    refused(
        "https://h/{{ input.a }}{{ input.b }}",
        pair("%2e%", "2e"),
        "a segment of the path is `.` or `..`",
    );
    gives("https://h/x{{ input }}/y", json!(""), "https://h/x/y");
    gives("https://h/x/{% if input %}?q={{ input }}{% endif %}", json!(""), "https://h/x/");
    gives("https://h/x/{% if input %}?q={{ input }}{% endif %}", json!("a"), "https://h/x/?q=a");
    gives("https://h/x{% for a in input %}/{{ a }}{% endfor %}", json!(["a", "b/c"]), "https://h/x/a/b%2Fc");
    gives("https://h/{% for a in input %}{{ a }}/{% endfor %}end", json!(["a", 1]), "https://h/a/1/end");
}

#[test]
fn a_part_of_a_url_is_one_value() {
    for (value, words) in [(json!(null), "null"), (json!(["a"]), "a list"), (json!({"a": 1}), "a map")] {
        for text in
            ["{{ input }}", "a{{ input }}b", "?q={{ input }}", "#{{ input }}", "{{ input | urlencode }}"]
        {
            refused(&format!("https://h/{text}"), value.clone(), &format!("arguments.url: {words}, where "));
        }
    }
}

#[test]
fn path_and_query_let_a_value_be_structure() {
    gives("https://h/files/{{ input | path }}", json!("var log/a%2fb"), "https://h/files/var%20log/a%252fb");
    gives("https://h/files{{ input | path }}", json!("/var/log"), "https://h/files/var/log");
    gives(
        "https://h/a?{{ input | query }}&z=1",
        json!("x=1&y=a%20b c#d"),
        "https://h/a?x=1&y=a%20b%20c%23d&z=1",
    );
    let template = arguments(json!({"url": "https://h/{{ input.a | path }}?{{ input.b | query }}"})).unwrap();
    let filters: Vec<_> = template.structures().iter().map(|structure| structure.filter).collect();
    assert_eq!(filters, ["path", "query"]);
    assert!(arguments(json!({"url": "https://h/{{ input.path }}"})).unwrap().structures().is_empty());
}

#[test]
fn before_the_path_only_texts_and_constants_stand() {
    for text in [
        "{{ input.url }}",
        "{{ input.url }}/hosts",
        "https://{{ input.host }}/a",
        "https://{{ steps.lookup.output.names[0] }}.example/a",
        "https://h.example:{{ input.port }}/",
        "https://h{{ input }}",
        "https://{{ variables.region }}{{ input }}/",
        "https://{{ variables[input] }}/",
        "https://{{ variables.tools | first }}/",
        "{{ variables.edr ~ input }}/a",
        "{% if input %}https://a{% else %}https://b{% endif %}/c",
        "https://{% for x in input %}{{ x }}{% endfor %}/",
        "{{ variables }}/a",
    ] {
        mistake(text, "before the path of a URL, only texts and constants may stand");
    }
    mistake("{{ variables.edr }}{{ variables.prefix }}/a", "after a constant that a URL begins with");
    mistake("{{ variables.edr }}hosts/a", "after a constant that a URL begins with");
    mistake("{{ variables.edr }}.evil.example/{{ input }}", "after a constant that a URL begins with");
    mistake("hosts/{{ input }}", "a URL begins with `https://`");
    mistake(" https://h/{{ input }}", "a URL");
    mistake("{# note #}{% set a = 1 %}", "a URL begins with `https://`");
}

#[test]
fn the_constants_that_a_url_connects_to_are_known() {
    let template = arguments(json!({
        "url": "https://{{ variables.region }}.h.example:{{ variables['ports'][0] }}/{{ variables.path }}"
    }));
    let template = template.unwrap();
    let found: Vec<_> =
        template.endpoints().iter().map(|endpoint| (endpoint.variable.as_str(), endpoint.gives)).collect();
    assert_eq!(found, [("region", Gives::Host), ("ports", Gives::Host)]);
    let template = arguments(json!({"url": "{% set a = 1 %}{{ variables.edr.url }}/{{ a }}"})).unwrap();
    assert_eq!(
        (template.endpoints()[0].variable.as_str(), template.endpoints()[0].gives),
        ("edr", Gives::Base)
    );
}

/// The URL that a template gives with these variables.
fn with_variables(text: &str, variables: Value, input: Value) -> Result<String, String> {
    let mut data = Data::new(input);
    data.variables = variables.into();
    let template = arguments(json!({ "url": text }))?;
    let rendered = template.render(&data).map_err(|failure| failure.message)?;
    Ok(rendered["url"].as_str().unwrap().to_owned())
}

#[test]
fn a_constant_gives_scheme_host_port_and_prefix_or_a_part_of_the_host() {
    let cases = [
        ("{{ variables.v }}/x/{{ input }}", json!("https://h:8443/api"), "https://h:8443/api/x/a%2Fb"),
        ("{{ variables.v }}/x/{{ input }}", json!("https://h/"), "https://h/x/a%2Fb"),
        ("{{ variables.v }}?q={{ input }}", json!("https://h"), "https://h?q=a%2Fb"),
        ("{{ variables.v }}", json!("https://h/"), "https://h/"),
        ("https://{{ variables.v }}.h/{{ input }}", json!("eu-1"), "https://eu-1.h/a%2Fb"),
        ("https://h:{{ variables.v }}/{{ input }}", json!(8443), "https://h:8443/a%2Fb"),
        ("https://{{ variables.v }}", json!("h.example:1"), "https://h.example:1"),
    ];
    for (text, variable, expected) in cases {
        assert_eq!(with_variables(text, json!({ "v": variable }), json!("a/b")).as_deref(), Ok(expected));
    }
    for (text, variable) in [
        ("{{ variables.v }}/x", json!("ftp://h")),
        ("{{ variables.v }}/x", json!("https://u:p@h")),
        ("{{ variables.v }}/x", json!("https://h?a=")),
        ("{{ variables.v }}/x", json!("https://h/#")),
        ("{{ variables.v }}/x", json!("https://h/a/../b")),
        ("{{ variables.v }}/x", json!("h")),
        ("{{ variables.v }}/x", json!("")),
        ("{{ variables.v }}/x", json!(null)),
        ("{{ variables.v }}/x", json!(["https://h"])),
        ("https://{{ variables.v }}.h/x", json!("evil.example/")),
        ("https://{{ variables.v }}.h/x", json!("a@evil.example#")),
        ("https://{{ variables.v }}.h/x", json!("")),
        ("https://h:{{ variables.v }}/x", json!("99999")),
    ] {
        let failed = with_variables(text, json!({ "v": variable }), json!("a")).expect_err(text);
        assert!(failed.starts_with("arguments.url: "), "{failed}");
    }
}

/// A value of an alert: any text, and texts that are known to redirect paths.
fn hostile() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        ".", "..", "/", "\\", "%", "%2e", "%2F", "%5c", "%25", "?", "#", "&", "=", ";", "+", " ", "@", ":",
        "//", "http://", "\r\n", "\0", "\t", "é", "．", "／", "%c0%ae", "a", "WS-1", "[", "]", "'", "\"",
        "{{", "}}",
    ]);
    prop_oneof![any::<String>(), prop::collection::vec(pieces, 0..6).prop_map(|pieces| pieces.concat()),]
}

/// The value that a part of a URL represents.
fn decoded(part: &str) -> String {
    let mut bytes = vec![];
    let mut rest = part.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits: String = rest.by_ref().take(2).map(char::from).collect();
        bytes.push(u8::from_str_radix(&digits, 16).unwrap());
    }
    String::from_utf8(bytes).unwrap()
}

fn fails(message: &str) -> Result<(), TestCaseError> {
    Err(TestCaseError::fail(message.to_owned()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn whatever_the_values_are_the_structure_is_the_authors(
        a in hostile(), b in hostile(), c in hostile(), d in hostile(), e in hostile(),
    ) {
        let input = json!({"a": a, "b": b, "c": c, "d": d, "e": e});
        let text = "https://tool.example:8443/api/{{ input.a }}/x{{ input.b }}/end?k={{ input.c }}\
                    &n-{{ input.d }}=v&last#{{ input.e }}";
        let Ok(written) = url(text, input) else { return Ok(()) };
        let parsed = Url::parse(&written).unwrap();
        prop_assert_eq!(parsed.as_str(), &written, "nothing is left for a parser to mend");
        prop_assert_eq!((parsed.scheme(), parsed.host_str(), parsed.port()), ("https", Some("tool.example"), Some(8443)));
        prop_assert!(parsed.username().is_empty() && parsed.password().is_none());
        let segments: Vec<_> = parsed.path_segments().unwrap().map(decoded).collect();
        prop_assert_eq!(segments, ["api".to_owned(), a, format!("x{b}"), "end".to_owned()]);
        let pairs: Vec<_> = parsed.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
        let expected =
            [("k".to_owned(), c), (format!("n-{d}"), "v".to_owned()), ("last".to_owned(), String::new())];
        prop_assert_eq!(pairs, expected);
        prop_assert_eq!(decoded(parsed.fragment().unwrap()), e);
    }

    #[test]
    fn a_value_with_neither_dots_nor_escapes_is_never_refused(a in "[^.%．‥․﹒％﹪。｡]{0,40}x") {
        let written = url("https://h/{{ input }}", json!(a));
        let Ok(written) = written else { return fails(&written.unwrap_err()) };
        prop_assert_eq!(decoded(written.strip_prefix("https://h/").unwrap()), a);
    }
}
