//! Calls of filters and tests: only allowed ones, each with its arguments in the order of its parameters.

use minijinja::machinery::ast::{self, CallArg};
use updraft_protocol::suggest::suggestion;

use super::{Lowered, Lowering};
use crate::template::allowed::{self, EACH, Filter, MATCHING, Parameter, Work};
use crate::template::code::{
    Apply, Check, EachCall, Expr, FilterCall, Missing, NODE_BYTES, ReadyFilter, ReadyWork, TestCall,
};
use crate::template::filters::dates;
use crate::template::pattern::{Pattern, Search};
use crate::template::value::Operand;

/// The arguments of a call: positional and named.
struct Args<'a> {
    name: &'a str,
    placed: std::slice::Iter<'a, CallArg<'a>>,
    named: Vec<(&'a str, &'a ast::Expr<'a>)>,
}

impl<'a> Args<'a> {
    fn new(name: &'a str, args: &'a [CallArg<'a>]) -> Result<Self, String> {
        let placed = args.iter().take_while(|arg| matches!(arg, CallArg::Pos(_))).count();
        let (placed, rest) = args.split_at(placed);
        let mut named: Vec<(&str, &ast::Expr<'_>)> = vec![];
        for arg in rest {
            match arg {
                CallArg::Kwarg(name, _) if named.iter().any(|(known, _)| known == name) => {
                    return Err(format!("`{name}` is given twice"));
                }
                CallArg::Kwarg(name, expr) => named.push((name, expr)),
                CallArg::Pos(_) => {
                    return Err("an argument without a name stands before those with one".to_owned());
                }
                CallArg::PosSplat(_) | CallArg::KwargSplat(_) => {
                    return Err("`*` and `**` before an argument are not available".to_owned());
                }
            }
        }
        Ok(Self { name, placed: placed.iter(), named })
    }

    fn next(&mut self) -> Option<&'a ast::Expr<'a>> {
        match self.placed.next() {
            Some(CallArg::Pos(expr)) => Some(expr),
            _ => None,
        }
    }

    fn named(&mut self, name: &str) -> Option<&'a ast::Expr<'a>> {
        let at = self.named.iter().position(|(known, _)| *known == name)?;
        Some(self.named.remove(at).1)
    }

    /// The next argument, which must be a constant text.
    fn literal(&mut self, what: &str) -> Result<Option<&'a str>, String> {
        match self.next() {
            None => Ok(None),
            Some(ast::Expr::Const(known)) if known.value.as_str().is_some() => Ok(known.value.as_str()),
            Some(_) => Err(format!("`{}` needs {what} that is written out, in quotes", self.name)),
        }
    }

    fn finish(mut self) -> Result<(), String> {
        match (self.next(), self.named.first()) {
            (Some(_), _) => Err(format!("`{}` is given too many arguments", self.name)),
            (_, Some((name, _))) => Err(format!("`{}` has no argument `{name}`", self.name)),
            _ => Ok(()),
        }
    }
}

impl Lowering<'_> {
    /// Lowers `operand|name(args)`.
    pub(super) fn filter_call(&mut self, call: &ast::Filter<'_>, missing: Missing) -> Lowered {
        let operand = call.expr.as_ref().ok_or_else(|| format!("`{}` has nothing to work on", call.name))?;
        self.place.check_part(operand, Some(call.name))?;
        let args = Args::new(call.name, &call.args)?;
        if let Some(name) = EACH.iter().find(|name| **name == call.name) {
            return self.each_call(name, operand, args);
        }
        let filter = allowed::filter_named(call.name).ok_or_else(|| no_filter(call.name))?;
        let operand = match filter.name {
            "default" | "d" => self.optional(operand)?,
            _ => self.expression(operand)?,
        };
        let filter = self.ready(filter, args)?;
        Ok(Expr::Filter(Box::new(FilterCall { filter, operand, missing })))
    }

    /// A filter with its arguments. A pattern is the first of them, and is compiled here.
    fn ready(&mut self, filter: &'static Filter, mut args: Args<'_>) -> Lowered<ReadyFilter> {
        let name = filter.name;
        args.name = name;
        let work = match filter.work {
            Work::Values(run) => ReadyWork::Values(run),
            Work::Search(run) => {
                let pattern = args.literal("a pattern")?;
                let pattern = pattern.ok_or_else(|| format!("`{name}` needs a pattern: `{name}('ab+')`"))?;
                ReadyWork::Search(run, Box::new(Search::compile(pattern, self.budget)?))
            }
        };
        let args = self.args(filter.parameters, args)?;
        if dates::is_of_dates(name) {
            let known = |arg: &Option<Expr>| match arg {
                Some(Expr::Const(value)) => value.clone(),
                _ => Operand::Undefined,
            };
            let known: Vec<Operand> = args.iter().map(known).collect();
            self.budget.work(dates::CHECK_WORK)?;
            dates::check_written(name, &known).map_err(|refusal| refusal.to_string())?;
        }
        Ok(ReadyFilter { name, work, args })
    }

    /// Lowers `operand is name(args)`.
    pub(super) fn test_call(&mut self, call: &ast::Test<'_>) -> Lowered {
        let operand = match (call.name, &call.expr) {
            (
                "defined" | "undefined",
                path @ (ast::Expr::Var(_) | ast::Expr::GetAttr(_) | ast::Expr::GetItem(_)),
            ) => self.deeper(|this| this.path(path, Missing::Passes, false))?,
            ("defined" | "undefined", other) => self.optional(other)?,
            (_, other) => self.expression(other)?,
        };
        let check = self.check(call.name, Args::new(call.name, &call.args)?)?;
        Ok(Expr::Test(Box::new(TestCall { operand, check })))
    }

    fn check(&mut self, name: &str, mut args: Args<'_>) -> Lowered<Check> {
        if name == MATCHING {
            let pattern =
                args.literal("a pattern")?.ok_or("`matching` needs a pattern: `is matching('^ab+$')`")?;
            args.finish()?;
            let pattern = Pattern::compile(pattern, self.budget)?;
            return Ok(Check::Matching(Box::new(pattern)));
        }
        let test = allowed::test_named(name).ok_or_else(|| no_test(name))?;
        Ok(Check::Plain(test, self.args(test.parameters, args)?))
    }

    /// Lowers a filter that applies a named filter or test to each item.
    fn each_call(&mut self, name: &'static str, operand: &ast::Expr<'_>, mut args: Args<'_>) -> Lowered {
        let operand = self.expression(operand)?;
        let (mut attribute, mut default) = (None, None);
        let apply = if name == "map" {
            if let Some(named) = args.named("attribute") {
                attribute = Some(self.expression(named)?);
                default = args.named("default").map(|expr| self.expression(expr)).transpose()?;
                args.finish()?;
                Apply::Nothing
            } else {
                let inner =
                    args.literal("the name of a filter")?.ok_or("`map` needs a filter or `attribute=`")?;
                if EACH.contains(&inner) {
                    return Err(format!("`{inner}` cannot be used inside `map`"));
                }
                let filter = allowed::filter_named(inner).ok_or_else(|| no_filter(inner))?;
                Apply::Filter(self.ready(filter, args)?)
            }
        } else {
            if name.ends_with("attr") {
                let named = args.next().ok_or_else(|| format!("`{name}` needs the name of an attribute"))?;
                attribute = Some(self.expression(named)?);
            }
            let check = match args.literal("the name of a test")? {
                Some(test) => self.check(test, args)?,
                None => args.finish().map(|()| Check::Truth)?,
            };
            Apply::Test(check, name.starts_with("select"))
        };
        Ok(Expr::Each(Box::new(EachCall { name, operand, attribute, default, apply })))
    }

    /// The arguments in the order of the parameters.
    fn args(&mut self, parameters: &[Parameter], mut args: Args<'_>) -> Lowered<Vec<Option<Expr>>> {
        self.budget.keep(NODE_BYTES)?;
        let mut lowered = Vec::with_capacity(parameters.len());
        for parameter in parameters {
            let placed = if parameter.by_place { args.next() } else { None };
            let given = match placed {
                Some(placed) => Some(placed),
                None => args.named(parameter.name),
            };
            if given.is_none() && parameter.required {
                return Err(format!("`{}` needs an argument: `{}`", args.name, parameter.name));
            }
            lowered.push(given.map(|expr| self.expression(expr)).transpose()?);
        }
        args.finish()?;
        Ok(lowered)
    }
}

fn no_filter(name: &str) -> String {
    let test = name.strip_prefix("is_").unwrap_or(name);
    if allowed::test_names().contains(&test) {
        return format!("no filter `{name}`; it is a test: `value is {test}`");
    }
    format!("no filter `{name}`{}", near(name, &allowed::filter_names()))
}

fn no_test(name: &str) -> String {
    format!("no test `{name}`{}", near(name, &allowed::test_names()))
}

/// The known name that is like this one, or else all of them.
fn near(name: &str, known: &[&str]) -> String {
    let near = suggestion(name, known.iter().copied());
    if near.is_empty() { format!("; there are {}", known.join(", ")) } else { near }
}
