//! The messages to a shard's actor from its own thread: an actor of an execution has ended, a read has returned, or what makes
//! commits has died.

use std::rc::Rc;

use updraft_kernel::execution::Exit;
use updraft_kernel::shared::permits::Permit;
use updraft_protocol::ExecutionId;

use crate::entry::Lost;
use crate::inbox::Inbox;
use crate::load::Found;

/// A message to a shard's actor from its own thread.
pub(crate) enum ShardReport {
    /// The event of the slot of an execution.
    Slot(ExecutionId, SlotEvent),
    /// The task that makes the commits has died: no execution of the shard goes on.
    CommitsDied,
}

/// The event of a slot.
pub(crate) enum SlotEvent {
    /// Its actor has ended; a parked execution has its permit with it.
    Exited(Exit, Option<Permit>),
    /// The store was read for it.
    Found(Result<Found, Lost>),
    /// Its actor, or the read, died without a message.
    Died,
}

/// Sends the event of one execution; dropped unused, it reports a death.
pub(crate) struct SlotReport {
    peid: ExecutionId,
    /// `None` once it was used.
    inbox: Option<Rc<Inbox<ShardReport>>>,
}

impl SlotReport {
    pub(crate) fn of(inbox: &Rc<Inbox<ShardReport>>, peid: ExecutionId) -> Self {
        Self { peid, inbox: Some(inbox.clone()) }
    }

    pub(crate) fn give(mut self, event: SlotEvent) {
        self.put(event);
    }

    fn put(&mut self, event: SlotEvent) {
        if let Some(inbox) = self.inbox.take() {
            inbox.put(ShardReport::Slot(self.peid, event));
        }
    }
}

impl Drop for SlotReport {
    fn drop(&mut self) {
        self.put(SlotEvent::Died);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt, StreamExt};

    use super::*;

    #[test]
    fn a_report_that_is_dropped_tells_of_a_death() {
        let (inbox, peid) = (Rc::new(Inbox::default()), ExecutionId::from_bytes([7; 16]));
        let mut read = inbox.read();
        let dropped = SlotReport::of(&inbox, peid);
        SlotReport::of(&inbox, peid).give(SlotEvent::Exited(Exit::Ended, None));
        drop(dropped);
        let (first, second) = (read.next().now_or_never().flatten(), read.next().now_or_never().flatten());
        assert!(matches!(first, Some(ShardReport::Slot(_, SlotEvent::Exited(Exit::Ended, None)))));
        assert!(matches!(second, Some(ShardReport::Slot(_, SlotEvent::Died))));
        assert!(read.next().now_or_never().is_none());
    }
}
