//! Draining a shard: every execution leaves when what runs has ended; what is parked stays in the store.

use actix::{Context, Handler};

use super::slot::Place;
use super::{Drain, Shard, deliver_drain};

impl Handler<Drain> for Shard {
    type Result = ();

    fn handle(&mut self, Drain(answer): Drain, _: &mut Context<Self>) {
        self.draining = true;
        self.drained = Some(answer);
        for slot in self.slots.values() {
            if let Place::Running { addr, .. } = &slot.place {
                deliver_drain(addr);
            }
        }
        self.check_drained();
    }
}

impl Shard {
    /// Answers when nothing runs any more.
    pub(super) fn check_drained(&mut self) {
        if self.drained.is_none() {
            return;
        }
        let runs = |place: &Place| !matches!(place, Place::Parked { .. });
        if self.slots.values().any(|slot| runs(&slot.place)) {
            return;
        }
        if let Some(answer) = self.drained.take() {
            let _ = answer.send(());
        }
    }
}
