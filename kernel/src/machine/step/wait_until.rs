//! The step `wait_until`: waits for an instant that is given, which is the same after a crash. An instant that has passed is
//! not waited for.

use updraft_protocol::limits::{DATE_BYTES, SPAN};
use updraft_protocol::{Failure, FailureKind, Json, Span, Timestamp, Value, Wait, WaitKind};

use super::Arrival;
use crate::instant;
use crate::machine::task::Ending;
use crate::machine::walk::Go;
use crate::machine::{Effects, Machine};
use crate::plan::PlannedWaitUntil;

impl Machine {
    pub(super) fn arrive_at_wait_until(
        &mut self,
        at: Arrival,
        wait: &PlannedWaitUntil,
        effects: &mut Effects,
        work: &mut Vec<Go>,
    ) {
        if self.goes_on_waiting(at, effects) || self.is_put_off(at) {
            return;
        }
        let instant = self.rendered(at, &wait.instant).and_then(|value| wait.instant_of(&value, at.now));
        let ending = match instant {
            Err(failure) => Ending::Failed(failure),
            Ok(until) if until <= at.now => Ending::Completed(None),
            Ok(until) => {
                let wait = Wait::until(WaitKind::Delay, at.now, until);
                let task = self.create_waiting(at.scope, at.step, wait, effects);
                return self.wait(task, until, effects);
            }
        };
        let task = at.ending_task(self);
        work.push(self.end_task(task, ending, at.now, effects));
    }
}

impl PlannedWaitUntil {
    fn instant_of(&self, value: &Value, now: Timestamp) -> Result<Timestamp, Failure> {
        let told = || Json::from(value).as_str().chars().take(DATE_BYTES).collect::<String>();
        let refuse = |why: &str| {
            let message = format!("`wait_until` needs an instant, not {} ({}): {why}", value.kind(), told());
            Failure::new(FailureKind::InvalidArguments, message)
        };
        let text = value.as_str().ok_or_else(|| refuse("the filter `date` reads other values"))?;
        let millis = instant::read(text, self.zone.clone()).map_err(|why| refuse(&why.to_string()))?;
        // An instant before 1970 has passed like every other.
        let until = Timestamp(u64::try_from(millis).unwrap_or_default());
        if until > now.after(SPAN) {
            return Err(refuse(&format!("a wait is at most {} long", Span(SPAN))));
        }
        Ok(until)
    }
}
