//! Events of triggers, as filters and inputs see them. Owns their form.

use jiff::tz::TimeZone;
use updraft_protocol::{Json, Name, Schedule, Timestamp};

use super::EVENT;
use crate::visible::{StepView, Visible};

/// The event of an instant of a schedule.
pub(super) fn of_schedule(trigger: &Name, schedule: &Schedule, zone: &TimeZone, at: Timestamp) -> Json {
    let stamp = i64::try_from(at.0).ok().and_then(|at| jiff::Timestamp::from_millisecond(at).ok());
    let local = stamp.map(|stamp| zone.to_datetime(stamp));
    let said = |format: &str| local.map(|local| local.strftime(format).to_string());
    Json::from(serde_json::json!({
        "kind": "schedule",
        "trigger": trigger,
        "at": at.to_string(),
        "zone": schedule.zone,
        "date": said("%Y-%m-%d"),
        "time": said("%H:%M"),
        "weekday": said("%A").map(|day| day.to_lowercase()),
    }))
}

/// The data of one event.
pub(crate) struct EventData {
    event: Json,
    nothing: Json,
    at: Timestamp,
}

impl EventData {
    pub(crate) fn new(event: Json, at: Timestamp) -> Self {
        Self { event, nothing: Json::null(), at }
    }
}

impl Visible for EventData {
    fn input(&self) -> &Json {
        &self.nothing
    }

    fn variables(&self) -> &Json {
        &self.nothing
    }

    fn constants(&self) -> &Json {
        &self.nothing
    }

    fn now(&self) -> Timestamp {
        self.at
    }

    fn local(&self, name: &str) -> Option<&Json> {
        (name == EVENT).then_some(&self.event)
    }

    fn step(&self, _: &str) -> Option<StepView<'_>> {
        None
    }
}

/// The data of a poll, each under its name.
pub(super) struct PollData<const N: usize> {
    named: [(&'static str, Json); N],
    nothing: Json,
    at: Timestamp,
}

impl<const N: usize> PollData<N> {
    pub(super) fn of(at: Timestamp, named: [(&'static str, Json); N]) -> Self {
        Self { named, nothing: Json::null(), at }
    }
}

impl<const N: usize> Visible for PollData<N> {
    fn input(&self) -> &Json {
        &self.nothing
    }

    fn variables(&self) -> &Json {
        &self.nothing
    }

    fn constants(&self) -> &Json {
        &self.nothing
    }

    fn now(&self) -> Timestamp {
        self.at
    }

    fn local(&self, name: &str) -> Option<&Json> {
        self.named.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    fn step(&self, _: &str) -> Option<StepView<'_>> {
        None
    }
}
