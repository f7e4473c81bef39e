//! Comparisons of values in a filter (RFC 9535, 2.3.5.2.2): each is charged before it reads.

use std::cmp::Ordering;

use updraft_protocol::Value;

use super::meter::{Exhausted, Meter};
use super::{Operator, number};

/// Whether the comparison holds; `None` is the value of a query without a match.
pub(super) fn holds(
    left: Option<&Value>,
    operator: Operator,
    right: Option<&Value>,
    meter: &mut Meter,
) -> Result<bool, Exhausted> {
    match operator {
        Operator::Equal => same(left, right, meter),
        Operator::NotEqual => same(left, right, meter).map(|same| !same),
        Operator::Less => is_ordered(left, right, Ordering::Less, meter),
        Operator::Greater => is_ordered(left, right, Ordering::Greater, meter),
        Operator::LessOrEqual => {
            Ok(is_ordered(left, right, Ordering::Less, meter)? || same(left, right, meter)?)
        }
        Operator::GreaterOrEqual => {
            Ok(is_ordered(left, right, Ordering::Greater, meter)? || same(left, right, meter)?)
        }
    }
}

fn same(left: Option<&Value>, right: Option<&Value>, meter: &mut Meter) -> Result<bool, Exhausted> {
    match (left, right) {
        (Some(left), Some(right)) => equal(left, right, meter),
        (left, right) => Ok(left.is_none() && right.is_none()),
    }
}

/// Only two numbers and two texts have an order.
fn is_ordered(
    left: Option<&Value>,
    right: Option<&Value>,
    order: Ordering,
    meter: &mut Meter,
) -> Result<bool, Exhausted> {
    match (left, right) {
        (Some(Value::Number(left)), Some(Value::Number(right))) => {
            meter.numbers(left, right)?;
            Ok(number::compare(left, right) == order)
        }
        (Some(Value::String(left)), Some(Value::String(right))) => {
            meter.bytes(left.len().min(right.len()))?;
            Ok(left.cmp(right) == order)
        }
        _ => Ok(false),
    }
}

/// Whether two values are the same. The recursion is bounded by the nesting of values.
fn equal(left: &Value, right: &Value, meter: &mut Meter) -> Result<bool, Exhausted> {
    meter.node()?;
    match (left, right) {
        (Value::Null, Value::Null) => Ok(true),
        (Value::Bool(left), Value::Bool(right)) => Ok(left == right),
        (Value::Number(left), Value::Number(right)) => {
            meter.numbers(left, right)?;
            Ok(number::compare(left, right) == Ordering::Equal)
        }
        (Value::String(left), Value::String(right)) => texts(left, right, meter),
        (Value::Array(left), Value::Array(right)) if left.len() == right.len() => {
            for (left, right) in left.iter().zip(right) {
                if !equal(left, right, meter)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        (Value::Object(left), Value::Object(right)) if left.len() == right.len() => {
            for ((left_name, left), (right_name, right)) in left.iter().zip(right) {
                if !texts(left_name, right_name, meter)? || !equal(left, right, meter)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        _ => Ok(false),
    }
}

fn texts(left: &str, right: &str, meter: &mut Meter) -> Result<bool, Exhausted> {
    if left.len() != right.len() {
        return Ok(false);
    }
    meter.bytes(left.len())?;
    Ok(left == right)
}
