//! What a slot of the shard stands for in this process: the registry entry of an execution, and its actor.

use std::rc::Rc;
use std::sync::Arc;

use actix::Addr;
use actix::prelude::SendError;
use tokio::sync::Notify;

use crate::control::Control;
use crate::entry::RegistryEntry;
use crate::execution::{Deliver, Drain, Execution, OwnerGuard};

pub(super) struct Slot {
    pub(super) entry: Arc<RegistryEntry>,
    /// Its actor, where it has one. Dropped with the guard, which tells the actor that nobody has it any more.
    pub(super) actor: Option<(Addr<Execution>, OwnerGuard)>,
    /// Told where somebody waits for an execution that is being read.
    pub(super) hurried: Option<Rc<Notify>>,
}

impl Slot {
    pub(super) fn new(entry: Arc<RegistryEntry>) -> Self {
        Self { entry, actor: None, hurried: None }
    }

    /// Hands a control to the actor: waits beside the shard where its mailbox is full; where it is gone,
    /// the control's reply is dropped and its sender asks again.
    pub(super) fn deliver(&mut self, control: Control) {
        let Some((addr, _)) = &self.actor else { return };
        if let Err(SendError::Full(message)) = addr.try_send(Deliver(control)) {
            let addr = addr.clone();
            actix::spawn(async move {
                let _ = addr.send(message).await;
            });
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
