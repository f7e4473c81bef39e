//! Lowering: rewrites a parsed condition so that everything in it is named, allowed and metered.
//!
//! Operands of what reads or copies whole values go through `@weigh`, the ranges of comprehensions
//! through `@each`, computed subscripts through `@key`; see `functions`.

mod comprehension;
mod path;

use cel::common::ast::{CallExpr, EntryExpr, Expr, LiteralValue, operators};
use cel::common::types::CelInt;
use cel::parser::Expression;
use regex::{Regex, RegexBuilder};
use updraft_protocol::limits::NESTING;

use super::functions::{KEY, MATCHES, TALLY, WEIGH};
use crate::plan::References;

/// Memory of one compiled pattern: enough for Unicode classes, not for thousands of copies of them.
const PATTERN_BYTES: usize = 256 << 10;
/// Groups inside groups of one pattern.
const PATTERN_NESTING: u32 = 32;
/// Patterns of one condition.
const PATTERNS: usize = 16;

/// The functions that conditions may call, beside operators, macros and `matches`.
const FUNCTIONS: [&str; 9] =
    ["bool", "contains", "double", "endsWith", "int", "size", "startsWith", "string", "uint"];

/// What lowering found.
pub(super) struct Lowered {
    pub(super) references: References,
    pub(super) patterns: Vec<Regex>,
}

/// Lowers a condition in place.
///
/// # Errors
/// What a condition may not do.
pub(super) fn lower(expression: &mut Expression, path: &str) -> Result<Lowered, String> {
    let mut lowering = Lowering {
        path,
        references: References::default(),
        patterns: vec![],
        bound: vec![],
        comprehensions: 0,
        depth: 0,
        nodes: 0,
    };
    lowering.expression(expression)?;
    Ok(Lowered { references: lowering.references, patterns: lowering.patterns })
}

struct Lowering<'a> {
    /// Where the condition stands.
    path: &'a str,
    references: References,
    patterns: Vec<Regex>,
    /// The variable of the comprehension at hand.
    bound: Vec<String>,
    comprehensions: usize,
    depth: usize,
    /// Nodes so far: what each iteration of a comprehension evaluates.
    nodes: u64,
}

impl Lowering<'_> {
    fn expression(&mut self, node: &mut Expression) -> Result<(), String> {
        if self.depth == NESTING {
            return Err(format!("nested more than {NESTING} deep"));
        }
        self.depth += 1;
        self.nodes += 1;
        let result = self.lower(node);
        self.depth -= 1;
        result
    }

    fn lower(&mut self, node: &mut Expression) -> Result<(), String> {
        if self.path_of(node)? {
            return Ok(());
        }
        match &mut node.expr {
            Expr::Literal(_) => Ok(()),
            Expr::Ident(name) => Err(path::unknown(name)),
            Expr::Select(select) => self.expression(&mut select.operand),
            Expr::List(list) => list.elements.iter_mut().try_for_each(|item| self.weighed(item)),
            Expr::Map(map) => {
                for entry in &mut map.entries {
                    let EntryExpr::MapEntry(entry) = &mut entry.expr else {
                        return Err("messages are not available".to_owned());
                    };
                    self.weighed(&mut entry.key)?;
                    self.weighed(&mut entry.value)?;
                }
                Ok(())
            }
            Expr::Call(call) => {
                if call.func_name == "matches" {
                    return self.matches(node);
                }
                self.call(call)
            }
            Expr::Comprehension(_) => self.comprehension(node),
            Expr::Struct(_) => Err("messages are not available".to_owned()),
            Expr::Unspecified => Err("not a condition".to_owned()),
        }
    }

    /// Lowers an operand that is read or copied as a whole.
    fn weighed(&mut self, node: &mut Expression) -> Result<(), String> {
        self.expression(node)?;
        if !is_literal(node) {
            wrap(node, WEIGH, None);
        }
        Ok(())
    }

    fn call(&mut self, call: &mut CallExpr) -> Result<(), String> {
        let name = call.func_name.clone();
        match name.as_str() {
            operators::CONDITIONAL
            | operators::LOGICAL_AND
            | operators::LOGICAL_OR
            | operators::LOGICAL_NOT
            | operators::NOT_STRICTLY_FALSE => self.args(call, Self::expression),
            // Compared with a literal, a value is not read further than that is long.
            operators::EQUALS | operators::NOT_EQUALS if call.args.iter().any(is_literal) => {
                self.args(call, Self::expression)
            }
            operators::INDEX => self.index(call),
            operators::ADD if call.args.first().is_some_and(comprehension::is_accumulator) => {
                // What a macro made: the list so far is appended to, not copied.
                self.args(call, Self::expression)
            }
            operators::ADD
            | operators::SUBSTRACT
            | operators::MULTIPLY
            | operators::DIVIDE
            | operators::MODULO
            | operators::NEGATE
            | operators::EQUALS
            | operators::NOT_EQUALS
            | operators::LESS
            | operators::LESS_EQUALS
            | operators::GREATER
            | operators::GREATER_EQUALS
            | operators::IN => self.args(call, Self::weighed),
            "size" => self.args(call, |this, node| {
                this.expression(node)?;
                wrap(node, TALLY, None);
                Ok(())
            }),
            name if FUNCTIONS.contains(&name) => self.args(call, Self::weighed),
            name => Err(format!("no function `{name}`; there are matches, {}", FUNCTIONS.join(", "))),
        }
    }

    fn args(
        &mut self,
        call: &mut CallExpr,
        mut lower: impl FnMut(&mut Self, &mut Expression) -> Result<(), String>,
    ) -> Result<(), String> {
        if let Some(target) = &mut call.target {
            lower(self, target)?;
        }
        call.args.iter_mut().try_for_each(|arg| lower(self, arg))
    }

    fn index(&mut self, call: &mut CallExpr) -> Result<(), String> {
        let [value, index] = call.args.as_mut_slice() else {
            return Err("an index is missing".to_owned());
        };
        self.expression(value)?;
        self.expression(index)?;
        wrap(index, KEY, None);
        Ok(())
    }

    /// `text.matches('pattern')` becomes `@matches(text, number)`: the pattern is compiled once, here.
    fn matches(&mut self, node: &mut Expression) -> Result<(), String> {
        let Expr::Call(call) = &mut node.expr else { return Ok(()) };
        let mut operands: Vec<_> = call.target.take().map(|target| *target).into_iter().collect();
        operands.append(&mut call.args);
        let (Some(pattern), Some(mut text), None) = (operands.pop(), operands.pop(), operands.pop()) else {
            return Err("`matches` needs a text and a pattern".to_owned());
        };
        let Expr::Literal(LiteralValue::String(pattern)) = &pattern.expr else {
            return Err("the pattern of `matches` must be written out".to_owned());
        };
        if self.patterns.len() == PATTERNS {
            return Err(format!("more than {PATTERNS} `matches`"));
        }
        let built = RegexBuilder::new(pattern.inner())
            .size_limit(PATTERN_BYTES)
            .dfa_size_limit(PATTERN_BYTES)
            .nest_limit(PATTERN_NESTING)
            .build();
        let built = built.map_err(|error| {
            let error = error.to_string();
            format!("`matches`: {}", error.lines().last().unwrap_or("not a pattern"))
        })?;
        self.expression(&mut text)?;
        *node = text;
        wrap(node, MATCHES, Some(self.patterns.len()));
        self.patterns.push(built);
        Ok(())
    }
}

fn is_literal(node: &Expression) -> bool {
    matches!(node.expr, Expr::Literal(_))
}

/// Makes `function(node)` or `function(node, number)` of `node`.
fn wrap(node: &mut Expression, function: &str, number: Option<usize>) {
    let id = node.id;
    let mut args = vec![std::mem::take(node)];
    if let Some(number) = number {
        let number = CelInt::from(i64::try_from(number).unwrap_or(i64::MAX));
        args.push(Expression { id, expr: Expr::Literal(LiteralValue::Int(number)) });
    }
    let call = CallExpr { func_name: function.to_owned(), target: None, args };
    *node = Expression { id, expr: Expr::Call(call) };
}
