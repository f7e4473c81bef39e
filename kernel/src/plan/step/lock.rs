//! `lock` of an action: its planned form, and its checks. Holds no lock.

use std::sync::Arc;
use std::time::Duration;

use updraft_protocol::limits::TARGET_LOCK_WAIT;
use updraft_protocol::playbook::Action;
use updraft_protocol::{Failure, FailureKind};

use super::end::template;
use super::undo::name;
use super::{Draft, Steps};
use crate::guardrail::one_spelling;
use crate::mistake::Mistake;
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
    pub(super) fn check(steps: &mut Steps<'_>, draft: &mut Draft, action: &Action) -> Option<Option<Self>> {
        let Some(lock) = &action.lock else { return Some(None) };
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
