//! The order of JSON's numbers, exactly: never rounds a number to compare it.

use std::cmp::Ordering;

use updraft_protocol::Number;

/// The largest power of ten that is distinguished from larger ones: no value of a tool is near it.
const EXPONENT_MAX: i128 = 1 << 100;

/// The exact order of two numbers.
pub(super) fn compare(left: &Number, right: &Number) -> Ordering {
    if let (Some(left), Some(right)) = (whole(left), whole(right)) {
        return left.cmp(&right);
    }
    // The shortest decimals of two `f64`s have the order of the `f64`s.
    if let (Some(left), Some(right)) = (left.as_exact_f64(), right.as_exact_f64()) {
        return left.partial_cmp(&right).unwrap_or(Ordering::Equal);
    }
    Decimal::read(&left.to_string()).cmp(&Decimal::read(&right.to_string()))
}

fn whole(number: &Number) -> Option<i128> {
    number.as_u64().map(i128::from).or_else(|| number.as_i64().map(i128::from))
}

/// A decimal number: 0.`digits` times ten to the power of `exponent`.
#[derive(Debug, PartialEq, Eq)]
struct Decimal {
    negative: bool,
    /// Without zeros at either end; empty for zero.
    digits: String,
    exponent: i128,
}

impl Decimal {
    /// Reads a number in the grammar of JSON.
    fn read(text: &str) -> Self {
        let (negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = format!("{whole}{fraction}");
        let significant = all.trim_start_matches('0');
        let zeros = i128::try_from(all.len() - significant.len()).unwrap_or(EXPONENT_MAX);
        let before_point = i128::try_from(whole.len()).unwrap_or(EXPONENT_MAX);
        let digits = significant.trim_end_matches('0').to_owned();
        if digits.is_empty() {
            return Self { negative: false, digits, exponent: 0 };
        }
        Self { negative, digits, exponent: power(exponent) + before_point - zeros }
    }
}

fn power(text: &str) -> i128 {
    let limit = if text.starts_with('-') { -EXPONENT_MAX } else { EXPONENT_MAX };
    text.strip_prefix('+')
        .unwrap_or(text)
        .parse()
        .map_or(limit, |power: i128| power.clamp(-EXPONENT_MAX, EXPONENT_MAX))
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        let sign = |decimal: &Self| match (decimal.digits.is_empty(), decimal.negative) {
            (true, _) => 0,
            (false, true) => -1,
            (false, false) => 1,
        };
        let size = || (self.exponent, &self.digits).cmp(&(other.exponent, &other.digits));
        sign(self).cmp(&sign(other)).then_with(|| if self.negative { size().reverse() } else { size() })
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_in_the_order_of_their_values_to_the_last_digit() {
        let ascending = [
            "-1e400",
            "-18446744073709551617",
            "-18446744073709551616",
            "-9007199254740993",
            "-9007199254740992.5",
            "-1",
            "-0.10000000000000000001",
            "-0.1",
            "-1e-400",
            "0",
            "1e-400",
            "0.1",
            "0.10000000000000000001",
            "1",
            "1.0000000000000000000000001",
            "9007199254740992",
            "9007199254740992.5",
            "9007199254740993",
            "18446744073709551615",
            "18446744073709551616",
            "1e400",
            "1e99999999999999999999",
        ];
        for (at, left) in ascending.iter().enumerate() {
            for (other, right) in ascending.iter().enumerate() {
                let (left, right) = (Number::parse(left).unwrap(), Number::parse(right).unwrap());
                assert_eq!(compare(&left, &right), at.cmp(&other), "{left} {right}");
            }
        }
    }

    #[test]
    fn one_number_in_two_spellings_is_equal() {
        for (left, right) in [
            ("1", "1.0"),
            ("100", "1e2"),
            ("-0", "0"),
            ("0.0", "0e5"),
            ("12.50", "1.25E+1"),
            ("18446744073709551616", "18446744073709551616.0"),
            ("0.00010000000000000000000001", "1.0000000000000000000001e-4"),
        ] {
            let (left, right) = (Number::parse(left).unwrap(), Number::parse(right).unwrap());
            assert_eq!(compare(&left, &right), Ordering::Equal, "{left} {right}");
        }
    }
}
