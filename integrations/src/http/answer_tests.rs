//! What answers may look like, and what becomes of those that may not.

use serde_json::json;

use super::*;
use crate::http::keep::Keep;

fn reading(form: Form) -> Reading {
    let target = Target { method: Method::GET, host: "tool.example:443".into() };
    let (expect, retry_on) = (Statuses::success(), Statuses::passing());
    Reading { target, expect, retry_on, form, max_bytes: RESPONSE_BYTES, redactor: Redactor::default() }
}

fn shape(form: Form, bytes: &[u8]) -> Result<Value, FailureKind> {
    let shaped = reading(form).shape(StatusCode::OK, bytes.to_vec());
    shaped.map(|json| json.value()["body"].clone().try_into().unwrap()).map_err(|failure| failure.kind)
}

fn keep(path: &str) -> Form {
    Form::Json(Some(Keep::read(path).unwrap()))
}

#[test]
fn json_is_read_with_and_without_a_byte_order_mark() {
    assert_eq!(shape(Form::Json(None), b" {\"a\": 1}\n"), Ok(json!({"a": 1})));
    assert_eq!(shape(Form::Json(None), b"\xef\xbb\xbf[1]"), Ok(json!([1])));
    for bytes in
        [&b""[..], b"{", b"{} {}", b"nul", b"\"\xff\"", b"\"\xed\xa0\x80\"", b"1e999", b"\x1f\x8b\x08"]
    {
        assert_eq!(shape(Form::Json(None), bytes), Err(FailureKind::InvalidResponse), "{bytes:?}");
    }
}

#[test]
fn nothing_is_fine_where_the_status_says_that_there_is_nothing() {
    let reading = reading(Form::Json(None));
    let nothing = reading.shape(StatusCode::NO_CONTENT, Vec::new()).unwrap();
    assert_eq!(nothing.value(), json!({"status": 204, "body": null}));
}

#[test]
fn text_is_text_and_none_is_null() {
    assert_eq!(shape(Form::Text, "grün".as_bytes()), Ok(json!("grün")));
    assert_eq!(shape(Form::Text, b"\xff"), Err(FailureKind::InvalidResponse));
    assert_eq!(shape(Form::None, b""), Ok(Value::Null));
}

#[test]
fn what_grows_beyond_the_limit_when_it_is_written_is_refused() {
    assert_eq!(shape(Form::Text, &vec![1; RESPONSE_BYTES / 4]), Err(FailureKind::TooLarge));
    let deep = format!("{}{}{}", "[".repeat(40), "1,".repeat(20_000) + "1", "]".repeat(40));
    assert!(shape(Form::Json(None), deep.as_bytes()).is_ok());
    assert_eq!(shape(keep("$..*"), deep.as_bytes()), Err(FailureKind::TooLarge));
}

#[test]
fn nesting_that_later_steps_could_not_read_is_refused() {
    let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    assert!(shape(Form::Json(None), nested(NESTING - 1).as_bytes()).is_ok());
    for levels in [NESTING, 127, 128, 100_000] {
        let bytes = nested(levels);
        assert_eq!(shape(Form::Json(None), bytes.as_bytes()), Err(FailureKind::InvalidResponse), "{levels}");
    }
    assert!(shape(keep("$[0][0][0]"), nested(NESTING + 2).as_bytes()).is_ok());
}

#[test]
fn a_part_that_is_not_there_is_no_part() {
    assert_eq!(shape(keep("$.a"), b"{\"a\":{\"b\":1}}"), Ok(json!({"b": 1})));
    assert_eq!(shape(keep("$.b"), b"{\"a\":1}"), Err(FailureKind::InvalidResponse));
}
