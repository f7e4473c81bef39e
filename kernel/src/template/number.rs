//! Numbers of the expression language, exact: JSON's numbers as they were written, compared by value. Arithmetic is
//! refused if its result cannot be exact enough.

mod decimal;
mod exact;

use std::cmp::Ordering;
use std::fmt::Write;
use std::sync::Arc;

use updraft_protocol::limits::NUMBER_DIGITS;

use crate::meter::{Result, refuse};
use decimal::{Decimal, Short};

pub(super) use exact::{Exact, FRACTION_WORK, Rounding};

/// A number.
#[derive(Debug, Clone)]
pub(super) enum Number {
    I64(i64),
    U64(u64),
    F64(f64),
    /// A number that no other variant holds as it was written.
    Digits(Arc<str>),
}

/// A number for arithmetic.
#[derive(Debug, Clone, Copy)]
pub(super) enum Amount {
    Whole(i128),
    Fraction(f64),
}

/// The memory that writing a float allocates beside its text.
pub(super) const FLOAT_BYTES: usize = 160;

impl Number {
    /// The number of a JSON text.
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

    /// Whether it has no fraction, however it is written.
    pub(super) fn is_whole(&self) -> bool {
        match self {
            Self::I64(_) | Self::U64(_) => true,
            Self::F64(_) => false,
            Self::Digits(digits) => !digits.contains(['.', 'e', 'E']),
        }
    }

    /// The number for arithmetic.
    ///
    /// # Errors
    /// The conversion would change the number.
    pub(super) fn amount(&self) -> Result<Amount> {
        match self {
            Self::I64(number) => Ok(Amount::Whole((*number).into())),
            Self::U64(number) => Ok(Amount::Whole((*number).into())),
            Self::F64(number) => Ok(Amount::Fraction(*number)),
            // A number beyond 64 bits takes no part in arithmetic, except a zero with a sign.
            Self::Digits(_) if self.is_whole() && !self.is_zero() => inexact(),
            Self::Digits(_) if self.is_whole() => Ok(Amount::Whole(0)),
            Self::Digits(digits) => nearest(digits).map_or_else(inexact, |near| Ok(Amount::Fraction(near))),
        }
    }

    /// The whole number without the fraction.
    ///
    /// # Errors
    /// The result has more than 64 bits.
    pub(super) fn whole_part(&self) -> Result<Amount> {
        if self.len() > NUMBER_DIGITS {
            return inexact();
        }
        Decimal::read(self.digits(&mut Short::new()))
            .whole_part()
            .map_or_else(too_large, |whole| Ok(Amount::Whole(whole)))
    }

    /// The most bytes of the text of [`Number::append`].
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Digits(digits) => digits.len(),
            _ => 26,
        }
    }

    /// The order of two numbers by value.
    pub(super) fn compare(&self, other: &Self) -> Result<Ordering> {
        match (self, other) {
            (Self::I64(left), Self::I64(right)) => Ok(left.cmp(right)),
            (Self::F64(left), Self::F64(right)) => Ok(left.partial_cmp(right).unwrap_or(Ordering::Equal)),
            _ if self.len().max(other.len()) > NUMBER_DIGITS => {
                refuse(format!("a number with more than {NUMBER_DIGITS} digits cannot be compared"))
            }
            _ => Ok(self.total_order(other)),
        }
    }

    /// The order of two numbers, however long they are. Allocates nothing.
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

    /// The number's digits, written to `short` if they are not kept.
    fn digits<'n>(&'n self, short: &'n mut Short) -> &'n str {
        // The text is short enough for the buffer.
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
    /// JSON's readers would not hold it.
    pub(super) fn number(self) -> Result<Number> {
        match self {
            Self::Whole(number) => {
                let whole = i64::try_from(number).map(Number::I64);
                let whole = whole.or_else(|_| u64::try_from(number).map(Number::U64));
                whole.or_else(|_| too_large())
            }
            Self::Fraction(number) if number.is_finite() => Ok(Number::F64(number)),
            Self::Fraction(_) => refuse("the number is not finite"),
        }
    }

    /// The number as a float.
    ///
    /// # Errors
    /// The conversion would change the number.
    pub(super) fn fraction(self) -> Result<f64> {
        match self {
            Self::Whole(number) => Exact::whole(number).exactly(),
            Self::Fraction(number) => Ok(number),
        }
    }
}

/// A text that is a number in a wider notation: with a sign, or without a digit before the point.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spelled<'t>(&'t str);

impl<'t> Spelled<'t> {
    /// The number of a text, without blanks around it; `None` if it is no number.
    pub(super) fn read(text: &'t str) -> Option<Self> {
        let text = text.trim();
        Decimal::is_one(text).then_some(Self(text.strip_prefix('+').unwrap_or(text)))
    }

    /// As [`Number::whole_part`].
    pub(super) fn whole_part(self) -> Result<Amount> {
        if self.0.len() > NUMBER_DIGITS {
            return inexact();
        }
        Decimal::read(self.0).whole_part().map_or_else(too_large, |whole| Ok(Amount::Whole(whole)))
    }

    /// As [`Amount::fraction`].
    pub(super) fn fraction(self) -> Result<f64> {
        nearest(self.0).map_or_else(inexact, Ok)
    }
}

pub(super) fn inexact<T>() -> Result<T> {
    refuse("a number has more digits than can be calculated with")
}

pub(super) fn too_large<T>() -> Result<T> {
    refuse("a number is too large")
}

/// The shortest text that is this number again.
fn written(number: f64) -> String {
    serde_json::to_string(&number).unwrap_or_default()
}

/// The float that equals these digits, if there is one.
fn nearest(digits: &str) -> Option<f64> {
    let near = digits.parse::<f64>().ok().filter(|near| near.is_finite())?;
    (digits.len() <= NUMBER_DIGITS && is_written(digits, near)).then_some(near)
}

/// Whether a float is written with these digits, or with others of the same value.
fn is_written(digits: &str, number: f64) -> bool {
    let mut short = Short::new();
    // The text is short enough for the buffer.
    let _ = write!(short, "{number:e}");
    Decimal::read(digits).compare(&Decimal::read(short.as_str())).is_eq()
}

#[cfg(test)]
mod tests;
