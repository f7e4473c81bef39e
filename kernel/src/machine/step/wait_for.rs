//! The step `wait_for`: takes a signal that came before, or waits for one until an instant, which is the same after a
//! crash.

use std::sync::Arc;

use updraft_protocol::limits::KEY_BYTES;
use updraft_protocol::{Failure, FailureKind, Json, Span, Value, Wait, WaitKind};

use super::Arrival;
use crate::machine::task::Ending;
use crate::machine::walk::Go;
use crate::machine::{Effects, Machine};
use crate::plan::PlannedWaitFor;

impl Machine {
    pub(super) fn arrive_at_wait_for(
        &mut self,
        at: Arrival,
        wait: &PlannedWaitFor,
        effects: &mut Effects,
        work: &mut Vec<Go>,
    ) {
        if self.goes_on_waiting(at, effects) || self.is_put_off(at) {
            return;
        }
        let ending = match self.key_of(at, wait) {
            Err(failure) => Ending::Failed(failure),
            Ok(key) => match self.take_signal(wait.name.as_str(), key.as_deref(), at.now, effects) {
                Some(payload) => self.ending_with(payload),
                None => {
                    let until = at.now.after(wait.timeout.unwrap_or(self.default_waits.signal));
                    let subject = Some(wait.name.as_str().into());
                    let wait = Wait { subject, key, ..Wait::until(WaitKind::Signal, at.now, until) };
                    let task = self.create_waiting(at.scope, at.step, wait, effects);
                    return self.wait(task, until, effects);
                }
            },
        };
        let task = at.ending_task(self);
        work.push(self.end_task(task, ending, at.now, effects));
    }

    fn key_of(&mut self, at: Arrival, wait: &PlannedWaitFor) -> Result<Option<Arc<str>>, Failure> {
        let Some(key) = &wait.key else { return Ok(None) };
        let key = self.rendered(at, key)?;
        let text: Arc<str> = match &key {
            Value::String(text) => text.as_str().into(),
            Value::Number(_) | Value::Bool(_) => Json::from(&key).as_str().into(),
            _ => "".into(),
        };
        if text.is_empty() || text.len() > KEY_BYTES {
            let message = format!("key: a text of 1 to {KEY_BYTES} bytes, a number or a boolean is needed");
            return Err(Failure::new(FailureKind::InvalidArguments, message));
        }
        Ok(Some(text))
    }
}

impl PlannedWaitFor {
    /// The failure of a step whose signal did not come within this time.
    pub(in crate::machine) fn expired(&self, waited: Span) -> Failure {
        Failure::new(FailureKind::Expired, format!("no signal \"{}\" came within {waited}", self.name))
    }
}
