//! Triggers: whether what one says makes sense, which instants of its schedule fire and under which key, which events start
//! something, and with which input. Reads no clock, submits nothing.

mod agenda;
mod calendar;
mod event;
mod poll;
mod poll_form;
mod queue;
mod signature;
mod step;
#[cfg(test)]
mod tests;
mod webhook;

use updraft_protocol::limits::{CRON_BYTES, WEBHOOK_KEY_BYTES};
use updraft_protocol::{
    Failure, Json, MessageQueue, Missed, Overlap, Poll, Schedule, Timestamp, Trigger, TriggerSource, Value,
    Webhook, WebhookBody,
};

use crate::condition::Condition;
use crate::mistake::Mistake;
use crate::template::{Template, TextCompiler};
pub use agenda::Agenda;
use calendar::Calendar;
pub(crate) use event::EventData;
pub use poll::{NoItem, Polled, PolledItem};
use poll_form::PlannedPoll;
pub use queue::{MessageOutcome, MessageStep, NoMessage, QueueMessage, next_batch};
use signature::verified;
pub use step::{TriggerStep, filtered, fired, refused};
pub use webhook::WebhookRequest;

/// The name under which a filter and the texts of an input read the event.
const EVENT: &str = "event";

/// A trigger that makes sense, compiled.
#[derive(Debug)]
pub struct PlannedTrigger {
    definition: Trigger,
    /// Where its events are instants.
    calendar: Option<Calendar>,
    /// Where they are items that a tool has.
    poll: Option<PlannedPoll>,
    when: Option<Condition>,
    input: Option<Template>,
}

impl PlannedTrigger {
    /// Checks and compiles a trigger.
    ///
    /// # Errors
    /// Its mistakes, each with its place.
    pub fn checked(definition: Trigger) -> Result<Self, Vec<Mistake>> {
        let (mut mistakes, mut compiler) = (Vec::new(), TextCompiler::default());
        if definition.version == 0 {
            mistakes.push(Mistake::new("version", "versions begin with 1"));
        }
        if definition.playbook_version == Some(0) {
            mistakes.push(Mistake::new("playbook_version", "versions begin with 1"));
        }
        let (mut calendar, mut poll) = (None, None);
        match &definition.on {
            TriggerSource::Schedule(schedule) => calendar = checked_schedule(schedule, &mut mistakes),
            TriggerSource::Webhook(webhook) => webhook::check(webhook, &mut mistakes),
            TriggerSource::Queue(queue) => queue::check(queue, &mut mistakes),
            TriggerSource::Poll(asked) => {
                poll = PlannedPoll::checked(asked, &mut compiler, &mut mistakes);
            }
        }
        let when = definition.when.as_deref().and_then(|source| {
            compiler.condition("when", source, &[EVENT]).map_err(|mistake| mistakes.push(mistake)).ok()
        });
        let input = definition.input.as_ref().and_then(|input| {
            compiler.value("input", input, &[EVENT]).map_err(|found| mistakes.extend(found)).ok()
        });
        if mistakes.is_empty() { Ok(Self { definition, calendar, poll, when, input }) } else { Err(mistakes) }
    }

    /// What it says.
    pub fn definition(&self) -> &Trigger {
        &self.definition
    }

    /// The first instant of its schedule after this one; `None` if there is none any more.
    pub fn next(&self, after: Timestamp) -> Option<Timestamp> {
        self.calendar.as_ref()?.next(after)
    }

    /// Its schedule, if it has one.
    pub fn schedule(&self) -> Option<&Schedule> {
        match &self.definition.on {
            TriggerSource::Schedule(schedule) => Some(schedule),
            _ => None,
        }
    }

    /// Its webhook, if it has one.
    pub fn webhook(&self) -> Option<&Webhook> {
        match &self.definition.on {
            TriggerSource::Webhook(webhook) => Some(webhook),
            _ => None,
        }
    }

    /// Its queue, if it has one.
    pub fn queue(&self) -> Option<&MessageQueue> {
        match &self.definition.on {
            TriggerSource::Queue(queue) => Some(queue),
            _ => None,
        }
    }

    /// Its poll, if it has one.
    pub fn poll(&self) -> Option<&Poll> {
        match &self.definition.on {
            TriggerSource::Poll(poll) => Some(poll),
            _ => None,
        }
    }

    /// The event of an instant of its schedule, as filters and inputs see it; nothing for another trigger.
    pub fn event(&self, at: Timestamp) -> Json {
        match (self.schedule(), &self.calendar) {
            (Some(schedule), Some(calendar)) => {
                event::of_schedule(&self.definition.trigger, schedule, calendar.zone(), at)
            }
            _ => Json::null(),
        }
    }

    /// The event of a request to its webhook, and the key under which it is submitted: the same request starts one execution.
    ///
    /// # Errors
    /// It is not signed with this secret, or cannot be taken.
    pub fn received(
        &self,
        webhook: &Webhook,
        secret: &str,
        request: &WebhookRequest,
        now: Timestamp,
    ) -> Result<(Json, String), NoEvent> {
        let signed = verified(&webhook.signature, secret, request, now).ok_or(NoEvent::Unsigned)?;
        let name = &self.definition.trigger;
        let key = webhook::key(name, webhook, request, signed).ok_or(NoEvent::Key)?;
        let event = webhook::event(name, webhook, request, now).ok_or(NoEvent::Body(webhook.body))?;
        Ok((event, key))
    }

    /// The input of the execution that an event starts; `None` where `when` leaves it out.
    ///
    /// # Errors
    /// The filter or the input cannot be made of this event; the failure names what is missing, and no data.
    pub fn input(&self, event: &Json, at: Timestamp) -> Result<Option<Value>, Failure> {
        let data = EventData::new(event.clone(), at);
        if let Some(when) = &self.when
            && !when.decide(&data)?
        {
            return Ok(None);
        }
        match &self.input {
            Some(input) => input.render(&data).map(Some),
            None => Ok(Some(event.value())),
        }
    }

    /// The key under which an instant is submitted: the same instant of the same trigger starts one execution.
    pub fn key(&self, at: Timestamp) -> String {
        format!("trigger/{}/{at}", self.definition.trigger)
    }
}

/// Why a request is no event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoEvent {
    /// It is not signed by who has the secret, or not in time.
    #[error("it is not signed")]
    Unsigned,
    /// The header that tells requests apart is missing, there twice, or too long.
    #[error(
        "the header by which requests are told apart is needed once, with 1 to {WEBHOOK_KEY_BYTES} bytes"
    )]
    Key,
    /// Its body is another.
    #[error("the body is no {}", match .0 { WebhookBody::Json => "JSON", WebhookBody::Form => "form" })]
    Body(WebhookBody),
}

impl NoEvent {
    /// Whether the same request can be one later: never.
    pub fn retryable(self) -> bool {
        false
    }
}

fn checked_schedule(schedule: &Schedule, mistakes: &mut Vec<Mistake>) -> Option<Calendar> {
    let before = mistakes.len();
    if schedule.overlap == Overlap::Queue && schedule.missed == Missed::Skip {
        let message = "what waits by `overlap: queue` is late when its turn comes, and `skip` would leave it out; say `once` or `all`";
        mistakes.push(Mistake::new("on.schedule.missed", message));
    }
    let zone = crate::instant::zone(&schedule.zone);
    if zone.is_none() {
        let message = "no such time zone; `UTC` and `Europe/Zurich` are some";
        mistakes.push(Mistake::new("on.schedule.zone", message));
    }
    if schedule.cron.len() > CRON_BYTES {
        mistakes.push(Mistake::new("on.schedule.cron", format!("at most {CRON_BYTES} bytes are allowed")));
        return None;
    }
    match Calendar::of(&schedule.cron, zone.unwrap_or(jiff::tz::TimeZone::UTC)) {
        Ok(calendar) => Some(calendar).filter(|_| mistakes.len() == before),
        Err(message) => {
            mistakes.push(Mistake::new("on.schedule.cron", message));
            None
        }
    }
}
