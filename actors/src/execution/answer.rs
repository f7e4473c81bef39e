//! Answers of controls, and events for the readers that follow an execution. Reports nothing that is not durable.

use std::sync::Arc;

use tokio::sync::broadcast;
use updraft_kernel::execution::ControlOutcome;
use updraft_kernel::machine::Machine;
use updraft_protocol::limits::EVENTS_BEHIND;
use updraft_protocol::{ControlRefusal, Update};

use super::Execution;
use crate::control::{CancelVerdict, Control, HeldControl, Inspection};
use crate::event::{Event, EventKind};

impl Execution {
    /// The readers, if there are any.
    pub(super) fn readers(&self) -> Option<&broadcast::Sender<Event>> {
        let readers = self.subscribers.as_ref()?.readers.as_ref();
        readers.filter(|readers| readers.receiver_count() > 0)
    }

    pub(super) fn answer(&mut self, control: &HeldControl, outcome: ControlOutcome) {
        let Some(machine) = self.execution.as_ref().map(|execution| execution.machine()) else { return };
        let Some(control) = self.entry.answer(control) else { return };
        match control {
            Control::Cancel(_, reply) if outcome == ControlOutcome::Stopped => {
                let _ = reply.send(CancelVerdict::Cancelled);
            }
            Control::Cancel(_, reply) => {
                let _ = reply.send(CancelVerdict::AlreadyEnded(machine.ending().unwrap_or(machine.status())));
            }
            Control::Apply(_, reply) => {
                let _ = reply.send(match outcome {
                    ControlOutcome::Replied(replied) => replied,
                    ControlOutcome::Stopped | ControlOutcome::Untouched => {
                        Err(ControlRefusal::Ended(machine.status()))
                    }
                });
            }
            Control::Inspect(reply) => {
                let _ = reply.send(inspection(machine));
            }
            Control::Follow(reply) => {
                let subscribers = self.subscribers.get_or_insert_default();
                let readers = subscribers.readers.get_or_insert_with(|| broadcast::channel(EVENTS_BEHIND).0);
                let receiver = readers.subscribe();
                let _ = reply.send((inspection(machine), receiver));
            }
            Control::Loops(reply) => {
                let _ = reply.send(machine.running_loops());
            }
            Control::Child(..) | Control::Fail(_) => {}
        }
    }

    /// Keeps the events of writes for the readers, until the writes are durable.
    pub(super) fn note_events(&mut self, writes: &[Update]) {
        if self.readers().is_none() {
            return;
        }
        let events = writes.iter().map(|update| self.event_of(update)).collect();
        if let Some(subscribers) = &mut self.subscribers {
            subscribers.events = events;
        }
    }

    /// The event of a write; it always names the step, also if the write does not.
    fn event_of(&self, update: &Update) -> Event {
        let mut event = Event::of(self.entry.peid, update);
        let EventKind::Task { task_id, step_id, status, progress, .. } = &mut event.kind else {
            return event;
        };
        let Some(machine) = self.machine() else { return event };
        if step_id.is_none() {
            *step_id = machine.step_of(*task_id).cloned();
        }
        if status.ended() {
            *progress = machine.ended_loop(*task_id);
        }
        event
    }

    /// Sends the readers the events that have become durable.
    pub(super) fn send_events(&mut self) {
        let Some(subscribers) = &mut self.subscribers else { return };
        let events = std::mem::take(&mut subscribers.events);
        if let Some(readers) = &subscribers.readers {
            for event in events {
                let _ = readers.send(event);
            }
        }
    }
}

fn inspection(machine: &Machine) -> Inspection {
    Inspection {
        execution: Arc::new(machine.document()),
        tasks: machine.task_documents(),
        whole: machine.holds_all_tasks(),
    }
}
