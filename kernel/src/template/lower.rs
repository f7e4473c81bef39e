//! Lowering: rewrites a parsed template so that everything in it is named, allowed and metered. What it
//! gives borrows nothing of the source: names become our own, texts become constants.
//!
//! Three things are put around what the author wrote: `known` and `maybe` follow a path and name what is
//! undefined; `weigh` and `tally` charge for operands before an operator or filter reads them;
//! `solid` and `number` keep what is lazy, or what repeats a text, out.

mod expression;
mod filter;
mod path;

use minijinja::Value;
use minijinja::machinery::ast::{self, CallArg, Expr, Spanned, Stmt};
use updraft_protocol::limits::{NESTING, TEMPLATE_JOINS, TEMPLATE_NAMES};

use crate::plan::References;

/// The names that a template's own names become.
static NAMES: [&str; TEMPLATE_NAMES] = [
    "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9", "v10", "v11", "v12", "v13", "v14", "v15",
    "v16", "v17", "v18", "v19", "v20", "v21", "v22", "v23", "v24", "v25", "v26", "v27", "v28", "v29", "v30",
    "v31",
];

/// An expression that borrows nothing.
type Lowered = Result<Expr<'static>, String>;

/// What a template is lowered to.
pub(super) enum Body {
    /// One whole `{{ … }}`: its value keeps its type.
    Value(Expr<'static>),
    /// A text.
    Text(Stmt<'static>),
}

/// Lowers the template at `path`; adds what it reads to `references`.
///
/// # Errors
/// What a template may not do.
pub(super) fn lower(template: &Stmt<'_>, path: &str, references: &mut References) -> Result<Body, String> {
    let mut lowering = Lowering { path, references, names: Vec::new(), joins: 0, depth: 0, loops: 0 };
    let Stmt::Template(template) = template else {
        return Err("not a template".to_owned());
    };
    if let [Stmt::EmitExpr(only)] = template.children.as_slice() {
        return lowering.expression(&only.expr).map(Body::Value);
    }
    let children = lowering.block(&template.children)?;
    Ok(Body::Text(Stmt::Template(spanned(ast::Template { children }))))
}

struct Lowering<'r> {
    /// Where the template stands.
    path: &'r str,
    references: &'r mut References,
    /// The author's names, in the order of [`NAMES`].
    names: Vec<String>,
    joins: usize,
    depth: usize,
    loops: usize,
}

impl Lowering<'_> {
    /// Runs `f` one level deeper.
    fn deeper<T>(&mut self, f: impl FnOnce(&mut Self) -> Result<T, String>) -> Result<T, String> {
        if self.depth == NESTING {
            return Err(format!("nested more than {NESTING} deep"));
        }
        self.depth += 1;
        let result = f(self);
        self.depth -= 1;
        result
    }

    fn block(&mut self, statements: &[Stmt<'_>]) -> Result<Vec<Stmt<'static>>, String> {
        self.deeper(|this| statements.iter().map(|statement| this.statement(statement)).collect())
    }

    fn statement(&mut self, statement: &Stmt<'_>) -> Result<Stmt<'static>, String> {
        Ok(match statement {
            // As a constant it goes through the printer, which counts it, in a loop again and again.
            Stmt::EmitRaw(raw) => emit(constant(Value::from(raw.raw))),
            Stmt::EmitExpr(emitted) => emit(self.expression(&emitted.expr)?),
            Stmt::IfCond(cond) => Stmt::IfCond(spanned(ast::IfCond {
                expr: self.expression(&cond.expr)?,
                true_body: self.block(&cond.true_body)?,
                false_body: self.block(&cond.false_body)?,
            })),
            Stmt::ForLoop(each) => self.for_loop(each)?,
            Stmt::WithBlock(with) => {
                let assign = |this: &mut Self, (target, expr): &(Expr<'_>, Expr<'_>)| {
                    let expr = this.expression(expr)?;
                    Ok::<_, String>((this.target(target)?, expr))
                };
                let assignments: Result<_, _> =
                    with.assignments.iter().map(|pair| assign(self, pair)).collect();
                Stmt::WithBlock(spanned(ast::WithBlock {
                    assignments: assignments?,
                    body: self.block(&with.body)?,
                }))
            }
            Stmt::Set(set) => {
                let expr = self.expression(&set.expr)?;
                Stmt::Set(spanned(ast::Set { target: self.target(&set.target)?, expr }))
            }
            Stmt::Template(_) => return Err("a template inside a template".to_owned()),
            Stmt::SetBlock(_) => return Err("`{% set %}` needs a value: `{% set name = … %}`".to_owned()),
            Stmt::AutoEscape(_) => return Err("`{% autoescape %}` is not available".to_owned()),
            Stmt::FilterBlock(_) => return Err("`{% filter %}` is not available; use `|`".to_owned()),
            Stmt::Do(_) => return Err("`{% do %}` is not available".to_owned()),
        })
    }

    fn for_loop(&mut self, each: &ast::ForLoop<'_>) -> Result<Stmt<'static>, String> {
        if each.recursive {
            return Err("a recursive loop is not available".to_owned());
        }
        let iter = self.expression(&each.iter)?;
        let iter = filter("tally", iter, vec![]);
        let target = self.target(&each.target)?;
        let filter_expr = each.filter_expr.as_ref().map(|expr| self.expression(expr)).transpose()?;
        self.loops += 1;
        let body = self.block(&each.body);
        self.loops -= 1;
        let else_body = self.block(&each.else_body)?;
        Ok(Stmt::ForLoop(spanned(ast::ForLoop {
            target,
            iter,
            filter_expr,
            recursive: false,
            body: body?,
            else_body,
        })))
    }

    /// A name, or a list of names, that is given a value.
    fn target(&mut self, target: &Expr<'_>) -> Lowered {
        match target {
            Expr::Var(var) => Ok(variable(self.declare(var.id)?)),
            Expr::List(list) => {
                let items: Result<_, _> =
                    self.deeper(|this| list.items.iter().map(|item| this.target(item)).collect());
                Ok(Expr::List(spanned(ast::List { items: items? })))
            }
            _ => Err("only a name can be set".to_owned()),
        }
    }

    fn declare(&mut self, name: &str) -> Result<&'static str, String> {
        if matches!(name, "input" | "variables" | "steps") {
            return Err(format!("`{name}` cannot be set"));
        }
        let at = self.names.iter().position(|known| known == name).unwrap_or_else(|| {
            self.names.push(name.to_owned());
            self.names.len() - 1
        });
        NAMES.get(at).copied().ok_or_else(|| format!("more than {TEMPLATE_NAMES} names are set"))
    }

    fn join(&mut self) -> Result<(), String> {
        self.joins += 1;
        if self.joins > TEMPLATE_JOINS {
            return Err(format!("more than {TEMPLATE_JOINS} `~` and `+`; write the texts one after another"));
        }
        Ok(())
    }
}

fn spanned<T>(node: T) -> Spanned<T> {
    Spanned::new(node, Default::default())
}

fn emit(expr: Expr<'static>) -> Stmt<'static> {
    Stmt::EmitExpr(spanned(ast::EmitExpr { expr }))
}

fn constant(value: Value) -> Expr<'static> {
    Expr::Const(spanned(ast::Const { value }))
}

fn variable(id: &'static str) -> Expr<'static> {
    Expr::Var(spanned(ast::Var { id }))
}

fn filter(name: &'static str, operand: Expr<'static>, args: Vec<CallArg<'static>>) -> Expr<'static> {
    Expr::Filter(spanned(ast::Filter { name, expr: Some(operand), args }))
}

/// Charges for all of `operand`, `factor` times; a constant is the author's own and short.
fn weigh(operand: Expr<'static>, factor: u64) -> Expr<'static> {
    if matches!(operand, Expr::Const(_)) {
        return operand;
    }
    filter("weigh", operand, vec![CallArg::Pos(constant(Value::from(factor)))])
}
