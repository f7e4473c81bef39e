//! Every value is read as it was written; compact text is the same to the letter.

use mongodb::bson::raw::CString;
use mongodb::bson::{Bson, Document, RawDocumentBuf, doc};
use proptest::prelude::*;
use serde_json::{Value, json};
use updraft_protocol::Json;
use updraft_protocol::limits::{MONGO_VALUE_BYTES, MONGO_VALUE_NESTING, VALUE_NESTING};

use super::read;

const KEY: &str = "a key";

/// A document with only the value.
fn document(json: &Json) -> RawDocumentBuf {
    let mut document = RawDocumentBuf::new();
    document.append(CString::try_from(KEY).unwrap(), super::value(json.as_str()));
    document
}

fn stored(json: &Json) -> Bson {
    let mut document = Document::try_from(document(json)).expect("BSON that another reader reads");
    assert_eq!(document.len(), 1);
    document.remove(KEY).expect("the key")
}

fn is_text(json: &Json) -> bool {
    matches!(stored(json), Bson::Binary(_))
}

fn back(json: &Json) -> Json {
    read(document(json).get(KEY).unwrap().unwrap()).expect("what was written is read")
}

/// The printed form of a value, exact to the last bit: `-0.0` equals `0.0`, but prints differently.
fn value(json: &Json) -> String {
    json.value().to_string()
}

fn parsed(text: &str) -> Json {
    Json::parse(text).unwrap()
}

fn nested(levels: usize) -> String {
    format!("{}1{}", "[".repeat(levels), "]".repeat(levels))
}

#[test]
fn compact_text_comes_back_to_the_letter_as_bson() {
    let deep = format!("{}1{}", r#"{"":["#.repeat(32), "]}".repeat(32));
    let cases = [
        "null",
        "true",
        "false",
        "0",
        "-1",
        "1",
        "2147483647",
        "2147483648",
        "-2147483648",
        "-2147483649",
        "9223372036854775807",
        "-9223372036854775808",
        "1.0",
        "-0.0",
        "5e-324",
        "1.7976931348623157e+308",
        "0.1",
        "1e+16",
        "123456789.125",
        r#""""#,
        r#""$tenant_code""#,
        r#""a\u0000b\"\\\n\t\r\b\f/""#,
        r#""ä 漢字 🦀  ""#,
        "[]",
        "{}",
        "[[],{},[{}]]",
        r#"{"z":1,"a":2,"m":{"z":[],"a":{}}}"#,
        r#"{"$set":{"$where":"1"},"$literal":"$x","$$ROOT":"$$NOW"}"#,
        r#"{"a.b.c":1,".":2,"":3,"_id":{"$oid":"507f1f77bcf86cd799439011"}}"#,
        "[0,1,2,3,4,5,6,7,8,9,10,11]",
        deep.as_str(),
    ];
    for text in cases {
        let json = parsed(text);
        assert!(!is_text(&json), "{text}");
        assert_eq!(back(&json).as_str(), text);
    }
}

#[test]
fn a_backend_finds_ordinary_values_in_their_own_types() {
    let json =
        Json::from(json!({"n": 1, "l": 1_u64 << 40, "f": 1.5, "s": "x", "b": true, "o": {"a": [null, 2]}}));
    let expected = doc! {
        "n": 1_i32, "l": 1_i64 << 40, "f": 1.5, "s": "x", "b": true, "o": { "a": [Bson::Null, 2_i32] },
    };
    assert_eq!(stored(&json), Bson::Document(expected));
}

#[test]
fn what_bson_cannot_keep_is_kept_as_text() {
    let cases = [
        "18446744073709551615",
        "9223372036854775808",
        "-9223372036854775809",
        "[1,[18446744073709551615]]",
        "123456789012345678901234567890",
        "1e999",
        "-1e-400",
        "0.30000000000000000001",
        "[0.1,{\"a\":1.00000000000000000000000001}]",
        "9007199254740993.0",
        r#"{"a":1,"a":2}"#,
        r#"{"a":1,"b":2,"\u0061":3}"#,
        r#"{"x":{"a":1,"a":2}}"#,
        r#"{"a\u0000b":1}"#,
        r#"{"\u0000":1}"#,
    ];
    for text in cases {
        let json = parsed(text);
        assert!(is_text(&json), "{text}");
        assert_eq!(back(&json).as_str(), text);
    }
}

#[test]
fn the_same_key_in_two_objects_is_no_duplicate() {
    for text in [r#"{"a":{"a":1},"b":{"a":2},"c":[{"a":3},{"a":4}]}"#, r#"[{"k":1},{"k":1}]"#] {
        assert!(!is_text(&parsed(text)), "{text}");
        assert_eq!(back(&parsed(text)).as_str(), text);
    }
}

#[test]
fn nesting_is_bson_up_to_the_limit_and_text_beyond_it() {
    for (levels, text) in
        [(MONGO_VALUE_NESTING, false), (MONGO_VALUE_NESTING + 1, true), (VALUE_NESTING, true)]
    {
        let json = parsed(&nested(levels));
        assert_eq!(is_text(&json), text, "{levels}");
        assert!(back(&json) == json, "{levels}");
    }
}

#[test]
fn a_value_that_swells_is_kept_as_text() {
    let numbers = format!("[{}1]", "1,".repeat(MONGO_VALUE_BYTES / 10));
    let json = parsed(&numbers);
    assert!(numbers.len() < MONGO_VALUE_BYTES && is_text(&json));
    assert!(back(&json) == json);
    let long = parsed(&format!("\"{}\"", "x".repeat(MONGO_VALUE_BYTES - 100)));
    assert!(!is_text(&long) && back(&long) == long);
    let longer = parsed(&format!("\"{}\"", "x".repeat(MONGO_VALUE_BYTES)));
    assert!(is_text(&longer) && back(&longer) == longer);
}

#[test]
fn spaces_and_escapes_say_nothing() {
    let cases = [
        (
            " { \"a\" : [ 1 , { } , [ ] ] ,\n\t\"b\":\"\\u00e4\\ud83e\\udd80\\/\" }\r\n",
            r#"{"a":[1,{},[]],"b":"ä🦀/"}"#,
        ),
        ("1E2", "100.0"),
        ("1.50", "1.5"),
        ("-0", "-0.0"),
        ("0.1e1", "1.0"),
    ];
    for (text, compact) in cases {
        let json = parsed(text);
        assert_eq!(back(&json).as_str(), compact);
        assert_eq!(value(&back(&json)), value(&json), "{text}");
    }
}

#[test]
fn what_no_json_value_becomes_is_refused() {
    use mongodb::bson::spec::BinarySubtype;
    let binary = |subtype: u8, bytes: &[u8]| {
        Bson::from(mongodb::bson::Binary { subtype: BinarySubtype::from(subtype), bytes: bytes.to_vec() })
    };
    let mut values = vec![
        Bson::DateTime(mongodb::bson::DateTime::from_millis(0)),
        Bson::ObjectId(mongodb::bson::oid::ObjectId::from_bytes([7; 12])),
        Bson::Double(f64::NAN),
        Bson::Double(f64::INFINITY),
        binary(0x00, b"1"),
        binary(0x81, b"1"),
        binary(0x80, b"{"),
        binary(0x80, b"\"\xff\""),
        Bson::Array(vec![Bson::Undefined]),
    ];
    values.push((0..300).fold(Bson::Null, |inner, _| Bson::Array(vec![inner])));
    for value in values {
        let document = RawDocumentBuf::try_from(&doc! { KEY: &value }).unwrap();
        assert_eq!(read(document.get(KEY).unwrap().unwrap()), None, "{value}");
    }
}

fn any_value() -> impl Strategy<Value = Value> {
    let float =
        any::<u64>().prop_map(f64::from_bits).prop_filter("JSON has no others", |float| float.is_finite());
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        float.prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            prop::collection::vec(("[a$.\u{0}ä]{0,3}", inner), 0..8)
                .prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_value_comes_back_to_the_letter(value in any_value()) {
        let json = Json::from(value);
        prop_assert_eq!(back(&json), json);
    }

    #[test]
    fn any_spacing_of_a_value_comes_back_as_that_value(any in any_value()) {
        let json = parsed(&serde_json::to_string_pretty(&any).unwrap());
        prop_assert_eq!(value(&back(&json)), value(&json));
    }

    #[test]
    fn any_float_comes_back_however_it_is_written(digits in "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,25})?([eE][-+]?[0-9]{1,3})?") {
        let json = parsed(&digits);
        prop_assert_eq!(value(&back(&json)), value(&json));
    }

    #[test]
    fn any_text_comes_back_escaped_or_not(text in any::<String>()) {
        let mut escaped = String::from("\"");
        for unit in text.encode_utf16() {
            escaped.push_str(&format!("\\u{unit:04X}"));
        }
        escaped.push('"');
        prop_assert_eq!(back(&parsed(&escaped)), Json::from(json!(text)));
    }

    #[test]
    fn whatever_is_taken_for_json_comes_back(tokens in prop::collection::vec(
        prop::sample::select(vec!["[", "]", "{", "}", ",", ":", "1", "-0", "\"a\"", "\"\"", "1e5", "null", " ", "\"\\ud800\""]), 0..12)
    ) {
        if let Ok(json) = Json::parse(&tokens.concat()) {
            prop_assert_eq!(value(&back(&json)), value(&json));
        }
    }
}
