//! Attributes: the part of each item that `sort`, `map` and others look at, `"user.name"` or `"rows.0"`. Owns the
//! reading of such a text and its limits.

use updraft_protocol::limits::{NESTING, TEMPLATE_ATTRIBUTE_BYTES, TEMPLATE_ATTRIBUTES};

use super::compare::looked_up;
use super::value::Operand;
use crate::meter::{Meter, Result, VALUE_WORK, refuse};

/// The keys that lead from an item to the attribute; empty for the item itself.
#[derive(Debug, Default)]
pub(super) struct Attribute<'a> {
    keys: Vec<&'a str>,
}

impl<'a> Attribute<'a> {
    /// The attribute that an argument names; without an argument, the item itself.
    pub(super) fn read(meter: &Meter, argument: &'a Operand) -> Result<Self> {
        match argument {
            Operand::Undefined => Ok(Self::default()),
            _ => Self::one(text(meter, argument)?),
        }
    }

    /// The attributes that an argument names, separated by commas; empty without an argument.
    pub(super) fn several(meter: &Meter, argument: &'a Operand) -> Result<Vec<Self>> {
        if argument.is_undefined() {
            return Ok(vec![]);
        }
        let text = text(meter, argument)?;
        if text.split(',').count() > TEMPLATE_ATTRIBUTES {
            return refuse(format!("more than {TEMPLATE_ATTRIBUTES} attributes to sort by"));
        }
        text.split(',').map(str::trim).filter(|one| !one.is_empty()).map(Self::one).collect()
    }

    fn one(text: &'a str) -> Result<Self> {
        if text.split('.').count() > NESTING {
            return refuse(format!("an attribute has at most {NESTING} parts"));
        }
        Ok(Self { keys: text.split('.').collect() })
    }

    /// The attribute of the item, or undefined.
    pub(super) fn of_or_nothing(&self, meter: &Meter, item: &Operand) -> Result<Operand> {
        let mut value = item.clone();
        meter.work(VALUE_WORK)?;
        for key in &self.keys {
            value = step(meter, &value, key)?;
        }
        Ok(value)
    }

    /// The attribute of the item.
    pub(super) fn of(&self, meter: &Meter, item: &Operand) -> Result<Operand> {
        let value = self.of_or_nothing(meter, item)?;
        if value.is_undefined() {
            return refuse("an item has no such attribute");
        }
        Ok(value)
    }
}

fn text<'a>(meter: &Meter, argument: &'a Operand) -> Result<&'a str> {
    match argument {
        Operand::Text(text) if text.len() <= TEMPLATE_ATTRIBUTE_BYTES => {
            meter.make(64 * text.len())?;
            meter.work(16 * text.len() as u64)?;
            Ok(text)
        }
        Operand::Text(_) => refuse(format!("an attribute has at most {TEMPLATE_ATTRIBUTE_BYTES} bytes")),
        _ => refuse(format!("an attribute is a text, not a value of type {}", argument.kind())),
    }
}

fn step(meter: &Meter, value: &Operand, key: &str) -> Result<Operand> {
    Ok(match value {
        Operand::Map(map) => {
            looked_up(meter, map.len(), key)?;
            map.get(key).cloned().unwrap_or(Operand::Undefined)
        }
        Operand::List(list) => {
            meter.work(VALUE_WORK + key.len() as u64)?;
            key.parse().ok().and_then(|at: usize| list.get(at)).cloned().unwrap_or(Operand::Undefined)
        }
        _ => Operand::Undefined,
    })
}
