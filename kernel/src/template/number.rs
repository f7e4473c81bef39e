//! Numbers of the expression language, exact: JSON's numbers as they were written, compared by what they are
//! worth, calculated with where the result is exact enough to be one.

use std::cmp::Ordering;
use std::fmt::Write;
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

/// What writing a float makes beside its text.
pub(super) const FLOAT_BYTES: usize = 160;
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

    /// Appends it to a text, as JSON writes it.
    pub(super) fn append(&self, out: &mut String) {
        // Writing to a text cannot fail.
        let _ = match self {
            Self::I64(number) => write!(out, "{number}"),
            Self::U64(number) => write!(out, "{number}"),
            Self::F64(number) => out.write_str(&written(*number)),
            Self::Digits(digits) => out.write_str(digits),
        };
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

    /// The length of the text that [`Number::append`] gives, at most.
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

    /// How the two compare, however long they are. Makes nothing.
    pub(super) fn total_order(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::I64(left), Self::I64(right)) => left.cmp(right),
            (Self::F64(left), Self::F64(right)) => left.partial_cmp(right).unwrap_or(Ordering::Equal),
            _ => {
                let (mut left, mut right) = (Short::new(), Short::new());
                Decimal::read(self.digits(&mut left)).compare(&Decimal::read(other.digits(&mut right)))
            }
        }
    }

    /// The number's digits, written to `short` where they are not kept.
    fn digits<'n>(&'n self, short: &'n mut Short) -> &'n str {
        // What is written is short enough for its place.
        let _ = match self {
            Self::I64(number) => write!(short, "{number}"),
            Self::U64(number) => write!(short, "{number}"),
            Self::F64(number) => write!(short, "{number:e}"),
            Self::Digits(digits) => return digits,
        };
        short.as_str()
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

/// Room for the digits of a number that has few.
struct Short {
    bytes: [u8; 40],
    length: usize,
}

impl Short {
    fn new() -> Self {
        Self { bytes: [0; 40], length: 0 }
    }

    fn as_str(&self) -> &str {
        self.bytes.get(..self.length).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default()
    }
}

impl Write for Short {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        let end = self.length + text.len();
        self.bytes.get_mut(self.length..end).ok_or(std::fmt::Error)?.copy_from_slice(text.as_bytes());
        self.length = end;
        Ok(())
    }
}

/// A number as its digits, those of the whole and those behind the point without zeros at either end, and the place of
/// its point before the first.
struct Decimal<'n> {
    negative: bool,
    whole: &'n str,
    fraction: &'n str,
    point: i128,
}

impl<'n> Decimal<'n> {
    fn read(text: &'n str) -> Self {
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let negative = mantissa.starts_with('-');
        let mantissa = mantissa.trim_start_matches('-');
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        // An exponent beyond this is larger or smaller than all that are not.
        let bound = i128::from(i64::MAX);
        let beyond = if exponent.starts_with('-') { -bound } else { bound };
        let exponent = exponent.parse::<i128>().map_or(beyond, |exponent| exponent.clamp(-bound, bound));
        let mut point = exponent + whole.len() as i128;
        let (mut whole, mut fraction) = (whole, fraction.trim_end_matches('0'));
        if fraction.is_empty() {
            whole = whole.trim_end_matches('0');
        }
        let zeros = whole.len();
        whole = whole.trim_start_matches('0');
        point -= (zeros - whole.len()) as i128;
        if whole.is_empty() {
            let zeros = fraction.len();
            fraction = fraction.trim_start_matches('0');
            point -= (zeros - fraction.len()) as i128;
        }
        Self { negative, whole, fraction, point }
    }

    fn digits(&self) -> impl Iterator<Item = u8> {
        self.whole.bytes().chain(self.fraction.bytes())
    }

    fn sign(&self) -> i8 {
        match (self.whole.is_empty() && self.fraction.is_empty(), self.negative) {
            (true, _) => 0,
            (false, true) => -1,
            (false, false) => 1,
        }
    }

    fn compare(&self, other: &Self) -> Ordering {
        let by_sign = self.sign().cmp(&other.sign());
        if by_sign.is_ne() || self.sign() == 0 {
            return by_sign;
        }
        let size = self.point.cmp(&other.point).then_with(|| self.digits().cmp(other.digits()));
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
        for text in ["123456789012345678901234567890", "1e400", "0.1000000000000000000001"] {
            assert!(Number::parse(text).amount().is_err(), "{text}");
        }
        assert!(Amount::Whole((1 << 53) + 1).fraction().is_err());
    }
}
