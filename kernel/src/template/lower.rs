//! Lowering: from the parser's tree to the code that is run. Names, filters and tests are resolved here, and anything
//! that is not allowed is found; each part is charged to the playbook's budget before it is made.

mod call;
mod expression;
mod path;
mod place;

use minijinja::machinery::ast::{self, Stmt};
use updraft_protocol::limits::{MISTAKES, NESTING, TEMPLATE_NAMES};

use super::budget::Budget;
use super::code::{Body, Expr, For, NODE_BYTES, Statement, Target};
use super::spelling;
use super::value::Operand;
use crate::references::References;

pub(super) use place::{TextUse, ended_by, ending_with};

/// The lowered code, or why the template is not allowed.
type Lowered<T = Expr> = Result<T, String>;

/// The text of an author, and its place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Source<'s> {
    pub(super) text: &'s str,
    pub(super) path: &'s str,
}

/// Lowers the template of `source`, which is for `place`; adds the data that it reads to `references`.
///
/// # Errors
/// Why the template is not allowed: a message for each part of it that is not, at least one.
pub(super) fn lower(
    template: &Stmt<'_>,
    source: Source<'_>,
    place: TextUse,
    references: &mut References,
    budget: &mut Budget,
) -> Result<(Body, usize), Vec<String>> {
    let mut lowering = Lowering { place, ..Lowering::new(source, references, budget) };
    let Stmt::Template(template) = template else {
        return Err(vec!["not a template".to_owned()]);
    };
    let body = match template.children.as_slice() {
        [Stmt::EmitExpr(only)] if !matches!(place, TextUse::Url | TextUse::Command | TextUse::Html) => {
            // The operand of `spread` is the value of the text; that it is a list is checked at run time.
            let spread = if place == TextUse::Field { place::ended_by("spread", &only.expr) } else { None };
            lowering.expression(spread.unwrap_or(&only.expr)).map(Body::Operand)
        }
        children => lowering.block(children).map(Body::Text),
    };
    match body {
        Ok(body) if lowering.found.is_empty() => Ok((body, lowering.slots)),
        Ok(_) => Err(lowering.found),
        Err(message) => {
            lowering.found.push(message);
            Err(lowering.found)
        }
    }
}

/// Lowers a condition, likewise.
pub(super) fn lower_condition(
    expr: &ast::Expr<'_>,
    source: Source<'_>,
    references: &mut References,
    budget: &mut Budget,
) -> Lowered<Body> {
    Lowering::new(source, references, budget).expression(expr).map(Body::Operand)
}

struct Lowering<'r> {
    source: Source<'r>,
    /// The use of the text.
    place: TextUse,
    references: &'r mut References,
    budget: &'r mut Budget,
    /// The names that are set, the innermost loop last.
    scopes: Vec<Vec<(String, usize)>>,
    slots: usize,
    depth: usize,
    loops: usize,
    /// What is wrong with statements: each is told, and the rest is looked at.
    found: Vec<String>,
}

impl<'r> Lowering<'r> {
    fn new(source: Source<'r>, references: &'r mut References, budget: &'r mut Budget) -> Self {
        Self {
            source,
            place: TextUse::Data,
            references,
            budget,
            scopes: vec![vec![]],
            slots: 0,
            depth: 0,
            loops: 0,
            found: Vec::new(),
        }
    }

    /// Runs `f` one level deeper, for a part whose memory is charged for.
    fn deeper<T>(&mut self, f: impl FnOnce(&mut Self) -> Lowered<T>) -> Lowered<T> {
        if self.depth == NESTING {
            return Err(format!("nested more than {NESTING} deep"));
        }
        self.budget.keep(NODE_BYTES)?;
        self.depth += 1;
        let result = f(self);
        self.depth -= 1;
        result
    }

    fn block(&mut self, statements: &[Stmt<'_>]) -> Lowered<Vec<Statement>> {
        self.deeper(|this| {
            let mut lowered = Vec::with_capacity(statements.len());
            for statement in statements {
                if let Err(message) = this.statement(statement, &mut lowered) {
                    this.wrong(message)?;
                }
            }
            Ok(lowered)
        })
    }

    /// Keeps what is wrong with a statement, once; refuses the rest where there is too much.
    fn wrong(&mut self, message: String) -> Lowered<()> {
        if self.found.len() == MISTAKES {
            return Err(message);
        }
        if !self.found.contains(&message) {
            self.found.push(message);
        }
        Ok(())
    }

    fn statement(&mut self, statement: &Stmt<'_>, to: &mut Vec<Statement>) -> Lowered<()> {
        self.budget.keep(NODE_BYTES)?;
        if self.place.branches(statement) {
            to.push(Statement::Branch);
        }
        to.push(match statement {
            Stmt::EmitRaw(raw) => {
                self.place.check_literal(raw.raw)?;
                Statement::Print(Expr::Const(self.constant(raw.raw)?))
            }
            Stmt::EmitExpr(emitted) => self.printed(&emitted.expr)?,
            Stmt::IfCond(cond) => Statement::If {
                test: self.expression(&cond.expr)?,
                yes: self.block(&cond.true_body)?,
                no: self.block(&cond.false_body)?,
            },
            Stmt::ForLoop(each) => Statement::For(Box::new(self.for_loop(each)?)),
            Stmt::WithBlock(with) => {
                self.scopes.push(vec![]);
                for (target, expr) in &with.assignments {
                    // The name is there, whatever is wrong with its value.
                    let expr = self.expression(expr);
                    let target = self.target(target)?;
                    match expr {
                        Ok(expr) => to.push(Statement::Set(target, expr)),
                        Err(message) => self.wrong(message)?,
                    }
                }
                let body = self.block(&with.body)?;
                self.scopes.pop();
                to.extend(body);
                return Ok(());
            }
            Stmt::Set(set) => {
                let expr = self.expression(&set.expr);
                Statement::Set(self.target(&set.target)?, expr?)
            }
            Stmt::Template(_) => return Err("a template inside a template".to_owned()),
            Stmt::SetBlock(_) => return Err("`{% set %}` needs a value: `{% set name = … %}`".to_owned()),
            Stmt::AutoEscape(_) => return Err("`{% autoescape %}` is not available".to_owned()),
            Stmt::FilterBlock(_) => return Err("`{% filter %}` is not available; use `|`".to_owned()),
            Stmt::Do(_) => return Err("`{% do %}` is not available".to_owned()),
        });
        Ok(())
    }

    /// A value that is printed.
    fn printed(&mut self, expr: &ast::Expr<'_>) -> Lowered<Statement> {
        if let Some((asked, value)) = self.place.asked(expr) {
            return Ok(Statement::Structure(asked, self.expression(value)?));
        }
        if let ast::Expr::Const(known) = expr
            && let Some(text) = known.value.as_str()
        {
            self.place.check_literal(text)?;
        }
        Ok(Statement::Print(self.expression(expr)?))
    }

    fn for_loop(&mut self, each: &ast::ForLoop<'_>) -> Lowered<For> {
        if each.recursive {
            return Err("a recursive loop is not available".to_owned());
        }
        let over = self.expression(&each.iter)?;
        let first = self.slots;
        self.scopes.push(vec![]);
        let target = self.target(&each.target)?;
        let filter = each.filter_expr.as_ref().map(|expr| self.expression(expr)).transpose()?;
        self.loops += 1;
        let body = self.block(&each.body)?;
        self.loops -= 1;
        self.scopes.pop();
        let slots = first..self.slots;
        let otherwise = self.block(&each.else_body)?;
        Ok(For { target, over, filter, body, otherwise, slots })
    }

    /// A name, or a list of names, that is assigned a value.
    fn target(&mut self, target: &ast::Expr<'_>) -> Lowered<Target> {
        match target {
            ast::Expr::Var(var) => self.declare(var.id).map(Target::Slot),
            ast::Expr::List(list) => self.targets(&list.items),
            ast::Expr::Tuple(tuple) => self.targets(&tuple.items),
            _ => Err("only a name can be set".to_owned()),
        }
    }

    fn targets(&mut self, items: &[ast::Expr<'_>]) -> Lowered<Target> {
        let targets: Result<_, _> = self.deeper(|this| items.iter().map(|item| this.target(item)).collect());
        targets.map(Target::Several)
    }

    fn declare(&mut self, name: &str) -> Lowered<usize> {
        if spelling::is_root(name) {
            return Err(format!("`{name}` cannot be set"));
        }
        let known = self.scopes.last().and_then(|scope| find(scope, name));
        if let Some(slot) = known {
            return Ok(slot);
        }
        if self.slots == TEMPLATE_NAMES {
            return Err(format!("more than {TEMPLATE_NAMES} names are set"));
        }
        self.budget.keep(NODE_BYTES + name.len())?;
        let slot = self.slots;
        self.slots += 1;
        if let Some(scope) = self.scopes.last_mut() {
            scope.push((name.to_owned(), slot));
        }
        Ok(slot)
    }

    /// The slot of a name that is set.
    fn slot(&self, name: &str) -> Option<usize> {
        self.scopes.iter().rev().find_map(|scope| find(scope, name))
    }

    /// A text of the source.
    fn constant(&mut self, text: &str) -> Lowered<Operand> {
        self.budget.keep(text.len())?;
        Ok(Operand::constant(text))
    }
}

fn find(scope: &[(String, usize)], name: &str) -> Option<usize> {
    scope.iter().find(|(known, _)| known == name).map(|(_, slot)| *slot)
}
