//! Containments: what was done to a target that is to be undone later, as it is stored. One document for each target and
//! undo action of a tenant, whatever executions hold it. Decides nothing.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::field::fields;
use crate::ids::{ContainmentId, ExecutionId, Name, StepId, TaskId, TenantCode};
use crate::input_hash::InputHash;
use crate::limits::COMMENT_BYTES;
use crate::playbook::UndoOn;
use crate::time::Timestamp;
use crate::undo::UndoCall;
use crate::value::Value;

fields! {
    /// One containment (`containment_collection`).
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    pub struct ContainmentDocument {
        /// Its id, derived from tenant, undo action and target.
        pub id as "_id": ContainmentId,
        /// Its tenant.
        pub tenant_code: TenantCode,
        /// What is contained: a host, an account.
        pub target: Arc<str>,
        /// How far it has come.
        pub status: ContainmentStatus,
        /// Since when the target is contained.
        pub since: Timestamp,
        /// Until when.
        pub until: Timestamp,
        /// `until`, while it has not ended.
        pub open_until: Option<Timestamp>,
        /// When the reconciler has to do something next.
        pub due: Option<Timestamp>,
        /// The number of changes so far.
        pub revision: u64,
        /// The rest.
        pub details: Arc<ContainmentDetails>,
    }
}

/// How far a containment has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContainmentStatus {
    /// The target is contained.
    Active,
    /// Its undo runs.
    Undoing,
    /// It was undone.
    Undone,
    /// Its undo failed, and is tried again; or it cannot be undone. A person may end it.
    UndoFailed,
    /// A person has ended it, and the target stays as it is.
    Kept,
}

/// The parts of a containment that no query asks for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ContainmentDetails {
    /// The call that undoes it next, as the newest holder registered it, or that is being made.
    pub undo: UndoCall,
    /// Other calls that undo it, as other holders registered them: each is made too, in a round of its own.
    pub also: Vec<UndoCall>,
    /// When it may be undone before it expires.
    pub on: Vec<UndoOn>,
    /// The tasks that contain the target, those that have ended included.
    pub holders: Vec<Holder>,
    /// Until when a person has extended it.
    pub extended: Option<Timestamp>,
    /// How often its undo began.
    pub round: u32,
    /// How often in a row it failed.
    pub failures: u32,
    /// When the newest round began.
    pub began: Option<Timestamp>,
    /// The execution of the newest round.
    pub execution: Option<ExecutionId>,
    /// Why it is not undone.
    pub reason: Option<Arc<str>>,
    /// What happened to it, oldest first.
    pub history: Vec<ContainmentEntry>,
}

/// A task that contains a target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Its execution.
    pub peid: ExecutionId,
    /// The task.
    pub task: TaskId,
    /// The step that it ran.
    pub step_id: StepId,
    /// The alert of its execution.
    pub alert_id: Option<Arc<str>>,
    /// When it contained the target.
    pub since: Timestamp,
    /// Until when.
    pub until: Timestamp,
    /// Since when it does not any more.
    pub ended: Option<Timestamp>,
    /// The call that undoes what it did.
    pub undo: InputHash,
}

/// An entry of a containment's history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainmentEntry {
    /// When.
    pub at: Timestamp,
    /// What happened.
    pub what: ContainmentChange,
    /// The person, if it was one.
    pub uid: Option<Arc<str>>,
    /// The reason that was given.
    pub reason: Option<Arc<str>>,
}

/// What happened to a containment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContainmentChange {
    /// A task contained the target.
    Contained,
    /// An execution that contained it took that back.
    Released,
    /// A person extended it.
    Extended,
    /// A person ended it without undoing it.
    Kept,
    /// A person asked for its undo.
    Asked,
    /// Its undo failed.
    Failed,
    /// It was undone.
    Undone,
}

/// What a person asks of a containment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContainmentAsk {
    /// That it lasts until this instant.
    Extend(Timestamp),
    /// That it ends, and the target stays as it is.
    Keep,
    /// That it is undone at once.
    Undo,
}

/// What asking came to. It is durable when this is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContainmentApplied {
    /// It has changed the containment.
    Changed,
    /// It was so before.
    Unchanged,
}

/// Why a containment stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ContainmentRefusal {
    /// It has ended.
    #[error("the containment has ended: it is {}", .0.as_str())]
    Ended(ContainmentStatus),
    /// Its undo runs.
    #[error("the containment is being undone")]
    Undoing,
    /// It lasts as long already.
    #[error("the containment lasts until {0} already")]
    NotLater(Timestamp),
    /// It would last too long.
    #[error("the containment may last until {0} at most")]
    TooLong(Timestamp),
    /// It cannot be undone.
    #[error("the containment cannot be undone: {0}")]
    CannotBeUndone(Arc<str>),
    /// Its author does not let people ask.
    #[error("the `undo` of the step is not made when people ask: its `on` has no `asked`")]
    NotAsked,
    /// A person or a reason is missing or too long.
    #[error("a person and a reason are needed, each of 1 to {COMMENT_BYTES} bytes")]
    NoReason,
}

impl ContainmentRefusal {
    /// Whether the same may be applied later.
    pub fn retryable(&self) -> bool {
        matches!(self, Self::Undoing)
    }
}

impl ContainmentId {
    /// The id of what this action undoes, at this target, for this tenant. A hash that nobody can steer to that of another
    /// target: targets come from alerts.
    pub fn derive(tenant: &TenantCode, (integration, action): (&Name, &Name), target: &str) -> Self {
        let texts = [integration.as_str(), action.as_str(), target];
        let texts = texts.map(|text| Value::String(text.to_owned()));
        Self::from_bytes(InputHash::of_arguments(tenant, &Value::Array(texts.into())).leading_bytes())
    }
}

impl ContainmentStatus {
    /// Whether nothing changes any more, unless a task contains the target again.
    pub const fn ended(self) -> bool {
        matches!(self, Self::Undone | Self::Kept)
    }

    /// The stored text.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Undoing => "undoing",
            Self::Undone => "undone",
            Self::UndoFailed => "undo_failed",
            Self::Kept => "kept",
        }
    }
}

impl std::str::FromStr for ContainmentStatus {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let all = [Self::Active, Self::Undoing, Self::Undone, Self::UndoFailed, Self::Kept];
        all.into_iter().find(|status| status.as_str() == text).ok_or(())
    }
}

impl ContainmentDetails {
    /// The approximate number of bytes of its texts.
    pub(crate) fn bytes(&self) -> usize {
        /// Of a holder or an entry, its texts included.
        const ROW_BYTES: usize = 512;
        let also: usize = self.also.iter().map(UndoCall::bytes).sum();
        size_of::<Self>() + self.undo.bytes() + also + (self.holders.len() + self.history.len()) * ROW_BYTES
    }
}
