//! Filters of maps, and `default`.

use std::sync::Arc;

use super::{argument, flag, text, text_argument};
use crate::meter::{Meter, Result, VALUE_WORK, refuse};
use crate::template::compare::{SortKey, folded, looked_up, sort};
use crate::template::value::{Fields, Growing, ITEM_BYTES, Operand};

/// `|attr('name')`.
pub(in crate::template) fn attr(meter: &Meter, value: &Operand, args: &[Operand]) -> Result<Operand> {
    let name = text("attr", argument(args, 0))?;
    Ok(match value {
        Operand::Map(map) => {
            looked_up(meter, map.len(), name)?;
            map.get(name).cloned().unwrap_or(Operand::Undefined)
        }
        _ => Operand::Undefined,
    })
}

/// `|default(value)`, and `|default(value, true)` also for a value that counts as false.
pub(in crate::template) fn default(_: &Meter, value: &Operand, args: &[Operand]) -> Result<Operand> {
    let missing = value.is_undefined() || (flag(args, 1) && !value.is_true());
    Ok(match argument(args, 0) {
        _ if !missing => value.clone(),
        Operand::Undefined => Operand::constant(""),
        default => default.clone(),
    })
}

/// `|items`: names and values, in the order of the names.
pub(in crate::template) fn items(meter: &Meter, value: &Operand, _: &[Operand]) -> Result<Operand> {
    let map = map("items", value)?;
    let mut items = Growing::with_room(meter, map.len())?;
    for (name, value) in map.iter() {
        items.push(pair(meter, name, value)?)?;
    }
    Operand::list(meter, items.finish())
}

/// `|dictsort`: names and values, sorted.
pub(in crate::template) fn dictsort(meter: &Meter, value: &Operand, args: &[Operand]) -> Result<Operand> {
    let map = map("dictsort", value)?;
    let by_value = match text_argument("dictsort", args, 1)? {
        None | Some("key") => false,
        Some("value") => true,
        Some(_) => return refuse("`dictsort` sorts by `key` or by `value`"),
    };
    let mut pairs = Growing::with_room(meter, map.len())?;
    for (name, value) in map.iter() {
        let key = if by_value { value.clone() } else { Operand::Text(Arc::clone(name)) };
        let key = SortKey::Operand(folded(meter, &key, flag(args, 0))?);
        pairs.push((key, pair(meter, name, value)?))?;
    }
    let mut pairs = pairs.finish();
    sort(meter, &mut pairs, flag(args, 2))?;
    let mut items = Growing::with_room(meter, pairs.len())?;
    for (_, pair) in pairs {
        items.push(pair)?;
    }
    Operand::list(meter, items.finish())
}

fn map<'v>(filter: &'static str, value: &'v Operand) -> Result<&'v Fields> {
    match value {
        Operand::Map(map) => Ok(map),
        _ => refuse(format!("`{filter}` needs a map, not a value of type {}", value.kind())),
    }
}

fn pair(meter: &Meter, name: &Arc<str>, value: &Operand) -> Result<Operand> {
    meter.make(2 * ITEM_BYTES)?;
    meter.work(2 * VALUE_WORK)?;
    Operand::list(meter, vec![Operand::Text(Arc::clone(name)), value.clone()])
}
