//! Expressions: each operator with its operands.

use minijinja::machinery::ast::{self, BinOpKind, CompareOpKind, Spanned, UnaryOpKind};
use minijinja::value::ValueKind;

use super::{Lowered, Lowering};
use crate::template::code::{Choice, Comparison, Expr, Missing, Operator, Slice};
use crate::template::number::Number;
use crate::template::spelling;
use crate::template::value::Operand;

impl Lowering<'_> {
    /// Lowers an expression whose value is needed.
    pub(super) fn expression(&mut self, expr: &ast::Expr<'_>) -> Lowered {
        self.deeper(|this| this.lower_expression(expr, Missing::Fails))
    }

    /// Lowers an expression that may be undefined: the operand of `default` and of `is defined`.
    pub(super) fn optional(&mut self, expr: &ast::Expr<'_>) -> Lowered {
        self.deeper(|this| this.lower_expression(expr, Missing::Passes))
    }

    fn lower_expression(&mut self, expr: &ast::Expr<'_>, missing: Missing) -> Lowered {
        Ok(match expr {
            ast::Expr::Var(_) | ast::Expr::GetAttr(_) | ast::Expr::GetItem(_) => {
                self.path(expr, missing, true)?
            }
            ast::Expr::Const(known) => Expr::Const(self.known(known, "")?),
            ast::Expr::Slice(slice) => self.slice(slice)?,
            ast::Expr::UnaryOp(unary) => self.unary(unary)?,
            ast::Expr::BinOp(binary) => self.binary(binary)?,
            ast::Expr::Compare(compare) => {
                let first = self.expression(&compare.expr)?;
                let mut rest = Vec::with_capacity(compare.ops.len());
                for op in &compare.ops {
                    rest.push((comparison(op.op), self.expression(&op.expr)?));
                }
                Expr::Compare(Box::new(first), rest)
            }
            ast::Expr::IfExpr(choice) => Expr::Choice(Box::new(Choice {
                test: self.expression(&choice.test_expr)?,
                yes: self.expression(&choice.true_expr)?,
                no: choice.false_expr.as_ref().map(|expr| self.expression(expr)).transpose()?,
                missing,
            })),
            ast::Expr::Filter(call) => self.filter_call(call, missing)?,
            ast::Expr::Test(call) => self.test_call(call)?,
            ast::Expr::Call(call) => return Err(spelling::call(call)),
            ast::Expr::List(list) => Expr::List(self.items(&list.items)?),
            ast::Expr::Tuple(tuple) => Expr::List(self.items(&tuple.items)?),
            ast::Expr::Map(map) => {
                let mut fields = Vec::with_capacity(map.keys.len());
                for (key, value) in map.keys.iter().zip(&map.values) {
                    fields.push((self.expression(key)?, self.expression(value)?));
                }
                Expr::Map(fields)
            }
        })
    }

    fn items(&mut self, items: &[ast::Expr<'_>]) -> Lowered<Vec<Expr>> {
        items.iter().map(|item| self.expression(item)).collect()
    }

    /// A constant of the source; a number with the sign before it.
    fn known(&mut self, known: &Spanned<ast::Const>, sign: &str) -> Lowered<Operand> {
        let value = &known.value;
        match value.kind() {
            ValueKind::None => Ok(Operand::Null),
            ValueKind::Bool => Ok(Operand::Bool(value.is_true())),
            ValueKind::String => self.constant(value.as_str().unwrap_or_default()),
            ValueKind::Number => {
                let digits = self.digits(known).unwrap_or_else(|| value.to_string());
                self.budget.keep(digits.len())?;
                Ok(Operand::Number(Number::parse(&format!("{sign}{digits}"))))
            }
            kind => Err(format!("a value of type {kind} cannot be written out")),
        }
    }

    /// The digits of a number with a point or an exponent, as the author wrote them: the parser turns them into a
    /// float.
    fn digits(&self, known: &Spanned<ast::Const>) -> Option<String> {
        if known.value.is_integer() {
            return None;
        }
        let span = known.span();
        let place = usize::try_from(span.start_offset).ok()?..usize::try_from(span.end_offset).ok()?;
        let written = self.source.text.get(place)?.replace('_', "");
        let (mantissa, exponent) = written.split_at(written.find(['e', 'E']).unwrap_or(written.len()));
        // JSON allows no leading zeros, and needs a digit after each point.
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let whole = whole.trim_start_matches('0');
        let whole = if whole.is_empty() { "0" } else { whole };
        let point = if mantissa.contains('.') { "." } else { "" };
        let fraction = if mantissa.ends_with('.') { "0" } else { fraction };
        Some(format!("{whole}{point}{fraction}{exponent}"))
    }

    fn slice(&mut self, slice: &ast::Slice<'_>) -> Lowered {
        let mut bound =
            |expr: &Option<ast::Expr<'_>>| expr.as_ref().map(|expr| self.expression(expr)).transpose();
        let (start, stop, step) = (bound(&slice.start)?, bound(&slice.stop)?, bound(&slice.step)?);
        let value = self.expression(&slice.expr)?;
        Ok(Expr::Slice(Box::new(Slice { value, start, stop, step })))
    }

    fn unary(&mut self, unary: &ast::UnaryOp<'_>) -> Lowered {
        if let (UnaryOpKind::Neg, ast::Expr::Const(known)) = (&unary.op, &unary.expr)
            && known.value.is_number()
        {
            return self.deeper(|this| this.known(known, "-")).map(Expr::Const);
        }
        let operand = Box::new(self.expression(&unary.expr)?);
        Ok(match unary.op {
            UnaryOpKind::Not => Expr::Not(operand),
            UnaryOpKind::Neg => Expr::Negate(operand),
        })
    }

    fn binary(&mut self, binary: &ast::BinOp<'_>) -> Lowered {
        if let Some(hint) = spelling::hyphen(binary, |name| self.slot(name).is_some()) {
            return Err(hint);
        }
        if matches!(binary.op, BinOpKind::Add | BinOpKind::Concat) {
            self.place.check_part(&binary.left, None)?;
            self.place.check_part(&binary.right, None)?;
        }
        let operands = Box::new((self.expression(&binary.left)?, self.expression(&binary.right)?));
        let operator = match binary.op {
            BinOpKind::ScAnd => return Ok(Expr::Both(operands)),
            BinOpKind::ScOr => return Ok(Expr::Either(operands)),
            BinOpKind::Add => Operator::Add,
            BinOpKind::Sub => Operator::Subtract,
            BinOpKind::Mul => Operator::Multiply,
            BinOpKind::Div => Operator::Divide,
            BinOpKind::FloorDiv => Operator::DivideWhole,
            BinOpKind::Rem => Operator::Remainder,
            BinOpKind::Concat => Operator::Join,
            BinOpKind::Pow => return Err("`**` is not available".to_owned()),
            BinOpKind::Eq => return Ok(compared(Comparison::Equal, *operands)),
            BinOpKind::Ne => return Ok(compared(Comparison::Unequal, *operands)),
            BinOpKind::Lt => return Ok(compared(Comparison::Less, *operands)),
            BinOpKind::Lte => return Ok(compared(Comparison::LessOrEqual, *operands)),
            BinOpKind::Gt => return Ok(compared(Comparison::Greater, *operands)),
            BinOpKind::Gte => return Ok(compared(Comparison::GreaterOrEqual, *operands)),
            BinOpKind::In => return Ok(compared(Comparison::In, *operands)),
        };
        Ok(Expr::Operator(operator, operands))
    }
}

fn compared(comparison: Comparison, (left, right): (Expr, Expr)) -> Expr {
    Expr::Compare(Box::new(left), vec![(comparison, right)])
}

fn comparison(op: CompareOpKind) -> Comparison {
    match op {
        CompareOpKind::Eq => Comparison::Equal,
        CompareOpKind::Ne => Comparison::Unequal,
        CompareOpKind::Lt => Comparison::Less,
        CompareOpKind::Lte => Comparison::LessOrEqual,
        CompareOpKind::Gt => Comparison::Greater,
        CompareOpKind::Gte => Comparison::GreaterOrEqual,
        CompareOpKind::In => Comparison::In,
        CompareOpKind::NotIn => Comparison::NotIn,
    }
}
