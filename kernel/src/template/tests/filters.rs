//! The filters for an analyst's day: forms that they take, and what they say of others.

use super::*;

#[track_caller]
fn gives(expression: &str, input: Value, expected: Value) {
    assert_eq!(render(&format!("{{{{ {expression} }}}}"), input), Ok(expected), "{expression}");
}

#[track_caller]
fn says(expression: &str, input: Value, reason: &str) {
    refused(&format!("{{{{ {expression} }}}}"), input, reason);
}

#[test]
fn dates_are_read_in_their_usual_forms() {
    let noon = json!("2026-01-31T11:00:00.000Z");
    for form in [
        "'2026-01-31T12:00:00+01:00'|date",
        "'2026-01-31 11:00:00Z'|date",
        "' Sat, 31 Jan 2026 11:00:00 GMT '|date",
        "1769857200|date",
        "1769857200.0|date('s')",
        "1769857200000|date('ms')",
        "'1769857200'|int|date",
        "'2026-01-31T12:00:00'|date(zone='Europe/Berlin')",
        "'31/Jan/2026:12:00:00 +0100'|date('%d/%b/%Y:%H:%M:%S %z')",
        "'2026-01-31'|date('%F')|date_add('11h')",
        "'2026-01-31T11:00:00.000Z'|date_format|date",
    ] {
        gives(form, json!({}), noon.clone());
    }
    gives("-1.5|date", json!({}), json!("1969-12-31T23:59:58.500Z"));
    gives("-1.5|date|epoch", json!({}), json!(-2));
    gives("'1969-12-31T23:59:58.500Z'|epoch('ms')", json!({}), json!(-1500));
    gives("'2026-01-01T00:00:00Z'|date_diff('2026-01-02T12:00:00Z', 'd')", json!({}), json!(-1));
    gives(
        "['2026-01-01T00:00:00Z']|map('date_add', '1h')|first",
        json!({}),
        json!("2026-01-01T01:00:00.000Z"),
    );
}

#[test]
fn what_is_no_date_is_said_plainly() {
    let input =
        json!({"v": "31/01/2026", "list": [], "big": 1769857200000_u64, "local": "2026-01-31T12:00:00"});
    says("input.v|date", input.clone(), "other forms are read by `date('%d/%m/%Y')`");
    says("input.local|date", input.clone(), "a time without a zone");
    says("input.list|date", input.clone(), "not a value of type list");
    says("input.big|date", input.clone(), "milliseconds are read by `date('ms')`");
    says("input.local|date(zone='Berlin')", input.clone(), "knows no such time zone");
    says("input.big|date('ms')|date_add('1 hour')", input.clone(), "needs a duration such as `1h 30m`");
    says("input.big|date('ms')|date_format('%Q')", input.clone(), "a `%` without one of its letters");
    says("input.big|date('ms')|date_format('%99999Y')", input.clone(), "a `%` without one of its letters");
    says("input.v|date('%Y')", input.clone(), "not in the form of its pattern");
    says("'2026'|date('%Y')", input.clone(), "needs a year, a month and a day");
    says("'9999-12-01T00:00:00Z'|date_add('366d')", input.clone(), "outside of the years 0 to 9999");
    says("1e300|date", input.clone(), "not in the years 0 to 9999");
    says("'x'|date_format('a' ~ input.v * 99)", json!({"v": 1}), "needs a date");
}

#[test]
fn bytes_that_are_no_text_are_refused() {
    says("'/w=='|base64_decode", json!({}), "bytes that are no text of utf-8");
    says("'ff'|hex_decode", json!({}), "bytes that are no text of utf-8");
    says("'ANg='|base64_decode('utf-16le')", json!({}), "bytes that are no text of utf-16le");
    says("'abc'|hex_decode", json!({}), "two digits for each byte");
    says("'a$b'|base64_decode", json!({}), "needs a text in base64");
    says("'YQ'|base64_decode('latin1')", json!({}), "reads `utf-8` or `utf-16le`");
    gives("'YW\nI='|base64_decode", json!({}), json!("ab"));
    gives("input.v|base64|base64_decode == input.v", json!({"v": "é\u{1f600}~?"}), json!(true));
}

#[test]
fn json_is_read_with_every_digit_or_refused_with_its_place() {
    gives("'[1.10, 1e3]'|parse_json|tojson", json!({}), json!("[1.10,1e3]"));
    says("'{\"a\": tru}'|parse_json", json!({}), "it is not at line 1, column ");
    says("input.v|parse_json", json!({"v": "[".repeat(200)}), "needs a text that is JSON");
    gives("'{ x }'|parse_json('none')", json!({}), json!("none"));
    gives("'{}'|parse_json('none')", json!({}), json!({}));
    says(
        "input.v|parse_json('none')",
        json!({"v": {}}),
        "`parse_json` needs a text, not a value of type map",
    );
    says("input.v|parse_json", json!({"v": {}}), "`parse_json` needs a text, not a value of type map");
}

#[test]
fn matches_are_the_first_and_longest_as_authors_know_them() {
    for (expression, expected) in [
        ("'aab ab'|find_all('a*b')", json!(["aab", "ab"])),
        ("'foobar'|find('foo|foobar')", json!("foo")),
        ("'foobar'|find('foobar|foo')", json!("foobar")),
        ("'xx'|find_all('')", json!(["", "", ""])),
        ("'é'|find_all('')", json!(["", ""])),
        ("'baaac'|find_all('a*')", json!(["", "aaa", ""])),
        ("'a.b'|find_all('\\\\b\\\\w')", json!(["a", "b"])),
        ("'é ü é'|find_all('\\\\b\\\\w\\\\b')", json!(["é", "ü", "é"])),
        ("'a1 b2'|find_all('(?P<x>[a-z])(?P<y>[0-9])', 'y')", json!(["1", "2"])),
        ("'ab'|find_all('(a)|(b)', 2)", json!(["b"])),
        ("'line 1\nline 2'|find_all('(?m)^line [0-9]$')", json!(["line 1", "line 2"])),
        ("'a-b'|replace_regex('-', '$$')", json!("a$b")),
        ("'ab'|replace_regex('', '.')", json!(".a.b.")),
        ("'ann@x'|replace_regex('(?P<u>\\\\w+)@(\\\\w+)', '$2:${u}')", json!("x:ann")),
        ("['a1', 'b2']|map('find', '[0-9]')", json!(["1", "2"])),
        ("'none'|find('[0-9]')|default('-')", json!("-")),
    ] {
        gives(expression, json!({}), expected);
    }
    says("'a'|find('b')", json!({}), "`…|find` is undefined");
    says("'a'|find(input.p)", json!({"p": "a"}), "`find` needs a pattern that is written out, in quotes");
    says("'a'|find('(')", json!({}), "not a regular expression: unclosed group");
    says("'a'|find('a', 1)", json!({}), "has no such group");
    says("'a'|find('a', 'x')", json!({}), "has no such group");
    says("'a'|replace_regex('a', '$x')", json!({}), "takes `$1`, `${name}` or `$$`");
    says("'a'|replace_regex('a')", json!({}), "`replace_regex` needs an argument: `to`");
    says("[1]|map('find')", json!({}), "`find` needs a pattern");
}

#[test]
fn addresses_are_told_from_other_texts() {
    for (expression, expected) in [
        ("'::ffff:10.0.0.1' is private", true),
        ("'fe80::1' is private", true),
        ("'100.64.0.1' is private", true),
        ("'8.8.8.8' is private", false),
        ("'2001:4860::1' is private", false),
        ("7 is ip", false),
        ("'1.2.3.4' is in_network('1.2.3.4')", true),
        ("'::ffff:1.2.3.4' is in_network('1.2.3.0/24')", true),
        ("'1.2.3.4' is in_network('::/0')", false),
        ("'co.uk'|registered_domain is defined", false),
        ("'host.internal-name'|registered_domain is defined", false),
        ("'A.B.Example.COM.'|registered_domain == 'example.com'", true),
        ("'mailto:a@b.example'|url_host is defined", false),
        ("'http://[2001:db8::1]/'|url_host == '2001:db8::1'", true),
    ] {
        gives(expression, json!({}), json!(expected));
    }
    for text in ["http://evil.com/login.good.com", "a..good.com", "evil.com good.com", "ana@good.com", ""] {
        says("input.v|registered_domain", json!({ "v": text }), "needs a domain; `url_host` gives");
    }
    says("'localhost' is private", json!({}), "`private` needs an IP address; `is ip` tells");
    says("'1.2.3.4' is in_network('10.0.0.0/33')", json!({}), "`in_network` needs networks such as");
    says("'1.2.3.4' is in_network([7])", json!({}), "`in_network` needs a text");
    says("'/a/b'|url_host", json!({}), "`url_host` needs a URL");
    says("'a b@c'|email_user", json!({}), "`email_user` needs an e-mail address");
    says("'1.2.3.4'|is_private", json!({}), "no filter `is_private`; it is a test: `value is private`");
    says("'a'|url_hots", json!({}), "did you mean \"url_host\"?");
}

#[test]
fn indicators_are_found_once_and_in_any_spelling() {
    let text = "See hxxps://sub.Evil[.]com:8443/x?y=1, http://203.0.113.7/a. Mail: ann(at)corp.example.com <bob@evil.com>; \
                203.0.113.7:443 10.0.0.0/8 2001:db8::5 file.txt v1.2.3 cve-2021-44228 D41D8CD98F00B204E9800998ECF8427E \
                \"evil.com\"";
    gives(
        "input.t|extract_iocs",
        json!({"t": text}),
        json!({
            "cves": ["CVE-2021-44228"],
            "domains": ["sub.evil.com", "corp.example.com", "evil.com"],
            "emails": ["ann@corp.example.com", "bob@evil.com"],
            "hashes": ["d41d8cd98f00b204e9800998ecf8427e"],
            "ips": ["203.0.113.7", "10.0.0.0", "2001:db8::5"],
            "urls": ["https://sub.Evil.com:8443/x?y=1", "http://203.0.113.7/a"],
        }),
    );
    gives("input.t|defang|refang == input.t", json!({"t": "http://a.b/c@d HTTPS"}), json!(false));
    gives("input.t|defang|refang == input.t", json!({"t": "http://a.b/c@d https"}), json!(true));
}

#[test]
fn hostile_texts_cost_no_more_than_they_may() {
    let long = |unit: &str| json!({"v": unit.repeat(900_000 / unit.len())});
    const MUCH: &str = "too much ";
    gives("input.v|find_all('(x+x+)+y')", long("x"), json!([]));
    says("input.v|find_all('x*y|x')", long("x"), MUCH);
    says("input.v|find_all('\\\\b\\\\w\\\\b')", long("é "), MUCH);
    says("input.v|replace_regex('x', '$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0')", long("x"), MUCH);
    says("input.v|extract_iocs", long("a.com b.com "), MUCH);
    says("input.v|url_host", long("http://x"), "a URL of at most 8192 bytes");
    says("input.v|registered_domain", long("a."), "a domain of at most 254 bytes");
    says("input.v|date", long("2"), "at most 128 bytes");
    says("'2026-01-31T11:00:00Z'|date_format(input.v)", long("%A"), "at most 128 bytes");
    says("'2026-01-31T11:00:00Z'|date_add(input.v)", long("1d "), "needs a duration");
    says("input.v is private", long("1"), "needs an IP address");
    says("input.v|parse_json", long("[]"), MUCH);
}
