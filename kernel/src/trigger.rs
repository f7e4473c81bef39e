//! Triggers: whether what one says makes sense, which instants of its schedule fire and under which key, which events start
//! something, and with which input. Reads no clock, submits nothing.

mod agenda;
mod calendar;
mod event;
mod step;
#[cfg(test)]
mod tests;

use updraft_protocol::limits::CRON_BYTES;
use updraft_protocol::{Failure, Json, Missed, Overlap, Schedule, Timestamp, Trigger, TriggerSource, Value};

use crate::condition::Condition;
use crate::mistake::Mistake;
use crate::template::{Template, TextCompiler};
pub use agenda::Agenda;
use calendar::Calendar;
use event::EventData;
pub use step::{TriggerStep, filtered, fired, refused};

/// The name under which a filter and the texts of an input read the event.
const EVENT: &str = "event";

/// A trigger that makes sense, compiled.
#[derive(Debug)]
pub struct PlannedTrigger {
    definition: Trigger,
    schedule: Schedule,
    calendar: Calendar,
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
        let TriggerSource::Schedule(schedule) = definition.on.clone();
        let calendar = checked_schedule(&schedule, &mut mistakes);
        let when = definition.when.as_deref().and_then(|source| {
            compiler.condition("when", source, &[EVENT]).map_err(|mistake| mistakes.push(mistake)).ok()
        });
        let input = definition.input.as_ref().and_then(|input| {
            compiler.value("input", input, &[EVENT]).map_err(|found| mistakes.extend(found)).ok()
        });
        match calendar.filter(|_| mistakes.is_empty()) {
            Some(calendar) => Ok(Self { definition, schedule, calendar, when, input }),
            None => Err(mistakes),
        }
    }

    /// What it says.
    pub fn definition(&self) -> &Trigger {
        &self.definition
    }

    /// The first instant of its schedule after this one; `None` if there is none any more.
    pub fn next(&self, after: Timestamp) -> Option<Timestamp> {
        self.calendar.next(after)
    }

    /// The event of an instant of its schedule, as filters and inputs see it.
    pub fn event(&self, at: Timestamp) -> Json {
        event::of_schedule(&self.definition.trigger, &self.schedule, self.calendar.zone(), at)
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
