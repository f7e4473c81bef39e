//! The walk: all steps of a playbook, those of its bodies too, in the order in which they are written. Owns the ids that
//! steps without one get: they depend on nothing but the playbook, as stored tasks name their step by its id.

use std::collections::{BTreeMap, BTreeSet};

use super::{Body, BodyRun, Playbook, Step};
use crate::ids::StepId;

/// A step with its id.
#[derive(Debug, Clone, PartialEq)]
pub struct WalkedStep<'p> {
    /// Its id, written or made.
    pub id: StepId,
    /// The step.
    pub step: &'p Step,
    /// The scopes that it is inside of, from the outermost: the number of the step that opens each in the walk, and that
    /// of the body among those of the step.
    pub scopes: Vec<(usize, usize)>,
}

impl Playbook {
    /// All steps. A step comes before those of its bodies, and those of a `catch` after the list that it belongs to.
    pub fn walk(&self) -> Vec<WalkedStep<'_>> {
        let mut walk = Walk::default();
        walk.list(&self.steps, self.catch.as_ref(), &[]);
        walk.name()
    }
}

#[derive(Default)]
struct Walk<'p> {
    steps: Vec<(&'p Step, Vec<(usize, usize)>)>,
}

impl<'p> Walk<'p> {
    fn list(&mut self, steps: &'p [Step], catch: Option<&'p Body>, scopes: &[(usize, usize)]) {
        for step in steps.iter().flat_map(Step::with_asking) {
            let at = self.steps.len();
            self.steps.push((step, scopes.to_vec()));
            for (number, nested) in step.bodies().into_iter().enumerate() {
                let inside = match nested.run {
                    BodyRun::OnPath => scopes.to_vec(),
                    BodyRun::InScope(_) | BodyRun::Alone | BodyRun::Repeated => {
                        [scopes, &[(at, number)]].concat()
                    }
                };
                self.list(&nested.body.steps, nested.body.catch.as_deref(), &inside);
            }
        }
        if let Some(body) = catch {
            self.list(&body.steps, body.catch.as_deref(), scopes);
        }
    }

    /// Gives each step without an id the word for its kind and a number, the first that is free.
    fn name(self) -> Vec<WalkedStep<'p>> {
        let mut taken: BTreeSet<StepId> = self.steps.iter().filter_map(|(step, _)| step.id.clone()).collect();
        let mut numbers: BTreeMap<&str, u32> = BTreeMap::new();
        let mut id_of = |step: &Step| {
            if let Some(id) = &step.id {
                return id.clone();
            }
            let number = numbers.entry(step.kind.name()).or_default();
            loop {
                *number += 1;
                let id = StepId::made(step.kind.name(), *number);
                if taken.insert(id.clone()) {
                    return id;
                }
            }
        };
        self.steps.into_iter().map(|(step, scopes)| WalkedStep { id: id_of(step), step, scopes }).collect()
    }
}
