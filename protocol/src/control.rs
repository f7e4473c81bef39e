//! Controls that an execution takes while it goes on: what each came to, or why it is refused. Decides nothing.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::ids::{Name, StepId, TaskId};
use crate::limits::{
    COMMENT_BYTES, EXECUTION_OUTPUT_BYTES, FORM_DATA_BYTES, KEY_BYTES, SIGNAL_BYTES, SIGNALS_KEPT,
    SIGNALS_KEPT_BYTES, SPAN,
};
use crate::status::{ExecutionStatus, TaskStatus};
use crate::time::Timestamp;

/// What a control came to. It is durable when this is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Applied {
    /// A step that waited for the signal has taken it.
    Taken,
    /// The signal is kept until a step waits for it.
    Kept,
    /// The same was applied before; it has changed nothing.
    Repeated,
    /// The answer counts; so many people more have to choose the same.
    Counted {
        /// How many.
        missing: u32,
    },
    /// The answer has decided the approval.
    Decided,
    /// The execution is paused now.
    Paused,
    /// The execution goes on.
    Resumed,
    /// The task waits no longer.
    Skipped,
    /// The wait of the task ends at another instant.
    Extended,
    /// The queued execution has another priority.
    Reprioritised,
}

/// Why a control is refused. It has changed nothing.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ControlRefusal {
    /// The execution has ended.
    #[error("the execution has ended: it is {0}")]
    Ended(ExecutionStatus),
    /// The execution is not paused.
    #[error("the execution is not paused")]
    NotPaused,
    /// The execution is queued: nothing of it has begun. It can be cancelled, given another priority, and given signals.
    #[error(
        "the execution is queued, and nothing of it has begun: it can be cancelled, given another priority, or given a signal"
    )]
    Queued,
    /// The execution has begun, and stands in no line any more.
    #[error("the execution is not queued: it is {0}")]
    NotQueued(ExecutionStatus),
    /// It is not said who asks for the control, or why, or the texts are too long.
    #[error("a control needs a person of 1 to {KEY_BYTES} bytes, and a reason of 1 to {COMMENT_BYTES}")]
    NotAsker,
    /// No step of the playbook waits for such a signal.
    #[error("no step of the playbook waits for the signal \"{0}\"")]
    NotAwaited(Name),
    /// Each step that waits for such a signal has ended.
    #[error("each step that waits for the signal \"{0}\" has ended")]
    NoLongerAwaited(Name),
    /// The execution keeps as many signals as it may.
    #[error(
        "{SIGNALS_KEPT} signals, or {SIGNALS_KEPT_BYTES} bytes of them, wait for steps of the execution already"
    )]
    TooManySignals,
    /// The payload is too large.
    #[error("the payload has {0} bytes; at most {SIGNAL_BYTES} are allowed")]
    TooLarge(usize),
    /// The id of the signal, or its key, is empty or too long.
    #[error("the id and the key of a signal have 1 to {KEY_BYTES} bytes")]
    NotKey,
    /// No approval of the execution has this id.
    #[error("no approval of the execution has the id {0}")]
    NoApproval(TaskId),
    /// It is not said who answers, or the name is too long.
    #[error("an answer needs a person of 1 to {KEY_BYTES} bytes")]
    NoPerson,
    /// The approval does not ask this person.
    #[error("the approval does not ask \"{0}\"")]
    NotAsked(Arc<str>),
    /// There is no such choice.
    #[error("the approval has no choice \"{0}\"")]
    NoChoice(StepId),
    /// The comment is too long.
    #[error("the comment has {0} bytes; at most {COMMENT_BYTES} are allowed")]
    LongComment(usize),
    /// The approval has no form, so that an answer has no data.
    #[error("the approval has no form that `data` could fill in")]
    NoForm,
    /// The data is too large.
    #[error(
        "the data has {0} bytes; at most {FORM_DATA_BYTES} are allowed, and an execution keeps at most \
         {EXECUTION_OUTPUT_BYTES} of all answers"
    )]
    LargeData(usize),
    /// The data is not what the form asks for: the mistakes, each with its place.
    #[error("{0}")]
    Misfit(Arc<str>),
    /// It was answered before: the approval is decided, or the same person has chosen something else.
    #[error("{uid} has chosen \"{choice}\" at {at}")]
    Answered {
        /// The person.
        uid: Arc<str>,
        /// The choice.
        choice: StepId,
        /// When.
        at: Timestamp,
    },
    /// The task waits no longer.
    #[error("it waits no longer: it is {0}")]
    Over(TaskStatus),
    /// The task waits for nothing that a person can skip, or is not there.
    #[error("no task {0} of the execution waits for something that can be skipped")]
    NotSkippable(TaskId),
    /// The task waits for nothing of which a person can change the end, or is not there.
    #[error("no task {0} of the execution waits for something of which the end can be changed")]
    NotExtendable(TaskId),
    /// The instant has passed, or is too far away.
    #[error("{0} has passed, or is more than {days} days away", days = SPAN.as_secs() / 86_400)]
    NotAhead(Timestamp),
    /// The time of an approval is not shortened: what follows an expired one would follow without an answer.
    #[error("an approval is given more time, and never less")]
    LessTime,
    /// An approval is skipped by an operator alone.
    #[error("only a person with the right `operate` skips an approval")]
    NotOperator,
}

impl ControlRefusal {
    /// Whether the same control may be applied later.
    pub fn retryable(&self) -> bool {
        matches!(self, Self::TooManySignals)
    }
}
