//! The process side of a shard's slot: the registry entry of an execution, and its actor.

use std::rc::Rc;
use std::sync::Arc;

use actix::Addr;
use tokio::sync::Notify;

use crate::entry::RegistryEntry;
use crate::execution::message::OwnerGuard;
use crate::execution::{Drain, Execution, Look};

pub(super) struct Slot {
    pub(super) entry: Arc<RegistryEntry>,
    /// Its actor, if it has one. Dropped with the guard, which notifies the actor.
    pub(super) actor: Option<(Addr<Execution>, OwnerGuard)>,
    /// Notified if a control waits for an execution that is being read.
    pub(super) hurried: Option<Rc<Notify>>,
}

impl Slot {
    pub(super) fn new(entry: Arc<RegistryEntry>) -> Self {
        Self { entry, actor: None, hurried: None }
    }

    /// Has the actor look at its controls. If its mailbox is full, it is about to look anyway; if it is gone, the entry
    /// holds the controls.
    pub(super) fn look(&mut self) {
        if let Some((addr, _)) = &self.actor {
            let _ = addr.try_send(Look);
        }
    }

    pub(super) fn drain(&mut self) {
        let Some((addr, _)) = &self.actor else { return };
        let addr = addr.clone();
        actix::spawn(async move {
            let _ = addr.send(Drain).await;
        });
    }

    pub(super) fn hurry(&mut self) {
        if let Some(hurried) = &self.hurried {
            hurried.notify_one();
        }
    }
}
