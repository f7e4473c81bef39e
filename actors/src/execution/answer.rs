//! Answering controls: cancel, inspect, follow. Nobody is told what is not durable.

use std::sync::Arc;

use tokio::sync::broadcast;
use updraft_kernel::machine::{Event as Happening, Machine};
use updraft_protocol::Update;
use updraft_protocol::limits::EVENTS_BEHIND;

use super::Execution;
use crate::control::{CancelVerdict, Control, Inspection};
use crate::event::{Event, EventKind};

impl Execution {
    pub(super) fn take_control(&mut self, control: Control) {
        let open = self.machine.as_ref().is_some_and(|machine| !machine.ended());
        match control {
            Control::Fail(failure) => self.decide(Happening::Fail(failure)),
            Control::Cancel(reply) if open => {
                self.subscribers.get_or_insert_default().canceller = Some(reply);
                self.decide(Happening::Cancel);
            }
            control => self.subscribers.get_or_insert_default().unanswered.push(control),
        }
    }

    /// The controls that nobody has answered.
    pub(super) fn take_unanswered(&mut self) -> Vec<Control> {
        self.subscribers
            .as_mut()
            .map(|subscribers| std::mem::take(&mut subscribers.unanswered))
            .unwrap_or_default()
    }

    /// Those who follow, if anyone does.
    pub(super) fn readers(&self) -> Option<&broadcast::Sender<Event>> {
        let readers = self.subscribers.as_ref()?.readers.as_ref();
        readers.filter(|readers| readers.receiver_count() > 0)
    }

    pub(super) fn answer_all(&mut self) {
        let (Some(machine), Some(subscribers)) = (&self.machine, &mut self.subscribers) else { return };
        if let Some(reply) = subscribers.canceller.take() {
            let _ = reply.send(CancelVerdict::Cancelled);
        }
        for control in std::mem::take(&mut subscribers.unanswered) {
            match control {
                Control::Cancel(reply) => {
                    let _ = reply.send(CancelVerdict::AlreadyEnded(machine.status()));
                }
                Control::Inspect(reply) => {
                    let _ = reply.send(inspection(machine));
                }
                Control::Follow(reply) => {
                    let readers =
                        subscribers.readers.get_or_insert_with(|| broadcast::channel(EVENTS_BEHIND).0);
                    let receiver = readers.subscribe();
                    let _ = reply.send((inspection(machine), receiver));
                }
                Control::Fail(_) => {}
            }
        }
    }

    pub(super) fn events_of(&self, writes: &[Update]) -> Vec<Event> {
        match self.readers() {
            Some(_) => writes.iter().map(|update| self.event_of(update)).collect(),
            None => Vec::new(),
        }
    }

    /// The event of a write; it names the step also where the write does not.
    fn event_of(&self, update: &Update) -> Event {
        let mut event = Event::of(self.entry.peid, update);
        if let EventKind::Task { task_id, step_id: step_id @ None, .. } = &mut event.kind {
            *step_id = self.machine.as_ref().and_then(|machine| machine.step_of(*task_id)).cloned();
        }
        event
    }

    pub(super) fn tell(&self, events: Vec<Event>) {
        if let Some(readers) = self.readers() {
            for event in events {
                let _ = readers.send(event);
            }
        }
    }
}

fn inspection(machine: &Machine) -> Inspection {
    Inspection { execution: Arc::new(machine.document()), tasks: machine.task_documents() }
}
