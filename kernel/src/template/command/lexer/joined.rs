//! Two ways of a template to the same text of a command: whether they have come to the same place of it.

use super::{Lexer, Open};

impl Lexer {
    /// Where two ways have come, if it is the same place; what may differ is as it is on the worse of them.
    pub(in crate::template::command) fn joined(&self, other: &Self) -> Option<Self> {
        let is_same = self.open.len() == other.open.len()
            && self.begun == other.begun
            && self.heredocs == other.heredocs
            && self.unknown.is_some() == other.unknown.is_some();
        if self.unknown.is_some() && other.unknown.is_some() {
            return Some(self.clone());
        }
        let mut joined = is_same.then(|| self.clone())?;
        let is_same =
            joined.open.iter_mut().zip(&other.open).all(|(open, other)| match (&mut *open, other) {
                (Open::Commands(simple, bracket), Open::Commands(other, other_bracket)) => {
                    bracket == other_bracket && simple.join(other)
                }
                (open, other) => *open == *other,
            });
        is_same.then_some(joined)
    }
}
