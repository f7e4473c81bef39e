//! Controls that an execution takes while it goes on: what each came to, or why it is refused. Decides nothing.

use thiserror::Error;

use crate::ids::Name;
use crate::limits::{KEY_BYTES, SIGNAL_BYTES, SIGNALS_KEPT, SIGNALS_KEPT_BYTES};
use crate::status::ExecutionStatus;

/// What a control came to. It is durable when this is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    /// A step that waited for the signal has taken it.
    Taken,
    /// The signal is kept until a step waits for it.
    Kept,
    /// The same was applied before; it has changed nothing.
    Repeated,
}

/// Why a control is refused. It has changed nothing.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ControlRefusal {
    /// The execution has ended.
    #[error("the execution has ended: it is {0}")]
    Ended(ExecutionStatus),
    /// No step of the playbook waits for such a signal.
    #[error("no step of the playbook waits for the signal \"{0}\"")]
    NotAwaited(Name),
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
}

impl ControlRefusal {
    /// Whether the same control may be applied later.
    pub fn retryable(&self) -> bool {
        matches!(self, Self::TooManySignals)
    }
}
