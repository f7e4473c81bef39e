//! Calls of filters and tests: only those that are allowed, each charged for what it reads.

use minijinja::machinery::ast::{self, CallArg, Expr};

use super::path::Missing;
use super::{Lowered, Lowering, filter, spanned, weigh};
use crate::template::allowed::{self, Cost, Filter, Names};

impl Lowering<'_> {
    /// Lowers `operand|name(args)`.
    pub(super) fn filter_call(&mut self, call: &ast::Filter<'_>, missing: Missing) -> Lowered {
        let known = allowed::find(call.name).ok_or_else(|| no_filter(call.name))?;
        let operand = call.expr.as_ref().ok_or_else(|| format!("`{}` has nothing to work on", call.name))?;
        let operand = match known.name {
            "default" | "d" => self.optional(operand)?,
            _ => self.expression(operand)?,
        };
        let operand = match known.cost {
            Cost::Nothing => operand,
            Cost::Items => filter("tally", operand, vec![]),
            Cost::All(factor) => weigh(operand, factor),
        };
        check_names(known, &call.args)?;
        let args = self.args(&call.args)?;
        let result = filter(known.name, operand, args);
        Ok(match (known.lazy, known.partial, missing) {
            (true, ..) => filter("solid", result, vec![]),
            (_, true, Missing::Fails) => self.present(result, known.name),
            _ => result,
        })
    }

    /// Lowers `operand is name(args)`.
    pub(super) fn test_call(&mut self, call: &ast::Test<'_>) -> Lowered {
        let name = allowed::find_test(call.name).ok_or_else(|| no_test(call.name))?;
        let expr = match name {
            "defined" | "undefined" => self.optional(&call.expr)?,
            _ if call.args.is_empty() => self.expression(&call.expr)?,
            _ => weigh(self.expression(&call.expr)?, 1),
        };
        Ok(Expr::Test(spanned(ast::Test { name, expr, args: self.args(&call.args)? })))
    }

    fn args(&mut self, args: &[CallArg<'_>]) -> Result<Vec<CallArg<'static>>, String> {
        args.iter().map(|arg| self.arg(arg)).collect()
    }

    fn arg(&mut self, arg: &CallArg<'_>) -> Result<CallArg<'static>, String> {
        match arg {
            CallArg::Pos(expr) => Ok(CallArg::Pos(weigh(self.expression(expr)?, 1))),
            CallArg::Kwarg(name, expr) => {
                let name = allowed::find_keyword(name).ok_or_else(|| format!("no argument `{name}`"))?;
                Ok(CallArg::Kwarg(name, weigh(self.expression(expr)?, 1)))
            }
            CallArg::PosSplat(_) | CallArg::KwargSplat(_) => {
                Err("`*` and `**` before an argument are not available".to_owned())
            }
        }
    }
}

/// A filter or test that another is told to use must be allowed too, and be known beforehand.
fn check_names(known: &Filter, args: &[CallArg<'_>]) -> Result<(), String> {
    let place = match known.names {
        Names::No => return Ok(()),
        Names::Filter => 0,
        Names::Test(place) => place,
    };
    let Some(arg) = args.iter().filter(|arg| matches!(arg, CallArg::Pos(_))).nth(place) else {
        return Ok(());
    };
    let CallArg::Pos(Expr::Const(name)) = arg else {
        return Err(format!("`{}` needs a name that is written out", known.name));
    };
    let name = name.value.as_str().ok_or_else(|| format!("`{}` needs a name", known.name))?;
    match known.names {
        Names::Filter => match allowed::find(name) {
            // A lazy result would have to be made solid for each item.
            Some(Filter { names: Names::No, lazy: false, .. }) => Ok(()),
            Some(_) => Err(format!("`{}` cannot be used inside `map`", name)),
            None => Err(no_filter(name)),
        },
        _ => allowed::find_test(name).map(|_| ()).ok_or_else(|| no_test(name)),
    }
}

fn no_filter(name: &str) -> String {
    let names: Vec<_> = allowed::FILTERS.iter().map(|filter| filter.name).collect();
    format!("no filter `{name}`; there are {}", names.join(", "))
}

fn no_test(name: &str) -> String {
    format!("no test `{name}`; there are {}", allowed::TESTS.join(", "))
}
