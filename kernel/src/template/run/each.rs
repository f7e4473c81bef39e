//! Filters that go through a list: a filter, a test or an attribute, of each of its items.

use super::{Run, by, check};
use crate::meter::{Meter, NODE_WORK, Result, refuse};
use crate::template::attribute::Attribute;
use crate::template::code::{Apply, EachCall};
use crate::template::operators;
use crate::template::value::{Growing, Operand};

impl Run<'_> {
    pub(super) fn each(&mut self, call: &EachCall) -> Result<Operand> {
        let operand = self.value(&call.operand)?;
        let attribute = self.or_nothing(&call.attribute)?;
        let default = self.or_nothing(&call.default)?;
        let args = match &call.apply {
            Apply::Nothing => vec![],
            Apply::Filter(filter) => self.args(&filter.args)?,
            Apply::Test(check, _) => self.check_args(check)?,
        };
        let meter = self.meter();
        let each = || {
            let attribute = Attribute::read(meter, &attribute)?;
            let list = operators::listed(meter, call.name, &operand)?;
            let mut kept = Growing::new(meter);
            for item in list.iter() {
                meter.work(NODE_WORK)?;
                let seen = attribute.of_or_nothing(meter, item)?;
                let seen = if seen.is_undefined() { default.clone() } else { seen };
                if let Some(value) = apply(meter, call, item, seen, &args)? {
                    kept.push(value)?;
                }
            }
            Operand::list(meter, kept.finish())
        };
        let value = each().map_err(|refusal| by(call.name, refusal))?;
        if let Apply::Filter(filter) = &call.apply {
            self.mark(filter.name, &value, true)?;
            self.made(&value, &[&operand])?;
        }
        Ok(value)
    }
}

/// The result for an item; `None` if it is left out.
fn apply(
    meter: &Meter,
    call: &EachCall,
    item: &Operand,
    seen: Operand,
    args: &[Operand],
) -> Result<Option<Operand>> {
    let value = match &call.apply {
        Apply::Nothing => seen,
        Apply::Filter(filter) => {
            filter.run(meter, &seen, args).map_err(|refusal| by(filter.name, refusal))?
        }
        Apply::Test(test, keep) => {
            return Ok((check(meter, test, &seen, args)? == *keep).then(|| item.clone()));
        }
    };
    if value.is_undefined() {
        return refuse("of an item nothing is defined; `default=` can take its place");
    }
    Ok(Some(value))
}
