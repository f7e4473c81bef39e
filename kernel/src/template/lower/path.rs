//! Paths: `steps.lookup.output.score`. Owns what a template can name, and the words for what it named.

use minijinja::Value;
use minijinja::machinery::ast::{CallArg, Expr};

use super::{Lowered, Lowering, NAMES, constant, filter, variable};
use crate::plan::step_read;

/// How a path ends that leads nowhere.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    /// As an error that names it.
    Fails,
    /// As nothing, for `default` and `is defined`.
    Passes,
}

impl Missing {
    fn filter(self) -> &'static str {
        match self {
            Self::Fails => "known",
            Self::Passes => "maybe",
        }
    }
}

/// A key of a path, with the words for it.
struct Key<'a> {
    text: Option<String>,
    label: String,
    computed: Option<&'a Expr<'a>>,
    value: Option<Value>,
}

impl Lowering<'_> {
    /// Lowers a path, whatever it starts from.
    pub(super) fn path(&mut self, expr: &Expr<'_>, missing: Missing) -> Lowered {
        let (base, keys) = unwind(expr);
        let (base, mut labels) = match base {
            Expr::Var(var) => {
                self.check_root(var.id, &keys)?;
                if keys.is_empty() && matches!(var.id, "input" | "variables") {
                    return Ok(variable(if var.id == "input" { "input" } else { "variables" }));
                }
                (variable(self.name(var.id)?), vec![var.id.to_owned()])
            }
            other => (self.expression(other)?, vec!["(…)".to_owned()]),
        };
        let mut args = vec![];
        for key in keys {
            labels.push(key.label);
            args.push(CallArg::Pos(match (key.computed, key.value) {
                (Some(computed), _) => self.expression(computed)?,
                (None, value) => constant(value.unwrap_or_default()),
            }));
        }
        args.insert(0, CallArg::Pos(constant(Value::from(labels))));
        Ok(filter(missing.filter(), base, args))
    }

    /// The result of a filter that may give nothing, as an error that names the filter.
    pub(super) fn present(&self, expr: Expr<'static>, name: &str) -> Expr<'static> {
        let labels = Value::from(vec![format!("…|{name}")]);
        filter(Missing::Fails.filter(), expr, vec![CallArg::Pos(constant(labels))])
    }

    fn check_root(&mut self, root: &str, keys: &[Key<'_>]) -> Result<(), String> {
        match root {
            "input" => self.references.input = true,
            "variables" => self.references.variables = true,
            "steps" => {
                let constant = keys.iter().map_while(|key| key.text.as_deref()).collect::<Vec<_>>();
                if let Some(mistake) = step_read(&constant, constant.len() == keys.len()) {
                    return Err(mistake);
                }
                if let Some(id) = constant.first() {
                    self.references.read_step(id, self.path);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn name(&self, name: &str) -> Result<&'static str, String> {
        match name {
            "input" => Ok("input"),
            "variables" => Ok("variables"),
            "steps" => Ok("steps"),
            "loop" if self.loops > 0 => Ok("loop"),
            "loop" => Err("`loop` is only there inside a loop".to_owned()),
            _ => {
                let at = self.names.iter().position(|known| known == name);
                at.and_then(|at| NAMES.get(at).copied()).ok_or_else(|| {
                    format!("`{name}` is not known; there are `input`, `variables` and `steps`")
                })
            }
        }
    }
}

/// The start of a path and its keys.
fn unwind<'a>(expr: &'a Expr<'a>) -> (&'a Expr<'a>, Vec<Key<'a>>) {
    let (mut base, mut keys) = (expr, vec![]);
    loop {
        base = match base {
            Expr::GetAttr(attr) => {
                keys.push(Key {
                    text: Some(attr.name.to_owned()),
                    label: format!(".{}", attr.name),
                    computed: None,
                    value: Some(Value::from(attr.name)),
                });
                &attr.expr
            }
            Expr::GetItem(item) => {
                keys.push(subscript(&item.subscript_expr));
                &item.expr
            }
            _ => break,
        };
    }
    keys.reverse();
    (base, keys)
}

fn subscript<'a>(expr: &'a Expr<'a>) -> Key<'a> {
    let Expr::Const(constant) = expr else {
        return Key { text: None, label: "[…]".to_owned(), computed: Some(expr), value: None };
    };
    let value = constant.value.clone();
    match value.as_str().map(str::to_owned) {
        Some(text) => {
            Key { label: format!("[\"{text}\"]"), text: Some(text), computed: None, value: Some(value) }
        }
        None => Key { text: None, label: format!("[{value}]"), computed: None, value: Some(value) },
    }
}
