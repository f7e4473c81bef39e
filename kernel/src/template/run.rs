//! The interpreter: evaluates expressions and statements over the data of one evaluation. Charges for each step;
//! operators, filters and tests charge for their own cost.

mod each;
mod loops;
mod print;

use super::code::{Base, Check, Expr, FilterCall, Key, Missing, Path, Statement, Target};
use super::command;
use super::compare::{holds, looked_up};
use super::html::Html;
use super::lower::TextUse;
use super::number::Number;
use super::operators::{self, items};
use super::printer::Printed;
use super::root::Root;
use super::url::Writer;
use super::value::{FIELD_BYTES, Growing, ITEM_BYTES, Operand};
use crate::meter::{Meter, NODE_WORK, Refusal, Result, VALUE_WORK, refuse};

/// One text that is being run.
pub(super) struct Run<'r> {
    root: &'r Root<'r>,
    /// The names that the template sets.
    slots: Vec<Operand>,
    /// The current loops, the innermost last.
    loops: Vec<loops::Iteration>,
    printed: Printed,
    /// The use of the text.
    place: TextUse,
    /// The writer of the URL, if the text is one.
    writer: Writer,
    /// The writer of the command, if it is one.
    command: Option<Box<command::Writer>>,
    /// How far the HTML has come, if it is some.
    html: Option<Box<Html>>,
    encoded: print::Encoded,
}

impl<'r> Run<'r> {
    /// A text for `place` with so many names, that prints at most `printable` bytes.
    pub(super) fn new(root: &'r Root<'r>, place: TextUse, slots: usize, printable: usize) -> Self {
        Self {
            root,
            slots: vec![Operand::Undefined; slots],
            loops: vec![],
            printed: Printed::new(printable),
            place,
            writer: Writer::default(),
            command: (place == TextUse::Command).then(|| Box::new(command::Writer::new())),
            html: (place == TextUse::Html).then(Box::default),
            encoded: print::Encoded::default(),
        }
    }

    /// The output.
    pub(super) fn finish(self) -> String {
        self.printed.finish()
    }

    pub(super) fn statements(&mut self, statements: &[Statement]) -> Result<()> {
        for statement in statements {
            self.meter().work(NODE_WORK)?;
            match statement {
                Statement::Print(expr) => {
                    let value = self.value(expr)?;
                    self.print(expr, &value)?;
                }
                Statement::Structure(asked, expr) => {
                    let value = self.value(expr)?;
                    self.print_structure(*asked, &value)?;
                }
                Statement::Branch => self.branch(),
                Statement::If { test, yes, no } => {
                    let branch = if self.value(test)?.is_true() { yes } else { no };
                    self.statements(branch)?;
                }
                Statement::For(each) => self.for_loop(each)?,
                Statement::Set(target, expr) => {
                    let value = self.value(expr)?;
                    self.set(target, value)?;
                }
            }
        }
        Ok(())
    }

    fn set(&mut self, target: &Target, value: Operand) -> Result<()> {
        self.meter().work(VALUE_WORK)?;
        match target {
            Target::Slot(slot) => {
                if let Some(place) = self.slots.get_mut(*slot) {
                    *place = value;
                }
            }
            Target::Several(targets) => {
                let parts = items(self.meter(), "several names need", &value)?;
                if parts.len() != targets.len() {
                    return refuse(format!("{} names for {} values", targets.len(), parts.len()));
                }
                for (target, part) in targets.iter().zip(parts.iter()) {
                    self.set(target, part.clone())?;
                }
            }
        }
        Ok(())
    }

    /// The value of an expression; undefined only if that is allowed.
    pub(super) fn value(&mut self, expr: &Expr) -> Result<Operand> {
        self.meter().work(NODE_WORK)?;
        match expr {
            Expr::Const(value) => Ok(value.clone()),
            Expr::Path(path) => self.path(path),
            Expr::Not(operand) => Ok((!self.value(operand)?.is_true()).into()),
            Expr::Negate(operand) => {
                let operand = self.value(operand)?;
                operators::negate(self.meter(), &operand)
            }
            Expr::Both(operands) => {
                let left = self.value(&operands.0)?;
                if left.is_true() { self.value(&operands.1) } else { Ok(left) }
            }
            Expr::Either(operands) => {
                let left = self.value(&operands.0)?;
                if left.is_true() { Ok(left) } else { self.value(&operands.1) }
            }
            Expr::Operator(operator, operands) => {
                let (left, right) = (self.value(&operands.0)?, self.value(&operands.1)?);
                let value = operators::apply(self.meter(), *operator, &left, &right)?;
                self.made(&value, &[&left, &right])?;
                Ok(value)
            }
            Expr::Compare(first, rest) => {
                let mut left = self.value(first)?;
                for (comparison, right) in rest {
                    let right = self.value(right)?;
                    if !holds(self.meter(), *comparison, &left, &right)? {
                        return Ok(false.into());
                    }
                    left = right;
                }
                Ok(true.into())
            }
            Expr::Choice(choice) => match (self.value(&choice.test)?.is_true(), &choice.no, choice.missing) {
                (true, ..) => self.value(&choice.yes),
                (false, Some(no), _) => self.value(no),
                (false, None, Missing::Passes) => Ok(Operand::Undefined),
                (false, None, Missing::Fails) => nothing(&choice.yes),
            },
            Expr::Slice(slice) => {
                let value = self.value(&slice.value)?;
                let bounds = [
                    self.or_nothing(&slice.start)?,
                    self.or_nothing(&slice.stop)?,
                    self.or_nothing(&slice.step)?,
                ];
                let part = operators::slice(self.meter(), &value, bounds.each_ref())?;
                self.made(&part, &[&value])?;
                Ok(part)
            }
            Expr::Filter(call) => self.filter(call),
            Expr::Each(call) => self.each(call),
            Expr::Test(call) => {
                let operand = self.value(&call.operand)?;
                let args = self.check_args(&call.check)?;
                Ok(check(self.meter(), &call.check, &operand, &args)?.into())
            }
            Expr::List(parts) => {
                let mut items = Growing::with_room(&self.root.meter, parts.len())?;
                for part in parts {
                    items.push(self.value(part)?)?;
                }
                Operand::list(self.meter(), items.finish())
            }
            Expr::Map(parts) => self.map(parts),
        }
    }

    fn map(&mut self, parts: &[(Expr, Expr)]) -> Result<Operand> {
        self.meter().make(parts.len() * FIELD_BYTES)?;
        let mut fields = Vec::with_capacity(parts.len());
        for (name, value) in parts {
            let Operand::Text(name) = self.value(name)? else {
                return refuse("the keys of a map must be texts");
            };
            fields.push((name, self.value(value)?));
        }
        Operand::map(self.meter(), fields)
    }

    fn meter(&self) -> &'r Meter {
        &self.root.meter
    }

    fn or_nothing(&mut self, expr: &Option<Expr>) -> Result<Operand> {
        expr.as_ref().map_or(Ok(Operand::Undefined), |expr| self.value(expr))
    }

    fn args(&mut self, args: &[Option<Expr>]) -> Result<Vec<Operand>> {
        self.meter().make(args.len() * ITEM_BYTES)?;
        args.iter().map(|arg| self.or_nothing(arg)).collect()
    }

    fn check_args(&mut self, check: &Check) -> Result<Vec<Operand>> {
        match check {
            Check::Truth | Check::Matching(_) => Ok(vec![]),
            Check::Plain(_, args) => self.args(args),
        }
    }

    fn filter(&mut self, call: &FilterCall) -> Result<Operand> {
        let operand = self.value(&call.operand)?;
        let args = self.args(&call.filter.args)?;
        let name = call.filter.name;
        let value = call.filter.run(self.meter(), &operand, &args).map_err(|refusal| by(name, refusal))?;
        if value.is_undefined() && call.missing == Missing::Fails {
            return refuse(format!("`…|{name}` is undefined"));
        }
        self.mark(name, &value, false)?;
        // The result of `default` is one of its operands, unchanged.
        if !matches!(name, "default" | "d") {
            let parts: Vec<&Operand> = std::iter::once(&operand).chain(&args).collect();
            self.made(&value, &parts)?;
        }
        Ok(value)
    }

    fn path(&mut self, path: &Path) -> Result<Operand> {
        let mut value = match &path.base {
            Base::Input => self.root.input()?,
            Base::Variables => self.root.variables()?,
            Base::Constants => self.root.constants()?,
            Base::Steps => self.root.steps()?,
            Base::Now => self.root.now()?,
            Base::Local(name) => self.root.local(name)?,
            Base::Slot(slot, _) => self.slots.get(*slot).cloned().unwrap_or(Operand::Undefined),
            Base::Loop(field) => self.loop_field(*field),
            Base::Expr(expr) => self.value(expr)?,
        };
        for (at, key) in path.keys.iter().enumerate() {
            if value.is_undefined() {
                return missing(path, at);
            }
            value = self.step(&value, key)?;
        }
        if value.is_undefined() { missing(path, path.keys.len()) } else { Ok(value) }
    }

    fn step(&mut self, value: &Operand, key: &Key) -> Result<Operand> {
        self.meter().work(VALUE_WORK)?;
        match key {
            Key::Name(name) | Key::Text(name) => field(self.meter(), value, name),
            Key::Index(index) => item(value, *index),
            Key::Computed(expr) => match self.value(expr)? {
                Operand::Text(name) => field(self.meter(), value, &name),
                Operand::Number(Number::I64(index)) => item(value, index),
                other => refuse(format!(
                    "`[…]` takes a name or a whole number, not a value of type {}",
                    other.kind()
                )),
            },
        }
    }
}

fn check(meter: &Meter, check: &Check, value: &Operand, args: &[Operand]) -> Result<bool> {
    meter.work(NODE_WORK)?;
    match check {
        Check::Truth => Ok(value.is_true()),
        Check::Plain(test, _) => (test.run)(meter, value, args).map_err(|refusal| by(test.name, refusal)),
        Check::Matching(pattern) => match value {
            Operand::Text(text) => pattern.is_found(meter, text).map_err(|refusal| by("matching", refusal)),
            _ => refuse(format!("`matching` needs a text, not a value of type {}", value.kind())),
        },
    }
}

/// The refusal with the name of the filter or test that caused it.
fn by(name: &str, refusal: Refusal) -> Refusal {
    match refusal {
        Refusal::Said(_) => refusal,
        Refusal::Work | Refusal::Memory => Refusal::Said(format!("`{name}`: {refusal}").into()),
    }
}

fn field(meter: &Meter, value: &Operand, name: &str) -> Result<Operand> {
    let Operand::Map(map) = value else { return Ok(Operand::Undefined) };
    looked_up(meter, map.len(), name)?;
    Ok(map.get(name).cloned().unwrap_or(Operand::Undefined))
}

fn item(value: &Operand, index: i64) -> Result<Operand> {
    let at = |length: usize| {
        let at = if index < 0 { index + i64::try_from(length).unwrap_or(i64::MAX) } else { index };
        usize::try_from(at).ok()
    };
    Ok(match value {
        Operand::List(list) => at(list.len()).and_then(|at| list.get(at)).cloned(),
        // The first letter of a text is hardly meant: the author expects a list.
        Operand::Text(_) => {
            return refuse("an index takes an item of a list, not of a text; `[0:1]` is a part of a text");
        }
        _ => None,
    }
    .unwrap_or(Operand::Undefined))
}

/// A path that leads nowhere after so many keys.
fn missing(path: &Path, keys: usize) -> Result<Operand> {
    match path.missing {
        Missing::Passes => Ok(Operand::Undefined),
        Missing::Fails => refuse(format!("`{}` is undefined", named(path, keys))),
    }
}

/// An `if` without `else` whose condition does not hold: what it does not give is named, since that is what the author looks for.
fn nothing(given: &Expr) -> Result<Operand> {
    let Expr::Path(path) = given else {
        return refuse("an `if` without `else` gives nothing: the value is undefined");
    };
    let name = named(path, path.keys.len());
    refuse(format!("an `if` without `else` does not give `{name}`: the value is undefined"))
}

/// A path as it is written, up to so many keys.
fn named(path: &Path, keys: usize) -> String {
    use std::fmt::Write;
    let mut name = match &path.base {
        Base::Input => "input".to_owned(),
        Base::Variables => "variables".to_owned(),
        Base::Constants => "constants".to_owned(),
        Base::Steps => "steps".to_owned(),
        Base::Now => "now".to_owned(),
        Base::Local(name) | Base::Slot(_, name) => name.as_ref().to_owned(),
        Base::Loop(_) => "loop".to_owned(),
        Base::Expr(_) => "(…)".to_owned(),
    };
    for key in path.keys.iter().take(keys) {
        // Writing to a text cannot fail.
        let _ = match key {
            Key::Name(key) => write!(name, ".{key}"),
            Key::Text(key) => write!(name, "[\"{key}\"]"),
            Key::Index(key) => write!(name, "[{key}]"),
            Key::Computed(_) => write!(name, "[…]"),
        };
    }
    name
}
