//! Publications: what tells other programs the events of executions, in the form in which it is written and stored, and how far it
//! has come. Decides nothing.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::event::{EventCursor, TenantEventKind};
use crate::ids::Name;
use crate::limits::{PUBLICATION_BYTES, PUBLISHED_STREAM};
use crate::parse;
use crate::pause::Asked;
use crate::time::{Span, Timestamp};

/// A publication of a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Publication {
    /// Its name, unique inside a tenant.
    pub publication: Name,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Arc<str>>,
    /// Where events go.
    pub to: PublicationTarget,
    /// Which kinds of events.
    #[serde(default = "ends")]
    pub events: Vec<TenantEventKind>,
    /// Which of them: an expression over `event`; all where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// Whether an end has its output.
    #[serde(default = "yes")]
    pub output: bool,
}

/// Where events go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "WrittenTarget", into = "WrittenTarget")]
pub enum PublicationTarget {
    /// Each as a request to another program.
    Webhook(PublishedWebhook),
    /// Each as a message of a stream in Redis.
    Stream(PublishedStream),
}

/// The same as it is written: one field, which says the kind.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenTarget {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    webhook: Option<PublishedWebhook>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stream: Option<PublishedStream>,
}

impl TryFrom<WrittenTarget> for PublicationTarget {
    type Error = &'static str;

    fn try_from(written: WrittenTarget) -> Result<Self, Self::Error> {
        match (written.webhook, written.stream) {
            (Some(webhook), None) => Ok(Self::Webhook(webhook)),
            (None, Some(stream)) => Ok(Self::Stream(stream)),
            _ => Err("one of `webhook` and `stream` is needed"),
        }
    }
}

impl From<PublicationTarget> for WrittenTarget {
    fn from(target: PublicationTarget) -> Self {
        match target {
            PublicationTarget::Webhook(webhook) => Self { webhook: Some(webhook), stream: None },
            PublicationTarget::Stream(stream) => Self { webhook: None, stream: Some(stream) },
        }
    }
}

/// Requests to another program, each signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublishedWebhook {
    /// Where they go.
    pub url: Arc<str>,
    /// The name of the secret by which they are signed.
    pub secret: Name,
    /// The integration of HTTP that sends them, which has its rules about hosts, TLS and proxies; `http` where none is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub via: Option<Name>,
    /// How long an answer may take.
    #[serde(default = "ten_seconds")]
    pub timeout: Span,
}

/// Messages of a stream in the Redis of the engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublishedStream {
    /// The stream.
    pub stream: Arc<str>,
    /// The name of the secret by which messages are signed; they are not where none is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<Name>,
    /// About so many messages are kept, the newest.
    #[serde(default = "stream_length")]
    pub keeps: u64,
}

/// A publication as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StandingPublication {
    /// What it says.
    pub definition: Publication,
    /// The place after which its events begin.
    pub from: EventCursor,
    /// Who has paused it, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<Asked>,
}

/// How far a publication has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublicationProgress {
    /// Everything up to this place is done.
    pub cursor: EventCursor,
    /// Events that arrived.
    pub delivered: u64,
    /// Events that `when` left out.
    pub filtered: u64,
    /// Events that were given up: the other side refuses them for good.
    pub refused: u64,
    /// When one arrived last.
    pub last: Option<Timestamp>,
    /// Why one did not arrive, the newest reason; gone once what it was about has arrived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<PublicationTrouble>,
    /// Why one was given up, the newest reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<PublicationTrouble>,
}

/// Why an event did not arrive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublicationTrouble {
    /// The place of the event.
    pub cursor: EventCursor,
    /// When that was tried last.
    pub at: Timestamp,
    /// How often it was tried.
    pub attempts: u32,
    /// Why.
    pub why: Arc<str>,
}

impl PublicationProgress {
    /// Of one that has told nothing, and begins after a place.
    pub fn from(cursor: EventCursor) -> Self {
        Self { cursor, delivered: 0, filtered: 0, refused: 0, last: None, trouble: None, refusal: None }
    }
}

impl Publication {
    /// Reads a publication, YAML or JSON. What its parts mean is not checked.
    ///
    /// # Errors
    /// Its first mistake, with line and column.
    pub fn parse(bytes: &[u8]) -> Result<Self, parse::Error> {
        parse::document(bytes, PUBLICATION_BYTES)
    }
}

fn ends() -> Vec<TenantEventKind> {
    vec![TenantEventKind::Ended]
}

const fn yes() -> bool {
    true
}

fn ten_seconds() -> Span {
    Span::secs(10)
}

const fn stream_length() -> u64 {
    PUBLISHED_STREAM
}
