//! Queues: what of a message an event has, under which key it is submitted, and what becomes of one that starts nothing. Knows no
//! Redis.

use std::collections::BTreeMap;
use std::time::Duration;

use sha2::{Digest, Sha256};
use updraft_protocol::limits::{
    QUEUE_ATTEMPTS, QUEUE_BATCH, QUEUE_BATCH_BYTES, QUEUE_MESSAGE_BYTES, QUEUE_NAME_BYTES,
};
use updraft_protocol::{Json, MessageQueue, Name, Timestamp, Value};

use super::PlannedTrigger;
use crate::mistake::Mistake;

/// A message, as its queue gives it.
#[derive(Debug, Clone)]
pub struct QueueMessage<'a> {
    /// Its id in the stream.
    pub id: &'a str,
    /// Its fields.
    pub fields: &'a [(Vec<u8>, Vec<u8>)],
}

/// Why a message is no event. Names its fields, and none of their values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoMessage {
    /// It is too large.
    #[error("has {0} bytes; at most {QUEUE_MESSAGE_BYTES} are allowed")]
    TooLarge(usize),
    /// A name or a value is no text.
    #[error("field {0}: is no text")]
    NoText(String),
    /// A field that its trigger names is missing.
    #[error("field {0}: is missing")]
    Missing(String),
    /// The field of the body is no JSON.
    #[error("field {0}: is no JSON")]
    NoJson(String),
}

impl NoMessage {
    /// Whether the same message can be an event later: never.
    pub fn retryable(&self) -> bool {
        false
    }
}

/// What it came to that a message was tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MessageOutcome {
    /// Its execution is durable, and new.
    Started,
    /// Its execution was durable before: another message of the same key, or this one before a crash, started it.
    Repeated,
    /// Its trigger's `when` leaves it out.
    LeftOut,
    /// There is no room for its execution yet; there may be after so long.
    NoRoom(Duration),
    /// It starts nothing, for this reason.
    Nothing(String),
    /// The engine ends.
    Closing,
}

/// What becomes of a message that was tried.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum MessageStep {
    /// It is acknowledged.
    Settle,
    /// It is tried again after so long. It is not its fault, and no attempt.
    Wait(Duration),
    /// It is tried again: it has started nothing so often.
    Again(u32),
    /// It has started nothing as often as it may: it is moved aside with this reason.
    Bury(String),
    /// It stays as it is, for the next engine.
    Leave,
}

impl MessageOutcome {
    /// What becomes of a message that had started nothing `failures` times before, of at most `attempts`.
    pub fn step(self, failures: u32, attempts: u32) -> MessageStep {
        match self {
            Self::Started | Self::Repeated | Self::LeftOut => MessageStep::Settle,
            Self::NoRoom(pause) => MessageStep::Wait(pause),
            Self::Nothing(why) if failures.saturating_add(1) >= attempts => MessageStep::Bury(why),
            Self::Nothing(_) => MessageStep::Again(failures + 1),
            Self::Closing => MessageStep::Leave,
        }
    }
}

/// How many messages are read next, after a read of at most `most` that had so many bytes.
pub fn next_batch(most: usize, bytes: usize) -> usize {
    if bytes > QUEUE_BATCH_BYTES {
        (most / 2).max(1)
    } else if bytes <= QUEUE_BATCH_BYTES / 4 {
        most.saturating_mul(2).min(QUEUE_BATCH)
    } else {
        most
    }
}

/// Adds what makes no sense in a queue.
pub(super) fn check(queue: &MessageQueue, mistakes: &mut Vec<Mistake>) {
    let mut add =
        |place: &str, message: String| mistakes.push(Mistake::new(format!("on.queue.{place}"), message));
    let named = [
        ("stream", Some(&queue.stream)),
        ("group", Some(&queue.group)),
        ("body", queue.body.as_ref()),
        ("idempotency_field", queue.idempotency_field.as_ref()),
        ("dead_letters", queue.dead_letters.as_ref()),
    ];
    for (place, name) in named {
        if name.is_some_and(|name| name.is_empty() || name.len() > QUEUE_NAME_BYTES) {
            add(place, format!("1 to {QUEUE_NAME_BYTES} bytes are allowed"));
        }
    }
    for (place, name) in [("stream", &*queue.stream), ("dead_letters", &*queue.dead_stream())] {
        // What engines keep in Redis begins so.
        if name.starts_with("updraft:") {
            add(place, "what begins with `updraft:` is the engine's own".to_owned());
        }
    }
    if *queue.dead_stream() == *queue.stream {
        add("dead_letters", "dead messages would be read again: another stream is needed".to_owned());
    }
    if !(1..=QUEUE_ATTEMPTS).contains(&queue.attempts) {
        add("attempts", format!("1 to {QUEUE_ATTEMPTS} are allowed"));
    }
}

impl PlannedTrigger {
    /// The event of a message of its queue, and the key under which it is submitted: the same message starts one execution.
    ///
    /// # Errors
    /// It is none.
    pub fn message(
        &self,
        queue: &MessageQueue,
        message: &QueueMessage<'_>,
        now: Timestamp,
    ) -> Result<(Json, String), NoMessage> {
        let bytes = message.fields.iter().map(|(name, value)| name.len() + value.len()).sum();
        if bytes > QUEUE_MESSAGE_BYTES {
            return Err(NoMessage::TooLarge(bytes));
        }
        let mut fields = BTreeMap::new();
        for (name, value) in message.fields {
            let name = String::from_utf8_lossy(name).into_owned();
            let Ok(value) = std::str::from_utf8(value) else { return Err(NoMessage::NoText(name)) };
            // Of a field that comes twice the first counts.
            fields.entry(name).or_insert(value);
        }
        let of = |name: &str| fields.get(name).copied().ok_or_else(|| NoMessage::Missing(name.to_owned()));
        let key = match &queue.idempotency_field {
            Some(name) => key(&self.definition.trigger, "field", of(name)?),
            None => key(&self.definition.trigger, "message", &format!("{}\n{}", queue.stream, message.id)),
        };
        let body = match &queue.body {
            Some(name) => Some(Value::parse(of(name)?).map_err(|_| NoMessage::NoJson(name.to_string()))?),
            None => None,
        };
        Ok((event(self, queue, (message.id, body, fields), now), key))
    }
}

fn event(
    planned: &PlannedTrigger,
    queue: &MessageQueue,
    (id, body, fields): (&str, Option<Value>, BTreeMap<String, &str>),
    at: Timestamp,
) -> Json {
    let text = |text: &str| Value::String(text.to_owned());
    let (name, content) = match body {
        Some(body) => ("body", body),
        None => {
            let fields = fields.into_iter().map(|(name, value)| (name, text(value)));
            ("fields", Value::Object(fields.collect()))
        }
    };
    let parts = [
        ("kind", text("queue")),
        ("trigger", text(planned.definition.trigger.as_str())),
        ("at", text(&at.to_string())),
        ("stream", text(&queue.stream)),
        ("id", text(id)),
        (name, content),
    ];
    Json::from(&Value::Object(parts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()))
}

/// A digest: what a sender writes is no part of a key that people read.
fn key(trigger: &Name, what: &str, value: &str) -> String {
    let digest = Sha256::digest(value.as_bytes());
    let digest: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("trigger/{trigger}/{what}/{digest}")
}

#[cfg(test)]
mod tests {
    use updraft_protocol::Trigger;

    use super::*;

    fn planned(said: &str) -> Result<PlannedTrigger, Vec<Mistake>> {
        let file = format!("{{trigger: t, version: 1, playbook: p, on: {{queue: {said}}}}}");
        PlannedTrigger::checked(Trigger::parse(file.as_bytes()).unwrap())
    }

    fn received(said: &str, fields: &[(&str, &[u8])]) -> Result<(Json, String), NoMessage> {
        let planned = planned(said).unwrap();
        let fields: Vec<(Vec<u8>, Vec<u8>)> =
            fields.iter().map(|(name, value)| (name.as_bytes().to_vec(), value.to_vec())).collect();
        let message = QueueMessage { id: "7-0", fields: &fields };
        planned.message(planned.queue().unwrap(), &message, Timestamp(0))
    }

    #[test]
    fn an_event_has_the_fields_or_the_body_with_all_digits() {
        let (event, key) = received("{stream: alerts}", &[("host", b"ws-1"), ("n", b"1.10")]).unwrap();
        let expected = r#"{"at":"1970-01-01T00:00:00.000Z","fields":{"host":"ws-1","n":"1.10"},"id":"7-0","kind":"queue","stream":"alerts","trigger":"t"}"#;
        assert_eq!(event.as_str(), expected);
        assert!(key.starts_with("trigger/t/message/") && key.len() == 50, "{key}");
        let said = "{stream: alerts, body: alert, idempotency_field: id}";
        let of = |id: &[u8]| {
            received(said, &[("alert", br#"{"d": 12345678901234567890123}"#), ("id", id)]).unwrap()
        };
        let (event, first) = of(b"a");
        assert!(event.as_str().contains(r#""body":{"d":12345678901234567890123}"#), "{}", event.as_str());
        assert_eq!(of(b"a").1, first);
        assert_ne!(of(b"b").1, first);
    }

    #[test]
    fn a_message_that_is_none_is_told_by_its_field_and_never_by_its_value() {
        let said = "{stream: alerts, body: alert, idempotency_field: id}";
        for (fields, why) in [
            (vec![("id", &b"1"[..])], "field alert: is missing"),
            (vec![("alert", &b"{}"[..])], "field id: is missing"),
            (vec![("id", &b"1"[..]), ("alert", b"{secret")], "field alert: is no JSON"),
            (vec![("id", &b"\xff"[..])], "field id: is no text"),
        ] {
            assert_eq!(received(said, &fields).unwrap_err().to_string(), why);
        }
        let large = vec![b'x'; QUEUE_MESSAGE_BYTES + 1];
        let told = received("{stream: alerts}", &[("a", &large)]).unwrap_err();
        assert_eq!(told, NoMessage::TooLarge(QUEUE_MESSAGE_BYTES + 2));
    }

    #[test]
    fn what_makes_no_sense_is_told_with_its_place() {
        for (said, place) in [
            ("{stream: ''}", "on.queue.stream"),
            ("{stream: 'updraft:x'}", "on.queue.stream"),
            ("{stream: a, dead_letters: a}", "on.queue.dead_letters"),
            ("{stream: a, dead_letters: 'updraft:dead'}", "on.queue.dead_letters"),
            ("{stream: a, attempts: 0}", "on.queue.attempts"),
            ("{stream: a, group: ''}", "on.queue.group"),
        ] {
            let mistakes = planned(said).unwrap_err();
            assert!(mistakes.iter().any(|mistake| &*mistake.path == place), "{said}: {mistakes:?}");
        }
        assert!(planned("{stream: alerts}").is_ok());
    }

    #[test]
    fn a_message_is_moved_aside_at_its_last_attempt_and_none_for_what_is_not_its_fault() {
        let nothing = || MessageOutcome::Nothing("no JSON".to_owned());
        assert_eq!(nothing().step(0, 3), MessageStep::Again(1));
        assert_eq!(nothing().step(1, 3), MessageStep::Again(2));
        for (failures, attempts) in [(2, 3), (0, 1), (9, 3), (u32::MAX, u32::MAX)] {
            assert_eq!(nothing().step(failures, attempts), MessageStep::Bury("no JSON".to_owned()));
        }
        let second = Duration::from_secs(1);
        for failures in [0, 2, 99] {
            let step = |outcome: MessageOutcome| outcome.step(failures, 3);
            for settled in [MessageOutcome::Started, MessageOutcome::Repeated, MessageOutcome::LeftOut] {
                assert_eq!(step(settled), MessageStep::Settle);
            }
            assert_eq!(step(MessageOutcome::NoRoom(second)), MessageStep::Wait(second));
            assert_eq!(step(MessageOutcome::Closing), MessageStep::Leave);
        }
    }

    #[test]
    fn fewer_messages_are_read_where_they_are_large_and_more_where_they_are_small() {
        let mut most = 8;
        for _ in 0..9 {
            most = next_batch(most, 1_000);
        }
        assert_eq!(most, QUEUE_BATCH);
        for _ in 0..9 {
            most = next_batch(most, QUEUE_BATCH_BYTES + 1);
        }
        assert_eq!(most, 1, "one is always read");
        assert_eq!(next_batch(40, QUEUE_BATCH_BYTES / 2), 40);
    }
}
