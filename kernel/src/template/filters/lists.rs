//! Filters of lists.

use std::cmp::Ordering;

use super::{argument, flag};
use crate::meter::{Meter, Result, VALUE_WORK, refuse};
use crate::template::attribute::Attribute;
use crate::template::code::Operator;
use crate::template::compare::{SortKey, folded, key_order, sort as sort_keys, weight};
use crate::template::number::{Amount, too_large};
use crate::template::operators::{amount, calculate, listed};
use crate::template::value::{Growing, ITEM_BYTES, Items, Operand};

pub(in crate::template) fn length(meter: &Meter, value: &Operand, _: &[Operand]) -> Result<Operand> {
    match value {
        Operand::Text(text) => {
            meter.read(text)?;
            Ok(text.chars().count().into())
        }
        Operand::List(list) => Ok(list.len().into()),
        Operand::Map(map) => Ok(map.len().into()),
        _ => refuse(format!("`length` needs a text, a list or a map, not a value of type {}", value.kind())),
    }
}

pub(in crate::template) fn first(_: &Meter, value: &Operand, _: &[Operand]) -> Result<Operand> {
    end("first", value, <[Operand]>::first)
}

pub(in crate::template) fn last(_: &Meter, value: &Operand, _: &[Operand]) -> Result<Operand> {
    end("last", value, <[Operand]>::last)
}

fn end(filter: &'static str, value: &Operand, end: fn(&[Operand]) -> Option<&Operand>) -> Result<Operand> {
    match value {
        Operand::List(list) => Ok(end(list).cloned().unwrap_or(Operand::Undefined)),
        _ => refuse(format!("`{filter}` needs a list, not a value of type {}", value.kind())),
    }
}

pub(in crate::template) fn list(meter: &Meter, value: &Operand, _: &[Operand]) -> Result<Operand> {
    listed(meter, "list", value).map(Operand::List)
}

pub(in crate::template) fn reverse(meter: &Meter, value: &Operand, _: &[Operand]) -> Result<Operand> {
    if let Operand::Text(text) = value {
        meter.make(2 * text.len())?;
        meter.work(8 * text.len() as u64)?;
        let reversed: String = text.chars().rev().collect();
        return Operand::text(meter, &reversed);
    }
    let list = listed(meter, "reverse", value)?;
    let mut items = Growing::with_room(meter, list.len())?;
    for item in list.iter().rev() {
        items.push(item.clone())?;
    }
    Operand::list(meter, items.finish())
}

/// `|sum` and `|sum(attribute=…)`: of numbers only; adding texts one by one would copy them again and again.
pub(in crate::template) fn sum(meter: &Meter, value: &Operand, args: &[Operand]) -> Result<Operand> {
    let list = listed(meter, "sum", value)?;
    let attribute = Attribute::read(meter, argument(args, 0))?;
    let (mut whole, mut fraction) = (0_i128, None);
    for item in list.iter() {
        let item = attribute.of(meter, item)?;
        let Operand::Number(number) = &item else {
            return refuse(format!("`sum` adds numbers, not a value of type {}", item.kind()));
        };
        match amount(meter, number)? {
            Amount::Whole(number) => match whole.checked_add(number) {
                Some(sum) => whole = sum,
                None => return too_large(),
            },
            number @ Amount::Fraction(_) => {
                fraction = Some(match fraction {
                    Some(sum) => calculate(meter, Operator::Add, sum, number)?,
                    None => number,
                });
            }
        }
    }
    let sum = match fraction {
        Some(fraction) => calculate(meter, Operator::Add, Amount::Whole(whole), fraction)?,
        None => Amount::Whole(whole),
    };
    Ok(Operand::Number(sum.number()?))
}

/// `|sort`, by the items themselves or by up to some attributes of them.
pub(in crate::template) fn sort(meter: &Meter, value: &Operand, args: &[Operand]) -> Result<Operand> {
    let list = listed(meter, "sort", value)?;
    let mut keyed = keyed(meter, &list, flag(args, 1), argument(args, 2))?;
    sort_keys(meter, &mut keyed, flag(args, 0))?;
    values(meter, keyed)
}

/// `|unique`: the first of each group of equal items, in their order.
pub(in crate::template) fn unique(meter: &Meter, value: &Operand, args: &[Operand]) -> Result<Operand> {
    let list = listed(meter, "unique", value)?;
    let keys = keyed(meter, &list, flag(args, 0), argument(args, 1))?;
    let mut placed = Growing::with_room(meter, keys.len())?;
    for (at, (key, item)) in keys.into_iter().enumerate() {
        placed.push((key, (at, item)))?;
    }
    let mut placed = placed.finish();
    // A stable sort: the first of equal items stays the first.
    sort_keys(meter, &mut placed, false)?;
    placed.dedup_by(|later, earlier| key_order(&later.0, &earlier.0).is_eq());
    meter.work(4 * VALUE_WORK * placed.len() as u64)?;
    placed.sort_unstable_by_key(|(_, (at, _))| *at);
    let mut items = Growing::with_room(meter, placed.len())?;
    for (_, (_, item)) in placed {
        items.push(item)?;
    }
    Operand::list(meter, items.finish())
}

pub(in crate::template) fn min(meter: &Meter, value: &Operand, args: &[Operand]) -> Result<Operand> {
    extreme(meter, "min", value, args, Ordering::is_lt)
}

pub(in crate::template) fn max(meter: &Meter, value: &Operand, args: &[Operand]) -> Result<Operand> {
    extreme(meter, "max", value, args, Ordering::is_ge)
}

fn extreme(
    meter: &Meter,
    filter: &'static str,
    value: &Operand,
    args: &[Operand],
    replaces: fn(Ordering) -> bool,
) -> Result<Operand> {
    let list = listed(meter, filter, value)?;
    let keyed = keyed(meter, &list, flag(args, 0), argument(args, 1))?;
    let mut best: Option<(SortKey, Operand)> = None;
    for (key, item) in keyed {
        // A comparison looks at no more than the smaller of the two.
        meter.work(weight(meter, &key)?)?;
        if best.as_ref().is_none_or(|(known, _)| replaces(key_order(&key, known))) {
            best = Some((key, item));
        }
    }
    Ok(best.map_or(Operand::Undefined, |(_, item)| item))
}

/// Each item with its sort key.
fn keyed(meter: &Meter, list: &Items, case_sensitive: bool, by: &Operand) -> Result<Vec<(SortKey, Operand)>> {
    let attributes = Attribute::several(meter, by)?;
    let mut keyed = Growing::with_room(meter, list.len())?;
    for item in list.iter() {
        let key = match attributes.as_slice() {
            [] => SortKey::Operand(folded(meter, item, case_sensitive)?),
            [only] => SortKey::Operand(folded(meter, &only.of_or_nothing(meter, item)?, case_sensitive)?),
            several => {
                meter.make(several.len() * ITEM_BYTES + 16)?;
                let mut keys = Vec::with_capacity(several.len());
                for attribute in several {
                    keys.push(folded(meter, &attribute.of_or_nothing(meter, item)?, case_sensitive)?);
                }
                SortKey::Several(keys)
            }
        };
        keyed.push((key, item.clone()))?;
    }
    Ok(keyed.finish())
}

fn values(meter: &Meter, keyed: Vec<(SortKey, Operand)>) -> Result<Operand> {
    let mut items = Growing::with_room(meter, keyed.len())?;
    for (_, item) in keyed {
        items.push(item)?;
    }
    Operand::list(meter, items.finish())
}
