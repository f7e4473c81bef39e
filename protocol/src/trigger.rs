//! Triggers: what starts a playbook by itself, in the form in which it is written and stored, and what has become of it so far.
//! Decides nothing.

mod poll;

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::{ExecutionId, Name};
use crate::limits::TRIGGER_BYTES;
use crate::parse;
use crate::pause::Asked;
use crate::priority::Priority;
use crate::time::{Span, Timestamp};
use crate::value::Value;
pub use poll::{Poll, PollFailing, PollState};

/// A trigger of a tenant, one version of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Trigger {
    /// Its name, unique inside a tenant.
    pub trigger: Name,
    /// Its version, from 1. What a version says never changes; of a name, the newest counts.
    pub version: u32,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Arc<str>>,
    /// What its events are.
    pub on: TriggerSource,
    /// Which events start something: an expression over `event`; all where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// The name of the playbook.
    pub playbook: Name,
    /// The version of the playbook; the newest at each event where none is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub playbook_version: Option<u32>,
    /// The input of the execution; its texts may be templates over `event`. The event itself where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<serde_json::Value>")]
    pub input: Option<Value>,
    /// How far ahead of others of its tenant an execution stands in line.
    #[serde(default, skip_serializing_if = "is_normal")]
    #[schemars(with = "Option<String>")]
    pub priority: Priority,
}

/// What the events of a trigger are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "WrittenSource", into = "WrittenSource")]
pub enum TriggerSource {
    /// Instants of a calendar.
    Schedule(Schedule),
    /// Requests that another program makes.
    Webhook(Webhook),
    /// Messages of a stream in Redis.
    Queue(MessageQueue),
    /// What a tool has that is new.
    Poll(Box<Poll>),
}

/// The same as it is written: one field, which says the kind.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct WrittenSource {
    /// Instants of a calendar.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    schedule: Option<Schedule>,
    /// Requests that another program makes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    webhook: Option<Webhook>,
    /// Messages of a stream in Redis.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    queue: Option<MessageQueue>,
    /// What a tool has that is new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    poll: Option<Box<Poll>>,
}

impl TryFrom<WrittenSource> for TriggerSource {
    type Error = &'static str;

    fn try_from(written: WrittenSource) -> Result<Self, Self::Error> {
        match (written.schedule, written.webhook, written.queue, written.poll) {
            (Some(schedule), None, None, None) => Ok(Self::Schedule(schedule)),
            (None, Some(webhook), None, None) => Ok(Self::Webhook(webhook)),
            (None, None, Some(queue), None) => Ok(Self::Queue(queue)),
            (None, None, None, Some(poll)) => Ok(Self::Poll(poll)),
            _ => Err("one of `schedule`, `webhook`, `queue` and `poll` is needed"),
        }
    }
}

impl From<TriggerSource> for WrittenSource {
    fn from(source: TriggerSource) -> Self {
        match source {
            TriggerSource::Schedule(schedule) => Self { schedule: Some(schedule), ..Self::default() },
            TriggerSource::Webhook(webhook) => Self { webhook: Some(webhook), ..Self::default() },
            TriggerSource::Queue(queue) => Self { queue: Some(queue), ..Self::default() },
            TriggerSource::Poll(poll) => Self { poll: Some(poll), ..Self::default() },
        }
    }
}

impl TriggerSource {
    /// Its word.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Schedule(_) => "schedule",
            Self::Webhook(_) => "webhook",
            Self::Queue(_) => "queue",
            Self::Poll(_) => "poll",
        }
    }
}

/// Instants of a calendar.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// Minute, hour, day of the month, month, day of the week: `0 7 * * 1-5`; or `@daily`.
    pub cron: Arc<str>,
    /// The time zone in which that is meant: `Europe/Berlin`.
    #[serde(default = "utc", skip_serializing_if = "is_utc")]
    pub zone: Arc<str>,
    /// What becomes of instants at which no engine ran.
    #[serde(default)]
    pub missed: Missed,
    /// What becomes of an instant at which the execution of the one before still runs.
    #[serde(default)]
    pub overlap: Overlap,
}

/// Requests that another program makes, each signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Webhook {
    /// How a request shows who made it.
    pub signature: WebhookSignature,
    /// The header that tells requests apart: the same value starts one execution. Where none is said, the id that GitHub gives to a
    /// delivery, else the signature.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_header: Option<Arc<str>>,
    /// The headers that the event has: `event.headers`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<Arc<str>>,
    /// What the body is.
    #[serde(default)]
    pub body: WebhookBody,
}

/// Messages of a stream in Redis, read as a consumer group does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MessageQueue {
    /// The stream.
    pub stream: Arc<str>,
    /// The group. One that is not there is made, and begins with the oldest message.
    #[serde(default = "updraft")]
    pub group: Arc<str>,
    /// The field whose JSON is `event.body`; where none is said there is none, and all fields are texts in `event.fields`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Arc<str>>,
    /// The field that tells messages apart: the same value starts one execution. The id of the message where none is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_field: Option<Arc<str>>,
    /// How often a message is tried that starts nothing, before it is moved to the dead ones.
    #[serde(default = "five")]
    pub attempts: u32,
    /// The stream of dead messages; `STREAM:dead` where none is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dead_letters: Option<Arc<str>>,
}

impl MessageQueue {
    /// The stream of dead messages.
    pub fn dead_stream(&self) -> String {
        self.dead_letters.as_ref().map_or_else(|| format!("{}:dead", self.stream), |named| named.to_string())
    }
}

/// How a request shows who made it: by an HMAC with SHA-256 of what it says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookSignature {
    /// Whose custom it follows.
    pub scheme: SignatureScheme,
    /// The name of the secret.
    pub secret: Name,
    /// How old a request may be whose scheme signs the time.
    #[serde(default = "five_minutes")]
    #[schemars(with = "String")]
    pub tolerance: Span,
    /// The header of a plain signature; `X-Signature` where none is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<Arc<str>>,
}

/// Whose custom a signature follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SignatureScheme {
    /// `X-Hub-Signature-256` over the body.
    Github,
    /// `X-Slack-Signature` over the time and the body.
    Slack,
    /// `Stripe-Signature` over the time and the body.
    Stripe,
    /// A digest of the body in hexadecimal digits, in a header of its own.
    Plain,
}

/// What the body of a request is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WebhookBody {
    /// JSON.
    #[default]
    Json,
    /// Fields of a form, each a text.
    Form,
}

/// What becomes of the instants of a schedule that were missed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Missed {
    /// Nothing.
    Skip,
    /// The newest of them fires.
    #[default]
    Once,
    /// Each fires, the oldest first; of many, the newest hundred.
    All,
}

/// What becomes of an instant at which the execution before still runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Overlap {
    /// It fires all the same.
    Allow,
    /// It is skipped.
    #[default]
    Skip,
    /// It fires when that execution has ended; of several that wait, those that `missed` says.
    Queue,
    /// That execution is cancelled, and it fires.
    Replace,
}

/// A trigger as it is stored: its newest version, and whether it is paused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StandingTrigger {
    /// What it says.
    pub definition: Trigger,
    /// Since when its events count: when this version was put, or when it was resumed.
    pub since: Timestamp,
    /// Who has paused it, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<Asked>,
}

/// What has become of the events of a trigger so far.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TriggerHistory {
    /// Up to this instant everything is decided.
    pub until: Timestamp,
    /// The instant that is to fire and has not; kept before it is submitted, so that a crash does not lose it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending: Option<Timestamp>,
    /// The last event that started an execution.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Firing>,
    /// Events that started an execution.
    #[serde(default)]
    pub fired: u64,
    /// Instants that were missed and started nothing.
    #[serde(default)]
    pub missed: u64,
    /// Instants that were skipped since the execution before still ran.
    #[serde(default)]
    pub overlapped: u64,
    /// Events that `when` left out.
    #[serde(default)]
    pub filtered: u64,
    /// Events that were to start an execution that was refused, or whose filter or input could not be made.
    #[serde(default)]
    pub refused: u64,
    /// Why the last of those was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<Arc<str>>,
}

/// An event that started an execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Firing {
    /// The instant of the event.
    pub at: Timestamp,
    /// The execution.
    pub peid: ExecutionId,
}

impl Trigger {
    /// Reads a trigger, YAML or JSON. What its parts mean is not checked.
    ///
    /// # Errors
    /// Its first mistake, with line and column.
    pub fn parse(bytes: &[u8]) -> Result<Self, parse::Error> {
        parse::document(bytes, TRIGGER_BYTES)
    }
}

fn updraft() -> Arc<str> {
    "updraft".into()
}

const fn five() -> u32 {
    5
}

fn utc() -> Arc<str> {
    "UTC".into()
}

fn five_minutes() -> Span {
    Span::secs(300)
}

fn is_utc(zone: &str) -> bool {
    zone == "UTC"
}

fn is_normal(priority: &Priority) -> bool {
    *priority == Priority::Normal
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "
trigger: morning
version: 2
on: {schedule: {cron: '0 7 * * 1-5', zone: Europe/Berlin, overlap: queue}}
when: event.day != 'friday'
playbook: report
input: {day: '{{ event.day }}'}
";

    #[test]
    fn a_trigger_is_read_with_its_defaults_and_written_the_same() {
        let read = Trigger::parse(FILE.as_bytes()).unwrap();
        let TriggerSource::Schedule(schedule) = &read.on else { panic!("{read:?}") };
        assert_eq!((schedule.missed, schedule.overlap), (Missed::Once, Overlap::Queue));
        assert_eq!(
            (&*schedule.zone, read.priority, read.on.as_str()),
            ("Europe/Berlin", Priority::Normal, "schedule")
        );
        let written = serde_json::to_string(&read).unwrap();
        assert_eq!(Trigger::parse(written.as_bytes()).unwrap(), read);
        let bare = FILE.replace("zone: Europe/Berlin, ", "");
        let TriggerSource::Schedule(schedule) = Trigger::parse(bare.as_bytes()).unwrap().on else { panic!() };
        assert_eq!(&*schedule.zone, "UTC");
    }

    #[test]
    fn what_is_not_known_is_told_with_its_place() {
        for (wrong, right, place) in [
            ("plybook: report", "playbook: report", "line 6"),
            ("{timetable: ", "{schedule: ", "line 4"),
            ("overlap: stack", "overlap: queue", "line 4"),
            ("version: two", "version: 2", "line 3"),
        ] {
            let file = FILE.replacen(right, wrong, 1);
            let told = Trigger::parse(file.as_bytes()).unwrap_err().to_string();
            assert!(told.contains(place), "{wrong}: {told}");
        }
    }
}
