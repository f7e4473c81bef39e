//! Loops at run time: each turn with its item, and the position of the loop.

use super::Run;
use crate::meter::{NODE_WORK, Result, VALUE_WORK};
use crate::template::code::{For, LoopField};
use crate::template::operators::items;
use crate::template::value::{Growing, Operand};

/// The position of a loop.
pub(super) struct Iteration {
    index: usize,
    length: usize,
}

impl Run<'_> {
    pub(super) fn for_loop(&mut self, each: &For) -> Result<()> {
        let over = self.value(&each.over)?;
        let mut over = items(self.meter(), "a loop goes through", &over)?;
        if let Some(filter) = &each.filter {
            let mut kept = Growing::new(&self.root.meter);
            for item in over.iter() {
                self.set(&each.target, item.clone())?;
                if self.value(filter)?.is_true() {
                    kept.push(item.clone())?;
                }
            }
            let kept = Operand::list(self.meter(), kept.finish())?;
            over = items(self.meter(), "a loop goes through", &kept)?;
        }
        if over.is_empty() {
            return self.statements(&each.otherwise);
        }
        self.loops.push(Iteration { index: 0, length: over.len() });
        for (index, item) in over.iter().enumerate() {
            self.meter().work(NODE_WORK + VALUE_WORK * each.slots.len() as u64)?;
            if let Some(turn) = self.loops.last_mut() {
                turn.index = index;
            }
            if let Some(slots) = self.slots.get_mut(each.slots.clone()) {
                slots.fill(Operand::Undefined);
            }
            self.set(&each.target, item.clone())?;
            self.statements(&each.body)?;
        }
        self.loops.pop();
        Ok(())
    }

    pub(super) fn loop_field(&self, field: LoopField) -> Operand {
        let depth = self.loops.len();
        let Some(turn) = self.loops.last() else { return Operand::Undefined };
        match field {
            LoopField::Index => (turn.index + 1).into(),
            LoopField::Index0 => turn.index.into(),
            LoopField::RevIndex => (turn.length - turn.index).into(),
            LoopField::RevIndex0 => (turn.length - turn.index - 1).into(),
            LoopField::First => (turn.index == 0).into(),
            LoopField::Last => (turn.index + 1 == turn.length).into(),
            LoopField::Length => turn.length.into(),
            LoopField::Depth => depth.into(),
            LoopField::Depth0 => depth.saturating_sub(1).into(),
        }
    }
}
