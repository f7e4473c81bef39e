//! The results for texts that are JSON, nearly JSON, and not JSON.

use super::*;

fn read(text: &str) -> Result<String, String> {
    value(text).map(|value| value.to_string()).map_err(|problem| problem.message)
}

#[test]
fn every_number_and_text_is_read_as_it_is() {
    for text in [
        "123456789012345678901234567890",
        "[0.1234567890123456789,-18446744073709551616,1e400]",
        "{\"a\":\"\\\\ud800 \\\"x\"}",
        "\"😀\"",
    ] {
        assert_eq!(read(text).as_deref(), Ok(text));
    }
    assert_eq!(read("\"\\ud83d\\ude00 \\u00fc\"").as_deref(), Ok("\"😀 ü\""));
}

#[test]
fn half_a_pair_costs_that_character_alone() {
    for (text, read_as) in [
        (r#"["a\ud800b"]"#, "[\"a\u{fffd}b\"]"),
        (r#"["\udc00","\uD83D"]"#, "[\"\u{fffd}\",\"\u{fffd}\"]"),
        (r#"["\ud800\ud83d\ude00"]"#, "[\"\u{fffd}😀\"]"),
        (r#"{"\ud800":"\\\ud800"}"#, "{\"\u{fffd}\":\"\\\\\u{fffd}\"}"),
        ("[\"a\tb\n\u{1}\"]", "[\"a\\tb\\n\\u0001\"]"),
    ] {
        assert_eq!(read(text).as_deref(), Ok(read_as), "{text}");
    }
}

#[test]
fn what_is_not_json_is_told_with_its_place_and_in_plain_words() {
    for (text, place, reason) in [
        ("{\n \"a\": NaN}", "line 2, column 7", "`NaN` is no value of JSON"),
        ("[-Infinity]", "line 1, column 2", "`-Infinity` is no value of JSON"),
        ("[\"ü🦀\", NaN]", "line 1, column 8", "`NaN` is no value of JSON"),
        ("[1, undefined]", "line 1, column 5", "`undefined` is no value of JSON"),
        ("{'a': 1}", "line 1, column 2", "does not belong there"),
        (")]}'\n{\"a\": 1}", "line 1, column 1", "begins with `)]}'`"),
        ("for(;;);[]", "line 1, column 1", "begins with `for(;;);`"),
        ("<!DOCTYPE html><p>secret</p>", "line 1, column 1", "looks like HTML"),
        ("{\"a\": [1, 2", "line 1, column 12", "ends before it is complete"),
        ("\"abc", "line 1, column ", "ends before it is complete"),
        ("[1,\n2,]", "line 2, column 3", "does not belong there"),
        ("{} {}", "line 1, column 4", "does not belong there"),
        ("\u{1f}\u{fffd}\u{8}\u{0}", "line 1, column 1", "looks packed (gzip)"),
    ] {
        let message = read(text).unwrap_err();
        assert!(message.starts_with(&format!("the answer is not JSON at {place}")), "{text}: {message}");
        assert!(message.contains(reason), "{text}: {message}");
        assert!(!message.contains("secret"));
    }
}

#[test]
fn a_field_that_comes_twice_is_told_by_its_place_and_nothing_of_the_answer_is_shown() {
    for (text, place) in [
        (r#"{"secret": 1, "secret": 2}"#, "line 1, column 15"),
        ("{\"ä\": [{\"secret\": 1,\n\"secret\": {}}]}", "line 2, column 1"),
    ] {
        let problem = value(text).unwrap_err();
        assert_eq!(problem.kind, FailureKind::InvalidResponse);
        assert!(problem.message.ends_with(&format!("the second stands at {place}")), "{}", problem.message);
        assert!(!problem.message.contains("secret"), "{}", problem.message);
    }
    let (values, problem) = lines("{\"a\":1}\n{\"a\":1,\"a\":2}\n", false);
    assert_eq!(values.len(), 1);
    assert!(problem.unwrap().message.ends_with("line 2, column 8"));
    assert!(read(r#"[{"a":1},{"a":{"a":2}}]"#).is_ok());
}

#[test]
fn lines_are_a_list_and_the_first_bad_one_is_told() {
    let (values, problem) = lines("{\"a\":1}\r\n\n [2]\n\u{1e}3\n", false);
    assert_eq!((Value::Array(values).to_string().as_str(), problem), ("[{\"a\":1},[2],3]", None));
    let (values, problem) = lines("1\n\n{\"a\":\n2\n", false);
    assert_eq!(values.len(), 1);
    let message = problem.unwrap().message;
    assert!(message.starts_with("the answer is not JSON at line 3, column "), "{message}");
    assert_eq!(lines("\n \r\n", false), (vec![], None));
}

#[test]
fn values_are_counted_before_they_take_memory() {
    let many = format!("[{}1]", "1,".repeat(HTTP_VALUES));
    assert_eq!(value(&many).unwrap_err().kind, FailureKind::TooLarge);
    let text = format!("[\"{}\"]", "a,[{".repeat(HTTP_VALUES / 2));
    assert!(value(&text).is_ok());
    let (values, problem) = lines(&"[1,2,3]\n".repeat(HTTP_VALUES / 4 + 1), false);
    assert_eq!(problem.unwrap().kind, FailureKind::TooLarge);
    assert!(values.len() < HTTP_VALUES);
}

#[test]
fn nesting_is_bounded() {
    let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    assert!(read(&nested(VALUE_NESTING)).is_ok());
    for levels in [VALUE_NESTING + 1, 100_000] {
        assert_eq!(read(&nested(levels)).unwrap_err(), "the answer is nested deeper than 127 levels");
    }
}
