//! Filters that give numbers, and `bool`.

use super::{argument, text_argument, whole_argument};
use crate::template::meter::{Meter, Result, refuse};
use crate::template::number::{Amount, Number};
use crate::template::operators::amount;
use crate::template::value::Value;

/// The longest text that is read as a number.
const DIGITS: usize = 1 << 10;
/// Digits behind the point, or zeros before it, beyond which nothing is rounded, or everything is.
const PRECISION: i64 = 300;

/// `|bool`: what says true or false, in the words of JSON; of all else nobody knows which was meant.
pub(in crate::template) fn bool(_: &Meter, value: &Value, _: &[Value]) -> Result<Value> {
    match value {
        Value::Bool(value) => Ok((*value).into()),
        Value::Number(Number::I64(number @ (0 | 1))) => Ok((*number == 1).into()),
        Value::Text(text) if text.eq_ignore_ascii_case("true") => Ok(true.into()),
        Value::Text(text) if text.eq_ignore_ascii_case("false") => Ok(false.into()),
        _ => refuse("`bool` needs true or false, also as a text, 1 or 0"),
    }
}

pub(in crate::template) fn abs(meter: &Meter, value: &Value, _: &[Value]) -> Result<Value> {
    let Value::Number(number) = value else {
        return refuse(format!("`abs` needs a number, not a value of type {}", value.kind()));
    };
    let positive = match amount(meter, number)? {
        Amount::Whole(number) => Amount::Whole(number.abs()),
        Amount::Fraction(number) => Amount::Fraction(number.abs()),
    };
    Ok(Value::Number(positive.number()?))
}

/// `|int`: of a text in the base that is told, of a number without its part behind the point.
pub(in crate::template) fn int(meter: &Meter, value: &Value, args: &[Value]) -> Result<Value> {
    let base = whole_argument("int", args, 1)?.unwrap_or(10);
    let base = u32::try_from(base).ok().filter(|base| (2..=36).contains(base));
    let Some(base) = base else { return refuse("the base of `int` is from 2 to 36") };
    let read = match value {
        Value::Bool(value) => Some(Amount::Whole((*value).into())),
        Value::Number(number) => match amount(meter, number)? {
            Amount::Fraction(number) => whole(number),
            whole => Some(whole),
        },
        Value::Text(text) if text.len() <= DIGITS => {
            meter.work(32 * text.len() as u64)?;
            let plain = text.trim();
            let fraction = || plain.parse::<f64>().ok().filter(|_| base == 10).and_then(whole);
            i128::from_str_radix(plain, base).ok().map(Amount::Whole).or_else(fraction)
        }
        _ => None,
    };
    or_default("int", "a whole number", read, value, args)
}

/// `|float`.
pub(in crate::template) fn float(meter: &Meter, value: &Value, args: &[Value]) -> Result<Value> {
    let read = match value {
        Value::Bool(value) => Some(f64::from(u8::from(*value))),
        Value::Number(number) => Some(amount(meter, number)?.fraction()?),
        Value::Text(text) if text.len() <= DIGITS => {
            meter.work(32 * text.len() as u64)?;
            text.trim().parse::<f64>().ok().filter(|number| number.is_finite())
        }
        _ => None,
    };
    or_default("float", "a number", read.map(Amount::Fraction), value, args)
}

fn whole(number: f64) -> Option<Amount> {
    (number.is_finite() && number.abs() < 1e30).then(|| Amount::Whole(number.trunc() as i128))
}

fn or_default(
    filter: &'static str,
    what: &'static str,
    read: Option<Amount>,
    value: &Value,
    args: &[Value],
) -> Result<Value> {
    match (read, argument(args, 0)) {
        (Some(read), _) => Ok(Value::Number(read.number()?)),
        (None, Value::Undefined) => {
            refuse(format!("`{filter}` was given a value of type {} that is not {what}", value.kind()))
        }
        (None, default) => Ok(default.clone()),
    }
}

/// `|round(precision, method)`, the method being `common`, `ceil` or `floor`.
pub(in crate::template) fn round(meter: &Meter, value: &Value, args: &[Value]) -> Result<Value> {
    let Value::Number(number) = value else {
        return refuse(format!("`round` needs a number, not a value of type {}", value.kind()));
    };
    let precision = whole_argument("round", args, 0)?.unwrap_or(0).clamp(-PRECISION, PRECISION);
    let method = text_argument("round", args, 1)?.unwrap_or("common");
    if !matches!(method, "common" | "ceil" | "floor") {
        return refuse("the method of `round` is `common`, `ceil` or `floor`");
    }
    // Up to some thousand digits are written.
    meter.work(16_000)?;
    meter.make(4 << 10)?;
    let amount = amount(meter, number)?;
    if matches!(amount, Amount::Whole(_)) && precision >= 0 {
        return Ok(value.clone());
    }
    let whole = matches!(number, Number::I64(_) | Number::U64(_));
    let rounded = rounded(amount.fraction()?, i32::try_from(precision).unwrap_or(0), method);
    let rounded = if whole {
        self::whole(rounded).unwrap_or(Amount::Fraction(rounded))
    } else {
        Amount::Fraction(rounded)
    };
    Ok(Value::Number(rounded.number()?))
}

fn rounded(number: f64, precision: i32, method: &str) -> f64 {
    if method == "common" && precision >= 0 {
        // Written out, so that no product of it is rounded first.
        let places = usize::try_from(precision).unwrap_or(0);
        return format!("{number:.places$}").parse().unwrap_or(number);
    }
    let scale = 10_f64.powi(precision.abs());
    let scaled = if precision < 0 { number / scale } else { number * scale };
    if !scaled.is_finite() {
        return number;
    }
    let scaled = match method {
        "ceil" => scaled.ceil(),
        "floor" => scaled.floor(),
        _ => scaled.round_ties_even(),
    };
    if precision < 0 { scaled * scale } else { scaled / scale }
}
