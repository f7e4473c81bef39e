//! The step `delay`: waits for an instant, which is the same after a crash.

use updraft_protocol::{Wait, WaitKind};

use super::Arrival;
use crate::machine::{Effects, Machine};
use crate::plan::PlannedDelay;

impl Machine {
    pub(super) fn arrive_at_delay(&mut self, at: Arrival, delay: &PlannedDelay, effects: &mut Effects) {
        let task = match at.recorded {
            Some(task) => task,
            None => {
                let until = at.now.after(delay.duration);
                let wait = Wait::until(WaitKind::Delay, at.now, until);
                self.create_waiting(at.scope, at.step, wait, effects)
            }
        };
        let due = self.wait_of(task).and_then(|wait| wait.until).unwrap_or(at.now);
        self.wait(task, due, effects);
    }
}
