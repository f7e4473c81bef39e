//! The mistakes of JSON texts, with their positions.

use super::*;

/// The first mistake of a text: its byte and its message.
fn mistake(text: &str) -> (usize, String) {
    let mut events = Events::new(text);
    loop {
        match events.next() {
            Ok((_, JsonEvent::Eof)) => panic!("{text} is JSON"),
            Ok(_) => {}
            Err(Mistake { at, message }) => return (at, message),
        }
    }
}

fn all_told(cases: &[(&str, usize, &str)]) {
    for (text, at, message) in cases {
        assert_eq!(mistake(text), (*at, (*message).to_owned()), "{text}");
    }
}

#[test]
fn each_event_has_the_place_where_it_begins() {
    let mut events = Events::new(" { \"ä\" : [ 1 ,\n\"b\" ] } ");
    let mut places = vec![];
    while let Ok((at, event)) = events.next() {
        if event == JsonEvent::Eof {
            break;
        }
        places.push(at);
    }
    assert_eq!(places, [1, 3, 10, 12, 16, 20, 22]);
}

#[test]
fn a_mistake_inside_a_text_is_told_where_it_stands() {
    let half = "one half of a character alone; `\\ud800` to `\\udfff` stand in pairs";
    let digits = "four hexadecimal digits are needed after `\\u`";
    all_told(&[
        (r#"{"a": "b"#, 6, "a quote is not closed"),
        (r#"{"a": "b}"#, 6, "a quote is not closed"),
        (r#"{"a": "b\"}"#, 6, "a quote is not closed"),
        ("\"", 0, "a quote is not closed"),
        ("\"\\", 0, "a quote is not closed"),
        (r#"["a\u12"]"#, 3, digits),
        (r#""\u12""#, 1, digits),
        (r#""\u+123""#, 1, digits),
        (r#""\u12ä""#, 1, digits),
        (r#""a\ud800""#, 2, half),
        (r#"["\udc00\ud800 and more"]"#, 2, half),
        (r#"["\ud800\n and more"]"#, 2, half),
        (r#"{"C:\Users": 1}"#, 4, "`\\U` is no escape; a backslash itself is written as `\\\\`"),
        ("[\"a\u{1}\"]", 3, "a control character; write it as `\\u0001`"),
        ("[\"a\n\"]", 3, "a line ends inside a text; close the quote, or write the line's end as `\\n`"),
    ]);
}

#[test]
fn a_word_or_number_that_json_does_not_have_is_told_whole() {
    let text = |word: &str| format!("`{word}` is no value of JSON; a text needs double quotes: `\"{word}\"`");
    let number =
        |word: &str| format!("`{word}` is no number of JSON; a text needs double quotes: `\"{word}\"`");
    for word in ["x", "tru", "NaN", "undefined", "müde", "hello-world", "-", "-Infinity", "nulls"] {
        all_told(&[(word, 0, &text(word)), (&format!("[1, {word}]"), 4, &text(word))]);
    }
    for word in ["007", "0x1F", "1_000", ".5", "5.", "+1", "1e", "1.2.3", "2024-01-31", "-01"] {
        all_told(&[(word, 0, &number(word)), (&format!("{{\"a\": {word}}}"), 6, &number(word))]);
    }
    all_told(&[
        ("True", 0, "`True` is no value of JSON; write `true`, or `\"True\"` for the text"),
        ("[NULL]", 1, "`NULL` is no value of JSON; write `null`, or `\"NULL\"` for the text"),
    ]);
    assert!(mistake(&"x".repeat(100_000)).1.len() < 200);
}

#[test]
fn what_is_missing_or_too_much_is_told() {
    let quotes = "a text, and the name of a field, stands in double quotes: `\"`";
    all_told(&[
        ("", 0, "there is no value"),
        (" \n", 2, "there is no value"),
        ("{\"a\": [1, 2", 11, "the text ends before its value does"),
        ("{\"a\":", 5, "the text ends before its value does"),
        ("{\"a\"", 4, "the text ends before its value does"),
        ("[1,]", 3, "the `,` before it is one too many"),
        ("{\"a\": 1,\n}", 9, "the `,` before it is one too many"),
        ("{\"a\" 1}", 5, "a `:` is missing after the name of a field"),
        ("{1: 2}", 1, "the name of a field is needed, in double quotes"),
        ("{\"a\": 1 \"b\": 2}", 8, "a `,` or `}` is needed here"),
        ("[1 2]", 3, "a `,` or `]` is needed here"),
        ("[1}", 2, "a `,` or `]` is needed here"),
        ("{} {}", 3, "the value has ended before; nothing may follow it"),
        ("[,1]", 1, "a value is needed here"),
        ("{\"a\": }", 6, "a value is needed here"),
        ("{'a': 1}", 1, quotes),
        ("[“a”]", 1, quotes),
        ("[1, // one\n2]", 4, "JSON has no comments"),
        ("{\"a\": {{ input.x }}}", 6, "a template needs quotes: `\"{{ … }}\"`"),
        ("[\u{a0}1]", 1, "`\\u{a0}` begins no value of JSON; a text needs double quotes"),
    ]);
}
