//! The form of a poll, checked and compiled. Knows no tools: its call is checked where those are known. Decides nothing.

use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};
use updraft_protocol::limits::{CRON_BYTES, POLL_LEAST, SPAN};
use updraft_protocol::{Name, Poll, Span, Value};

use super::calendar::Calendar;
use crate::condition::Condition;
use crate::mistake::Mistake;
use crate::template::{Template, TextCompiler};

/// The names that the texts of a poll read.
pub(super) const ANSWER: &str = "answer";
pub(super) const ITEMS: &str = "items";
pub(super) const ITEM: &str = "item";
pub(super) const CURSOR: &str = "cursor";
pub(super) const SINCE: &str = "since";

/// A poll that makes sense, compiled.
#[derive(Debug)]
pub(super) struct PlannedPoll {
    pub(super) pace: Pace,
    /// The tool, and what it is asked.
    pub(super) tool: (Name, Name),
    pub(super) items: Template,
    pub(super) id: Template,
    pub(super) cursor: Option<Template>,
    pub(super) first: Option<Template>,
    pub(super) more: Option<Condition>,
    /// A digest of what it asks: with another, another cursor begins.
    pub(super) asks: Arc<str>,
}

/// When a tool is asked.
#[derive(Debug)]
pub(super) enum Pace {
    /// So long after its answer.
    Every(Duration),
    /// At instants of a calendar.
    At(Box<Calendar>),
}

impl PlannedPoll {
    /// Checks and compiles a poll; its mistakes are added.
    pub(super) fn checked(
        poll: &Poll,
        compiler: &mut TextCompiler,
        mistakes: &mut Vec<Mistake>,
    ) -> Option<Self> {
        let pace = pace(poll).map_err(|mistake| mistakes.push(mistake)).ok();
        let tool = poll.action.as_str().split_once('.');
        let tool =
            tool.and_then(|(integration, action)| Name::new(integration).ok().zip(Name::new(action).ok()));
        if tool.is_none() {
            mistakes.push(Mistake::new("on.poll.action", "a tool and its action, as `siem.list_alerts`"));
        }
        let mut compile = |field: &str, written: &Value, names: &[&str]| {
            let compiled = compiler.value(&format!("on.poll.{field}"), written, names);
            compiled.map_err(|found| mistakes.extend(found)).ok()
        };
        let written = |text: &Arc<str>| Value::String(text.to_string());
        let items = compile("items", &written(&poll.items), &[ANSWER]);
        let id = compile("id", &written(&poll.id), &[ITEM]);
        let of_cursor = [ANSWER, ITEMS, ITEM, CURSOR];
        let cursor = poll.cursor.as_ref().map(|cursor| compile("cursor", &written(cursor), &of_cursor));
        let first = poll.first.as_ref().map(|first| compile("first", first, &[SINCE]));
        let more = poll.more.as_deref().map(|more| {
            let compiled = compiler.condition("on.poll.more", more, &[ANSWER, ITEMS]);
            compiled.map_err(|mistake| mistakes.push(mistake)).ok()
        });
        if id.as_ref().is_some_and(Template::is_literal) {
            mistakes.push(Mistake::new("on.poll.id", "each item would have the same; write `{{ item.id }}`"));
        }
        if more.is_some() && cursor.is_none() {
            mistakes.push(Mistake::new("on.poll.more", "without a `cursor` the same would be asked again"));
        }
        Some(Self {
            pace: pace?,
            tool: tool?,
            items: items?,
            id: id?,
            cursor: given(cursor)?,
            first: given(first)?,
            more: given(more)?,
            asks: asks(poll),
        })
    }
}

/// What is not there, or is there without mistakes.
fn given<T>(compiled: Option<Option<T>>) -> Option<Option<T>> {
    match compiled {
        None => Some(None),
        Some(compiled) => compiled.map(Some),
    }
}

fn pace(poll: &Poll) -> Result<Pace, Mistake> {
    let zone = crate::instant::zone(&poll.zone).ok_or_else(|| {
        Mistake::new("on.poll.zone", "no such time zone; `UTC` and `Europe/Zurich` are some")
    })?;
    match (poll.every, &poll.cron) {
        (Some(every), None) if every.0 < POLL_LEAST || every.0 > SPAN => {
            let message = format!("{} to {} are allowed", Span(POLL_LEAST), Span(SPAN));
            Err(Mistake::new("on.poll.every", message))
        }
        (Some(every), None) => Ok(Pace::Every(every.0)),
        (None, Some(cron)) if cron.len() > CRON_BYTES => {
            Err(Mistake::new("on.poll.cron", format!("at most {CRON_BYTES} bytes are allowed")))
        }
        (None, Some(cron)) => {
            let calendar = Calendar::of(cron, zone);
            calendar
                .map(|calendar| Pace::At(Box::new(calendar)))
                .map_err(|message| Mistake::new("on.poll.cron", message))
        }
        _ => Err(Mistake::new("on.poll", "one of `every` and `cron` is needed")),
    }
}

/// The digest of what a poll asks.
fn asks(poll: &Poll) -> Arc<str> {
    let Poll { action, arguments, cursor, first, .. } = poll;
    let arguments = Value::Object(arguments.clone());
    let first = first.clone().unwrap_or_default();
    let cursor = cursor.as_deref().unwrap_or_default();
    digest(&format!("{action}\n{arguments}\n{first}\n{cursor}"))
}

/// What a tool writes is no part of a key that people read.
pub(super) fn digest(text: &str) -> Arc<str> {
    let digest = Sha256::digest(text.as_bytes());
    digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect::<String>().into()
}
