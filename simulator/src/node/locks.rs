//! The locks of a process: tells those in line, and shows the oracle who has what.

use super::SimulatedNode;
use crate::context::Context;
use crate::event::Inner;
use crate::scenario::MILLIS;

impl SimulatedNode {
    /// Those that were told look soon; the locks are as they must be.
    pub(super) fn look_at_locks(&mut self, cx: &mut Context) {
        for look in self.home.locks.take_told() {
            let wait = cx.pace(3 * MILLIS);
            cx.after(wait, self.id, Inner::Lock(look));
        }
        if let Some(again) = cx.oracle.is_lent_in_line(self.id, cx.now, &self.home.locks.holders) {
            cx.after(again, self.id, Inner::Wake);
        }
        let hold = cx.oracle.locks_hold((self.id, cx.now), &self.home.locks.holders);
        cx.check(hold);
    }
}
