//! The filters that the lowering puts around what a template does: they charge for it, name what is
//! undefined, and hand their operand on. No playbook can write their names.

use std::sync::Arc;

use minijinja::value::{Rest, ValueKind};
use minijinja::{Environment, Error, State, Value};

use super::root::Root;
use super::weight::{self, refuse};

/// Adds them to the environment.
pub(super) fn add(engine: &mut Environment<'static>) {
    engine.add_filter("weigh", weigh);
    engine.add_filter("tally", tally);
    engine.add_filter("solid", solid);
    engine.add_filter("number", number);
    engine.add_filter("known", known);
    engine.add_filter("maybe", maybe);
}

/// What the template sees, and what it may still cost.
pub(super) fn root(state: &State) -> Result<Arc<Root>, Error> {
    let root = state.lookup("root").and_then(|root| root.downcast_object::<Root>());
    root.ok_or_else(|| refuse("the template lost its scope"))
}

fn weigh(state: &State, value: Value, factor: u64) -> Result<Value, Error> {
    weight::deep(&root(state)?.meter, &value, factor)?;
    Ok(value)
}

fn tally(state: &State, value: Value) -> Result<Value, Error> {
    weight::shallow(&root(state)?.meter, &value)?;
    Ok(value)
}

fn solid(state: &State, value: Value) -> Result<Value, Error> {
    weight::solid(&root(state)?.meter, value)
}

fn number(value: Value, operator: &str) -> Result<Value, Error> {
    match value.kind() {
        ValueKind::Number => Ok(value),
        kind => Err(refuse(format!("`{operator}` needs numbers, not a value of type {kind}"))),
    }
}

fn known(state: &State, value: Value, labels: Value, keys: Rest<Value>) -> Result<Value, Error> {
    look_up(state, value, &keys)?.map_err(|at| {
        let names = (0..=at).filter_map(|i| labels.get_item_by_index(i).ok());
        let name: String = names.filter_map(|label| label.as_str().map(str::to_owned)).collect();
        refuse(format!("`{name}` is undefined"))
    })
}

fn maybe(state: &State, value: Value, _labels: Value, keys: Rest<Value>) -> Result<Value, Error> {
    Ok(look_up(state, value, &keys)?.unwrap_or(Value::UNDEFINED))
}

/// Follows `keys`; where that ends at nothing, how many keys it took.
fn look_up(state: &State, value: Value, keys: &[Value]) -> Result<Result<Value, usize>, Error> {
    if value.is_undefined() {
        return Ok(Err(0));
    }
    let mut value = value;
    for (at, key) in keys.iter().enumerate() {
        if value.as_str().is_some() {
            // To find the n-th character of a text is to read it.
            weight::shallow(&root(state)?.meter, &value)?;
        }
        match value.get_item(key) {
            Ok(found) if found.kind() == ValueKind::Invalid => {
                return Err(refuse("the data is nested too deeply to be read"));
            }
            Ok(found) if !found.is_undefined() => value = found,
            _ => return Ok(Err(at + 1)),
        }
    }
    Ok(Ok(value))
}
