//! Recorded tasks: the documents that a machine is resumed from, until the walk reaches them. Owns how one is found by
//! scope and step; a task that the walk has reached belongs to the machine.

use std::collections::BTreeMap;
use std::ops::Bound;

use updraft_protocol::{ScopePath, StepId, TaskDocument};

use super::output::kept_bytes;
use super::scope::ScopeId;
use super::task::{Ending, Phase, Task};
use super::task_seq::TaskSeq;
use super::{Machine, Revision};
use crate::plan::StepIndex;

/// Documents that the walk has not reached yet; empty except during `resume`.
#[derive(Debug, Default)]
pub(super) struct Recorded(BTreeMap<(ScopePath, StepIndex), TaskDocument>);

impl Recorded {
    /// Adds a document; false if there is one for this step of this scope already.
    pub(super) fn add(&mut self, step: StepIndex, document: TaskDocument) -> bool {
        self.0.insert((document.head.scope.clone(), step), document).is_none()
    }

    /// Whether the task of this step in this scope is left.
    pub(super) fn has(&self, scope: &ScopePath, step: StepIndex) -> bool {
        self.0.contains_key(&(scope.clone(), step))
    }

    /// Whether a task is left in this scope, or in one inside of it.
    pub(super) fn has_in(&self, scope: &ScopePath) -> bool {
        let first = (Bound::Included((scope.clone(), StepIndex::FIRST)), Bound::Unbounded);
        self.0.range(first).next().is_some_and(|((path, _), _)| is_inside(path, scope))
    }

    /// Whether a task of this execution, of a step for which that holds, is left in this scope, or in one inside of it: no result of
    /// another execution.
    pub(super) fn has_own_in(&self, scope: &ScopePath, of: impl Fn(StepIndex) -> bool) -> bool {
        let first = (Bound::Included((scope.clone(), StepIndex::FIRST)), Bound::Unbounded);
        let mut inside = self.0.range(first).take_while(|((path, _), _)| is_inside(path, scope));
        inside.any(|((_, step), document)| document.head.taken_from.is_none() && of(*step))
    }

    /// Whether the walk has reached all.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The number of a task that is left.
    pub(super) fn left(&self) -> Option<u32> {
        self.0.values().next().map(|document| document.head.task_seq)
    }

    /// All that are left, in the order of their numbers.
    pub(super) fn take_all(&mut self) -> Vec<(StepIndex, TaskDocument)> {
        let left = std::mem::take(&mut self.0);
        let mut left: Vec<_> = left.into_iter().map(|((_, step), document)| (step, document)).collect();
        left.sort_unstable_by_key(|(_, document)| document.head.task_seq);
        left
    }

    fn take(&mut self, scope: &ScopePath, step: StepIndex) -> Option<TaskDocument> {
        if self.0.is_empty() {
            return None;
        }
        self.0.remove(&(scope.clone(), step))
    }

    /// The places of tasks in scopes that the step `opener` opened in `scope`, and in those inside of them.
    fn inside(&self, scope: &ScopePath, opener: &StepId) -> impl Iterator<Item = &(ScopePath, StepIndex)> {
        let first = (scope.inside(opener, ""), StepIndex::FIRST);
        let inside = first.0.clone();
        let places = self.0.range((Bound::Included(first), Bound::Unbounded)).map(|(place, _)| place);
        places.take_while(move |(path, _)| path.as_str().starts_with(inside.as_str()))
    }
}

/// Whether a scope is this one, or inside of it.
fn is_inside(path: &ScopePath, scope: &ScopePath) -> bool {
    let inside = path.as_str().strip_prefix(scope.as_str());
    inside.is_some_and(|inside| inside.is_empty() || inside.starts_with('/'))
}

impl Machine {
    /// The recorded task of a step that control reached; the task now belongs to that scope.
    pub(super) fn recall(&mut self, scope: ScopeId, step: StepIndex) -> Option<TaskSeq> {
        let document = self.recorded.take(self.scopes.path(scope), step)?;
        let document = self.take_result(document);
        Some(self.take_over(document, step, scope, Phase::Ready))
    }

    /// A recorded task becomes one of the machine.
    pub(super) fn take_over(
        &mut self,
        document: TaskDocument,
        step: StepIndex,
        scope: ScopeId,
        phase: Phase,
    ) -> TaskSeq {
        let seq = TaskSeq(document.head.task_seq);
        self.output_bytes += kept_bytes(&document.state);
        self.tasks.insert(Task {
            seq,
            id: document.task_request_id,
            step,
            scope,
            path: document.head.scope.clone(),
            state: document.state,
            revision: Revision { epoch: document.epoch, seq: document.seq },
            phase,
            call: 0,
            taken_from: document.head.taken_from.map(Box::new),
        });
        seq
    }

    /// Whether tasks are recorded in scopes that this step opened.
    pub(super) fn has_recorded_inside(&self, scope: ScopeId, step: StepIndex) -> bool {
        !self.recorded.0.is_empty()
            && self.recorded.inside(self.scopes.path(scope), &self.plan.step(step).id).next().is_some()
    }

    /// Passes over the tasks in scopes that this step opened, but for the scope of this name: nothing reads them.
    pub(super) fn skip_recorded_inside(&mut self, scope: ScopeId, step: StepIndex, but: Option<&str>) {
        if self.recorded.0.is_empty() || !self.plan.step(step).opens_scopes() {
            return;
        }
        let (outer, opener) = (self.scopes.path(scope), &self.plan.step(step).id);
        let kept = but.map(|name| outer.inside(opener, name));
        let inside = self.recorded.inside(outer, opener);
        let is_kept = |path: &ScopePath| kept.as_ref().is_some_and(|kept| is_inside(path, kept));
        let places: Vec<_> = inside.filter(|(path, _)| !is_kept(path)).cloned().collect();
        places.iter().for_each(|place| {
            self.recorded.0.remove(place);
        });
    }

    /// Passes over the tasks of the cleanup of this step: it has ended, and nothing reads them.
    pub(super) fn skip_recorded_cleanup(&mut self, scope: ScopeId, step: StepIndex) {
        let Some(cleanup) = &self.plan.step(step).cleanup else { return };
        let cleanup = self.scopes.path(scope).inside(&self.plan.step(step).id, cleanup.scope);
        self.recorded.0.retain(|(path, _), _| !is_inside(path, &cleanup));
    }

    /// A task with the ending in its document; `None` if it has not ended.
    pub(super) fn recorded_ending(&self, task: TaskSeq) -> Option<(TaskSeq, Ending)> {
        self.task(task).recorded_ending().map(|ending| (task, ending))
    }
}
