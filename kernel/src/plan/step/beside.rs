//! What runs beside the wait of an approval: the bodies `on_open`, `on_reminder` and `on_escalation`. Owns the names of their
//! scopes, and the checks of their times.

use std::time::Duration;

use updraft_protocol::playbook::Approval;

use super::{Draft, Steps};
use crate::plan::StepIndex;

/// The name under which these bodies read what is asked.
pub(crate) const APPROVAL: &str = "approval";

/// One of these bodies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BesideBody {
    /// Runs at once.
    Open,
    /// A reminder, by its number.
    Reminder(u32),
    /// Runs once people have been waited for long.
    Escalation,
}

/// What runs beside a wait: the first step of each body, and when it runs.
#[derive(Debug, Default)]
pub struct PlannedBeside {
    /// From the beginning.
    pub on_open: Option<StepIndex>,
    /// Each time that so much time has passed.
    pub on_reminder: Option<(Duration, StepIndex)>,
    /// Once so much time has passed.
    pub on_escalation: Option<(Duration, StepIndex)>,
}

impl BesideBody {
    /// The name of its scope.
    pub(crate) fn name(self) -> String {
        match self {
            Self::Open => "on_open".to_owned(),
            Self::Reminder(number) => number.to_string(),
            Self::Escalation => "on_escalation".to_owned(),
        }
    }

    /// The body whose scope has this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name {
            "on_open" => Some(Self::Open),
            "on_escalation" => Some(Self::Escalation),
            number => number.parse().ok().map(Self::Reminder),
        }
    }
}

impl PlannedBeside {
    /// Whether there is no such body.
    pub fn is_empty(&self) -> bool {
        self.on_open.is_none() && self.on_reminder.is_none() && self.on_escalation.is_none()
    }

    /// The first step of a body.
    pub(crate) fn start(&self, body: BesideBody) -> Option<StepIndex> {
        match body {
            BesideBody::Open => self.on_open,
            BesideBody::Reminder(_) => self.on_reminder.map(|(_, start)| start),
            BesideBody::Escalation => self.on_escalation.map(|(_, start)| start),
        }
    }

    /// Checks the bodies of a step, which come after those of its choices.
    pub(super) fn check(steps: &mut Steps<'_>, draft: &mut Draft, approval: &Approval) -> Option<Self> {
        let mut number = approval.choices.as_ref().map_or(0, |choices| choices.0.len());
        let mut start = |steps: &mut Steps<'_>, draft: &mut Draft, is_there: bool, field| {
            if !is_there {
                return Some(None);
            }
            number += 1;
            draft.beside(steps, number - 1, field).map(Some)
        };
        let on_open = start(steps, draft, approval.on_open.is_some(), "on_open");
        let on_reminder = start(steps, draft, approval.on_reminder.is_some(), "on_reminder");
        let on_escalation = start(steps, draft, approval.on_escalation.is_some(), "on_escalation");
        let times = [
            ("on_reminder", approval.on_reminder.as_ref().map(|reminder| reminder.every)),
            ("on_escalation", approval.on_escalation.as_ref().map(|escalation| escalation.after)),
        ];
        for (field, time) in times {
            let Some(time) = time else { continue };
            steps.span(draft.at, field, time, false);
            if approval.timeout.is_some_and(|timeout| timeout <= time) {
                steps.mistakes.step(draft.at, field, format!("never runs: `timeout` is over before {time}"));
            }
        }
        let [every, after] = times.map(|(_, time)| time.map(|time| time.0));
        Some(Self {
            on_open: on_open?,
            on_reminder: every.zip(on_reminder?),
            on_escalation: after.zip(on_escalation?),
        })
    }
}
