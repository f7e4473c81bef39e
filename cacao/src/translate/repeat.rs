//! The step `while-condition`.

use updraft_protocol::Value;
use updraft_protocol::limits::ROUNDS_MAX;

use crate::model::WhileCondition;

use super::bodies::{After, Around};
use super::native::{Fields, list, set, span, step};
use super::{Translator, number as whole};

impl Translator<'_> {
    /// The step `while-condition`: a loop, with as many rounds as any may have.
    pub(super) fn repeat(
        &mut self,
        number: usize,
        repeat: &WhileCondition,
        id: &str,
        after: &After,
        around: &Around,
    ) -> Vec<Fields> {
        let condition = self.condition(number, &repeat.condition, &around.scope);
        let Some(inside) = self.inside(number, "on_true", around, true) else { return Vec::new() };
        let Some(entry) = self.graph.number(&repeat.on_true) else { return Vec::new() };
        let body = self.nested(entry, &inside);
        let rounds = whole(u64::from(ROUNDS_MAX));
        let mut fields =
            step(id, [("while", Value::from(condition)), ("at_most", rounds), ("do", list(body))]);
        set(&mut fields, "timeout", self.timeout(number).map(span));
        set(&mut fields, "on_failure", after.failure.clone());
        vec![fields]
    }
}
