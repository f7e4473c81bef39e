//! The scopes that a step opens: their names, and where each begins.

use super::beside::BesideBody;
use super::finally::DO;
use super::{PlannedKind, PlannedStep};
use crate::plan::{StepIndex, UNDO};

impl PlannedStep {
    /// Whether it opens scopes.
    pub(crate) fn opens_scopes(&self) -> bool {
        match &self.kind {
            PlannedKind::Parallel(_) | PlannedKind::ForEach(_) | PlannedKind::Repeat(_) => true,
            PlannedKind::Approval(approval) if !approval.beside.is_empty() => true,
            _ => self.cleanup.is_some(),
        }
    }

    /// The first step of a scope that it opens under this name; `None` if it opens none of that name.
    pub fn opens(&self, scope: &str) -> Option<StepIndex> {
        if let Some(cleanup) = self.cleanup.as_ref().filter(|cleanup| cleanup.scope == scope) {
            return Some(cleanup.start);
        }
        match &self.kind {
            PlannedKind::Finally(finally) => (scope == DO).then_some(finally.start),
            PlannedKind::Parallel(parallel) => {
                let mut branches = parallel.branches.iter();
                branches.find(|branch| branch.name.as_str() == scope).map(|branch| branch.start)
            }
            PlannedKind::ForEach(each) => scope.parse::<u32>().ok().map(|_| each.start),
            PlannedKind::Repeat(repeat) => scope.parse::<u32>().ok().map(|_| repeat.start),
            PlannedKind::Approval(approval) => {
                BesideBody::named(scope).and_then(|body| approval.beside.start(body))
            }
            PlannedKind::Action(action) if scope == UNDO => action.undo.as_ref()?.step,
            _ => None,
        }
    }
}
