//! Scopes: the runs of bodies that are open. Owns which of their tasks have ended and can be read, by step; a scope is
//! dropped when it ends. Decides nothing.

use std::sync::Arc;

use serde_json::json;
use updraft_protocol::{Json, ScopePath, TaskId, Value};

use super::body_lock::BodyLock;
use super::items::Item;
use super::rounds::CarriedValue;
use super::task_seq::TaskSeq;
use crate::plan::{APPROVAL, ItemNames, ROUND, StepIndex};

/// The index of an open scope in the machine; reused after the scope has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ScopeId(u32);

impl ScopeId {
    /// The main line.
    pub(super) const MAIN: Self = Self(0);
}

/// A variable that was set, and its value.
pub(super) type VariableValue = (Arc<str>, Json);

/// One run of one body.
#[derive(Debug)]
pub(super) struct Scope {
    /// Its path: stored, and part of the ids of its tasks.
    pub(super) path: ScopePath,
    /// The task that opened it, and the scope of that task; `None` for the main line.
    pub(super) opener: Option<(ScopeId, TaskSeq)>,
    /// The tasks that ended in it and in scopes that it took over, ordered by step: a step runs once in a scope.
    ended: Vec<(StepIndex, TaskSeq)>,
    /// What its opener gives it to read. `None` for a branch and the main line.
    pub(super) locals: Option<Box<Locals>>,
    /// The variables that were set for it.
    pub(super) variables: Vec<VariableValue>,
    /// The locks of the bodies that it is in, and that it has not left.
    pub(super) locks: Vec<BodyLock>,
    /// Nothing further begins in it: of what is recorded the walk goes as far as it went before.
    pub(super) cancelled: bool,
    /// It runs on where a scope around it is cancelled.
    pub(super) shielded: bool,
    /// It is an item of which results were taken over, and in which nothing else was called or waited for.
    pub(super) queued: bool,
}

/// The values that its opener gives one run of a body.
#[derive(Debug)]
pub(super) struct Locals {
    /// The number of the round, from 0.
    pub(super) number: u32,
    values: Vec<(Arc<str>, Json)>,
}

impl Locals {
    /// Those of a round: its number, and what it carries.
    pub(super) fn of_round(number: u32, carried: Vec<CarriedValue>) -> Box<Self> {
        let mut values = carried;
        values.push((ROUND.into(), Json::from(json!(number))));
        Box::new(Self { number, values })
    }

    /// Those of an item.
    pub(super) fn of_item(names: &ItemNames, number: u32, item: Item) -> Box<Self> {
        let key = item.key.map_or_else(Json::null, |key| Json::from(&Value::String(key)));
        let values = vec![
            (names.item.clone(), Json::from(&item.value)),
            (names.index.clone(), Json::from(json!(number))),
            (names.key.clone(), key),
        ];
        Box::new(Self { number, values })
    }

    /// What a text reads when a step has ended: its output, under this name.
    pub(super) fn of_ended(name: &str, output: Json) -> Self {
        Self { number: 0, values: vec![(name.into(), output)] }
    }

    /// What the bodies beside the wait of an approval read.
    pub(super) fn of_approval(asked: &Json) -> Box<Self> {
        Box::new(Self { number: 0, values: vec![(APPROVAL.into(), asked.clone())] })
    }

    /// The value under this name.
    pub(super) fn get(&self, name: &str) -> Option<&Json> {
        self.values.iter().find(|(known, _)| **known == *name).map(|(_, value)| value)
    }
}

impl Scope {
    /// The task of a step that has ended here.
    pub(super) fn ended(&self, step: StepIndex) -> Option<TaskSeq> {
        let at = self.ended.binary_search_by_key(&step, |(step, _)| *step).ok()?;
        self.ended.get(at).map(|(_, task)| *task)
    }

    /// Gives a variable of it another value.
    pub(super) fn set_variable(&mut self, name: &str, value: Json) {
        match self.variables.iter_mut().find(|(known, _)| **known == *name) {
            Some((_, known)) => *known = value,
            None => self.variables.push((name.into(), value)),
        }
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
    /// The owners of the locks of bodies that were left, until the driver is told.
    pub(super) let_go: Vec<TaskId>,
}

impl Scopes {
    pub(super) fn new() -> Self {
        Self {
            main: Scope {
                path: ScopePath::MAIN,
                opener: None,
                ended: Vec::new(),
                locals: None,
                variables: Vec::new(),
                locks: Vec::new(),
                cancelled: false,
                shielded: false,
                queued: false,
            },
            inner: Vec::new(),
            let_go: Vec::new(),
        }
    }

    pub(super) fn open(
        &mut self,
        path: ScopePath,
        opener: (ScopeId, TaskSeq),
        locals: Option<Box<Locals>>,
    ) -> ScopeId {
        let cancelled = self.get(opener.0).is_some_and(|outer| outer.cancelled);
        let scope = Some(Scope {
            path,
            opener: Some(opener),
            ended: Vec::new(),
            locals,
            variables: Vec::new(),
            locks: Vec::new(),
            cancelled,
            shielded: false,
            queued: false,
        });
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

    /// Opens a scope that is inside of no other one: no cancel reaches it.
    pub(super) fn open_apart(&mut self, path: ScopePath) -> ScopeId {
        let id = self.open(path, (ScopeId::MAIN, TaskSeq(0)), None);
        if let Some(scope) = self.get_mut(id) {
            (scope.opener, scope.cancelled) = (None, false);
        }
        id
    }

    /// Drops a scope that has ended; the scope of its opener takes over its readable tasks.
    pub(super) fn close(&mut self, id: ScopeId) {
        self.leave_bodies(id, |_| false);
        let Some(Scope { opener: Some((outer, _)), ended, .. }) = self.take(id) else { return };
        if let Some(outer) = self.get_mut(outer) {
            ended.into_iter().for_each(|(step, task)| outer.end(step, task));
        }
    }

    /// The open scopes that this task opened.
    pub(super) fn opened_by(&self, task: TaskSeq) -> impl Iterator<Item = ScopeId> {
        let open = (1_u32..).zip(&self.inner).filter_map(|(id, scope)| Some((id, scope.as_ref()?)));
        let opened = open.filter(move |(_, scope)| scope.opener.is_some_and(|(_, opener)| opener == task));
        opened.map(|(id, _)| ScopeId(id))
    }

    /// The tasks that opened the open scopes.
    pub(super) fn openers(&self) -> impl Iterator<Item = TaskSeq> {
        self.inner.iter().flatten().filter_map(|scope| scope.opener.map(|(_, opener)| opener))
    }

    /// A scope and all that are open inside of it, each after the one around it; without those that are shielded.
    pub(super) fn tree(&self, id: ScopeId) -> Vec<ScopeId> {
        let mut tree = vec![id];
        let mut at = 0;
        while let Some(outer) = tree.get(at).copied() {
            let open = (1_u32..).zip(&self.inner).filter_map(|(id, scope)| Some((id, scope.as_ref()?)));
            let inside = open.filter(|(_, scope)| {
                !scope.shielded && scope.opener.is_some_and(|(scope, _)| scope == outer)
            });
            tree.extend(inside.map(|(id, _)| ScopeId(id)));
            at += 1;
        }
        tree
    }

    /// Drops a scope that has ended; the tasks that ended in it are read by nothing any more.
    pub(super) fn drop(&mut self, id: ScopeId) -> Vec<TaskSeq> {
        self.leave_bodies(id, |_| false);
        let ended = self.take(id).map(|scope| scope.ended).unwrap_or_default();
        ended.into_iter().map(|(_, task)| task).collect()
    }

    fn take(&mut self, id: ScopeId) -> Option<Scope> {
        let slot = (id.0 as usize).checked_sub(1).and_then(|at| self.inner.get_mut(at));
        let taken = slot.and_then(Option::take);
        while self.inner.last().is_some_and(Option::is_none) {
            self.inner.pop();
        }
        taken
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

    /// The bytes of the variables that were set for them.
    pub(super) fn variable_bytes(&self) -> usize {
        let all = std::iter::once(&self.main).chain(self.inner.iter().flatten());
        all.flat_map(|scope| &scope.variables).map(|(name, value)| name.len() + value.as_str().len()).sum()
    }

    /// The number of open scopes, including the main line.
    #[cfg(test)]
    pub(super) fn open_count(&self) -> usize {
        1 + self.inner.iter().flatten().count()
    }
}
