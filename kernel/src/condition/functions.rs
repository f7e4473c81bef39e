//! The functions that the lowering puts around what a condition does: they charge for it and hand their
//! operand on. No condition can write their names, which start with `@`.

use std::sync::Arc;

use cel::common::types::{CelBool, CelInt, CelList, CelMap, CelMapKey, CelString};
use cel::common::value::{CowVal, Val};
use cel::{Context, DeclarationError, ExecutionError, FunctionContext};
use regex::Regex;
use updraft_protocol::limits::VALUE_WORK;

use super::weight::{bytes, charge, deep, items, refuse};
use crate::template::meter::Meter;

/// Charges for all of its operand.
pub(super) const WEIGH: &str = "@weigh";
/// Charges for a list or map as a whole, not for what is inside of its items.
pub(super) const TALLY: &str = "@tally";
/// Charges for what a comprehension does to each item of its operand; gives the keys of a map in order.
pub(super) const EACH: &str = "@each";
/// Refuses what is neither a text nor a whole number.
pub(super) const KEY: &str = "@key";
/// Whether a text matches the pattern with this number.
pub(super) const MATCHES: &str = "@matches";

/// What evaluating one node costs.
const NODE_WORK: u64 = 4 * VALUE_WORK;
/// How often a pattern may read each byte of a text.
const MATCH_WORK: u64 = 32;

type Result<T> = std::result::Result<T, ExecutionError>;
type Function = Box<dyn for<'c, 'v> Fn(&mut FunctionContext<'c, 'v>) -> Result<CowVal<'c, 'v>> + Send + Sync>;

/// Adds the functions to a context.
pub(super) fn add(
    context: &mut Context<'_, '_>,
    meter: &Arc<Meter>,
    patterns: &Arc<[Regex]>,
) -> std::result::Result<(), DeclarationError> {
    let with = Arc::clone(meter);
    let weigh: Function = Box::new(move |call| {
        let value = operand(call)?;
        deep(&with, value.as_ref())?;
        Ok(value)
    });
    let with = Arc::clone(meter);
    let tally: Function = Box::new(move |call| {
        let value = operand(call)?;
        charge(&with, bytes(value.as_ref()) + VALUE_WORK * items(value.as_ref()).unwrap_or(1))?;
        Ok(value)
    });
    let with = Arc::clone(meter);
    let each: Function = Box::new(move |call| {
        let nodes = number(call)?;
        let value = operand(call)?;
        deep(&with, value.as_ref())?;
        let items = items(value.as_ref()).unwrap_or(1);
        charge(&with, items.saturating_mul(nodes).saturating_mul(NODE_WORK))?;
        Ok(in_order(value))
    });
    let key: Function = Box::new(move |call| {
        let value = operand(call)?;
        match value.get_type().name() {
            "string" | "int" | "uint" => Ok(value),
            kind => Err(refuse(&format!("an index is a text or a whole number, not of type {kind}"))),
        }
    });
    let (with, patterns) = (Arc::clone(meter), Arc::clone(patterns));
    let matches: Function = Box::new(move |call| {
        let pattern = number(call)?;
        let value = operand(call)?;
        let text = value.downcast_ref::<CelString>().ok_or_else(|| refuse("`matches` needs a text"))?;
        charge(&with, VALUE_WORK + bytes(value.as_ref()).saturating_mul(MATCH_WORK))?;
        let pattern = usize::try_from(pattern).ok().and_then(|at| patterns.get(at));
        let pattern = pattern.ok_or_else(|| refuse("`matches` lost its pattern"))?;
        Ok(CowVal::owned(CelBool::from(pattern.is_match(text.inner()))))
    });
    let functions = [(WEIGH, weigh), (TALLY, tally), (EACH, each), (KEY, key), (MATCHES, matches)];
    functions.into_iter().try_for_each(|(name, function)| context.add_function(name, function))
}

/// The first argument, handed on as it is.
fn operand<'c, 'v>(call: &mut FunctionContext<'c, 'v>) -> Result<CowVal<'c, 'v>> {
    if call.args.is_empty() {
        return Err(refuse("an operand is missing"));
    }
    Ok(call.args.swap_remove(0))
}

/// The second argument: a number that the lowering wrote.
fn number(call: &FunctionContext<'_, '_>) -> Result<u64> {
    let number =
        call.args.get(1).and_then(|value| value.downcast_ref::<CelInt>()).map(|number| *number.inner());
    number.and_then(|number| u64::try_from(number).ok()).ok_or_else(|| refuse("a number is missing"))
}

/// The keys of a map in order: its own order changes from one run to the next.
fn in_order<'c, 'v>(value: CowVal<'c, 'v>) -> CowVal<'c, 'v> {
    let Some(map) = value.downcast_ref::<CelMap>() else {
        return value;
    };
    let mut keys: Vec<&CelMapKey<'_>> = map.inner().keys().collect();
    keys.sort();
    let keys: Vec<Box<dyn Val + 'v>> = keys.into_iter().map(|key| key.inner().clone_as_boxed()).collect();
    CowVal::owned(CelList::from(keys))
}
