//! A round of an undo: the submission of an execution of its own, and what its end means. Its playbook is one action with the
//! stored arguments. What an alert or an answer gave stays data: a text that would be read as a template, and a map that would be
//! read as a secret, are handed over as input.

use std::collections::BTreeMap;
use std::sync::Arc;

use updraft_protocol::limits::{ATTEMPT_TIMEOUT, ATTEMPT_UNSENT, SPAN};
use updraft_protocol::{
    ContainmentDocument, ContainmentId, ExecutionHead, ExecutionId, ExecutionState, ExecutionStatus, Number,
    Playbook, Span, TenantCode, UndoCall, Value,
};

/// What is submitted for a round. However often that is done, it is one execution: the key names the round, and the playbook the
/// containment.
#[derive(Debug, Clone, PartialEq)]
pub struct UndoRound {
    /// The tenant.
    pub tenant: TenantCode,
    /// The playbook.
    pub playbook: Playbook,
    /// What it reads.
    pub input: Value,
    /// The idempotency key.
    pub key: String,
    /// The alert of the newest holder.
    pub alert_id: Option<Arc<str>>,
}

impl UndoRound {
    /// The newest round of a containment.
    ///
    /// # Errors
    /// Why it cannot be undone.
    pub fn of(containment: &ContainmentDocument) -> Result<Self, String> {
        let (playbook, input) = undo_playbook(containment)?;
        let newest = containment.details.holders.last();
        Ok(Self {
            tenant: containment.tenant_code.clone(),
            playbook,
            input,
            key: format!("{ROUND}{}", containment.details.round),
            alert_id: newest.and_then(|holder| holder.alert_id.clone()),
        })
    }
}

/// How far a round is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RoundProgress {
    /// It has not ended, or has no place to begin; its execution, if it has one.
    Runs(Option<ExecutionId>),
    /// It has ended, or could not begin.
    Ended(Result<(), Arc<str>>),
}

impl RoundProgress {
    /// By what is known of its execution, which is nothing if it is not there.
    pub fn of(peid: ExecutionId, state: Option<&ExecutionState>) -> Self {
        let Some(state) = state else {
            return Self::Ended(Err("its execution is not there any more".into()));
        };
        match state.execution_status {
            status if !status.ended() => Self::Runs(Some(peid)),
            ExecutionStatus::Completed => Self::Ended(Ok(())),
            status => {
                let why =
                    state.error.as_ref().map_or_else(|| status.to_string(), |error| error.message.clone());
                Self::Ended(Err(why.into()))
            }
        }
    }
}

/// The playbook, and the input that it reads.
///
/// # Errors
/// Why it cannot be undone.
fn undo_playbook(containment: &ContainmentDocument) -> Result<(Playbook, Value), String> {
    let details = &containment.details;
    let why = || details.reason.as_deref().unwrap_or("its arguments are not known").to_owned();
    let arguments = details.undo.arguments.as_ref().ok_or_else(why)?;
    let arguments = arguments.tree().map_err(|_| "its arguments cannot be read".to_owned())?;
    let mut handed = Handed::default();
    let mut arguments = handed.constant(arguments);
    for secret in &details.undo.secrets {
        let mut reference = BTreeMap::from([("$secret".to_owned(), text(secret.name.as_str()))]);
        if !secret.prefix.is_empty() {
            reference.insert("prefix".to_owned(), text(&secret.prefix));
        }
        let place = arguments.at_mut(&secret.place).ok_or("the place of a secret is not there")?;
        *place = Value::Object(reference);
    }
    let mut step = BTreeMap::from([
        ("id".to_owned(), text("undo")),
        ("integration".to_owned(), text(details.undo.integration.as_str())),
        ("action".to_owned(), text(details.undo.action.as_str())),
        ("arguments".to_owned(), arguments),
    ]);
    let fields = [
        ("timeout", details.undo.timeout.as_ref().map(serde_json::to_string)),
        ("retry", details.undo.retry.as_ref().map(serde_json::to_string)),
    ];
    for (name, written) in fields {
        let Some(written) = written else { continue };
        let written = written.map_err(|error| error.to_string())?;
        step.insert(name.to_owned(), Value::parse(&written).map_err(|error| error.to_string())?);
    }
    let playbook = Value::Object(BTreeMap::from([
        ("format".to_owned(), number(1)),
        ("name".to_owned(), text(&format!("{ROUND}{}", containment.id))),
        ("version".to_owned(), number(u64::from(details.round))),
        ("category_id".to_owned(), text("undo")),
        ("timeout".to_owned(), text(&round_time(&details.undo).to_string())),
        ("steps".to_owned(), Value::Array(vec![Value::Object(step)])),
    ]));
    let playbook = Playbook::parse(playbook.to_string().as_bytes()).map_err(|error| error.to_string())?;
    Ok((playbook, Value::Object(handed.0)))
}

/// How long a round may take: an attempt that begins at the last instant has its whole time.
fn round_time(undo: &UndoCall) -> Span {
    let attempt = undo.timeout.map_or(ATTEMPT_TIMEOUT, |span| span.0);
    Span((undo.within.0 + ATTEMPT_UNSENT + attempt).min(SPAN))
}

/// Whether an execution is such a round.
pub fn is_round(head: &ExecutionHead) -> bool {
    let of = head.playbook_name.as_str().strip_prefix(ROUND);
    let key = head.idempotency_key.as_deref().and_then(|key| key.strip_prefix(ROUND));
    let is_numbered = key.is_some_and(|round| *round == *head.playbook_version.to_string());
    is_numbered && head.uid.is_none() && of.is_some_and(|id| id.parse::<ContainmentId>().is_ok())
}

/// What the names of such playbooks begin with, and the idempotency keys of their executions.
const ROUND: &str = "undo-";

fn text(text: &str) -> Value {
    Value::String(text.to_owned())
}

fn number(number: u64) -> Value {
    Value::Number(Number::from(number))
}

/// Values that the playbook reads from its input, by their names there.
#[derive(Default)]
struct Handed(BTreeMap<String, Value>);

impl Handed {
    /// A value that means itself where it is written in a playbook.
    fn constant(&mut self, value: Value) -> Value {
        match value {
            Value::String(text) if ["{{", "{%", "{#"].iter().any(|mark| text.contains(mark)) => {
                self.hand(Value::String(text))
            }
            Value::Object(fields) if fields.contains_key("$secret") => self.hand(Value::Object(fields)),
            Value::Object(fields) => {
                Value::Object(fields.into_iter().map(|(name, value)| (name, self.constant(value))).collect())
            }
            Value::Array(items) => Value::Array(items.into_iter().map(|item| self.constant(item)).collect()),
            plain => plain,
        }
    }

    fn hand(&mut self, value: Value) -> Value {
        let name = format!("v{}", self.0.len());
        let read = Value::String(format!("{{{{ input.{name} }}}}"));
        self.0.insert(name, value);
        read
    }
}
