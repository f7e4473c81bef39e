//! Scopes: the runs of bodies that are open. Owns which of their tasks have ended and can be read, by step; a scope is
//! dropped when it ends. Decides nothing.

use updraft_protocol::ScopePath;

use super::task_seq::TaskSeq;
use crate::plan::StepIndex;

/// The index of an open scope in the machine; reused after the scope has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ScopeId(u32);

impl ScopeId {
    /// The main line.
    pub(super) const MAIN: Self = Self(0);
}

/// One run of one body.
#[derive(Debug)]
pub(super) struct Scope {
    /// Its path: stored, and part of the ids of its tasks.
    pub(super) path: ScopePath,
    /// The task that opened it, and the scope of that task; `None` for the main line.
    pub(super) opener: Option<(ScopeId, TaskSeq)>,
    /// The tasks that ended in it and in scopes that it took over, ordered by step: a step runs once in a scope.
    ended: Vec<(StepIndex, TaskSeq)>,
}

impl Scope {
    /// The task of a step that has ended here.
    pub(super) fn ended(&self, step: StepIndex) -> Option<TaskSeq> {
        let at = self.ended.binary_search_by_key(&step, |(step, _)| *step).ok()?;
        self.ended.get(at).map(|(_, task)| *task)
    }

    /// A task has ended here.
    pub(super) fn end(&mut self, step: StepIndex, task: TaskSeq) {
        match self.ended.binary_search_by_key(&step, |(step, _)| *step) {
            Ok(at) => self.ended[at].1 = task,
            Err(at) => {
                if self.ended.len() == self.ended.capacity() {
                    self.ended.reserve_exact(self.ended.len().max(2));
                }
                self.ended.insert(at, (step, task));
            }
        }
    }
}

/// The open scopes. The main line is always open.
#[derive(Debug)]
pub(super) struct Scopes {
    main: Scope,
    /// By id, from 1; `None` for one that has ended.
    inner: Vec<Option<Scope>>,
}

impl Scopes {
    pub(super) fn new() -> Self {
        Self { main: Scope { path: ScopePath::MAIN, opener: None, ended: Vec::new() }, inner: Vec::new() }
    }

    pub(super) fn open(&mut self, path: ScopePath, opener: (ScopeId, TaskSeq)) -> ScopeId {
        let scope = Some(Scope { path, opener: Some(opener), ended: Vec::new() });
        let at = match self.inner.iter().position(Option::is_none) {
            Some(free) => {
                self.inner[free] = scope;
                free
            }
            None => {
                self.inner.push(scope);
                self.inner.len() - 1
            }
        };
        ScopeId(u32::try_from(at + 1).unwrap_or(u32::MAX))
    }

    /// Drops a scope that has ended; the scope of its opener takes over its readable tasks.
    pub(super) fn close(&mut self, id: ScopeId) {
        let slot = (id.0 as usize).checked_sub(1).and_then(|at| self.inner.get_mut(at));
        let Some(Scope { opener: Some((outer, _)), ended, .. }) = slot.and_then(Option::take) else { return };
        while self.inner.last().is_some_and(Option::is_none) {
            self.inner.pop();
        }
        if let Some(outer) = self.get_mut(outer) {
            ended.into_iter().for_each(|(step, task)| outer.end(step, task));
        }
    }

    pub(super) fn get(&self, id: ScopeId) -> Option<&Scope> {
        match (id.0 as usize).checked_sub(1) {
            None => Some(&self.main),
            Some(at) => self.inner.get(at)?.as_ref(),
        }
    }

    pub(super) fn get_mut(&mut self, id: ScopeId) -> Option<&mut Scope> {
        match (id.0 as usize).checked_sub(1) {
            None => Some(&mut self.main),
            Some(at) => self.inner.get_mut(at)?.as_mut(),
        }
    }

    /// The path of a scope.
    pub(super) fn path(&self, id: ScopeId) -> &ScopePath {
        self.get(id).map_or(&self.main.path, |scope| &scope.path)
    }

    /// The number of open scopes, including the main line.
    #[cfg(test)]
    pub(super) fn open_count(&self) -> usize {
        1 + self.inner.iter().flatten().count()
    }
}
