//! Paths of a condition: `steps.lookup.output.score`. Owns what a condition can name.

use cel::common::ast::{CallExpr, Expr, LiteralValue, operators};
use cel::parser::Expression;

use super::Lowering;
use crate::plan::step_read;

impl Lowering<'_> {
    /// Whether the node is a name, or a path that starts with `steps`; then it is checked here, but for
    /// its computed subscripts.
    pub(super) fn path_of(&mut self, node: &Expression) -> Result<bool, String> {
        match &node.expr {
            Expr::Ident(name) => self.name(name),
            Expr::Call(call) if call.func_name == operators::IN => Ok(self.step_in(call)),
            _ => {
                let Some(keys) = keys_of_steps(node) else { return Ok(false) };
                let constant: Vec<_> = keys.iter().map_while(|key| *key).collect();
                let whole = constant.len() == keys.len();
                if let Some(mistake) = step_read(&constant, whole) {
                    return Err(mistake);
                }
                if let Some(id) = constant.first() {
                    self.references.read_step(id, self.path);
                }
                // With a computed subscript somewhere after the id, the rest is lowered as usual.
                Ok(whole)
            }
        }
    }

    fn name(&mut self, name: &str) -> Result<bool, String> {
        match name {
            "input" => self.references.input = true,
            "variables" => self.references.variables = true,
            "steps" => return Err(step_read(&[], true).unwrap_or_default()),
            // Names that start with `@` are made by macros.
            name if name.starts_with('@') || self.bound.iter().any(|bound| bound == name) => {}
            name => return Err(unknown(name)),
        }
        Ok(true)
    }

    /// `'lookup' in steps`.
    fn step_in(&mut self, call: &CallExpr) -> bool {
        let [id, steps] = call.args.as_slice() else { return false };
        let (Expr::Literal(LiteralValue::String(id)), Expr::Ident(root)) = (&id.expr, &steps.expr) else {
            return false;
        };
        if root != "steps" {
            return false;
        }
        self.references.read_step(id.inner(), self.path);
        true
    }
}

/// Why a name cannot be read.
pub(super) fn unknown(name: &str) -> String {
    format!("`{name}` is not known; there are `input`, `variables` and `steps`")
}

/// The keys after `steps`, computed ones as none; nothing where the path starts otherwise.
fn keys_of_steps(node: &Expression) -> Option<Vec<Option<&str>>> {
    let (mut base, mut keys) = (node, vec![]);
    loop {
        base = match &base.expr {
            Expr::Select(select) => {
                keys.push(Some(select.field.as_str()));
                &select.operand
            }
            Expr::Call(call) if call.func_name == operators::INDEX => {
                let [value, index] = call.args.as_slice() else { return None };
                keys.push(match &index.expr {
                    Expr::Literal(LiteralValue::String(key)) => Some(key.inner()),
                    _ => None,
                });
                value
            }
            Expr::Ident(root) if root == "steps" => break,
            _ => return None,
        };
    }
    keys.reverse();
    Some(keys)
}
