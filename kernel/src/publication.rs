//! Publications: whether what one says makes sense, which events it tells and as which message, how that is signed, and what becomes
//! of one that did not arrive. Reads no clock, sends nothing.
//!
//! The message and its signature are those of Standard Webhooks (<https://www.standardwebhooks.com>, version 1.0.0), for which there
//! are libraries in most languages.

#[cfg(test)]
mod tests;

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde::Serialize;
use sha2::{Digest, Sha256};
use updraft_protocol::limits::{
    PUBLISH_AGAIN, PUBLISH_AGAIN_MAX, PUBLISHED_OUTPUT_BYTES, PUBLISHED_REFUSALS, PUBLISHED_TIMEOUT,
    QUEUE_NAME_BYTES,
};
use updraft_protocol::{
    Failure, FailureKind, Happened, Json, Publication, PublicationTarget, Span, TaskId, TenantCode,
    TenantEvent, TenantEventKind, Timestamp, ToldEvent,
};

use crate::condition::Condition;
use crate::mistake::Mistake;
use crate::template::TextCompiler;
use crate::trigger::EventData;

/// What begins a secret that is written as Standard Webhooks does: the rest is the key in base64.
const SECRET_PREFIX: &str = "whsec_";

/// A publication that makes sense, compiled.
#[derive(Debug)]
pub struct PlannedPublication {
    definition: Publication,
    when: Option<Condition>,
}

/// A message that tells an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedMessage {
    /// What tells it from others: the same however often it is sent.
    pub id: String,
    /// What it says, JSON.
    pub body: String,
}

/// What becomes of an event that did not arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum AfterFailure {
    /// It is sent again after this pause.
    Again(Duration),
    /// It is given up: the other side refuses it for good.
    GiveUp,
}

/// The body of a message.
#[derive(Serialize)]
struct Body<'e> {
    #[serde(rename = "type")]
    kind: String,
    timestamp: String,
    data: Data<'e>,
}

#[derive(Serialize)]
struct Data<'e> {
    tenant: &'e TenantCode,
    #[serde(flatten)]
    event: ToldEvent<'e>,
    /// Present where the output is too large for a message.
    #[serde(skip_serializing_if = "Option::is_none")]
    output_omitted: Option<bool>,
}

impl PlannedPublication {
    /// Checks and compiles a publication.
    ///
    /// # Errors
    /// Its mistakes, each with its place.
    pub fn checked(definition: Publication) -> Result<Self, Vec<Mistake>> {
        let (mut mistakes, mut compiler) = (Vec::new(), TextCompiler::default());
        let mut add = |place: &str, message: String| mistakes.push(Mistake::new(place, message));
        if definition.events.is_empty() {
            add("events", "one of `started`, `waiting` and `ended` is needed".to_owned());
        }
        match &definition.to {
            PublicationTarget::Webhook(webhook) => {
                if !(webhook.url.starts_with("https://") || webhook.url.starts_with("http://")) {
                    add("to.webhook.url", "begins with `https://` or `http://`".to_owned());
                }
                if webhook.timeout.0.is_zero() || webhook.timeout.0 > PUBLISHED_TIMEOUT {
                    add("to.webhook.timeout", format!("at most {} are allowed", Span(PUBLISHED_TIMEOUT)));
                }
            }
            PublicationTarget::Stream(stream) => {
                if stream.stream.is_empty() || stream.stream.len() > QUEUE_NAME_BYTES {
                    add("to.stream.stream", format!("1 to {QUEUE_NAME_BYTES} bytes are allowed"));
                }
                // What engines keep in Redis begins so.
                if stream.stream.starts_with("updraft:") {
                    add("to.stream.stream", "what begins with `updraft:` is the engine's own".to_owned());
                }
                if stream.keeps == 0 {
                    add("to.stream.keeps", "at least 1 is needed".to_owned());
                }
            }
        }
        let when = definition.when.as_deref().and_then(|source| {
            compiler.condition("when", source, &["event"]).map_err(|mistake| mistakes.push(mistake)).ok()
        });
        if mistakes.is_empty() { Ok(Self { definition, when }) } else { Err(mistakes) }
    }

    /// What it says.
    pub fn definition(&self) -> &Publication {
        &self.definition
    }

    /// The message that tells an event; `None` where it is not among those that are told.
    ///
    /// # Errors
    /// `when` cannot be decided of this event; the failure names what is missing, and no data.
    pub fn message(
        &self,
        tenant: &TenantCode,
        event: &TenantEvent,
    ) -> Result<Option<PublishedMessage>, Failure> {
        if !self.definition.events.contains(&event.what.kind()) {
            return Ok(None);
        }
        let (event, is_cut) = self.cut(event);
        let data = Data { tenant, event: event.told(), output_omitted: is_cut.then_some(true) };
        let unwritable = |error: serde_json::Error| Failure::new(FailureKind::Template, error.to_string());
        if let Some(when) = &self.when {
            let seen =
                serde_json::to_string(&data).and_then(|text| Json::parse(&text)).map_err(unwritable)?;
            if !when.decide(&EventData::new(seen, event.at))? {
                return Ok(None);
            }
        }
        let kind = format!("execution.{}", event.what.kind().as_str());
        let body = Body { kind, timestamp: event.at.to_string(), data };
        let body = serde_json::to_string(&body).map_err(unwritable)?;
        Ok(Some(PublishedMessage { id: event.cursor.to_string(), body }))
    }

    /// The event with the output that a message may have, and whether it lacks one that is too large.
    fn cut(&self, event: &TenantEvent) -> (TenantEvent, bool) {
        let mut event = event.clone();
        let Happened::Ended { output, .. } = &mut event.what else { return (event, false) };
        let bytes = output.as_ref().map_or(0, |output| output.as_str().len());
        let is_large = bytes > PUBLISHED_OUTPUT_BYTES;
        if is_large || !self.definition.output {
            *output = None;
        }
        (event, is_large && self.definition.output)
    }

    /// Whether it tells what an execution put out.
    pub fn tells_output(&self) -> bool {
        self.definition.output && self.definition.events.contains(&TenantEventKind::Ended)
    }
}

impl PublishedMessage {
    /// The key by which a receiver tells it from others, as tools get one.
    pub fn key(&self) -> TaskId {
        let hash = Sha256::digest(self.id.as_bytes());
        let mut key = [0; 16];
        key.copy_from_slice(&hash[..16]);
        TaskId::from_bytes(key)
    }

    /// Its signature at an instant, as the header `webhook-signature` has it: `v1,` and the HMAC with SHA-256 of
    /// `ID.SECONDS.BODY` in base64. `None` if the secret begins with `whsec_`, and the rest is no base64.
    pub fn signature(&self, secret: &str, at: Timestamp) -> Option<String> {
        let key = match secret.strip_prefix(SECRET_PREFIX) {
            Some(encoded) => STANDARD.decode(encoded).ok()?,
            None => secret.as_bytes().to_vec(),
        };
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).ok()?;
        mac.update(format!("{}.{}.", self.id, at.0 / 1_000).as_bytes());
        mac.update(self.body.as_bytes());
        Some(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
    }
}

/// What becomes of an event that did not arrive at this attempt, from 1. What the receiver refuses by its answer is given up in the
/// end. What lies between, as a certificate that is over, is waited for: the events behind it are kept meanwhile.
pub fn after_failure(attempt: u32, failure: &Failure) -> AfterFailure {
    let is_refused = failure.kind == FailureKind::Status && !failure.retryable();
    if is_refused && attempt >= PUBLISHED_REFUSALS {
        return AfterFailure::GiveUp;
    }
    let doubled = PUBLISH_AGAIN.saturating_mul(1 << attempt.saturating_sub(1).min(16));
    let asked = failure.retry_after().unwrap_or_default();
    AfterFailure::Again(doubled.max(asked).min(PUBLISH_AGAIN_MAX))
}
