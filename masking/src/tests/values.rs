//! Masked texts, values, stored JSON and failures.

use updraft_protocol::limits::{FAILURE_MESSAGE_BYTES, MASKED_SECRETS, VALUE_NESTING};
use updraft_protocol::{Failure, FailureKind, Json, Value};

use super::{masked, masker};
use crate::Masker;

fn json(text: &str) -> Value {
    Value::parse(text).unwrap()
}

#[test]
fn an_echoed_secret_is_masked_wherever_it_stands() {
    let masker = masker(&["hunter2", "4711", ""]);
    let echo = json(r#"{"a": ["Bearer hunter2"], "hunter2": {"b": 4711, "c": 47110}}"#);
    assert_eq!(masker.value(echo).to_string(), r#"{"***":{"b":"***","c":47110},"a":["Bearer ***"]}"#);
}

#[test]
fn a_secret_that_is_a_number_is_masked_in_its_digits() {
    let mut masker = masker(&["12345678901234567890123", "1.10"]);
    masker.add_short("42");
    let text = "[12345678901234567890123, 1.1, 12345678901234567890124, 42, 421]";
    assert_eq!(masker.value(json(text)).to_string(), r#"["***","***",12345678901234567890124,"***",421]"#);
    let stored = Json::parse("[1.1,1.11]").unwrap();
    assert_eq!(masker.json(stored).as_str(), r#"["***",1.11]"#, "in other digits than it was given");
}

#[test]
fn of_secrets_that_overlap_nothing_stays() {
    for (secrets, text, rest) in [
        (&["key", "key-and-more"][..], "a key-and-more b key c", "a *** b *** c"),
        (&["abcd", "cdef"], "xabcdefx", "x***x"),
        (&["aba"], "ababa", "***"),
        (&["ab", "cd"], "abcd", "***"),
        (&["bc", "abcd"], "xabcdx", "x***x"),
        (&["abcde", "cd"], "xabcdx", "xab***x"),
        (&["ab"], "ab", "***"),
        (&["ab"], "no secret", "no secret"),
        (&[], "no secret", "no secret"),
    ] {
        assert_eq!(masked(secrets, text), rest, "{text}");
    }
}

#[test]
fn a_text_without_a_secret_is_not_copied() {
    let text = "a text of a tool, with %20 and \\n and &amp;".to_owned();
    let at = text.as_ptr();
    let same = masker(&["hunter2"]).text(text);
    assert_eq!(same.as_ptr(), at);
}

#[test]
fn a_secret_that_was_cut_is_masked_at_the_end_of_a_text() {
    let masker = masker(&["super-secret/token"]);
    for (text, rest) in [
        ("a super-secret/tok", "a ***"),
        ("a super-secret%2Fto", "a ***"),
        ("a super-secret%2", "a ***"),
        ("a super-secret\\u002", "a ***"),
        ("a super-secret&#4", "a ***"),
        ("a super-secret%252", "a ***"),
        ("a %73up", "a ***"),
        ("a sup", "a ***"),
        ("a su", "a su"),
        ("super-secret/token super", "*** ***"),
        ("super- and more", "super- and more"),
        ("a c3VwZXItc2Vj", "a ***"),
        ("a 73757065722d", "a ***"),
        ("a super-secret/token", "a ***"),
        ("a super-secret%2Fto\nand 50%", "a super-secret%2Fto\nand 50%"),
    ] {
        assert_eq!(masker.beginning(text.to_owned(), true), rest, "{text}");
    }
    for text in ["a super-s", "a super-secret%2"] {
        assert_eq!(masker.beginning(text.to_owned(), false), text, "nothing was cut");
    }
}

#[test]
fn of_fields_whose_names_become_one_each_keeps_its_value() {
    let masker = masker(&["hunter2", "hunter3"]);
    for (value, rest) in [
        (r#"{"hunter2": 1, "hunter3": 2}"#, r#"{"***":1,"*** 2":2}"#),
        (r#"{"***": 1, "hunter2": 2, "hunter3": 3}"#, r#"{"***":1,"*** 2":2,"*** 3":3}"#),
        (r#"{"*** 2": 1, "hunter2": 2, "hunter3": 3}"#, r#"{"***":2,"*** 2":1,"*** 3":3}"#),
        (r#"{"a hunter2": 1, "a hunter3": 2, "hunter2": 3}"#, r#"{"***":3,"a ***":1,"a *** 2":2}"#),
    ] {
        assert_eq!(masker.value(json(value)).to_string(), rest, "{value}");
    }
}

#[test]
fn a_stored_json_text_stays_as_it_is_where_it_has_no_secret() {
    let masker = masker(&["hun\"ter2"]);
    for text in [r#"{"b": 1.50,  "a": "hunter2"}"#, r#""\u0041""#, "1e3", "\"a,\\\"hun\\\",ter2\""] {
        let stored = Json::parse(text).unwrap();
        assert_eq!(masker.json(stored).as_str(), text);
    }
    let stored = Json::parse(r#"{"b": 1.50, "hun\"ter2": ["\u0068un\"ter2"]}"#).unwrap();
    assert_eq!(masker.json(stored).as_str(), r#"{"***":["***"],"b":1.5}"#);
}

#[test]
fn a_secret_as_deep_as_a_text_may_have_it_is_found_in_stored_json() {
    let masker = masker(&["hun\"ter2"]);
    let mut text = "hun\"ter2".to_owned();
    for _ in 0..3 {
        text = Value::from(text).to_string().trim_matches('"').to_owned();
    }
    assert_eq!(masker.text(text.clone()), "***");
    assert_eq!(masker.json(Json::from(Value::from(text))).as_str(), "\"***\"");
}

#[test]
fn a_stored_value_too_deep_to_be_read_is_masked_whole() {
    let mut value = Value::from("hunter2");
    for _ in 0..=VALUE_NESTING {
        value = Value::Array(vec![value]);
    }
    assert_eq!(masker(&["hunter2"]).json(Json::from(value)).as_str(), "\"***\"");
}

#[test]
fn a_failure_is_masked_in_its_message_and_its_answer() {
    let answer = Json::parse(r#"{"status":403,"body":"for hunter2"}"#).unwrap();
    let failure = Failure::new(FailureKind::Status, "status 403 for hunter2").with_answer(answer);
    let masked = masker(&["hunter2"]).failure(failure.clone().with_retryable(true));
    assert!(masked.retryable() && masked.kind == failure.kind, "nothing else changes");
    assert_eq!(masked.message, "status 403 for ***");
    assert_eq!(masked.answer.unwrap().as_str(), r#"{"body":"for ***","status":403}"#);
    assert_eq!(Masker::new().failure(failure.clone()), failure);
}

#[test]
fn of_a_failure_whose_message_was_cut_no_part_of_a_secret_stays() {
    let masker = masker(&["hunter2-and-more"]);
    let message = format!("{}hunter2-and-more", "x".repeat(FAILURE_MESSAGE_BYTES - 9));
    let masked = masker.failure(Failure::new(FailureKind::Status, message));
    assert!(masked.message.ends_with("xx***"), "{}", masked.message);
}

#[test]
fn a_masker_shows_nothing_and_is_shared_when_it_is_cloned() {
    let mut masker = masker(&["hunter2"]);
    let clone = masker.clone();
    masker.add("other-secret");
    assert_eq!(format!("{masker:?} {clone:?}"), "Masker(***) Masker(***)");
    assert_eq!(masker.text("hunter2 other-secret".to_owned()), "*** ***");
    assert_eq!(clone.text("hunter2 other-secret".to_owned()), "*** other-secret");
    assert!(Masker::new().is_empty() && !masker.is_empty());
}

#[test]
fn a_masker_of_many_forgets_the_secret_that_was_named_least_recently() {
    let mut masker = Masker::new();
    let secret = |number: usize| format!("secret-{number:04}");
    (0..=MASKED_SECRETS).for_each(|number| masker.add(&secret(number)));
    assert_eq!(masker.text(secret(0)), secret(0));
    for number in 1..=MASKED_SECRETS {
        assert_eq!(masker.text(format!("a {}", secret(number))), "a ***");
    }
}
