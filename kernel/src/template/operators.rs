//! Operators: arithmetic, joining, slices. Each charges the meter before it allocates.

use super::code::Operator;
use super::number::{Amount, FRACTION_WORK, Number};
use super::printer::printed;
use super::value::{Growing, Items, Operand};
use crate::meter::{Meter, Result, VALUE_WORK, refuse};

/// The cost of two numbers: their digits may be looked at.
const NUMBER_WORK: u64 = 64;

/// The value of `left operator right`.
pub(super) fn apply(meter: &Meter, operator: Operator, left: &Operand, right: &Operand) -> Result<Operand> {
    match (operator, left, right) {
        (Operator::Join, ..) => {
            let (left, right) = (printed(meter, left)?, printed(meter, right)?);
            join(meter, &left, &right)
        }
        (Operator::Add, Operand::Text(left), Operand::Text(right)) => join(meter, left, right),
        (Operator::Add, Operand::List(left), Operand::List(right)) => {
            let mut items = Growing::with_room(meter, left.len() + right.len())?;
            for item in left.iter().chain(right.iter()) {
                items.push(item.clone())?;
            }
            Operand::list(meter, items.finish())
        }
        (_, Operand::Number(left), Operand::Number(right)) => {
            let (left, right) = (amount(meter, left)?, amount(meter, right)?);
            Ok(Operand::Number(calculate(meter, operator, left, right)?.number()?))
        }
        _ => refuse(format!(
            "`{}` needs {}, not a value of type {} and one of type {}",
            sign(operator),
            if operator == Operator::Add { "two numbers, texts or lists" } else { "numbers" },
            left.kind(),
            right.kind()
        )),
    }
}

/// The value of `-value`.
pub(super) fn negate(meter: &Meter, value: &Operand) -> Result<Operand> {
    let Operand::Number(number) = value else {
        return refuse(format!("`-` needs a number, not a value of type {}", value.kind()));
    };
    let negative = match amount(meter, number)? {
        Amount::Whole(number) => Amount::Whole(-number),
        Amount::Fraction(number) => Amount::Fraction(-number),
    };
    Ok(Operand::Number(negative.number()?))
}

/// The number for arithmetic, charged for.
pub(super) fn amount(meter: &Meter, number: &Number) -> Result<Amount> {
    meter.work(NUMBER_WORK)?;
    if let Number::Digits(digits) = number {
        meter.work(16 * digits.len() as u64)?;
    }
    number.amount()
}

/// The value of `left operator right`, charged for.
pub(super) fn calculate(meter: &Meter, operator: Operator, left: Amount, right: Amount) -> Result<Amount> {
    if operator == Operator::Divide || !matches!((left, right), (Amount::Whole(_), Amount::Whole(_))) {
        meter.work(FRACTION_WORK)?;
    }
    left.calculate(operator, right)
}

fn sign(operator: Operator) -> &'static str {
    match operator {
        Operator::Add => "+",
        Operator::Subtract => "-",
        Operator::Multiply => "*",
        Operator::Divide => "/",
        Operator::DivideWhole => "//",
        Operator::Remainder => "%",
        Operator::Join => "~",
    }
}

fn join(meter: &Meter, left: &str, right: &str) -> Result<Operand> {
    let bytes = left.len() + right.len();
    meter.make(bytes)?;
    let mut text = String::with_capacity(bytes);
    text.push_str(left);
    text.push_str(right);
    Operand::text(meter, &text)
}

/// The value of `value[start:stop:step]`: a part of a list, or of the characters of a text.
pub(super) fn slice(meter: &Meter, value: &Operand, [start, stop, step]: [&Operand; 3]) -> Result<Operand> {
    let step = bound(step)?.unwrap_or(1);
    if step == 0 {
        return refuse("the step of a slice is not 0");
    }
    let (start, stop) = (bound(start)?, bound(stop)?);
    match value {
        Operand::List(list) => {
            let places = Places::new(list.len(), start, stop, step);
            let mut items = Growing::with_room(meter, places.count)?;
            for at in places {
                items.push(list.get(at).cloned().unwrap_or(Operand::Null))?;
            }
            Operand::list(meter, items.finish())
        }
        Operand::Text(text) => {
            meter.work(8 * text.len() as u64)?;
            let mut characters = Growing::with_room(meter, text.chars().count())?;
            for character in text.chars() {
                characters.push(character)?;
            }
            let characters = characters.finish();
            let places = Places::new(characters.len(), start, stop, step);
            meter.make(4 * places.count)?;
            let mut part = String::with_capacity(4 * places.count);
            part.extend(places.filter_map(|at| characters.get(at)));
            Operand::text(meter, &part)
        }
        _ => {
            refuse(format!("`[:]` takes a part of a list or a text, not of a value of type {}", value.kind()))
        }
    }
}

fn bound(value: &Operand) -> Result<Option<i64>> {
    match value {
        Operand::Undefined | Operand::Null => Ok(None),
        Operand::Number(Number::I64(number)) => Ok(Some(*number)),
        _ => refuse("the bounds of a slice are whole numbers"),
    }
}

/// The indices of a slice.
struct Places {
    next: i128,
    step: i128,
    count: usize,
}

impl Places {
    fn new(length: usize, start: Option<i64>, stop: Option<i64>, step: i64) -> Self {
        let (length, step) = (length as i128, i128::from(step));
        let (low, high) = if step > 0 { (0, length) } else { (-1, length - 1) };
        let place = |bound: Option<i64>, otherwise: i128| {
            let Some(bound) = bound.map(i128::from) else { return otherwise };
            (if bound < 0 { bound + length } else { bound }).clamp(low, high)
        };
        let (first, end) = if step > 0 { (low, high) } else { (high, low) };
        let (start, stop) = (place(start, first), place(stop, end));
        let distance = if step > 0 { stop - start } else { start - stop };
        let count = if distance > 0 { (distance - 1) / step.abs() + 1 } else { 0 };
        Self { next: start, step, count: usize::try_from(count).unwrap_or(0) }
    }
}

impl Iterator for Places {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        self.count = self.count.checked_sub(1)?;
        let at = usize::try_from(self.next).ok();
        self.next += self.step;
        at
    }
}

/// The items of an iterable value: those of a list, the names of a map, the characters of a text.
pub(super) fn items(meter: &Meter, what: &str, value: &Operand) -> Result<std::sync::Arc<Items>> {
    let made = match value {
        Operand::List(list) => return Ok(std::sync::Arc::clone(list)),
        Operand::Map(map) => {
            let mut items = Growing::with_room(meter, map.len())?;
            for (name, _) in map.iter() {
                items.push(Operand::Text(std::sync::Arc::clone(name)))?;
            }
            items.finish()
        }
        // A text in place of a list counts as one item: its letters are hardly meant.
        _ => return refuse(format!("{what} a list or a map, not a value of type {}", value.kind())),
    };
    match Operand::list(meter, made)? {
        Operand::List(list) => Ok(list),
        _ => refuse("a list is needed"),
    }
}

/// The items of a list, or of a value that a filter can turn into one.
pub(super) fn listed(meter: &Meter, filter: &'static str, value: &Operand) -> Result<std::sync::Arc<Items>> {
    meter.work(VALUE_WORK)?;
    items(meter, &format!("`{filter}` needs"), value)
}
