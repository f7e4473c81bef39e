//! Comparing values: equality, order, and containment. Each pair of values is charged for before it is looked at.

use std::cmp::Ordering;
use std::sync::Arc;

use super::code::Comparison;
use super::number::Number;
use super::value::{ITEM_BYTES, Operand};
use crate::meter::{Meter, Result, TEXT_BYTES, VALUE_WORK, refuse};

/// The cost of comparing two numbers, unless both are short.
const DIGITS_WORK: u64 = 8;

/// Whether the comparison holds.
pub(super) fn holds(meter: &Meter, comparison: Comparison, left: &Operand, right: &Operand) -> Result<bool> {
    Ok(match comparison {
        Comparison::Equal => equal(meter, left, right)?,
        Comparison::Unequal => !equal(meter, left, right)?,
        Comparison::Less => order(meter, "<", left, right)?.is_lt(),
        Comparison::LessOrEqual => order(meter, "<=", left, right)?.is_le(),
        Comparison::Greater => order(meter, ">", left, right)?.is_gt(),
        Comparison::GreaterOrEqual => order(meter, ">=", left, right)?.is_ge(),
        Comparison::In => contains(meter, right, left)?,
        Comparison::NotIn => !contains(meter, right, left)?,
    })
}

/// Whether two values are equal.
pub(super) fn equal(meter: &Meter, left: &Operand, right: &Operand) -> Result<bool> {
    meter.work(VALUE_WORK)?;
    Ok(match (left, right) {
        (Operand::Null, Operand::Null) | (Operand::Undefined, Operand::Undefined) => true,
        (Operand::Bool(left), Operand::Bool(right)) => left == right,
        (Operand::Number(left), Operand::Number(right)) => numbers(meter, left, right)?.is_eq(),
        (Operand::Text(left), Operand::Text(right)) => same_text(meter, left, right)?,
        (Operand::List(left), Operand::List(right)) => {
            if left.len() != right.len() {
                return Ok(false);
            }
            for (left, right) in left.iter().zip(right.iter()) {
                if !equal(meter, left, right)? {
                    return Ok(false);
                }
            }
            true
        }
        (Operand::Map(left), Operand::Map(right)) => {
            if left.len() != right.len() {
                return Ok(false);
            }
            for (left, right) in left.iter().zip(right.iter()) {
                if !same_text(meter, &left.0, &right.0)? || !equal(meter, &left.1, &right.1)? {
                    return Ok(false);
                }
            }
            true
        }
        _ => false,
    })
}

fn same_text(meter: &Meter, left: &Arc<str>, right: &Arc<str>) -> Result<bool> {
    if left.len() != right.len() {
        return meter.work(VALUE_WORK).map(|()| false);
    }
    meter.work(VALUE_WORK + left.len() as u64 / 4)?;
    Ok(left == right)
}

fn numbers(meter: &Meter, left: &Number, right: &Number) -> Result<Ordering> {
    if !matches!((left, right), (Number::I64(_), Number::I64(_)) | (Number::F64(_), Number::F64(_))) {
        meter.work(DIGITS_WORK * (left.len() + right.len()) as u64)?;
    }
    left.compare(right)
}

/// The order of two values: numbers, texts, and lists of them.
fn order(meter: &Meter, sign: &'static str, left: &Operand, right: &Operand) -> Result<Ordering> {
    meter.work(VALUE_WORK)?;
    match (left, right) {
        (Operand::Number(left), Operand::Number(right)) => numbers(meter, left, right),
        (Operand::Text(left), Operand::Text(right)) => {
            meter.work(left.len().min(right.len()) as u64 / 4)?;
            Ok(left.cmp(right))
        }
        (Operand::List(left), Operand::List(right)) => {
            for (left, right) in left.iter().zip(right.iter()) {
                let order = order(meter, sign, left, right)?;
                if order.is_ne() {
                    return Ok(order);
                }
            }
            Ok(left.len().cmp(&right.len()))
        }
        _ => refuse(format!(
            "`{sign}` compares two numbers or two texts, not a value of type {} with one of type {}",
            left.kind(),
            right.kind()
        )),
    }
}

/// Whether `value` is in `container`: a part of a text, an item of a list, a name of a map.
pub(super) fn contains(meter: &Meter, container: &Operand, value: &Operand) -> Result<bool> {
    match (container, value) {
        (Operand::Text(text), Operand::Text(part)) => {
            meter.read(text)?;
            meter.read(part)?;
            Ok(text.contains(part.as_ref()))
        }
        (Operand::List(list), _) => {
            for item in list.iter() {
                if equal(meter, item, value)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        (Operand::Map(map), Operand::Text(name)) => {
            looked_up(meter, map.len(), name)?;
            Ok(map.get(name).is_some())
        }
        (Operand::Map(_), _) => Ok(false),
        _ => refuse(format!(
            "`in` looks into a text, a list or a map, not for a value of type {} in one of type {}",
            value.kind(),
            container.kind()
        )),
    }
}

/// Charges for a search of a name among `count`.
pub(super) fn looked_up(meter: &Meter, count: usize, name: &str) -> Result<()> {
    meter.work((VALUE_WORK + name.len() as u64 / 4) * super::value::rounds(count))
}

/// The key of a sort: made once for each item.
#[derive(Debug)]
pub(super) enum SortKey {
    Operand(Operand),
    Several(Vec<Operand>),
}

/// The cost of each comparison with this key; looks at all of it, and charges for that.
pub(super) fn weight(meter: &Meter, key: &SortKey) -> Result<u64> {
    let values = match key {
        SortKey::Operand(value) => std::slice::from_ref(value),
        SortKey::Several(values) => values.as_slice(),
    };
    let mut weight = 0;
    for value in values {
        weight += value_weight(meter, value)?;
    }
    Ok(weight)
}

fn value_weight(meter: &Meter, value: &Operand) -> Result<u64> {
    meter.work(VALUE_WORK)?;
    Ok(VALUE_WORK
        + match value {
            Operand::Undefined | Operand::Null | Operand::Bool(_) => 0,
            Operand::Number(Number::I64(_)) => 0,
            Operand::Number(number) => 64 + 2 * DIGITS_WORK * number.len() as u64,
            Operand::Text(text) => text.len() as u64 / 4,
            Operand::List(list) => {
                let mut weight = 0;
                for item in list.iter() {
                    weight += value_weight(meter, item)?;
                }
                weight
            }
            Operand::Map(map) => {
                let mut weight = 0;
                for (name, item) in map.iter() {
                    weight += VALUE_WORK + name.len() as u64 / 4 + value_weight(meter, item)?;
                }
                weight
            }
        })
}

/// Sorts by keys; all comparisons are charged for before the first.
pub(super) fn sort<T>(meter: &Meter, items: &mut [(SortKey, T)], reverse: bool) -> Result<()> {
    let mut weight = 0;
    for (key, _) in items.iter() {
        weight += self::weight(meter, key)?;
    }
    meter.work(weight.saturating_mul(super::value::rounds(items.len())))?;
    // A stable sort allocates half of the size of its input.
    meter.make(size_of_val(items))?;
    items.sort_by(|left, right| {
        let order = key_order(&left.0, &right.0);
        if reverse { order.reverse() } else { order }
    });
    Ok(())
}

/// The order of two keys, whatever their kinds.
pub(super) fn key_order(left: &SortKey, right: &SortKey) -> Ordering {
    match (left, right) {
        (SortKey::Operand(left), SortKey::Operand(right)) => total(left, right),
        (SortKey::Several(left), SortKey::Several(right)) => all(left, right),
        (SortKey::Operand(_), SortKey::Several(_)) => Ordering::Less,
        (SortKey::Several(_), SortKey::Operand(_)) => Ordering::Greater,
    }
}

fn all(left: &[Operand], right: &[Operand]) -> Ordering {
    let pairs = left.iter().zip(right).map(|(left, right)| total(left, right));
    pairs.fold(Ordering::Equal, Ordering::then).then_with(|| left.len().cmp(&right.len()))
}

fn total(left: &Operand, right: &Operand) -> Ordering {
    match (left, right) {
        (Operand::Bool(left), Operand::Bool(right)) => left.cmp(right),
        (Operand::Number(left), Operand::Number(right)) => left.total_order(right),
        (Operand::Text(left), Operand::Text(right)) => left.cmp(right),
        (Operand::List(left), Operand::List(right)) => all(left, right),
        (Operand::Map(left), Operand::Map(right)) => {
            let pairs = left.iter().zip(right.iter());
            let pairs =
                pairs.map(|(left, right)| left.0.cmp(&right.0).then_with(|| total(&left.1, &right.1)));
            pairs.fold(Ordering::Equal, Ordering::then).then_with(|| left.len().cmp(&right.len()))
        }
        _ => rank(left).cmp(&rank(right)),
    }
}

fn rank(value: &Operand) -> u8 {
    match value {
        Operand::Undefined => 0,
        Operand::Null => 1,
        Operand::Bool(_) => 2,
        Operand::Number(_) => 3,
        Operand::Text(_) => 4,
        Operand::List(_) => 5,
        Operand::Map(_) => 6,
    }
}

/// Items as their own sort keys; texts in lower case unless `case_sensitive`.
pub(super) fn folded(meter: &Meter, value: &Operand, case_sensitive: bool) -> Result<Operand> {
    meter.work(VALUE_WORK)?;
    match value {
        Operand::Text(text) if !case_sensitive => {
            meter.make(4 * text.len() + TEXT_BYTES + ITEM_BYTES)?;
            Operand::text(meter, &text.to_lowercase())
        }
        _ => Ok(value.clone()),
    }
}
