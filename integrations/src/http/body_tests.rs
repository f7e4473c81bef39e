//! The possible bodies, and the results for those that cannot be kept.

use http::header::{CONTENT_ENCODING, HeaderName, HeaderValue};
use serde_json::json;
use updraft_protocol::limits::RESPONSE_BYTES;
use updraft_protocol::{Effect, FailureKind};

use super::*;

const ROOM: usize = RESPONSE_BYTES - 100;

fn options(arguments: &serde_json::Value) -> Options {
    let arguments = Value::from(arguments.clone());
    Options::read(arguments.as_object().unwrap(), Effect::Read).unwrap()
}

fn packed(bytes: &[u8], headers: &[(HeaderName, &str)]) -> Packed {
    let headers =
        headers.iter().map(|(name, value)| (name.clone(), HeaderValue::from_str(value).unwrap())).collect();
    Packed::new(bytes.to_vec(), &headers, None).unwrap()
}

fn read(arguments: &serde_json::Value, bytes: &[u8]) -> Body {
    packed(bytes, &[]).read(&options(arguments), &Masker::new(), ROOM)
}

/// The part that is kept, or the kind of failure.
fn kept(arguments: serde_json::Value, bytes: &[u8]) -> Result<String, FailureKind> {
    let body = read(&arguments, bytes);
    match body.problem {
        Some(problem) => Err(problem.kind),
        None => Ok(body.json.unwrap_or("null".to_owned())),
    }
}

fn ok(json: &str) -> Result<String, FailureKind> {
    Ok(json.to_owned())
}

#[test]
fn json_is_read_exactly_with_and_without_a_byte_order_mark() {
    assert_eq!(kept(json!({}), b" {\"a\": 1}\n"), ok("{\"a\":1}"));
    assert_eq!(
        kept(json!({}), b"\xef\xbb\xbf[123456789012345678901234567890, 1e999]"),
        ok("[123456789012345678901234567890,1e999]")
    );
    assert_eq!(kept(json!({}), b"\"\xff\""), ok("\"\u{fffd}\""));
    assert_eq!(kept(json!({}), b"\"\\ud800\""), ok("\"\u{fffd}\""));
    for bytes in [&b"{"[..], b"{} {}", b"nul", b"\x1f\x8b\x08", b"<html>"] {
        assert_eq!(kept(json!({}), bytes), Err(FailureKind::InvalidResponse), "{bytes:?}");
    }
}

#[test]
fn nothing_is_null_and_an_empty_list_where_the_path_gives_lists() {
    for blank in [&b""[..], b" \r\n\t", b"\xef\xbb\xbf"] {
        assert_eq!(kept(json!({}), blank), ok("null"));
        assert_eq!(kept(json!({"keep": "$.a"}), blank), ok("null"));
        assert_eq!(kept(json!({"keep": "$.a[*]"}), blank), ok("[]"));
        assert_eq!(kept(json!({"response": "ndjson"}), blank), ok("[]"));
    }
    assert_eq!(kept(json!({"response": "text"}), b""), ok("null"));
    assert_eq!(kept(json!({"response": "text"}), b" "), ok("\" \""));
}

#[test]
fn text_is_text_and_a_bad_character_costs_that_character() {
    assert_eq!(kept(json!({"response": "text"}), "grün\n".as_bytes()), ok("\"grün\\n\""));
    assert_eq!(kept(json!({"response": "text"}), b"a\xffb"), ok("\"a\u{fffd}b\""));
    let latin = packed(b"gr\xfcn", &[(CONTENT_TYPE, "text/plain; charset=iso-8859-1")]);
    assert_eq!(
        latin.read(&options(&json!({"response": "text"})), &Masker::new(), ROOM).json.as_deref(),
        Some("\"grün\"")
    );
    let klingon = packed(b"a", &[(CONTENT_TYPE, "text/plain; charset=klingon")]);
    let problem = klingon.read(&options(&json!({})), &Masker::new(), ROOM).problem.unwrap();
    assert_eq!(problem.message, "the answer declares the charset `klingon`, which is not known");
}

#[test]
fn json_in_lines_is_a_list_by_its_type_or_as_the_step_says() {
    let two = b"{\"a\":1}\n{\"a\":2}\n";
    assert_eq!(kept(json!({"response": "ndjson"}), two), ok("[{\"a\":1},{\"a\":2}]"));
    assert_eq!(kept(json!({"response": "ndjson", "keep": "$[*].a"}), two), ok("[1,2]"));
    assert_eq!(kept(json!({}), two), Err(FailureKind::InvalidResponse));
    for content_type in ["application/x-ndjson", "Application/JSONL; charset=utf-8"] {
        let body =
            packed(two, &[(CONTENT_TYPE, content_type)]).read(&options(&json!({})), &Masker::new(), ROOM);
        assert_eq!(body.json.as_deref(), Some("[{\"a\":1},{\"a\":2}]"), "{content_type}");
    }
    let body = read(&json!({"response": "ndjson", "require": "nothing"}), b"1\n2\n{\n");
    assert_eq!(body.json.as_deref(), Some("[1,2]"));
    assert!(body.problem.unwrap().message.contains("line 3"));
}

#[test]
fn a_part_that_is_not_there_is_no_part_and_a_list_is_always_a_list() {
    assert_eq!(kept(json!({"keep": "$.a"}), b"{\"a\":{\"b\":1}}"), ok("{\"b\":1}"));
    assert_eq!(kept(json!({"keep": "$.b"}), b"{\"a\":1}"), Err(FailureKind::InvalidResponse));
    let named = json!({"keep": {"x": "$.a.b", "y": "$.c"}});
    assert_eq!(kept(named.clone(), b"{\"a\":{\"b\":1},\"d\":2}"), ok("{\"x\":1}"));
    assert_eq!(kept(named, b"{\"d\":2}"), Err(FailureKind::InvalidResponse));
    for (bytes, list) in [
        (&b"{\"r\":[]}"[..], "[]"),
        (b"{\"r\":[{\"n\":1}]}", "[1]"),
        (b"{\"r\":[{\"n\":1},{\"n\":2}]}", "[1,2]"),
    ] {
        assert_eq!(kept(json!({"keep": "$.r[*].n"}), bytes), ok(list));
    }
}

#[test]
fn what_is_kept_is_bounded_after_the_part_is_selected() {
    let rows = format!("{{\"rows\":[{}{{}}],\"n\":7}}", "{\"x\":\"yyyyyyyyyyyyyyyyyyyy\"},".repeat(100_000));
    assert!(rows.len() > 2 * RESPONSE_BYTES);
    assert_eq!(kept(json!({}), rows.as_bytes()), Err(FailureKind::TooLarge));
    assert_eq!(kept(json!({"keep": "$.n", "max_bytes": 1}), rows.as_bytes()), ok("7"));
    assert_eq!(kept(json!({"max_bytes": 7}), b"[1, 2,   3]"), ok("[1,2,3]"));
    assert_eq!(kept(json!({"max_bytes": 6}), b"[1, 2,   3]"), Err(FailureKind::TooLarge));
    let deep = format!("{}{}{}", "[".repeat(40), "1,".repeat(20_000) + "1", "]".repeat(40));
    assert_eq!(kept(json!({"keep": "$..*"}), deep.as_bytes()), Err(FailureKind::TooLarge));
}

#[test]
fn a_text_that_is_too_large_is_cut_at_a_character() {
    let body = read(&json!({"response": "text", "max_bytes": 4, "require": "nothing"}), "aüüü".as_bytes());
    assert_eq!((body.json.as_deref(), body.problem.unwrap().kind), (Some("\"aü\""), FailureKind::TooLarge));
    let body = read(&json!({"response": "text", "require": "nothing"}), &vec![1; RESPONSE_BYTES / 4]);
    assert_eq!(body.problem.unwrap().kind, FailureKind::TooLarge);
    assert!(body.json.unwrap().len() <= ROOM - NOTE_BYTES);
}

#[test]
fn a_path_that_takes_too_much_work_is_told() {
    let wide = format!("[{}1]", "1,".repeat(100_000));
    let body = read(&json!({"keep": "$[?$[?@ == 2]]"}), wide.as_bytes());
    assert_eq!(
        body.problem.unwrap().message,
        "the path of `keep` takes more work on this answer than is allowed"
    );
}

#[test]
fn nesting_that_later_steps_could_not_read_is_refused() {
    let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    assert!(kept(json!({}), nested(NESTING - 1).as_bytes()).is_ok());
    for levels in [NESTING, 127, 128, 100_000] {
        assert_eq!(kept(json!({}), nested(levels).as_bytes()), Err(FailureKind::InvalidResponse), "{levels}");
    }
    assert!(kept(json!({"keep": "$[0][0][0]"}), nested(NESTING + 2).as_bytes()).is_ok());
}

#[test]
fn of_a_body_that_was_cut_only_what_ends_by_itself_is_believed() {
    let cut = Problem::new(FailureKind::Interrupted, "cut");
    for (bytes, arguments, json) in [
        (&b"{\"a\":1}"[..], json!({}), Some("{\"a\":1}")),
        (b"{\"a\":1", json!({}), None),
        (b"12", json!({}), None),
        (b"", json!({}), None),
        (b"one two", json!({"response": "text"}), Some("\"one two\"")),
        (b"1\n2\n{", json!({"response": "ndjson"}), Some("[1,2]")),
    ] {
        let packed = Packed::new(bytes.to_vec(), &HeaderMap::new(), Some(cut.clone())).unwrap();
        let mut arguments = arguments;
        arguments["require"] = json!("nothing");
        let body = packed.read(&options(&arguments), &Masker::new(), ROOM);
        assert_eq!((body.json.as_deref(), body.problem), (json, Some(cut.clone())));
    }
}

#[test]
fn of_a_body_that_a_step_requires_and_cannot_use_a_failure_has_the_beginning() {
    for (arguments, bytes, json) in [
        (json!({"keep": "$.id"}), &b"{\"error\":\"no such id\"}"[..], "{\"error\":\"no such id\"}"),
        (json!({}), b"<html>", "\"<html>\""),
        (json!({"max_bytes": 3}), b"[1,2,3]", "[1,2,3]"),
    ] {
        let body = read(&arguments, bytes);
        assert!(body.problem.is_some());
        assert_eq!(body.json.as_deref(), Some(json));
    }
}

#[test]
fn of_an_answer_that_was_cut_a_failure_keeps_no_part_of_a_secret() {
    let mut masker = Masker::new();
    masker.add("super-secret-token");
    for kind in [FailureKind::Interrupted, FailureKind::Timeout, FailureKind::TooLarge] {
        let cut = Problem::new(kind, "cut");
        let packed = Packed::new(b"<a>super-secret-to".to_vec(), &HeaderMap::new(), Some(cut)).unwrap();
        let body = packed.read(&options(&json!({})), &masker, ROOM);
        assert_eq!(body.json.as_deref(), Some("\"<a>***\""), "{kind:?}");
    }
}

#[test]
fn of_lines_that_are_too_large_the_first_are_kept() {
    let arguments = json!({"response": "ndjson", "require": "nothing", "max_bytes": 9});
    let body = read(&arguments, b"1\n22\n333\n4444\n");
    assert_eq!((body.json.as_deref(), body.problem.unwrap().kind), (Some("[1,22]"), FailureKind::TooLarge));
    let cut = Problem::new(FailureKind::Interrupted, "cut");
    let packed = Packed::new(b"[1]\n1234".to_vec(), &HeaderMap::new(), Some(cut)).unwrap();
    let arguments = json!({"response": "ndjson", "require": "nothing"});
    let body = packed.read(&options(&arguments), &Masker::new(), ROOM);
    assert_eq!(body.json.as_deref(), Some("[[1]]"), "the number may have been longer");
}

#[test]
fn secrets_are_masked_in_what_is_kept_and_in_what_is_glanced_at() {
    let mut masker = Masker::new();
    masker.add("hun\"ter");
    let echo = br#"{"a":["Bearer hun\"ter"]}"#;
    let json = |arguments: serde_json::Value| {
        packed(echo, &[]).read(&options(&arguments), &masker, ROOM).json.unwrap()
    };
    assert_eq!(json(json!({})), r#"{"a":["Bearer ***"]}"#);
    assert_eq!(json(json!({"response": "text"})), r#""{\"a\":[\"Bearer ***\"]}""#);
    assert_eq!(packed(echo, &[]).glance(&masker).json.unwrap(), r#"{"a":["Bearer ***"]}"#);
    // In a URL that contains JSON, in digits, and in base64 inside of a form.
    let echo = br#"{"a":"q=hun%5C%22ter","b":"68756E22746572","hun\u0022ter":"aHVuInRlcg%3D%3D"}"#;
    let body = packed(echo, &[]).read(&options(&json!({})), &masker, ROOM);
    assert_eq!(body.json.unwrap(), r#"{"***":"***","a":"q=***","b":"***"}"#);
}

#[test]
fn a_glance_gives_small_json_and_else_the_beginning_of_the_text() {
    let glance = |bytes: &[u8]| packed(bytes, &[]).glance(&Masker::new());
    assert_eq!(glance(b" "), Body::default());
    assert_eq!(glance(b"{\"why\": 1e400}").json.as_deref(), Some("{\"why\":1e400}"));
    assert_eq!(glance(b"<p>no</p>").json.as_deref(), Some("\"<p>no</p>\""));
    let body = glance(format!("[\"{}\"]", "ü".repeat(HTTP_FAILURE_BODY_BYTES)).as_bytes());
    assert!(body.json.unwrap().len() <= HTTP_FAILURE_BODY_BYTES + 10);
    assert_eq!(body.problem.unwrap().message, "the body is cut after 4096 bytes");
    let deep = format!("{}{}", "[".repeat(NESTING), "]".repeat(NESTING));
    assert!(glance(deep.as_bytes()).json.unwrap().starts_with('"'));
    let bomb = packed(b"not packed", &[(CONTENT_ENCODING, "gzip")]).glance(&Masker::new());
    assert_eq!((bomb.json, bomb.problem.unwrap().kind), (None, FailureKind::InvalidResponse));
}
