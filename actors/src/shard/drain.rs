//! Draining a shard: every execution leaves when what runs has ended; what is parked stays in the store.

use actix::{Context, Handler};

use super::resident::Place;
use super::{Drain, Shard, deliver_drain};

impl Handler<Drain> for Shard {
    type Result = ();

    fn handle(&mut self, Drain(answer): Drain, _: &mut Context<Self>) {
        self.draining = Some(answer);
        for resident in self.residents.values() {
            if let Place::Running(addr) = &resident.place {
                deliver_drain(addr);
            }
        }
        self.drained();
    }
}

impl Shard {
    /// Answers when nothing runs any more.
    pub(super) fn drained(&mut self) {
        let runs = |place: &Place| !matches!(place, Place::Parked { .. });
        if self.draining.is_some() && !self.residents.values().any(|resident| runs(&resident.place)) {
            if let Some(answer) = self.draining.take() {
                let _ = answer.send(());
            }
        }
    }
}
