//! Numbers in templates: never rounded silently.

use super::*;

/// The output of a text for numbers that no float holds, or why there is none.
fn printed(text: &str) -> Result<String, String> {
    let input = r#"{"id": 9007199254740993, "long": 100000000000000000000, "d": 9007199254740993.7, "l": [0.1, 0.2, 0.3]}"#;
    let input = Json::parse(input).map_err(|error| error.to_string())?;
    let data = Data { input, ..Data::new(json!({})) };
    let value = compile(text)?.render(&data).map_err(|failure| failure.message)?;
    Ok(value["x"].as_str().unwrap_or("not a text").to_owned())
}

#[test]
fn a_number_goes_through_with_all_its_digits() {
    for (text, expected) in [
        ("{{ 0.1 + 0.2 == 0.3 }}", "true"),
        ("{{ input.l|sum }}", "0.6"),
        ("{{ 2.675|round(2) }}", "2.68"),
        ("{{ 1.1|round(1, 'ceil') }}", "1.1"),
        ("{{ -7.5|round }}", "-8.0"),
        ("{{ 1e-310|round(320) }}", "1e-310"),
        ("{{ 15|round(-1) }}", "20"),
        ("{{ 11|round(-1, 'ceil') }}", "20"),
        ("{{ 18446744073709551615|round }}", "18446744073709551615"),
        ("{{ '9007199254740993.7'|int }}", "9007199254740993"),
        ("{{ input.d|int }}", "9007199254740993"),
        ("{{ '5.999999999999999999999'|int }}", "5"),
        ("{{ 'ff'|int(base=16) }}", "255"),
        ("{{ ' +1.50 '|float }}", "1.5"),
        ("{{ '-0.1'|float }}", "-0.1"),
        ("{{ 'x'|float(2) }}", "2"),
        ("{{ 1e-400 > 0 }}", "true"),
        ("{{ 0.1234567890123456789 }}", "0.1234567890123456789"),
        ("{{ -0.1234567890123456789 }}", "-0.1234567890123456789"),
        ("{{ 1_000.5 }} {{ 007.50 }} {{ 1e400 }}", "1000.5 7.50 1e400"),
        ("{{ input.id == 9007199254740993.0 }} {{ input.id == 9007199254740992.0 }}", "true false"),
        (
            "{{ input.id is odd }} {{ 4.0 is even }} {{ 4.5 is even }} {{ 'x' is even }}",
            "true true false false",
        ),
    ] {
        let text = format!(" {text}");
        assert_eq!(printed(&text), Ok(format!(" {expected}")), "{text}");
    }
}

#[test]
fn a_number_that_would_be_rounded_is_refused() {
    for text in [
        "{{ input.long + 1 }}",
        "{{ input.long - 1 }}",
        "{{ 9007199254740992 + 1.0 }}",
        "{{ [9007199254740992.0, 1.5]|sum }}",
        "{{ '9007199254740993'|float }}",
        "{{ '9007199254740993'|float(0) }}",
        "{{ '1e-400'|float }}",
        "{{ '1e400'|float(0) }}",
        "{{ input.id|float }}",
        "{{ input.long|int }}",
        "{{ '100000000000000000000'|int(default=0) }}",
        "{{ 'fffffffffffffffffffffffffffffffffffffff'|int(default=0, base=16) }}",
        "{{ 18446744073709551615|round(-1, 'ceil') }}",
        "{{ input.long|round }}",
        "{{ input.long|abs }}",
        "{{ input.long is even }}",
        "{{ input.long is odd }}",
        "{{ 4 is divisibleby(input.long) }}",
        "{{ input.long is divisibleby(2) }}",
        "{{ 0.1234567890123456789 is odd }}",
    ] {
        let refused = printed(text).unwrap_err();
        assert!(
            refused.contains("number") && (refused.contains("digits") || refused.contains("large")),
            "{text}: {refused}"
        );
    }
}
