//! The graph of a workflow: which steps follow which, and which can be reached from where. Owns the numbers of the steps.

use std::collections::BTreeMap;

use crate::model::{CacaoId, CacaoPlaybook, WorkflowStep, WorkflowStepKind};

/// A set of steps.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct StepSet(Vec<u64>);

impl StepSet {
    pub(super) fn contains(&self, step: usize) -> bool {
        self.0.get(step / 64).is_some_and(|word| word >> (step % 64) & 1 == 1)
    }

    pub(super) fn insert(&mut self, step: usize) {
        if self.0.len() <= step / 64 {
            self.0.resize(step / 64 + 1, 0);
        }
        if let Some(word) = self.0.get_mut(step / 64) {
            *word |= 1 << (step % 64);
        }
    }

    fn join(&mut self, other: &Self) {
        if self.0.len() < other.0.len() {
            self.0.resize(other.0.len(), 0);
        }
        for (word, more) in self.0.iter_mut().zip(&other.0) {
            *word |= more;
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = usize> {
        self.0.iter().enumerate().flat_map(|(at, word)| {
            (0..64).filter(move |bit| word >> bit & 1 == 1).map(move |bit| at * 64 + bit)
        })
    }
}

/// The steps of a workflow with what follows each.
pub(super) struct Graph<'p> {
    steps: Vec<(&'p CacaoId, &'p WorkflowStep)>,
    /// For each step, all that can run once it has begun, without itself.
    reach: Vec<StepSet>,
    numbers: BTreeMap<&'p CacaoId, usize>,
}

/// Why a workflow has no order.
pub(super) enum NoOrder<'p> {
    /// A step names one that is not there.
    Missing { step: &'p CacaoId, property: String, named: &'p CacaoId },
    /// A step follows itself.
    Cycle(Vec<&'p CacaoId>),
}

impl<'p> Graph<'p> {
    /// The graph of a playbook.
    pub(super) fn of(playbook: &'p CacaoPlaybook) -> Result<Self, NoOrder<'p>> {
        let steps: Vec<_> = playbook.steps.iter().collect();
        let numbers: BTreeMap<&CacaoId, usize> =
            steps.iter().enumerate().map(|(number, (id, _))| (*id, number)).collect();
        let mut follow = Vec::with_capacity(steps.len());
        for (id, step) in &steps {
            let pointers = step.pointers().map(|(property, to)| (property.to_owned(), to));
            let all: Result<Vec<usize>, _> = pointers
                .chain(step.kind.branches())
                .map(|(property, to)| {
                    let missing = NoOrder::Missing { step: id, property, named: to };
                    numbers.get(to).copied().ok_or(missing)
                })
                .collect();
            follow.push(all?);
        }
        let order = order(&follow).map_err(|cycle| {
            NoOrder::Cycle(cycle.iter().filter_map(|step| steps.get(*step)).map(|(id, _)| *id).collect())
        })?;
        let mut reach = vec![StepSet::default(); steps.len()];
        for step in order {
            let mut set = StepSet::default();
            for next in &follow[step] {
                set.insert(*next);
                set.join(&reach[*next]);
            }
            reach[step] = set;
        }
        Ok(Self { steps, reach, numbers })
    }

    /// The number of a step.
    pub(super) fn number(&self, id: &CacaoId) -> Option<usize> {
        self.numbers.get(id).copied()
    }

    pub(super) fn id(&self, step: usize) -> &'p CacaoId {
        self.steps[step].0
    }

    pub(super) fn step(&self, step: usize) -> &'p WorkflowStep {
        self.steps[step].1
    }

    /// All that can run from this step on, with itself.
    pub(super) fn from(&self, step: usize) -> StepSet {
        let mut set = self.reach[step].clone();
        set.insert(step);
        set
    }

    pub(super) fn is_end(&self, step: usize) -> bool {
        matches!(self.step(step).kind, WorkflowStepKind::End)
    }

    /// What follows the step where it completes.
    pub(super) fn success(&self, step: usize) -> Option<usize> {
        let step = self.step(step);
        step.on_success.as_ref().or(step.on_completion.as_ref()).and_then(|id| self.number(id))
    }

    /// What follows the step where it fails.
    pub(super) fn failure(&self, step: usize) -> Option<usize> {
        self.step(step).on_failure.as_ref().and_then(|id| self.number(id))
    }

    /// The branches that the step opens.
    pub(super) fn branches(&self, step: usize) -> Vec<(String, usize)> {
        let branches = self.step(step).kind.branches();
        branches.into_iter().filter_map(|(property, id)| Some((property, self.number(id)?))).collect()
    }

    /// The steps of all of these that lead into a step.
    pub(super) fn lead_into(&self, step: usize, among: &StepSet) -> bool {
        among.iter().any(|from| {
            self.success(from) == Some(step)
                || self.failure(from) == Some(step)
                || self.branches(from).iter().any(|(_, to)| *to == step)
        })
    }
}

/// The steps, each after all that follow it; or a cycle. Without recursion.
pub(super) fn order(follow: &[Vec<usize>]) -> Result<Vec<usize>, Vec<usize>> {
    #[derive(Clone, Copy, PartialEq)]
    enum Mark {
        New,
        Open,
        Done,
    }
    let mut marks = vec![Mark::New; follow.len()];
    let mut order = Vec::with_capacity(follow.len());
    for root in 0..follow.len() {
        if marks[root] != Mark::New {
            continue;
        }
        marks[root] = Mark::Open;
        let mut path = vec![(root, 0)];
        while let Some((step, at)) = path.last_mut() {
            let step = *step;
            let Some(next) = follow[step].get(*at).copied() else {
                marks[step] = Mark::Done;
                order.push(step);
                path.pop();
                continue;
            };
            *at += 1;
            match marks[next] {
                Mark::New => {
                    marks[next] = Mark::Open;
                    path.push((next, 0));
                }
                Mark::Open => {
                    let from = path.iter().position(|(open, _)| *open == next).unwrap_or(0);
                    let mut cycle: Vec<usize> = path[from..].iter().map(|(step, _)| *step).collect();
                    cycle.push(next);
                    return Err(cycle);
                }
                Mark::Done => {}
            }
        }
    }
    Ok(order)
}
