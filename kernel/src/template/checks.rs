//! The tests: `value is defined`, `value is startingwith('…')`. Each charges the meter before it compares.

use super::code::Comparison;
use super::compare::{contains, equal, holds};
use super::number::{Amount, Exact, FRACTION_WORK};
use super::operators::amount;
use super::value::Operand;
use crate::meter::{Meter, Result, refuse};

fn argument(args: &[Operand]) -> &Operand {
    args.first().unwrap_or(&Operand::Undefined)
}

pub(super) fn is_boolean(_: &Meter, value: &Operand, _: &[Operand]) -> Result<bool> {
    Ok(matches!(value, Operand::Bool(_)))
}

pub(super) fn is_defined(_: &Meter, value: &Operand, _: &[Operand]) -> Result<bool> {
    Ok(!value.is_undefined())
}

pub(super) fn is_undefined(_: &Meter, value: &Operand, _: &[Operand]) -> Result<bool> {
    Ok(value.is_undefined())
}

pub(super) fn is_none(_: &Meter, value: &Operand, _: &[Operand]) -> Result<bool> {
    Ok(matches!(value, Operand::Null))
}

pub(super) fn is_true(_: &Meter, value: &Operand, _: &[Operand]) -> Result<bool> {
    Ok(matches!(value, Operand::Bool(true)))
}

pub(super) fn is_false(_: &Meter, value: &Operand, _: &[Operand]) -> Result<bool> {
    Ok(matches!(value, Operand::Bool(false)))
}

pub(super) fn is_string(_: &Meter, value: &Operand, _: &[Operand]) -> Result<bool> {
    Ok(matches!(value, Operand::Text(_)))
}

pub(super) fn is_number(_: &Meter, value: &Operand, _: &[Operand]) -> Result<bool> {
    Ok(matches!(value, Operand::Number(_)))
}

pub(super) fn is_integer(meter: &Meter, value: &Operand, _: &[Operand]) -> Result<bool> {
    let Operand::Number(number) = value else { return Ok(false) };
    meter.work(number.len() as u64)?;
    Ok(number.is_whole())
}

pub(super) fn is_float(meter: &Meter, value: &Operand, args: &[Operand]) -> Result<bool> {
    Ok(matches!(value, Operand::Number(_)) && !is_integer(meter, value, args)?)
}

pub(super) fn is_mapping(_: &Meter, value: &Operand, _: &[Operand]) -> Result<bool> {
    Ok(matches!(value, Operand::Map(_)))
}

pub(super) fn is_sequence(_: &Meter, value: &Operand, _: &[Operand]) -> Result<bool> {
    Ok(matches!(value, Operand::List(_)))
}

pub(super) fn is_iterable(_: &Meter, value: &Operand, _: &[Operand]) -> Result<bool> {
    Ok(matches!(value, Operand::List(_) | Operand::Map(_) | Operand::Text(_)))
}

pub(super) fn is_equal(meter: &Meter, value: &Operand, args: &[Operand]) -> Result<bool> {
    equal(meter, value, argument(args))
}

pub(super) fn is_unequal(meter: &Meter, value: &Operand, args: &[Operand]) -> Result<bool> {
    equal(meter, value, argument(args)).map(|equal| !equal)
}

pub(super) fn is_less(meter: &Meter, value: &Operand, args: &[Operand]) -> Result<bool> {
    holds(meter, Comparison::Less, value, argument(args))
}

pub(super) fn is_less_or_equal(meter: &Meter, value: &Operand, args: &[Operand]) -> Result<bool> {
    holds(meter, Comparison::LessOrEqual, value, argument(args))
}

pub(super) fn is_greater(meter: &Meter, value: &Operand, args: &[Operand]) -> Result<bool> {
    holds(meter, Comparison::Greater, value, argument(args))
}

pub(super) fn is_greater_or_equal(meter: &Meter, value: &Operand, args: &[Operand]) -> Result<bool> {
    holds(meter, Comparison::GreaterOrEqual, value, argument(args))
}

pub(super) fn is_in(meter: &Meter, value: &Operand, args: &[Operand]) -> Result<bool> {
    contains(meter, argument(args), value)
}

pub(super) fn is_odd(meter: &Meter, value: &Operand, _: &[Operand]) -> Result<bool> {
    Ok(whole(meter, value)?.is_some_and(|number| number % 2 != 0))
}

pub(super) fn is_even(meter: &Meter, value: &Operand, _: &[Operand]) -> Result<bool> {
    Ok(whole(meter, value)?.is_some_and(|number| number % 2 == 0))
}

/// Nothing is divisible by zero.
pub(super) fn is_divisible_by(meter: &Meter, value: &Operand, args: &[Operand]) -> Result<bool> {
    let (value, by) = (whole(meter, value)?, whole(meter, argument(args))?);
    Ok(value.zip(by).is_some_and(|(value, by)| value.checked_rem(by) == Some(0)))
}

/// The value as a whole number; `None` if it is another value, or has a fraction.
fn whole(meter: &Meter, value: &Operand) -> Result<Option<i128>> {
    let Operand::Number(number) = value else { return Ok(None) };
    match amount(meter, number)? {
        Amount::Whole(number) => Ok(Some(number)),
        fraction @ Amount::Fraction(_) => {
            meter.work(FRACTION_WORK)?;
            Exact::from(fraction).as_whole()
        }
    }
}

pub(super) fn is_starting_with(meter: &Meter, value: &Operand, args: &[Operand]) -> Result<bool> {
    let (value, start) = two_texts(meter, "startingwith", value, argument(args))?;
    Ok(value.starts_with(start))
}

pub(super) fn is_ending_with(meter: &Meter, value: &Operand, args: &[Operand]) -> Result<bool> {
    let (value, end) = two_texts(meter, "endingwith", value, argument(args))?;
    Ok(value.ends_with(end))
}

fn two_texts<'v>(
    meter: &Meter,
    test: &'static str,
    value: &'v Operand,
    other: &'v Operand,
) -> Result<(&'v str, &'v str)> {
    let (Operand::Text(value), Operand::Text(other)) = (value, other) else {
        return refuse(format!(
            "`{test}` needs two texts, not a value of type {} and one of type {}",
            value.kind(),
            other.kind()
        ));
    };
    meter.work(value.len().min(other.len()) as u64)?;
    Ok((value, other))
}
