//! Which inputs are the same, and which are not. Numbers are a mantissa and a power of ten, which the tests compare by
//! themselves.

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

use super::*;
use crate::codec;

fn hash(input: &str) -> InputHash {
    InputHash::of(&Value::parse(input).unwrap(), &BTreeMap::new())
}

/// A value of the tests, which can be written in more than one way.
#[derive(Debug, Clone)]
enum Sample {
    Null,
    Bool(bool),
    /// A mantissa times a power of ten from 0 to 9.
    Number(i64, u32),
    Text(String),
    List(Vec<Sample>),
    Map(BTreeMap<String, Sample>),
}

impl PartialEq for Sample {
    fn eq(&self, other: &Self) -> bool {
        let number = |mantissa: &i64, power: &u32| i128::from(*mantissa) * 10_i128.pow(*power);
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Bool(one), Self::Bool(other)) => one == other,
            (Self::Number(one, up), Self::Number(other, high)) => number(one, up) == number(other, high),
            (Self::Text(one), Self::Text(other)) => one == other,
            (Self::List(one), Self::List(other)) => one == other,
            (Self::Map(one), Self::Map(other)) => one == other,
            _ => false,
        }
    }
}

impl Sample {
    /// The value as JSON, written in way `way`: with white space, with its keys in the other order, with its numbers as
    /// whole numbers, with a fraction, or with an exponent.
    fn spelled(&self, way: u32) -> String {
        let space = if way.is_multiple_of(2) { "" } else { " \n\t" };
        match self {
            Self::Null => format!("{space}null"),
            Self::Bool(value) => format!("{value}{space}"),
            Self::Number(mantissa, power) => match way % 3 {
                0 => (i128::from(*mantissa) * 10_i128.pow(*power)).to_string(),
                1 => format!("{mantissa}.000E+0{power}"),
                _ => format!("{}e{}", i128::from(*mantissa) * 100, i64::from(*power) - 2),
            },
            Self::Text(text) if way.is_multiple_of(2) => serde_json::to_string(text).unwrap(),
            Self::Text(text) => {
                let escaped: String = text.encode_utf16().map(|unit| format!("\\u{unit:04X}")).collect();
                format!("\"{escaped}\"")
            }
            Self::List(items) => {
                let items: Vec<_> = items.iter().map(|item| item.spelled(way)).collect();
                format!("[{}]", items.join(&format!("{space},")))
            }
            Self::Map(fields) => {
                let mut fields: Vec<_> = fields
                    .iter()
                    .map(|(name, value)| {
                        format!("{}:{space}{}", serde_json::to_string(name).unwrap(), value.spelled(way))
                    })
                    .collect();
                if way % 4 > 1 {
                    fields.reverse();
                }
                format!("{{{}}}", fields.join(","))
            }
        }
    }
}

/// Few and short texts and numbers, so that two values are often nearly the same.
fn sample() -> impl Strategy<Value = Sample> {
    let leaf = prop_oneof![
        Just(Sample::Null),
        any::<bool>().prop_map(Sample::Bool),
        (-3_i64..120, 0_u32..4).prop_map(|(mantissa, power)| Sample::Number(mantissa, power)),
        (any::<i64>(), 0_u32..9).prop_map(|(mantissa, power)| Sample::Number(mantissa, power)),
        "[ab0\"😀]{0,2}".prop_map(Sample::Text),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(Sample::List),
            btree_map("[ab]{0,2}", inner, 0..3).prop_map(Sample::Map),
        ]
    })
}

/// A value with one part of it changed.
fn changed(value: &Value, at: usize) -> Value {
    match value {
        Value::Null => Value::Bool(false),
        Value::Bool(value) => Value::Bool(!value),
        Value::Number(number) => Value::String(number.to_string()),
        Value::String(text) => Value::String(format!("{text}a")),
        Value::Array(items) if items.is_empty() => Value::Array(vec![Value::Null]),
        Value::Array(items) => {
            let mut items = items.clone();
            let index = at % items.len();
            items[index] = changed(&items[index], at / items.len());
            Value::Array(items)
        }
        Value::Object(fields) if fields.is_empty() => Value::Array(Vec::new()),
        Value::Object(fields) => {
            let mut fields = fields.clone();
            let name = fields.keys().nth(at % fields.len()).unwrap().clone();
            let other = changed(&fields[&name], at / fields.len());
            fields.insert(name, other);
            Value::Object(fields)
        }
    }
}

proptest! {
    #[test]
    fn order_white_space_escapes_and_spelling_of_numbers_make_no_difference(value in sample(), way in 1_u32..12) {
        prop_assert_eq!(hash(&value.spelled(0)), hash(&value.spelled(way)));
    }

    #[test]
    fn two_values_are_hashed_alike_where_they_are_the_same_and_nowhere_else(one in sample(), other in sample()) {
        prop_assert_eq!(hash(&one.spelled(0)) == hash(&other.spelled(1)), one == other);
    }

    #[test]
    fn any_change_gives_another_hash(value in sample(), at in any::<usize>()) {
        let value = Value::parse(&value.spelled(0)).unwrap();
        let variables = BTreeMap::new();
        prop_assert_ne!(InputHash::of(&value, &variables), InputHash::of(&changed(&value, at), &variables));
    }
}

#[test]
fn numbers_are_told_apart_by_every_digit() {
    let numbers = [
        "0",
        "1",
        "-1",
        "9007199254740992",
        "9007199254740993",
        "123456789012345678901234567890",
        "123456789012345678901234567891",
        "-123456789012345678901234567890",
        "0.1",
        "0.1000000000000000055511151231257827",
        "1e400",
        "1e401",
        "1e99999999999999999999",
        "1e99999999999999999998",
        "\"1\"",
    ];
    for (at, one) in numbers.iter().enumerate() {
        for other in &numbers[at + 1..] {
            assert_ne!(hash(one), hash(other), "{one} {other}");
        }
    }
    for (one, other) in [
        ("1", "1.0"),
        ("1e400", "10.0E+399"),
        ("-0", "0"),
        ("0.0e7", "0"),
        ("18446744073709551616", "184467440737095516160e-1"),
    ] {
        assert_eq!(hash(one), hash(other), "{one} {other}");
    }
}

#[test]
fn what_stands_in_one_place_is_not_what_stands_in_another() {
    let inputs = [
        "null",
        "false",
        "[]",
        "{}",
        "\"\"",
        "[[]]",
        "[[],[]]",
        "[{}]",
        "{\"a\":null}",
        "{\"\":{\"a\":null}}",
        "[\"ab\"]",
        "[\"a\",\"b\"]",
        "[\"a,b\"]",
        "\"n\"",
        "\"null\"",
        "[null,null]",
        "[1,2]",
        "[12]",
        "{\"a\":1,\"b\":2}",
        "{\"a\":2,\"b\":1}",
        "{\"a\":{\"b\":1}}",
        "{\"a\":[\"b\",1]}",
    ];
    for (at, one) in inputs.iter().enumerate() {
        for other in &inputs[at + 1..] {
            assert_ne!(hash(one), hash(other), "{one} {other}");
        }
    }
}

#[test]
fn a_variable_is_not_a_part_of_the_input() {
    let of = |input: serde_json::Value, variables: serde_json::Value| {
        let Value::Object(variables) = Value::from(variables) else { panic!("a map") };
        InputHash::of(&input.into(), &variables)
    };
    use serde_json::json;
    let hashes = [
        of(json!(null), json!({})),
        of(json!({}), json!({})),
        of(json!({ "a": 1 }), json!({})),
        of(json!({}), json!({ "a": 1 })),
        of(json!({ "a": 1 }), json!({ "a": 1 })),
        of(json!({ "a": 1 }), json!({ "a": 2 })),
    ];
    for (at, one) in hashes.iter().enumerate() {
        assert!(!hashes[at + 1..].contains(one), "{at}");
    }
}

#[test]
fn its_text_and_its_bytes_come_back() {
    let one = hash("{\"a\":[1,\"ä\"]}");
    assert_eq!(one.to_string().len(), 64);
    assert_eq!(one.to_string().parse(), Ok(one));
    let mut bytes = Vec::new();
    codec::encode_into(&one, &mut bytes).unwrap();
    assert_eq!(bytes.len(), 1 + BYTES);
    assert_eq!(codec::decode(&bytes), Ok(one));
    let json = serde_json::to_string(&one).unwrap();
    assert_eq!(json, format!("\"{one}\""));
    assert_eq!(serde_json::from_str::<InputHash>(&json).unwrap(), one);
    for text in ["", "ab", &"g".repeat(64), &"0".repeat(63), &"0".repeat(65), &"+1".repeat(32)] {
        assert_eq!(text.parse::<InputHash>(), Err(NotAHash), "{text}");
    }
}

/// Hashes are stored, so the form must not change. The bytes are written by hand from the module's description.
#[test]
fn the_canonical_form_is_the_documented_one() {
    let mut form = Vec::new();
    let count = |kind: u8, count: u8, form: &mut Vec<u8>| form.extend([kind, count]);
    count(b'm', 3, &mut form);
    count(b's', 1, &mut form);
    form.extend_from_slice(b"a");
    count(b'l', 4, &mut form);
    form.extend_from_slice(b"ntf");
    count(b'd', 5, &mut form);
    form.extend_from_slice(b"-15e1");
    count(b's', 1, &mut form);
    form.extend_from_slice(b"b");
    count(b's', 2, &mut form);
    form.extend_from_slice("ä".as_bytes());
    count(b's', 1, &mut form);
    form.extend_from_slice(b"c");
    // 300 is 2 * 128 + 44.
    form.extend([b's', 44 | 0x80, 2]);
    let long = "x".repeat(300);
    form.extend_from_slice(long.as_bytes());
    count(b'm', 0, &mut form);
    let expected = InputHash(Sha256::digest(&form).into());
    let input = format!("{{\"b\": \"\\u00e4\", \"a\": [null, true, false, -150.0], \"c\": \"{long}\"}}");
    assert_eq!(hash(&input), expected);
}

#[test]
fn values_have_one_hash_where_they_are_equal() {
    let of = |text: &str| InputHash::of_value(&crate::json::Json::parse(text).unwrap().value());
    let long = "9".repeat(10_000);
    for (one, other, are_equal) in [
        ("7", "7.0", true),
        ("7", "\"7\"", false),
        ("[1, {\"a\": 2, \"b\": null}]", "[1.0, {\"b\": null, \"a\": 20e-1}]", true),
        ("9007199254740993", "9007199254740992", false),
        (long.as_str(), &format!("{long}.0"), true),
        (long.as_str(), &format!("{long}1"), false),
        ("null", "false", false),
    ] {
        assert_eq!(of(one) == of(other), are_equal, "{}", &one[..one.len().min(40)]);
    }
}
