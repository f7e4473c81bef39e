//! Numbers of JSON, exactly. Owns when an `f64` equals the number that was written; computes nothing.

use std::fmt;

use serde::Serialize;
use serde::ser::Serializer;
use serde_json::value::RawValue;

/// A number of JSON, with every significant digit.
///
/// `1.10` may be printed as `1.1`, `1e3` as `1000.0`: the same number. Equality compares the form: `1` and `1.0`
/// differ, as they do in `serde_json`.
#[derive(Debug, Clone, PartialEq)]
pub struct Number(Form);

#[derive(Debug, Clone, PartialEq)]
enum Form {
    Negative(i64),
    Natural(u64),
    /// Finite, and its shortest decimal is the number that was written.
    Float(f64),
    /// The digits of any other number, as in JSON.
    Exact(Box<str>),
}

impl Number {
    /// The number in `text`, which follows the grammar of JSON.
    pub(crate) fn of_json(text: &str) -> Self {
        if !text.contains(['.', 'e', 'E']) && text != "-0" {
            if let Ok(number) = text.parse::<u64>() {
                return Self(Form::Natural(number));
            }
            return match text.parse::<i64>() {
                Ok(number) => Self(Form::Negative(number)),
                Err(_) => Self(Form::Exact(text.into())),
            };
        }
        let float = text.parse::<f64>().ok().filter(|float| float.is_finite());
        let float = float.filter(|float| Decimal::read(text) == Decimal::read(&format!("{float:e}")));
        Self(float.map_or_else(|| Form::Exact(text.into()), Form::Float))
    }

    /// The number in a text; `None` if the text is no JSON number.
    pub fn parse(text: &str) -> Option<Self> {
        let raw: &RawValue = serde_json::from_str(text).ok()?;
        let first = raw.get().bytes().next()?;
        (raw.get() == text && (first == b'-' || first.is_ascii_digit())).then(|| Self::of_json(text))
    }

    /// The number, if it is finite.
    pub fn from_f64(float: f64) -> Option<Self> {
        float.is_finite().then_some(Self(Form::Float(float)))
    }

    /// The whole number, if it is written as one and in this range.
    pub fn as_i64(&self) -> Option<i64> {
        match self.0 {
            Form::Negative(number) => Some(number),
            Form::Natural(number) => i64::try_from(number).ok(),
            Form::Float(_) | Form::Exact(_) => None,
        }
    }

    /// The whole number, if it is written as one and in this range.
    pub fn as_u64(&self) -> Option<u64> {
        match self.0 {
            Form::Natural(number) => Some(number),
            Form::Negative(_) | Form::Float(_) | Form::Exact(_) => None,
        }
    }

    /// The nearest `f64`; infinite if it is beyond all of them.
    pub fn as_f64(&self) -> f64 {
        match &self.0 {
            Form::Negative(number) => *number as f64,
            Form::Natural(number) => *number as f64,
            Form::Float(float) => *float,
            Form::Exact(digits) => digits.parse().unwrap_or(f64::NAN),
        }
    }

    /// The `f64` whose shortest decimal is exactly this number, if the number is a decimal with one.
    pub fn as_exact_f64(&self) -> Option<f64> {
        match self.0 {
            Form::Float(float) => Some(float),
            Form::Negative(_) | Form::Natural(_) | Form::Exact(_) => None,
        }
    }

    /// The same text for all equal numbers: `0`, or `-` if it is negative, its significant digits, `e` and the power of
    /// ten of the last of them. A number whose exponent is beyond 64 bits stays as it is written.
    pub(crate) fn normal_form(&self) -> String {
        let text = self.to_string();
        match Decimal::read(&text) {
            Some(Decimal { digits, .. }) if digits.is_empty() => "0".to_owned(),
            Some(Decimal { negative, digits, exponent }) => {
                let sign = if negative { "-" } else { "" };
                format!("{sign}{digits}e{exponent}")
            }
            None => text,
        }
    }

    /// The digits of a number that fits neither 64 bits nor an `f64`.
    pub fn as_digits(&self) -> Option<&str> {
        match &self.0 {
            Form::Exact(digits) => Some(digits),
            Form::Negative(_) | Form::Natural(_) | Form::Float(_) => None,
        }
    }
}

impl fmt::Display for Number {
    /// As in JSON.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Form::Negative(number) => number.fmt(f),
            Form::Natural(number) => number.fmt(f),
            Form::Float(float) => match serde_json::Number::from_f64(*float) {
                Some(number) => number.fmt(f),
                None => Err(fmt::Error),
            },
            Form::Exact(digits) => f.write_str(digits),
        }
    }
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Form::Negative(number) => serializer.serialize_i64(*number),
            Form::Natural(number) => serializer.serialize_u64(*number),
            Form::Float(float) => serializer.serialize_f64(*float),
            Form::Exact(digits) => {
                let raw: &RawValue = serde_json::from_str(digits).map_err(serde::ser::Error::custom)?;
                raw.serialize(serializer)
            }
        }
    }
}

impl From<u64> for Number {
    fn from(number: u64) -> Self {
        Self(Form::Natural(number))
    }
}

impl From<i64> for Number {
    fn from(number: i64) -> Self {
        match u64::try_from(number) {
            Ok(number) => Self(Form::Natural(number)),
            Err(_) => Self(Form::Negative(number)),
        }
    }
}

impl From<serde_json::Number> for Number {
    fn from(number: serde_json::Number) -> Self {
        Self::of_json(&number.to_string())
    }
}

impl TryFrom<Number> for serde_json::Number {
    type Error = Number;

    /// The same number; returns one that `serde_json` would round.
    fn try_from(number: Number) -> Result<Self, Number> {
        match number.0 {
            Form::Negative(whole) => Ok(whole.into()),
            Form::Natural(whole) => Ok(whole.into()),
            Form::Float(float) => Self::from_f64(float).ok_or(number),
            Form::Exact(_) => Err(number),
        }
    }
}

/// A decimal number: its significant digits and the power of ten of the last of them.
#[derive(Debug, PartialEq, Eq)]
struct Decimal {
    negative: bool,
    digits: String,
    exponent: i64,
}

impl Decimal {
    /// Reads JSON's notation; `None` if the exponent is out of any useful range.
    fn read(text: &str) -> Option<Self> {
        let (negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let exponent: i64 = exponent.strip_prefix('+').unwrap_or(exponent).parse().ok()?;
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = format!("{whole}{fraction}");
        let digits = all.trim_end_matches('0');
        let dropped = i64::try_from(all.len() - digits.len()).ok()?;
        let exponent = exponent.checked_sub(i64::try_from(fraction.len()).ok()?)?.checked_add(dropped)?;
        let digits = digits.trim_start_matches('0').to_owned();
        let exponent = if digits.is_empty() { 0 } else { exponent };
        Some(Self { negative, digits, exponent })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decimal_that_an_f64_prints_alike_is_one_and_any_other_keeps_its_digits() {
        for (text, printed) in [
            ("0", "0"),
            ("-0", "-0.0"),
            ("-0.0", "-0.0"),
            ("1.10", "1.1"),
            ("1e3", "1000.0"),
            ("0.1", "0.1"),
            ("-12.50e-1", "-1.25"),
            ("9007199254740993", "9007199254740993"),
            ("9007199254740993.0", "9007199254740993.0"),
            ("0.10000000000000000001", "0.10000000000000000001"),
            ("12e45678", "12e45678"),
            ("1e-400", "1e-400"),
            ("18446744073709551615", "18446744073709551615"),
            ("18446744073709551616", "18446744073709551616"),
            ("-9223372036854775808", "-9223372036854775808"),
            ("-9223372036854775809", "-9223372036854775809"),
        ] {
            let number = Number::parse(text).unwrap();
            assert_eq!(number.to_string(), printed);
            assert_eq!(serde_json::to_string(&number).unwrap(), printed);
            assert_eq!(Number::parse(printed), Some(number), "{text}");
        }
    }

    #[test]
    fn equal_numbers_have_one_normal_form() {
        for (form, texts) in [
            ("0", &["0", "-0", "0.0", "0e7"][..]),
            ("1e0", &["1", "1.0", "10e-1", "0.1E+1"]),
            ("-12e1", &["-120", "-1.2e2", "-120.00"]),
            ("18446744073709551617e0", &["18446744073709551617", "18446744073709551617.0"]),
            ("12e45678", &["12e45678", "1.2e45679"]),
            ("1.5e-9223372036854775808", &["1.5e-9223372036854775808"]),
            ("10e9223372036854775807", &["10e9223372036854775807"]),
        ] {
            for text in texts {
                assert_eq!(Number::parse(text).unwrap().normal_form(), form, "{text}");
            }
        }
    }

    #[test]
    fn what_is_no_number_of_json_is_none() {
        for text in
            ["", "007", "0x1F", "1_000", ".5", "5.", "+1", "1e", "NaN", " 1", "1 ", "true", "\"1\"", "[1]"]
        {
            assert_eq!(Number::parse(text), None, "{text:?}");
        }
    }
}
