//! How a step is left: what follows each of its exits, as its author wrote it. Checks no field.

use updraft_protocol::playbook::{Handler, StepExit, StepKind, VERIFY};

use super::Steps;
use super::draft::Draft;
use crate::plan::exits::{Exits, Follows};

impl Steps<'_> {
    /// What follows the exits of a step, each an edge of the graph. The edges of choices are theirs.
    pub(super) fn exits(&mut self, draft: &mut Draft) -> Exits {
        let flat = &self.flat.steps[draft.at];
        let mut exits = Exits::default();
        if matches!(flat.step.kind, StepKind::End(_) | StepKind::Fail(_)) {
            exits.set(StepExit::Success, Follows::End);
        } else {
            let chooses =
                matches!(flat.step.kind, StepKind::If(_) | StepKind::Switch(_) | StepKind::Approval(_));
            let is_verified = matches!(&flat.step.kind, StepKind::Action(action) if action.verify.is_some());
            let success =
                if is_verified { draft.body(self, Some(0), VERIFY) } else { Follows::to(flat.next) };
            exits.set(StepExit::Success, success);
            if !chooses && !is_verified {
                draft.edge("next", success);
            }
        }
        // What a `verify` does not show, and an `already` cannot say, is a failure of its action.
        for (field, exit, follows) in self.handled(self.flat.handled_as(draft.at)) {
            exits.set(exit, follows);
            draft.edge(field, follows);
        }
        let timeout = exits.get(StepExit::Timeout).or(exits.get(StepExit::Failure));
        exits.set(StepExit::Timeout, timeout);
        for exit in [StepExit::Failure, StepExit::Timeout, StepExit::Unknown] {
            exits.set(exit, exits.get(exit).or(flat.caught));
        }
        // A `catch` counts as reached by each step of its list, whether or not that step can fail: a handler that is added
        // later makes no mistake of the `catch`.
        draft.edge("catch", flat.caught);
        exits
    }

    /// What follows the exits of a step that have handlers.
    fn handled(&self, at: usize) -> Vec<(&'static str, StepExit, Follows)> {
        let flat = &self.flat.steps[at];
        // The bodies of handlers come after those of the kind.
        let mut bodies = flat.starts.iter().skip(flat.step.kind.bodies().len());
        let mut follows = |exit, handler: &Handler| match handler {
            Handler::Step(_) => Follows::to(flat.handlers.get(&exit).copied()),
            Handler::Body(_) => Follows::to(bodies.next().copied().flatten().or(flat.next)),
        };
        let given = flat.step.handlers.given();
        given.map(|(field, exit, handler)| (field, exit, follows(exit, handler))).collect()
    }
}
