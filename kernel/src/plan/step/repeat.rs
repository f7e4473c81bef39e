//! The steps `while` and `until`: their planned form, and the checks of their fields.

use std::sync::Arc;
use std::time::Duration;

use updraft_protocol::limits::{ROUNDS, ROUNDS_MAX};
use updraft_protocol::playbook::{Repeat, StepExit};

use super::choice::condition;
use super::end::template;
use super::{APPROVAL, Draft, OUTPUT, Steps};
use crate::condition::Condition;
use crate::plan::check::is_identifier;
use crate::plan::{Plan, PlannedAction, PlannedKind, StepIndex};
use crate::template::{Template, is_root};

/// The name under which a body reads the number of its round, from 0.
pub const ROUND: &str = "round_index";
/// The name under which the condition of a `verify` reads what its call gave.
pub(crate) const RESULT: &str = "result";

/// A body that is repeated.
#[derive(Debug)]
pub struct PlannedRepeat {
    /// Has to hold before a round.
    pub before: Option<Condition>,
    /// Ends the rounds where it holds after one.
    pub after: Option<Condition>,
    /// The first step of the body.
    pub start: StepIndex,
    /// The wait between two rounds.
    pub pause: Option<Duration>,
    /// How many rounds there may be.
    pub at_most: u32,
    /// How long all rounds may take together.
    pub timeout: Option<Duration>,
    /// What one round hands to the next.
    pub carry: Vec<PlannedCarried>,
    /// The variables of the path around it that its rounds set.
    pub sets: Vec<Arc<str>>,
    /// The action that it verifies, if it is a `verify`.
    pub verifies: Option<StepIndex>,
}

impl Plan {
    /// The loop that looks whether this action did what it said, if it is verified.
    pub fn verify_of(&self, step: StepIndex) -> Option<StepIndex> {
        let loop_of = |next: StepIndex| match &self.step(next).kind {
            PlannedKind::Repeat(repeat) => (repeat.verifies == Some(step)).then_some(next),
            _ => None,
        };
        PlannedAction::of(self.step(step))?;
        self.step(step).exits.get(StepExit::Success).step().and_then(loop_of)
    }
}

/// A value that one round hands to the next.
#[derive(Debug)]
pub struct PlannedCarried {
    /// The name under which it is read.
    pub name: Arc<str>,
    /// Its value in the first round.
    pub first: Template,
    /// Its value in the round after one.
    pub then: Template,
}

/// The names that such a step gives its body.
pub(in crate::plan) fn names_of(repeat: &Repeat) -> Vec<Arc<str>> {
    let output = repeat.verifies.then(|| OUTPUT.into());
    repeat.carry.keys().map(|name| name.as_str().into()).chain([ROUND.into()]).chain(output).collect()
}

impl PlannedRepeat {
    /// About how many bytes it takes in memory.
    pub(super) fn bytes(&self) -> usize {
        let conditions = self.before.iter().chain(&self.after).map(Condition::bytes);
        let carried = self.carry.iter().map(|carried| carried.first.bytes() + carried.then.bytes());
        conditions.chain(carried).sum()
    }

    /// Checks the fields of the step.
    pub(super) fn check(steps: &mut Steps<'_>, draft: &mut Draft, repeat: &Repeat) -> Option<Self> {
        if repeat.before.is_some() && repeat.after.is_some() {
            steps.mistakes.step(draft.at, "until", "a step has either `while` or `until`");
        }
        check_names(steps, draft, repeat);
        let at_most = repeat.at_most.unwrap_or(ROUNDS);
        if !(1..=ROUNDS_MAX).contains(&at_most) {
            steps.mistakes.step(draft.at, "at_most", format!("must be from 1 to {ROUNDS_MAX}"));
        }
        if let Some(pause) = repeat.pause {
            steps.span(draft.at, "pause", pause, false);
        }
        if let Some(timeout) = repeat.timeout {
            let field = if repeat.verifies { "within" } else { "timeout" };
            steps.span(draft.at, field, timeout, false);
        }
        let start = draft.repeated(steps);
        let mut names = names_of(repeat);
        let before = match &repeat.before {
            Some(source) => Some(draft.with_locals(steps, &names, |steps, draft| {
                condition(steps, draft, ("while", "while"), source)
            })?),
            None => None,
        };
        names.extend(repeat.verifies.then(|| RESULT.into()));
        let after = match &repeat.after {
            Some(source) => Some(draft.at_end_of_body(steps, &names, |steps, draft| {
                condition(steps, draft, ("until", "until"), source)
            })?),
            None => None,
        };
        let carry: Vec<_> = repeat.carry.keys().map(|name| carried(steps, draft, repeat, name)).collect();
        Some(Self {
            before,
            after,
            start: start?,
            pause: repeat.pause.map(|pause| pause.0),
            at_most,
            timeout: repeat.timeout.map(|timeout| timeout.0),
            carry: carry.into_iter().collect::<Option<_>>()?,
            sets: steps.flat.set_in_rounds_of(draft.at),
            verifies: steps.flat.verified_by(draft.at),
        })
    }
}

fn carried(steps: &mut Steps<'_>, draft: &mut Draft, repeat: &Repeat, name: &str) -> Option<PlannedCarried> {
    let carried = repeat.carry.get(name)?;
    let first = template(steps, draft, "carry", &carried.first);
    let then = draft.at_end_of_body(steps, &names_of(repeat), |steps, draft| {
        template(steps, draft, "carry", &carried.then)
    });
    Some(PlannedCarried { name: name.into(), first: first?, then: then? })
}

/// A name is an identifier, and none that means something else there.
fn check_names(steps: &mut Steps<'_>, draft: &Draft, repeat: &Repeat) {
    let around = steps.flat.names_around(draft.at);
    for name in repeat.carry.keys() {
        let message = if !is_identifier(name) {
            format!("{name:?} is no name: letters, digits and `_`, not starting with a digit")
        } else if is_root(name) || name == ROUND || name == APPROVAL {
            format!("`{name}` means something else in templates")
        } else if around.iter().any(|known| **known == **name) {
            format!("a loop around this one names `{name}` too")
        } else {
            continue;
        };
        steps.mistakes.step(draft.at, "carry", message);
    }
}
