//! Comprehensions: `all`, `exists`, `exists_one`, `map` and `filter`. A bounded number of them, none
//! inside another, each charged for all its iterations before the first.

use cel::common::ast::Expr;
use cel::parser::Expression;
use updraft_protocol::limits::CONDITION_COMPREHENSIONS;

use super::{Lowering, wrap};
use crate::condition::functions::EACH;

impl Lowering<'_> {
    pub(super) fn comprehension(&mut self, node: &mut Expression) -> Result<(), String> {
        let Expr::Comprehension(made) = &mut node.expr else { return Ok(()) };
        if !self.bound.is_empty() {
            return Err("`all`, `exists`, `map` and `filter` cannot be inside one another".to_owned());
        }
        self.comprehensions += 1;
        if self.comprehensions > CONDITION_COMPREHENSIONS {
            let all = "`all`, `exists`, `map` and `filter`";
            return Err(format!("more than {CONDITION_COMPREHENSIONS} of {all}"));
        }
        if matches!(made.iter_var.as_str(), "input" | "variables" | "steps") {
            return Err(format!("`{}` cannot be the name of an item", made.iter_var));
        }
        self.expression(&mut made.iter_range)?;
        let before = self.nodes;
        self.bound.push(made.iter_var.clone());
        self.bound.extend(made.iter_var2.clone());
        for part in [&mut made.accu_init, &mut made.loop_cond, &mut made.loop_step, &mut made.result] {
            self.expression(part)?;
        }
        self.bound.clear();
        let nodes = usize::try_from(self.nodes - before).unwrap_or(usize::MAX);
        wrap(&mut made.iter_range, EACH, Some(nodes));
        Ok(())
    }
}

/// Whether the node is what a macro gathers its result in: no condition can write its name.
pub(super) fn is_accumulator(node: &Expression) -> bool {
    matches!(&node.expr, Expr::Ident(name) if name.starts_with('@'))
}
