//! The step `wait_until`: its planned form, and the check of its time zone.

use jiff::tz::TimeZone;
use updraft_protocol::Value;
use updraft_protocol::playbook::WaitUntil;

use super::end::{is_literal, template};
use super::{Draft, Steps};
use crate::instant;
use crate::template::Template;

/// A wait for an instant that is given.
#[derive(Debug)]
pub struct PlannedWaitUntil {
    /// The instant.
    pub instant: Template,
    /// The time zone of an instant without an offset.
    pub(crate) zone: Option<TimeZone>,
}

impl PlannedWaitUntil {
    /// Checks the fields of the step.
    pub(super) fn check(steps: &mut Steps<'_>, draft: &mut Draft, wait: &WaitUntil) -> Option<Self> {
        let zone = wait.zone.as_deref().map(|name| {
            let zone = instant::zone(name);
            if zone.is_none() {
                let message = "no such time zone; `UTC` and `Europe/Zurich` are some";
                steps.mistakes.step(draft.at, "zone", message);
            }
            zone
        });
        if is_literal(&wait.instant)
            && let Err(why) = instant::read(&wait.instant, zone.clone().flatten())
        {
            steps.mistakes.step(draft.at, "wait_until", format!("{:?} is no instant: {why}", wait.instant));
        }
        let instant = template(steps, draft, "wait_until", &Value::String(wait.instant.clone()))?;
        Some(Self { instant, zone: zone.flatten() })
    }
}
