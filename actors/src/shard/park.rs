//! The alarm for parked executions.

use std::time::Duration;

use actix::{AsyncContext, Context};
use updraft_kernel::shard::ShardEvent;
use updraft_protocol::Timestamp;

use super::Shard;

/// How often the clock is read while executions are parked: it may be set forward, and a suspended machine does not
/// count the time.
const CLOCK_LOOK: Duration = Duration::from_secs(1);

impl Shard {
    /// Sets the timer, in place of an earlier one.
    pub(super) fn set_alarm(&mut self, at: Timestamp, ctx: &mut Context<Self>) {
        if let Some(earlier) = self.alarm.take() {
            ctx.cancel_future(earlier);
        }
        let wait = Duration::from_millis(at.since(self.context.clock.now())).min(CLOCK_LOOK);
        self.alarm = Some(ctx.run_later(wait, |shard, ctx| {
            shard.alarm = None;
            shard.on(ShardEvent::Alarm, ctx);
        }));
    }
}
