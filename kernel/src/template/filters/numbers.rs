//! Filters that return numbers, and `bool`.

use std::num::IntErrorKind;

use super::{argument, text_argument, whole_argument};
use crate::meter::{Meter, Result, refuse};
use crate::template::number::{Amount, Exact, FRACTION_WORK, Number, Rounding, Spelled, too_large};
use crate::template::operators::amount;
use crate::template::value::Operand;

/// The cost of each character of a text that may be a number.
const DIGIT_WORK: u64 = 32;
/// More places than a float has, before its point or after it: with more, either nothing is rounded or everything.
const PLACES: i64 = 400;

/// `|bool`: a text that is true or false in the notation of JSON; the meaning of any other is unclear.
pub(in crate::template) fn bool(_: &Meter, value: &Operand, _: &[Operand]) -> Result<Operand> {
    match value {
        Operand::Bool(value) => Ok((*value).into()),
        Operand::Number(Number::I64(number @ (0 | 1))) => Ok((*number == 1).into()),
        Operand::Text(text) if text.eq_ignore_ascii_case("true") => Ok(true.into()),
        Operand::Text(text) if text.eq_ignore_ascii_case("false") => Ok(false.into()),
        _ => refuse("`bool` needs true or false, also as a text, 1 or 0"),
    }
}

pub(in crate::template) fn abs(meter: &Meter, value: &Operand, _: &[Operand]) -> Result<Operand> {
    let Operand::Number(number) = value else {
        return refuse(format!("`abs` needs a number, not a value of type {}", value.kind()));
    };
    let positive = match amount(meter, number)? {
        Amount::Whole(number) => Amount::Whole(number.abs()),
        Amount::Fraction(number) => Amount::Fraction(number.abs()),
    };
    Ok(Operand::Number(positive.number()?))
}

/// `|int`: of a text in the given base, of a number without its fraction.
pub(in crate::template) fn int(meter: &Meter, value: &Operand, args: &[Operand]) -> Result<Operand> {
    let base = whole_argument("int", args, 1)?.unwrap_or(10);
    let base = u32::try_from(base).ok().filter(|base| (2..=36).contains(base));
    let Some(base) = base else { return refuse("the base of `int` is from 2 to 36") };
    let read = match value {
        Operand::Bool(value) => Some(Amount::Whole((*value).into())),
        Operand::Number(number) => {
            meter.work(FRACTION_WORK + DIGIT_WORK * number.len() as u64)?;
            Some(number.whole_part()?)
        }
        Operand::Text(text) if base == 10 => {
            spelled(meter, text)?.map(|spelled| spelled.whole_part()).transpose()?
        }
        Operand::Text(text) => in_base(meter, text, base)?,
        _ => None,
    };
    or_default("int", "a whole number", read, value, args)
}

fn in_base(meter: &Meter, text: &str, base: u32) -> Result<Option<Amount>> {
    meter.work(DIGIT_WORK * text.len() as u64)?;
    match i128::from_str_radix(text.trim(), base) {
        Ok(number) => Ok(Some(Amount::Whole(number))),
        Err(error) => match error.kind() {
            IntErrorKind::PosOverflow | IntErrorKind::NegOverflow => too_large(),
            _ => Ok(None),
        },
    }
}

/// `|float`.
pub(in crate::template) fn float(meter: &Meter, value: &Operand, args: &[Operand]) -> Result<Operand> {
    meter.work(FRACTION_WORK)?;
    let read = match value {
        Operand::Bool(value) => Some(f64::from(u8::from(*value))),
        Operand::Number(number) => Some(amount(meter, number)?.fraction()?),
        Operand::Text(text) => spelled(meter, text)?.map(|spelled| spelled.fraction()).transpose()?,
        _ => None,
    };
    or_default("float", "a number", read.map(Amount::Fraction), value, args)
}

/// The number in a text. A number that cannot be represented is refused; the default is only for texts that are no
/// number.
fn spelled<'t>(meter: &Meter, text: &'t str) -> Result<Option<Spelled<'t>>> {
    meter.work(FRACTION_WORK + DIGIT_WORK * text.len() as u64)?;
    Ok(Spelled::read(text))
}

fn or_default(
    filter: &'static str,
    what: &'static str,
    read: Option<Amount>,
    value: &Operand,
    args: &[Operand],
) -> Result<Operand> {
    match (read, argument(args, 0)) {
        (Some(read), _) => Ok(Operand::Number(read.number()?)),
        (None, Operand::Undefined) => {
            refuse(format!("`{filter}` was given a value of type {} that is not {what}", value.kind()))
        }
        (None, default) => Ok(default.clone()),
    }
}

/// `|round(precision, method)`, the method being `common`, `ceil` or `floor`.
pub(in crate::template) fn round(meter: &Meter, value: &Operand, args: &[Operand]) -> Result<Operand> {
    let Operand::Number(number) = value else {
        return refuse(format!("`round` needs a number, not a value of type {}", value.kind()));
    };
    let places = whole_argument("round", args, 0)?.unwrap_or(0).clamp(-PLACES, PLACES);
    let rounding = match text_argument("round", args, 1)?.unwrap_or("common") {
        "common" => Rounding::Nearest,
        "ceil" => Rounding::Up,
        "floor" => Rounding::Down,
        _ => return refuse("the method of `round` is `common`, `ceil` or `floor`"),
    };
    meter.work(FRACTION_WORK)?;
    let amount = amount(meter, number)?;
    let rounded = Exact::from(amount).rounded(i32::try_from(places).unwrap_or(0), rounding);
    let rounded = match amount {
        Amount::Whole(_) => rounded.as_whole()?.map_or_else(too_large, |whole| Ok(Amount::Whole(whole)))?,
        Amount::Fraction(_) => rounded.settle()?,
    };
    Ok(Operand::Number(rounded.number()?))
}
