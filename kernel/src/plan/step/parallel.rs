//! The step `parallel`: its planned form, and the checks of its branches.

use updraft_protocol::StepId;
use updraft_protocol::limits::PARALLEL_BRANCHES;
use updraft_protocol::playbook::{Join, ON_CANCEL, Parallel};

use super::{Draft, Steps};
use crate::plan::StepIndex;
use crate::plan::graph::{Edge, Field};

/// Several branches at once.
#[derive(Debug)]
pub struct PlannedParallel {
    /// When the path goes on.
    pub join: Join,
    /// The branches; never empty.
    pub branches: Vec<PlannedBranch>,
}

/// A body that a step opens in a scope of its own.
#[derive(Debug, Clone, PartialEq)]
pub struct PlannedBranch {
    /// Its name, which is part of the path of its scope.
    pub name: StepId,
    /// Its first step.
    pub start: StepIndex,
}

impl PlannedParallel {
    /// Checks the fields of the step.
    pub(super) fn check(steps: &mut Steps<'_>, draft: &mut Draft, parallel: &Parallel) -> Option<Self> {
        let count = parallel.branches.0.len();
        if count == 0 {
            steps.mistakes.step(draft.at, "branches", "at least one branch is needed");
        }
        if count > PARALLEL_BRANCHES {
            let message = format!("{count} branches; at most {PARALLEL_BRANCHES} are allowed");
            steps.mistakes.step(draft.at, "branches", message);
            return None;
        }
        let mut branches = vec![];
        for (number, (name, _)) in parallel.branches.0.iter().enumerate() {
            if name.as_str() == ON_CANCEL {
                let message =
                    "no branch can be called so: it is the scope of what runs once a step was cancelled";
                steps.mistakes.step(draft.at, &format!("branches.{name}"), message);
            }
            match steps.flat.steps[draft.at].starts.get(number).copied().flatten() {
                Some(start) => {
                    draft.edges.push(Edge { field: Field::Branch(number), to: start.get() });
                    branches.push(PlannedBranch { name: name.clone(), start });
                }
                None => {
                    let message = "a branch needs at least one step";
                    steps.mistakes.step(draft.at, &format!("branches.{name}"), message);
                }
            }
        }
        if let Join::AtLeast(needed) = parallel.join
            && !(1..=count).contains(&(needed as usize))
        {
            let message = format!("at least {needed} of {count} branches: must be from 1 to {count}");
            steps.mistakes.step(draft.at, "parallel", message);
        }
        Some(Self { join: parallel.join, branches })
    }
}
