//! Expressions: each operator with what it may be given, and a charge for what it reads.

use minijinja::Value;
use minijinja::machinery::ast::{self, BinOpKind, CallArg, Expr, UnaryOpKind};

use super::path::Missing;
use super::{Lowered, Lowering, constant, filter, spanned, weigh};

impl Lowering<'_> {
    /// Lowers an expression whose value is needed.
    pub(super) fn expression(&mut self, expr: &Expr<'_>) -> Lowered {
        self.deeper(|this| this.lower_expression(expr))
    }

    /// Lowers an expression that may give nothing: the operand of `default` and of `is defined`.
    pub(super) fn optional(&mut self, expr: &Expr<'_>) -> Lowered {
        match expr {
            Expr::Var(_) | Expr::GetAttr(_) | Expr::GetItem(_) => {
                self.deeper(|this| this.path(expr, Missing::Passes))
            }
            Expr::Filter(call) => self.deeper(|this| this.filter_call(call, Missing::Passes)),
            _ => self.expression(expr),
        }
    }

    fn lower_expression(&mut self, expr: &Expr<'_>) -> Lowered {
        Ok(match expr {
            Expr::Var(_) | Expr::GetAttr(_) | Expr::GetItem(_) => self.path(expr, Missing::Fails)?,
            Expr::Const(known) => constant(known.value.clone()),
            Expr::Slice(slice) => self.slice(slice)?,
            Expr::UnaryOp(unary) => self.unary(unary)?,
            Expr::BinOp(binary) => self.binary(binary)?,
            Expr::Compare(compare) => {
                let first = weigh(self.expression(&compare.expr)?, 1);
                let mut ops = vec![];
                for op in &compare.ops {
                    ops.push(ast::CompareOp { op: op.op, expr: weigh(self.expression(&op.expr)?, 1) });
                }
                Expr::Compare(spanned(ast::Compare { expr: first, ops }))
            }
            Expr::IfExpr(choice) => Expr::IfExpr(spanned(ast::IfExpr {
                test_expr: self.expression(&choice.test_expr)?,
                true_expr: self.expression(&choice.true_expr)?,
                false_expr: choice.false_expr.as_ref().map(|expr| self.expression(expr)).transpose()?,
            })),
            Expr::Filter(call) => self.filter_call(call, Missing::Fails)?,
            Expr::Test(call) => self.test_call(call)?,
            Expr::Call(_) => return Err("functions and methods are not available; use filters".to_owned()),
            Expr::List(list) => Expr::List(spanned(ast::List { items: self.items(&list.items)? })),
            Expr::Tuple(tuple) => Expr::List(spanned(ast::List { items: self.items(&tuple.items)? })),
            Expr::Map(map) => Expr::Map(spanned(ast::Map {
                keys: self.items(&map.keys)?,
                values: self.items(&map.values)?,
            })),
        })
    }

    /// The parts of a literal, weighed: a literal is a level of nesting, and weighing looks at the depth.
    fn items(&mut self, items: &[Expr<'_>]) -> Result<Vec<Expr<'static>>, String> {
        items.iter().map(|item| Ok(weigh(self.expression(item)?, 1))).collect()
    }

    fn slice(&mut self, slice: &ast::Slice<'_>) -> Lowered {
        let mut bound = |expr: &Option<Expr<'_>>| {
            let lowered = expr.as_ref().map(|expr| self.expression(expr)).transpose()?;
            Ok::<_, String>(lowered.map(|expr| number(expr, "[:]")))
        };
        let (start, stop, step) = (bound(&slice.start)?, bound(&slice.stop)?, bound(&slice.step)?);
        let expr = filter("tally", self.expression(&slice.expr)?, vec![]);
        let slice = Expr::Slice(spanned(ast::Slice { expr, start, stop, step }));
        Ok(filter("solid", slice, vec![]))
    }

    fn unary(&mut self, unary: &ast::UnaryOp<'_>) -> Lowered {
        let expr = self.expression(&unary.expr)?;
        let (op, expr) = match unary.op {
            UnaryOpKind::Not => (UnaryOpKind::Not, expr),
            UnaryOpKind::Neg => (UnaryOpKind::Neg, number(expr, "-")),
        };
        Ok(Expr::UnaryOp(spanned(ast::UnaryOp { op, expr })))
    }

    fn binary(&mut self, binary: &ast::BinOp<'_>) -> Lowered {
        let op = binary.op;
        let (left, right) = (self.expression(&binary.left)?, self.expression(&binary.right)?);
        let build = |left, right| Expr::BinOp(spanned(ast::BinOp { op, left, right }));
        Ok(match op {
            BinOpKind::ScAnd | BinOpKind::ScOr => build(left, right),
            BinOpKind::Sub => build(number(left, "-"), number(right, "-")),
            // Of a text or list, `*` makes as many copies as it is told, and `%` formats.
            BinOpKind::Mul => build(number(left, "*"), number(right, "*")),
            BinOpKind::Div => build(number(left, "/"), number(right, "/")),
            BinOpKind::FloorDiv => build(number(left, "//"), number(right, "//")),
            BinOpKind::Rem => build(number(left, "%"), number(right, "%")),
            BinOpKind::Pow => return Err("`**` is not available".to_owned()),
            BinOpKind::Concat | BinOpKind::Add => {
                if op_is_join(op, &left, &right) {
                    self.join()?;
                }
                filter("solid", build(weigh(left, 1), weigh(right, 1)), vec![])
            }
            BinOpKind::In => build(weigh(left, 1), weigh(right, 1)),
            BinOpKind::Eq
            | BinOpKind::Ne
            | BinOpKind::Lt
            | BinOpKind::Lte
            | BinOpKind::Gt
            | BinOpKind::Gte => {
                // Compared with a scalar of the source, a value is not read further than that is long.
                if matches!(left, Expr::Const(_)) || matches!(right, Expr::Const(_)) {
                    return Ok(build(left, right));
                }
                build(weigh(left, 1), weigh(right, 1))
            }
        })
    }
}

/// `+` with a number of the source adds numbers; anything else may join texts.
fn op_is_join(op: BinOpKind, left: &Expr<'_>, right: &Expr<'_>) -> bool {
    !matches!(op, BinOpKind::Add) || !(is_number(left) || is_number(right))
}

fn is_number(expr: &Expr<'_>) -> bool {
    matches!(expr, Expr::Const(known) if known.value.is_number())
}

/// Refuses at run time what is not a number; a number of the source is one.
fn number(expr: Expr<'static>, operator: &'static str) -> Expr<'static> {
    if is_number(&expr) {
        return expr;
    }
    filter("number", expr, vec![CallArg::Pos(constant(Value::from(operator)))])
}
