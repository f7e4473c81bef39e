//! Polls: when a tool is asked, what of its answer is new, under which key each item is submitted, and from where on is asked next.
//! Calls no tool, reads no clock, stores nothing.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use updraft_protocol::limits::{
    ITEMS_WORK, POLL_AGAIN, POLL_ANSWER_BYTES, POLL_ASKED_PAUSE, POLL_CURSOR_BYTES, POLL_ID_BYTES,
    POLL_ITEM_BYTES, POLL_ITEMS, POLL_PAUSE, TRIGGER_LATE,
};
use updraft_protocol::{
    Catalogue, Failure, FailureKind, Json, Name, Poll, PollFailing, PollState, Timestamp, Value,
};

use super::PlannedTrigger;
use super::event::PollData;
use super::poll_form::{ANSWER, CURSOR, ITEM, ITEMS, Pace, PlannedPoll, SINCE, digest};
use super::step::short;
use crate::mistake::Mistake;
use crate::plan::{CallApart, PlannedAction};
use crate::template::Template;

/// An answer that was looked at.
#[derive(Debug, Clone, PartialEq)]
pub struct Polled {
    /// The items that are new, in their order: the event and the key of each, or why it is none.
    pub items: Vec<Result<PolledItem, NoItem>>,
    /// How far the poll has come once each of them is accepted or refused for good.
    pub next: PollState,
}

/// An item that may start an execution.
#[derive(Debug, Clone, PartialEq)]
pub struct PolledItem {
    /// Its place in the answer.
    pub index: usize,
    /// As filters and inputs see it.
    pub event: Json,
    /// The same item starts one execution, however often it comes.
    pub key: String,
}

/// Why an item is no event. Names its place, and none of its values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoItem {
    /// Nothing tells it apart.
    #[error("trigger {trigger}, item {index}: {why}")]
    Id {
        /// The trigger.
        trigger: Name,
        /// Its place in the answer.
        index: usize,
        /// What its id lacks.
        why: String,
    },
    /// It is larger than an item may be.
    #[error("trigger {trigger}, item {index}: has {bytes} bytes, more than {POLL_ITEM_BYTES}")]
    TooLarge {
        /// The trigger.
        trigger: Name,
        /// Its place in the answer.
        index: usize,
        /// How large it is.
        bytes: usize,
    },
}

impl NoItem {
    /// Whether the same item can be one later: never.
    pub fn retryable(&self) -> bool {
        false
    }
}

impl PlannedTrigger {
    /// The call of its poll, checked against the tools.
    ///
    /// # Errors
    /// Its mistakes; none where it has no poll.
    pub fn poll_call(&self, poll: &Poll, catalogue: &Catalogue) -> Result<PlannedAction, Vec<Mistake>> {
        let Some(planned) = &self.poll else { return Err(Vec::new()) };
        let (integration, action) = &planned.tool;
        let call = CallApart {
            place: "on.poll",
            integration,
            action,
            arguments: &poll.arguments,
            names: &[CURSOR],
            timeout: poll.timeout,
        };
        call.checked(catalogue)
    }

    /// The tool and the action that its poll asks.
    pub fn poll_tool(&self) -> Option<(&Name, &Name)> {
        self.poll.as_ref().map(|poll| (&poll.tool.0, &poll.tool.1))
    }

    /// How far its poll has come: as is stored, or where that is of another question as it begins.
    ///
    /// # Errors
    /// Its first cursor cannot be made.
    pub fn poll_from(&self, stored: Option<PollState>, since: Timestamp) -> Result<PollState, Failure> {
        let Some(poll) = &self.poll else { return Ok(PollState::default()) };
        match stored {
            Some(stored) if stored.asks == poll.asks => {
                // This version may be asked more often than the one before.
                let next = match (stored.answered, &stored.failing) {
                    (Some(answered), None) => poll.pace.next(answered),
                    _ => stored.next,
                };
                Ok(PollState { next, ..stored })
            }
            _ => {
                let data = PollData::of(since, [(SINCE, text(&since.to_string()))]);
                let first = poll.first.as_ref().map(|first| first.render(&data)).transpose()?;
                let next = match &poll.pace {
                    Pace::Every(_) => Some(since),
                    Pace::At(calendar) => calendar.next(since),
                };
                let (asks, cursor) = (poll.asks.clone(), first.unwrap_or_default());
                Ok(PollState { asks, cursor, next, ..PollState::default() })
            }
        }
    }

    /// When its tool is asked next; never where that is nothing. What was stored while the clock was far ahead holds nothing up.
    pub fn poll_due(&self, state: &PollState, now: Timestamp) -> Option<Timestamp> {
        let (poll, next) = (self.poll.as_ref()?, state.next?);
        let last = state.failing.as_ref().map(|failing| failing.since).max(state.answered);
        // Before anything was asked, `next` itself is of that time.
        let is_ahead = |at: Timestamp| u128::from(at.since(now)) > TRIGGER_LATE.as_millis();
        let most = poll.pace.pause(u32::MAX).max(POLL_ASKED_PAUSE);
        let is_beyond = state.failing.is_some() && u128::from(next.since(now)) > most.as_millis();
        match (&poll.pace, last) {
            (pace, Some(last)) if is_ahead(last) || is_beyond => pace.next(now),
            (Pace::Every(_), None) if is_ahead(next) => Some(now),
            (pace @ Pace::At(_), None) if is_ahead(next) => pace.next(now),
            _ => Some(next),
        }
    }

    /// The arguments of the next call.
    ///
    /// # Errors
    /// They cannot be made of the cursor.
    pub fn poll_arguments(
        &self,
        call: &PlannedAction,
        state: &PollState,
        now: Timestamp,
    ) -> Result<Value, Failure> {
        call.arguments.render(&PollData::of(now, [(CURSOR, Json::from(&state.cursor))]))
    }

    /// What of an answer is new.
    ///
    /// # Errors
    /// It has no items, too many of them, or no cursor. Names no data.
    pub fn polled(&self, state: &PollState, answer: &Json, now: Timestamp) -> Result<Polled, Failure> {
        let Some(poll) = &self.poll else {
            return Err(Failure::new(FailureKind::Playbook, "the trigger has no poll"));
        };
        let items = items(poll, answer, now)?;
        let (mut new, mut seen, known) = (Vec::new(), Vec::new(), BTreeSet::from_iter(&state.seen));
        let mut here = BTreeSet::new();
        for (index, item) in items.iter().enumerate() {
            let (id, found) = self.item(poll, (index, item), now);
            if here.insert(id.clone()) {
                if !known.contains(&id) {
                    new.push(found);
                }
                seen.push(id);
            }
        }
        if items.is_empty() {
            seen.clone_from(&state.seen);
        }
        let all = Value::Array(items);
        let cursor = cursor(poll, state, (answer, &all), now)?;
        let data = PollData::of(now, [(ANSWER, answer.clone()), (ITEMS, Json::from(&all))]);
        let more = poll.more.as_ref().map(|more| more.decide(&data)).transpose()?.unwrap_or_default();
        // One that gives the same cursor again would be asked without an end.
        let next = if more && cursor != state.cursor { Some(now) } else { poll.pace.next(now) };
        let next =
            PollState { asks: state.asks.clone(), cursor, seen, next, answered: Some(now), failing: None };
        Ok(Polled { items: new, next })
    }

    /// The digest of what tells an item apart, and the item.
    fn item(
        &self,
        poll: &PlannedPoll,
        (index, item): (usize, &Value),
        now: Timestamp,
    ) -> (Arc<str>, Result<PolledItem, NoItem>) {
        let json = Json::from(item);
        let trigger = || self.definition.trigger.clone();
        let id = id(&poll.id, &json, now);
        let Ok(id) = id.as_ref() else {
            let why = id.err().unwrap_or_default();
            return (digest(json.as_str()), Err(NoItem::Id { trigger: trigger(), index, why }));
        };
        let (digest, bytes) = (digest(id.as_str()), json.as_str().len());
        if bytes > POLL_ITEM_BYTES {
            return (digest, Err(NoItem::TooLarge { trigger: trigger(), index, bytes }));
        }
        let said = |text: &str| Value::String(text.to_owned());
        let parts = [
            ("kind", said("poll")),
            ("trigger", said(self.definition.trigger.as_str())),
            ("at", said(&now.to_string())),
            ("id", id.value()),
            ("item", item.clone()),
        ];
        let event = parts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let key = format!("trigger/{}/item/{digest}", self.definition.trigger);
        (digest, Ok(PolledItem { index, event: Json::from(&Value::Object(event)), key }))
    }

    /// How far its poll has come after a failure: nowhere, and it is asked again later and later.
    pub fn poll_failed(&self, state: &PollState, failure: &Failure, now: Timestamp) -> PollState {
        let Some(poll) = &self.poll else { return state.clone() };
        let (since, times) =
            state.failing.as_ref().map_or((now, 1), |before| (before.since, before.times.saturating_add(1)));
        let why = short(&format!("{}: {}", failure.kind.as_str(), failure.message));
        let failing = Some(PollFailing { since, times, why });
        let asked = failure.retry_after().unwrap_or_default().min(POLL_ASKED_PAUSE);
        let next = Some(now.after(poll.pace.pause(times).max(asked)));
        PollState { next, failing, ..state.clone() }
    }
}

impl Pace {
    /// When the tool is asked after an answer.
    fn next(&self, answered: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Every(every) => Some(answered.after(*every)),
            Self::At(calendar) => calendar.next(answered),
        }
    }

    /// The pause after so many failures.
    fn pause(&self, times: u32) -> Duration {
        let first = match self {
            Self::Every(every) => *every,
            Self::At(_) => POLL_AGAIN,
        };
        let grown = first.saturating_mul(1 << times.saturating_sub(1).min(20));
        grown.min(POLL_PAUSE.max(first))
    }
}

/// The items of an answer.
fn items(poll: &PlannedPoll, answer: &Json, now: Timestamp) -> Result<Vec<Value>, Failure> {
    let bytes = answer.as_str().len();
    if bytes > POLL_ANSWER_BYTES {
        let message = format!("the answer has {bytes} bytes, more than {POLL_ANSWER_BYTES}: ask for less");
        return Err(Failure::new(FailureKind::TooLarge, message));
    }
    let data = PollData::of(now, [(ANSWER, answer.clone())]);
    match poll.items.render_within(&data, (POLL_ANSWER_BYTES, ITEMS_WORK)).0? {
        Value::Array(items) if items.len() > POLL_ITEMS => {
            let message =
                format!("the answer has {} items, more than {POLL_ITEMS}: ask for fewer", items.len());
            Err(Failure::new(FailureKind::TooLarge, message))
        }
        Value::Array(items) => Ok(items),
        Value::Null => Ok(Vec::new()),
        _ => Err(Failure::new(FailureKind::InvalidResponse, "on.poll.items: it gives no list")),
    }
}

/// From where on is asked after an answer. One that cannot be made where there are no items stays, since most are of the last item.
fn cursor(
    poll: &PlannedPoll,
    state: &PollState,
    (answer, items): (&Json, &Value),
    now: Timestamp,
) -> Result<Value, Failure> {
    let Some(template) = &poll.cursor else { return Ok(state.cursor.clone()) };
    let last = items.as_array().and_then(|items| items.last());
    let data = PollData::of(
        now,
        [
            (ANSWER, answer.clone()),
            (ITEMS, Json::from(items)),
            (ITEM, last.map_or_else(Json::null, Json::from)),
            (CURSOR, Json::from(&state.cursor)),
        ],
    );
    match template.render_within(&data, (POLL_CURSOR_BYTES, ITEMS_WORK)).0 {
        Ok(Value::Null) => Ok(state.cursor.clone()),
        Ok(cursor) => Ok(cursor),
        Err(_) if last.is_none() => Ok(state.cursor.clone()),
        Err(failure) => Err(failure),
    }
}

/// What tells an item apart, as JSON.
fn id(template: &Template, item: &Json, now: Timestamp) -> Result<Json, String> {
    let data = PollData::of(now, [(ITEM, item.clone())]);
    let id = template.render_within(&data, (POLL_ID_BYTES, ITEMS_WORK)).0;
    match id.map_err(|failure| failure.message)? {
        Value::String(text) if text.is_empty() => Err("its id is empty".to_owned()),
        id @ (Value::String(_) | Value::Number(_)) => Ok(Json::from(&id)),
        _ => Err("its id is no text and no number".to_owned()),
    }
}

fn text(text: &str) -> Json {
    Json::from(&Value::String(text.to_owned()))
}

#[cfg(test)]
mod tests;
