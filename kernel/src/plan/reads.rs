//! What the results of steps come of: which fields of the input each reads, which steps, and what it is inside of. Answers which
//! results may be others for another input.

use std::collections::{BTreeMap, BTreeSet};

use updraft_protocol::StepId;

use super::step::PlannedKind;
use super::{Plan, StepIndex};
use crate::references::References;

/// What a step reads, wherever it is written in it.
#[derive(Debug, Clone, Default)]
pub(super) struct StepReads {
    /// All of the input, and not only some fields.
    whole_input: bool,
    /// The fields of the input.
    input: BTreeSet<Box<str>>,
    variables: bool,
    steps: Vec<StepIndex>,
    /// The step in whose body it is.
    inside: Option<StepIndex>,
}

impl StepReads {
    /// What these texts of a step read that is in the body of `inside`.
    pub(super) fn of(
        texts: [&References; 2],
        inside: Option<StepIndex>,
        by_id: &BTreeMap<StepId, StepIndex>,
    ) -> Self {
        let mut reads = Self { inside, ..Self::default() };
        for references in texts {
            let fields = references.wanted.names_in("input");
            reads.whole_input |= references.input && fields.iter().any(Vec::is_empty);
            reads.input.extend(fields.iter().filter_map(|path| path.first().map(|name| Box::from(*name))));
            reads.variables |= references.variables;
            let steps = references.steps.keys().filter_map(|id| StepId::new(id).ok());
            reads.steps.extend(steps.filter_map(|id| by_id.get(&id).copied()));
        }
        reads
    }

    /// Whether it reads one of these fields of the input; any field where `changed` is `None`.
    fn reads(&self, changed: Option<&BTreeSet<&str>>) -> bool {
        let is_changed = |name: &str| changed.is_none_or(|changed| changed.contains(name));
        self.whole_input || self.input.iter().any(|name| is_changed(name))
    }

    /// Its approximate size in memory.
    pub(super) fn bytes(&self) -> usize {
        const FIELD_BYTES: usize = 64;
        let fields = self.input.iter().map(|name| FIELD_BYTES + name.len());
        fields.sum::<usize>() + self.steps.len() * size_of::<StepIndex>()
    }
}

/// What follows from each step: which read it, and which are in its body.
struct Followers {
    readers: Vec<Vec<StepIndex>>,
    inside: Vec<Vec<StepIndex>>,
    of_variables: Vec<StepIndex>,
}

impl Followers {
    fn of(plan: &Plan) -> Self {
        let none = || vec![Vec::new(); plan.steps.len()];
        let mut followers = Self { readers: none(), inside: none(), of_variables: Vec::new() };
        for (at, step) in plan.steps.iter().enumerate() {
            let (at, reads) = (StepIndex::at(at), &step.reads);
            reads.steps.iter().for_each(|read| followers.readers[read.get()].push(at));
            reads.inside.iter().for_each(|outer| followers.inside[outer.get()].push(at));
            followers.of_variables.extend(reads.variables.then_some(at));
        }
        followers
    }
}

impl Plan {
    /// The steps whose results may be others where these fields of the input are, or all of it is: they read them, or what comes
    /// of them, or may be come to or not for their sake.
    pub fn come_of_input(&self, changed: Option<&BTreeSet<&str>>) -> BTreeSet<StepIndex> {
        let reads = |at: StepIndex| &self.step(at).reads;
        let mut next: Vec<StepIndex> =
            (0..self.steps.len()).map(StepIndex::at).filter(|at| reads(*at).reads(changed)).collect();
        let mut own: BTreeSet<StepIndex> = next.iter().copied().collect();
        let mut found = BTreeSet::new();
        let followers = Followers::of(self);
        // Each step is looked at once, as are those that read it.
        while let Some(at) = next.pop() {
            let mut more: Vec<StepIndex> = followers.inside[at.get()].clone();
            // What a body does is part of the result of its step, and of those around it.
            let around = std::iter::successors(Some(at), |at| reads(*at).inside);
            for step in around.take_while(|step| found.insert(*step)) {
                more.extend(&followers.readers[step.get()]);
            }
            if matches!(self.step(at).kind, PlannedKind::Set(_)) {
                more.extend(&followers.of_variables);
            }
            next.extend(more.into_iter().filter(|step| own.insert(*step)));
        }
        found
    }
}
