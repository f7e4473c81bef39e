//! `lock` of an action, and of a step with bodies: its planned form, and its checks. Holds no lock.

use std::sync::Arc;
use std::time::Duration;

use updraft_protocol::limits::TARGET_LOCK_WAIT;
use updraft_protocol::playbook::{Lock, Step, StepKind};
use updraft_protocol::{Failure, FailureKind};

use super::end::template;
use super::undo::name;
use super::{Draft, Steps};
use crate::guardrail::one_spelling;
use crate::mistake::Mistake;
use crate::plan::{ItemNames, StepIndex};
use crate::template::Template;
use crate::visible::Visible;

/// The lock that a step has while it acts.
#[derive(Debug)]
pub struct PlannedLock {
    /// What is acted on.
    target: Template,
    /// How long the step waits for it.
    pub(crate) wait: Duration,
}

impl PlannedLock {
    /// Checks the field; `None` in it if there is none, and none at all if it has a mistake.
    pub(super) fn check(
        steps: &mut Steps<'_>,
        draft: &mut Draft,
        lock: Option<&Lock>,
    ) -> Option<Option<Self>> {
        let Some(lock) = lock else { return Some(None) };
        if let Some(wait) = lock.wait {
            steps.span(draft.at, "lock.wait", wait, false);
        }
        let target = template(steps, draft, "lock.target", &lock.target)?;
        if let (true, Err(message)) = (target.is_literal(), name(&target.written_out())) {
            let place = format!("{}.lock.target", draft.place);
            steps.mistakes.inside(draft.at, "lock.target", Mistake::new(place, message));
            return None;
        }
        let wait = lock.wait.map_or(TARGET_LOCK_WAIT, |wait| wait.0);
        Some(Some(Self { target, wait }))
    }

    /// The target in one spelling, and the cost.
    pub(crate) fn decide(&self, visible: &dyn Visible) -> (Result<Arc<str>, Failure>, u64) {
        let (target, spent) = self.target.render_metered(visible);
        let named = target.and_then(|target| {
            let refused = |why: String| Failure::new(FailureKind::Template, format!("lock.target: {why}"));
            Ok(one_spelling(&name(&target).map_err(refused)?).into())
        });
        (named, spent.work)
    }

    /// All of its texts.
    pub(super) fn text(&self) -> &Template {
        &self.target
    }
}

/// The lock that the steps in the bodies of a step have.
#[derive(Debug)]
pub struct PlannedBodyLock {
    /// The lock; that of a `for_each` is for each of its items.
    pub(crate) lock: PlannedLock,
    /// The step itself.
    owner: StepIndex,
    /// The step after those of its bodies.
    end: usize,
}

impl PlannedBodyLock {
    /// Checks the field of a step with bodies, as [`PlannedLock::check`] does.
    pub(super) fn check(steps: &mut Steps<'_>, draft: &mut Draft, step: &Step) -> Option<Option<Box<Self>>> {
        let lock = step.kind.lock_of_bodies();
        let lock = match &step.kind {
            StepKind::ForEach(each) => {
                let names = ItemNames::of(each).all();
                draft.with_locals(steps, &names, |steps, draft| PlannedLock::check(steps, draft, lock))?
            }
            _ => PlannedLock::check(steps, draft, lock)?,
        };
        let end = steps.flat.steps[draft.at].end_of_bodies;
        let owner = StepIndex::at(draft.at);
        Some(lock.map(|lock| Box::new(Self { lock, owner, end })))
    }

    /// Whether a path that is at this step has not left the step with the lock.
    pub(crate) fn holds_at(&self, step: StepIndex) -> bool {
        (self.owner.get()..self.end).contains(&step.get())
    }

    /// About how many bytes it takes in memory.
    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>() + self.lock.target.bytes()
    }
}
