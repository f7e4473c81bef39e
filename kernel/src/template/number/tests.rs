//! The value of numbers, and arithmetic with them: compared with whole numbers and the standard library's own reading
//! of decimals.

use proptest::prelude::*;

use super::*;
use crate::template::code::Operator;

#[test]
fn numbers_are_written_as_they_were_read() {
    for text in [
        "0",
        "-0",
        "-1",
        "18446744073709551615",
        "18446744073709551616",
        "1.5",
        "1.10",
        "1e3",
        "0.1",
        "123456789012345678901234567890",
        "1E400",
        "-0.0",
        "0.30000000000000004",
        "1.0",
    ] {
        let mut written = String::new();
        Number::parse(text).append(&mut written);
        assert_eq!(written, text);
    }
}

#[test]
fn numbers_compare_by_what_they_are_worth() {
    let order = |left: &str, right: &str| Number::parse(left).compare(&Number::parse(right)).unwrap();
    for (left, right) in [
        ("1.10", "1.1"),
        ("1e3", "1000"),
        ("-0", "0"),
        ("0.0", "0"),
        ("18446744073709551616", "1.8446744073709551616e19"),
        ("100", "1.0E2"),
        ("0e5", "0"),
    ] {
        assert!(order(left, right).is_eq() && order(right, left).is_eq(), "{left} {right}");
    }
    for (less, more) in [
        ("9007199254740992.0", "9007199254740993"),
        ("-2", "-1"),
        ("-1e400", "1"),
        ("1e-400", "1"),
        ("0", "1e-400"),
        ("99", "1e2"),
        ("0.30000000000000003", "0.30000000000000004"),
        ("1e-99999999999999999999999999999999999999999", "1"),
    ] {
        assert!(order(less, more).is_lt() && order(more, less).is_gt(), "{less} {more}");
    }
}

#[test]
fn what_cannot_be_held_is_not_calculated_with() {
    assert!(matches!(Number::parse("1.10").amount(), Ok(Amount::Fraction(number)) if number == 1.1));
    for text in [
        "100000000000000000000",
        "-18446744073709551616",
        "123456789012345678901234567890",
        "1e400",
        "1e-400",
        "0.1000000000000000000001",
        "9007199254740993.0",
    ] {
        assert!(Number::parse(text).amount().is_err(), "{text}");
    }
    for number in [(1 << 53) + 1, 1 << 63] {
        assert!(Amount::Whole(number).fraction().is_err(), "{number}");
    }
    assert!(matches!(Number::parse("-0").amount(), Ok(Amount::Whole(0))));
}

#[test]
fn a_whole_part_loses_nothing_before_the_point() {
    let whole = |text: &str| match Spelled::read(text).map(Spelled::whole_part) {
        Some(Ok(amount)) => amount.number().map(|number| number.digits(&mut Short::new()).to_owned()).ok(),
        _ => None,
    };
    for (text, expected) in [
        ("9007199254740993.7", "9007199254740993"),
        ("5.999999999999999999999", "5"),
        ("-0.9", "0"),
        ("+1.5e3", "1500"),
        (" .5e1 ", "5"),
        ("1e-999999999999", "0"),
        ("18446744073709551615.9", "18446744073709551615"),
        ("-9223372036854775808", "-9223372036854775808"),
        ("007", "7"),
    ] {
        assert_eq!(whole(text).as_deref(), Some(expected), "{text}");
        assert!(Number::parse(text.trim()).whole_part().is_ok(), "{text}");
    }
    for text in [
        "18446744073709551616",
        "-9223372036854775809",
        "1e20",
        "1e999999999999",
        "",
        ".",
        "e5",
        "1e",
        "--1",
        "0x1F",
        "inf",
        "1_000",
    ] {
        assert_eq!(whole(text), None, "{text}");
    }
}
fn calculated(left: &str, operator: Operator, right: &str) -> Option<String> {
    let (left, right) = (Number::parse(left).amount().ok()?, Number::parse(right).amount().ok()?);
    let mut text = String::new();
    left.calculate(operator, right).ok()?.number().ok()?.append(&mut text);
    Some(text)
}

#[test]
fn fractions_are_calculated_with_as_decimals() {
    use Operator::{Add, Divide, DivideWhole, Multiply, Remainder, Subtract};
    for (left, operator, right, expected) in [
        ("0.1", Add, "0.2", "0.3"),
        ("1.1", Multiply, "1.1", "1.21"),
        ("0.3", Subtract, "0.1", "0.2"),
        ("100", Multiply, "1.1", "110.0"),
        ("9007199254740993", Subtract, "9007199254740992.0", "1.0"),
        ("9007199254740993", Divide, "3", "3002399751580331.0"),
        ("10", Divide, "4", "2.5"),
        ("1", Divide, "3", "0.3333333333333333"),
        ("2", Divide, "3", "0.6666666666666666"),
        ("-1", Divide, "3", "-0.3333333333333333"),
        ("1e15", Add, "0.3", "1000000000000000.2"),
        ("1", Subtract, "3.14e-50", "1.0"),
        ("1e300", Multiply, "1e-300", "1.0"),
        ("1.5", DivideWhole, "0.5", "3.0"),
        ("0.3", DivideWhole, "0.1", "3.0"),
        ("-0.5", DivideWhole, "1", "-1.0"),
        ("0.3", Remainder, "0.1", "0.0"),
        ("-0.5", Remainder, "1", "0.5"),
        ("9007199254740993", Remainder, "2.0", "1.0"),
        ("1e300", Add, "0.0", "1e+300"),
        ("-0", Add, "1", "1"),
    ] {
        assert_eq!(
            calculated(left, operator, right).as_deref(),
            Some(expected),
            "{left} {operator:?} {right}"
        );
    }
}

#[test]
fn a_result_that_would_lose_digits_before_its_point_is_refused() {
    use Operator::{Add, Divide, DivideWhole, Multiply, Remainder, Subtract};
    for (left, operator, right) in [
        ("10000000000000000.0", Add, "1"),
        ("9007199254740992", Add, "1.0"),
        ("9007199254740991", Multiply, "3.0"),
        ("9007199254740992.5", Add, "0.5"),
        ("1e300", Add, "1e-300"),
        ("1e300", Subtract, "1"),
        ("1e20", Divide, "3"),
        ("9007199254740993", Divide, "1"),
        ("18446744073709551615", Add, "1"),
        ("-9223372036854775808", Subtract, "1"),
        ("100000000000000000000", Add, "1"),
        ("100000000000000000000", Subtract, "99999999999999999999"),
        ("1e300", Multiply, "1e300"),
        ("1e-300", Multiply, "1.1e-300"),
        ("1e300", DivideWhole, "7"),
        ("9007199254740993", DivideWhole, "1.0"),
        ("1e300", Remainder, "7"),
        ("1", Divide, "0.0"),
        ("1", Remainder, "0.0"),
    ] {
        assert_eq!(calculated(left, operator, right), None, "{left} {operator:?} {right}");
    }
}

/// A decimal of so many millionths, as text.
fn millionths(number: i128) -> String {
    scaled(number, 6)
}

fn scaled(number: i128, places: usize) -> String {
    let sign = if number < 0 { "-" } else { "" };
    let digits = format!("{:0>width$}", number.unsigned_abs(), width = places + 1);
    let (whole, fraction) = digits.split_at(digits.len() - places);
    format!("{sign}{whole}.{fraction}")
}

/// The expected result for an exact one: itself, its nearest float, or a refusal.
fn expected(exact: &str) -> Option<f64> {
    let near: f64 = exact.parse().unwrap();
    // The standard library writes the shortest digits, without an exponent.
    let shortest = format!("{near:?}");
    let shortest = if shortest.contains('e') { format!("{near}.0") } else { shortest };
    let plain = exact.trim_end_matches('0');
    let plain = if plain.ends_with('.') { format!("{plain}0") } else { plain.to_owned() };
    (shortest == plain || near.abs() < 9_007_199_254_740_992.0).then_some(near)
}

proptest! {
    #[test]
    fn a_sum_a_difference_and_a_product_are_exact_or_nearest_or_refused(
        left in prop_oneof![-1_000_000_000_i128..1_000_000_000, -(1 << 53)..(1_i128 << 53)],
        right in prop_oneof![-1_000_000_000_i128..1_000_000_000, -(1 << 53)..(1_i128 << 53)],
    ) {
        let (first, second) = (millionths(left), millionths(right));
        for (operator, exact) in [
            (Operator::Add, scaled(left + right, 6)),
            (Operator::Subtract, scaled(left - right, 6)),
            (Operator::Multiply, scaled(left * right, 12)),
        ] {
            let given = [&first, &second].into_iter().all(|text| Number::parse(text).amount().is_ok());
            let result = calculated(&first, operator, &second).map(|text| text.parse::<f64>().unwrap());
            prop_assert_eq!(result, expected(&exact).filter(|_| given), "{} {:?} {}", first, operator, second);
        }
    }

    #[test]
    fn a_quotient_is_the_nearest_or_refused(left in -(1_i128 << 53)..(1 << 53), right in 1_i128..(1 << 53), near in 1_i128..1000) {
        for right in [right, near] {
            // The processor's quotient of whole numbers that floats hold is the nearest.
            let result = calculated(&left.to_string(), Operator::Divide, &right.to_string());
            prop_assert_eq!(result.map(|text| text.parse::<f64>().unwrap()), Some(left as f64 / right as f64));
        }
    }

    #[test]
    fn whole_numbers_are_exact_or_refused(left: i64, right: i64, small in -1000_i64..1000) {
        for right in [right, small] {
            let (l, r) = (i128::from(left), i128::from(right));
            for (operator, exact) in [
                (Operator::Add, Some(l + r)),
                (Operator::Subtract, Some(l - r)),
                (Operator::Multiply, Some(l * r)),
                (Operator::DivideWhole, l.checked_div_euclid(r)),
                (Operator::Remainder, l.checked_rem_euclid(r)),
            ] {
                let exact = exact.filter(|exact| i64::try_from(*exact).is_ok() || u64::try_from(*exact).is_ok());
                let result = calculated(&left.to_string(), operator, &right.to_string());
                prop_assert_eq!(result, exact.map(|exact| exact.to_string()), "{} {:?} {}", left, operator, right);
            }
        }
    }

    #[test]
    fn a_whole_part_is_what_stands_before_the_point(whole: i64, behind in "[0-9]{1,40}") {
        let text = format!("{whole}.{behind}");
        let mut read = String::new();
        Number::parse(&text).whole_part().unwrap().number().unwrap().append(&mut read);
        prop_assert_eq!(read, whole.to_string());
    }
}
