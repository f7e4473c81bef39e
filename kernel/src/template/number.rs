//! Numbers of the expression language, exact: JSON's numbers as they were written, compared by what they are
//! worth, calculated with where the result is exact enough to be one.

use std::cmp::Ordering;
use std::sync::Arc;

use super::meter::{Result, refuse};

/// A number.
#[derive(Debug, Clone)]
pub(super) enum Number {
    I64(i64),
    U64(u64),
    F64(f64),
    /// What none of the others holds as it was written.
    Digits(Arc<str>),
}

/// A number to calculate with.
#[derive(Debug, Clone, Copy)]
pub(super) enum Amount {
    Whole(i128),
    Fraction(f64),
}

/// The digits of the longest number that operators look into.
const DIGITS: usize = 1 << 10;

impl Number {
    /// The number that a JSON text is.
    pub(super) fn parse(text: &str) -> Self {
        let whole = !text.contains(['.', 'e', 'E']) && text != "-0";
        if let (true, Ok(number)) = (whole, text.parse()) {
            return Self::I64(number);
        }
        if let (true, Ok(number)) = (whole, text.parse()) {
            return Self::U64(number);
        }
        match text.parse::<f64>() {
            Ok(number) if number.is_finite() && written(number) == text => Self::F64(number),
            _ => Self::Digits(text.into()),
        }
    }

    pub(super) fn from_u64(number: u64) -> Self {
        i64::try_from(number).map_or(Self::U64(number), Self::I64)
    }

    /// The number as JSON writes it.
    pub(super) fn write(&self) -> String {
        match self {
            Self::I64(number) => number.to_string(),
            Self::U64(number) => number.to_string(),
            Self::F64(number) => written(*number),
            Self::Digits(digits) => digits.as_ref().to_owned(),
        }
    }

    pub(super) fn is_zero(&self) -> bool {
        match self {
            Self::I64(number) => *number == 0,
            Self::U64(_) => false,
            Self::F64(number) => *number == 0.0,
            Self::Digits(digits) => {
                let mantissa = digits.split(['e', 'E']).next().unwrap_or_default();
                !mantissa.bytes().any(|byte| (b'1'..=b'9').contains(&byte))
            }
        }
    }

    /// Whether it has no part behind the point, whatever way it is written.
    pub(super) fn is_whole(&self) -> bool {
        match self {
            Self::I64(_) | Self::U64(_) => true,
            Self::F64(_) => false,
            Self::Digits(digits) => !digits.contains(['.', 'e', 'E']),
        }
    }

    /// The number to calculate with.
    ///
    /// # Errors
    /// One that would not be the same.
    pub(super) fn amount(&self) -> Result<Amount> {
        match self {
            Self::I64(number) => Ok(Amount::Whole((*number).into())),
            Self::U64(number) => Ok(Amount::Whole((*number).into())),
            Self::F64(number) => Ok(Amount::Fraction(*number)),
            Self::Digits(digits) => {
                let near = digits.parse::<f64>().ok().filter(|near| near.is_finite());
                match near {
                    Some(near) if digits.len() <= DIGITS && same(digits, &written(near)) => {
                        Ok(Amount::Fraction(near))
                    }
                    _ => inexact(),
                }
            }
        }
    }

    /// The length of the text that [`Number::write`] gives, at most.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Digits(digits) => digits.len(),
            _ => 26,
        }
    }

    /// How the two compare by what they are worth.
    pub(super) fn compare(&self, other: &Self) -> Result<Ordering> {
        match (self, other) {
            (Self::I64(left), Self::I64(right)) => Ok(left.cmp(right)),
            (Self::F64(left), Self::F64(right)) => Ok(left.partial_cmp(right).unwrap_or(Ordering::Equal)),
            _ if self.len().max(other.len()) > DIGITS => {
                refuse(format!("a number with more than {DIGITS} digits cannot be compared"))
            }
            _ => Ok(self.total_order(other)),
        }
    }

    /// How the two compare, however long they are.
    pub(super) fn total_order(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::I64(left), Self::I64(right)) => left.cmp(right),
            _ => Decimal::read(&self.write()).compare(&Decimal::read(&other.write())),
        }
    }
}

impl Amount {
    /// The number that it is.
    ///
    /// # Errors
    /// One that JSON's readers would not hold.
    pub(super) fn number(self) -> Result<Number> {
        match self {
            Self::Whole(number) => {
                let whole = i64::try_from(number).map(Number::I64);
                let whole = whole.or_else(|_| u64::try_from(number).map(Number::U64));
                whole.or_else(|_| refuse("a number is too large"))
            }
            Self::Fraction(number) if number.is_finite() => Ok(Number::F64(number)),
            Self::Fraction(_) => refuse("the number is not finite"),
        }
    }

    /// The number with a part behind the point.
    pub(super) fn fraction(self) -> Result<f64> {
        match self {
            Self::Whole(number) if (number as f64) as i128 == number => Ok(number as f64),
            Self::Whole(_) => inexact(),
            Self::Fraction(number) => Ok(number),
        }
    }
}

fn inexact<T>() -> Result<T> {
    refuse("a number has more digits than can be calculated with")
}

/// The shortest text that is this number again.
fn written(number: f64) -> String {
    serde_json::to_string(&number).unwrap_or_default()
}

fn same(left: &str, right: &str) -> bool {
    Decimal::read(left).compare(&Decimal::read(right)).is_eq()
}

/// A number as its digits, without zeros at either end, and the place of its point before the first.
struct Decimal {
    negative: bool,
    digits: Vec<u8>,
    point: i128,
}

impl Decimal {
    fn read(text: &str) -> Self {
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let negative = mantissa.starts_with('-');
        let mantissa = mantissa.trim_start_matches('-');
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        // An exponent beyond this is larger or smaller than all that are not.
        let bound = i128::from(i64::MAX);
        let beyond = if exponent.starts_with('-') { -bound } else { bound };
        let exponent = exponent.parse::<i128>().map_or(beyond, |exponent| exponent.clamp(-bound, bound));
        let mut digits: Vec<u8> = whole.bytes().chain(fraction.bytes()).collect();
        let zeros = digits.iter().take_while(|digit| **digit == b'0').count();
        digits.drain(..zeros);
        while digits.last() == Some(&b'0') {
            digits.pop();
        }
        let point = exponent + whole.len() as i128 - zeros as i128;
        Self { negative, digits, point }
    }

    fn compare(&self, other: &Self) -> Ordering {
        let sign = |number: &Self| match (number.digits.is_empty(), number.negative) {
            (true, _) => 0,
            (false, true) => -1,
            (false, false) => 1,
        };
        let by_sign = sign(self).cmp(&sign(other));
        if by_sign.is_ne() || sign(self) == 0 {
            return by_sign;
        }
        let size = self.point.cmp(&other.point).then_with(|| self.digits.cmp(&other.digits));
        if self.negative { size.reverse() } else { size }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            assert_eq!(Number::parse(text).write(), text);
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
        for text in ["123456789012345678901234567890", "1e400", "0.1000000000000000000001"] {
            assert!(Number::parse(text).amount().is_err(), "{text}");
        }
        assert!(Amount::Whole((1 << 53) + 1).fraction().is_err());
    }
}
