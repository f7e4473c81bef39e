//! The filters that do something named to each item: charged for their arguments once for each item,
//! since that is how often the named filter or test reads them.

use std::borrow::Cow;

use minijinja::value::{Rest, ValueOrKwargs};
use minijinja::{Error, State, Value, filters};

use super::metering::root;
use super::weight;

type Args = Rest<ValueOrKwargs>;
type Items = Result<Vec<Value>, Error>;

fn charge(state: &State, items: &Value, args: &Args) -> Result<(), Error> {
    let root = root(state)?;
    for _ in 0..items.len().unwrap_or(0) {
        for arg in args.iter() {
            weight::deep(&root.meter, arg, 1)?;
        }
    }
    Ok(())
}

/// `|map('filter', …)` and `|map(attribute=…)`.
pub(super) fn map(state: &mut State, items: Value, args: Args) -> Items {
    charge(state, &items, &args)?;
    filters::map(state, items, args)
}

/// `|select('test', …)`.
pub(super) fn select(state: &mut State, items: Value, test: Option<Cow<'_, str>>, args: Args) -> Items {
    charge(state, &items, &args)?;
    filters::select(state, items, test, args)
}

/// `|reject('test', …)`.
pub(super) fn reject(state: &mut State, items: Value, test: Option<Cow<'_, str>>, args: Args) -> Items {
    charge(state, &items, &args)?;
    filters::reject(state, items, test, args)
}

/// `|selectattr('attribute', 'test', …)`.
pub(super) fn selectattr(
    state: &mut State,
    items: Value,
    attribute: Cow<'_, str>,
    test: Option<Cow<'_, str>>,
    args: Args,
) -> Items {
    charge(state, &items, &args)?;
    filters::selectattr(state, items, attribute, test, args)
}

/// `|rejectattr('attribute', 'test', …)`.
pub(super) fn rejectattr(
    state: &mut State,
    items: Value,
    attribute: Cow<'_, str>,
    test: Option<Cow<'_, str>>,
    args: Args,
) -> Items {
    charge(state, &items, &args)?;
    filters::rejectattr(state, items, attribute, test, args)
}
