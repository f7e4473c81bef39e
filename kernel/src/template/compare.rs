//! Comparing values: whether they are equal, which comes first, and whether one is in another. Each pair of values
//! is charged for before it is looked at.

use std::cmp::Ordering;
use std::sync::Arc;

use super::code::Comparison;
use super::meter::{Meter, Result, TEXT_BYTES, VALUE_WORK, refuse};
use super::number::Number;
use super::value::{ITEM_BYTES, Value};

/// What comparing two numbers costs that are not both short.
const DIGITS_WORK: u64 = 8;

/// Whether the comparison holds.
pub(super) fn holds(meter: &Meter, comparison: Comparison, left: &Value, right: &Value) -> Result<bool> {
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

/// Whether two values are the same.
pub(super) fn equal(meter: &Meter, left: &Value, right: &Value) -> Result<bool> {
    meter.work(VALUE_WORK)?;
    Ok(match (left, right) {
        (Value::Null, Value::Null) | (Value::Undefined, Value::Undefined) => true,
        (Value::Bool(left), Value::Bool(right)) => left == right,
        (Value::Number(left), Value::Number(right)) => numbers(meter, left, right)?.is_eq(),
        (Value::Text(left), Value::Text(right)) => same_text(meter, left, right)?,
        (Value::List(left), Value::List(right)) => {
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
        (Value::Map(left), Value::Map(right)) => {
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

/// Which of two values comes first: numbers, texts, and lists of them.
fn order(meter: &Meter, sign: &'static str, left: &Value, right: &Value) -> Result<Ordering> {
    meter.work(VALUE_WORK)?;
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => numbers(meter, left, right),
        (Value::Text(left), Value::Text(right)) => {
            meter.work(left.len().min(right.len()) as u64 / 4)?;
            Ok(left.cmp(right))
        }
        (Value::List(left), Value::List(right)) => {
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
pub(super) fn contains(meter: &Meter, container: &Value, value: &Value) -> Result<bool> {
    match (container, value) {
        (Value::Text(text), Value::Text(part)) => {
            meter.read(text)?;
            meter.read(part)?;
            Ok(text.contains(part.as_ref()))
        }
        (Value::List(list), _) => {
            for item in list.iter() {
                if equal(meter, item, value)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        (Value::Map(map), Value::Text(name)) => {
            looked_up(meter, map.len(), name)?;
            Ok(map.get(name).is_some())
        }
        (Value::Map(_), _) => Ok(false),
        _ => refuse(format!(
            "`in` looks into a text, a list or a map, not for a value of type {} in one of type {}",
            value.kind(),
            container.kind()
        )),
    }
}

/// Charges for finding a name among `count`.
pub(super) fn looked_up(meter: &Meter, count: usize, name: &str) -> Result<()> {
    meter.work((VALUE_WORK + name.len() as u64 / 4) * super::value::rounds(count))
}

/// What a sort compares: made once for each item.
#[derive(Debug)]
pub(super) enum SortKey {
    Value(Value),
    Several(Vec<Value>),
}

/// What comparing this key may cost, each time; looks at all of it, and charges for that.
pub(super) fn weight(meter: &Meter, key: &SortKey) -> Result<u64> {
    let values = match key {
        SortKey::Value(value) => std::slice::from_ref(value),
        SortKey::Several(values) => values.as_slice(),
    };
    let mut weight = 0;
    for value in values {
        weight += value_weight(meter, value)?;
    }
    Ok(weight)
}

fn value_weight(meter: &Meter, value: &Value) -> Result<u64> {
    meter.work(VALUE_WORK)?;
    Ok(VALUE_WORK
        + match value {
            Value::Undefined | Value::Null | Value::Bool(_) => 0,
            Value::Number(Number::I64(_)) => 0,
            Value::Number(number) => 64 + 2 * DIGITS_WORK * number.len() as u64,
            Value::Text(text) => text.len() as u64 / 4,
            Value::List(list) => {
                let mut weight = 0;
                for item in list.iter() {
                    weight += value_weight(meter, item)?;
                }
                weight
            }
            Value::Map(map) => {
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
    // A stable sort takes room for half of what it sorts.
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
        (SortKey::Value(left), SortKey::Value(right)) => total(left, right),
        (SortKey::Several(left), SortKey::Several(right)) => all(left, right),
        (SortKey::Value(_), SortKey::Several(_)) => Ordering::Less,
        (SortKey::Several(_), SortKey::Value(_)) => Ordering::Greater,
    }
}

fn all(left: &[Value], right: &[Value]) -> Ordering {
    let pairs = left.iter().zip(right).map(|(left, right)| total(left, right));
    pairs.fold(Ordering::Equal, Ordering::then).then_with(|| left.len().cmp(&right.len()))
}

fn total(left: &Value, right: &Value) -> Ordering {
    match (left, right) {
        (Value::Bool(left), Value::Bool(right)) => left.cmp(right),
        (Value::Number(left), Value::Number(right)) => left.total_order(right),
        (Value::Text(left), Value::Text(right)) => left.cmp(right),
        (Value::List(left), Value::List(right)) => all(left, right),
        (Value::Map(left), Value::Map(right)) => {
            let pairs = left.iter().zip(right.iter());
            let pairs =
                pairs.map(|(left, right)| left.0.cmp(&right.0).then_with(|| total(&left.1, &right.1)));
            pairs.fold(Ordering::Equal, Ordering::then).then_with(|| left.len().cmp(&right.len()))
        }
        _ => rank(left).cmp(&rank(right)),
    }
}

fn rank(value: &Value) -> u8 {
    match value {
        Value::Undefined => 0,
        Value::Null => 1,
        Value::Bool(_) => 2,
        Value::Number(_) => 3,
        Value::Text(_) => 4,
        Value::List(_) => 5,
        Value::Map(_) => 6,
    }
}

/// Items as the keys that they are themselves; texts in small letters unless `case_sensitive`.
pub(super) fn folded(meter: &Meter, value: &Value, case_sensitive: bool) -> Result<Value> {
    meter.work(VALUE_WORK)?;
    match value {
        Value::Text(text) if !case_sensitive => {
            meter.make(4 * text.len() + TEXT_BYTES + ITEM_BYTES)?;
            Value::text(meter, &text.to_lowercase())
        }
        _ => Ok(value.clone()),
    }
}
