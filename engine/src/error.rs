//! Errors of the engine: closed, each with the remedy.

mod refusal;

use thiserror::Error;
use updraft_actors::{Lost, plans};
use updraft_kernel::pairing::Mismatch;
use updraft_kernel::plan::Mistake;
use updraft_protocol::{
    ContainmentId, ContainmentRefusal, ControlRefusal, EventCursor, ExecutionId, Name, PlaybookId, Timestamp,
};
use updraft_storage::{journal, log};

use crate::standstill::Standstill;
pub use refusal::Refusal;

/// Why an engine did not start. Nothing is lost by it.
#[derive(Debug, Error)]
pub enum StartError {
    /// A setting of the builder is not valid.
    #[error("{0}")]
    Configuration(String),
    /// The data directory cannot be used.
    #[error("{path}: {source}")]
    Directory {
        /// Its path.
        path: String,
        /// The error.
        source: std::io::Error,
    },
    /// The store cannot be opened.
    #[error(transparent)]
    Store(#[from] updraft_storage::Error),
    /// The journal has updates for another store, which must get them first.
    #[error(
        "the journal in {data} has updates that the store {noted} does not have yet: start with that store once, \
         and then with {asked}"
    )]
    OtherStore {
        /// The data directory.
        data: String,
        /// The store that the journal belongs to.
        noted: String,
        /// The requested store.
        asked: String,
    },
    /// The journal and the store do not belong together: one is missing, older, cut, or belongs to another. Nothing
    /// runs until a person decides ([`Builder::accept_loss`](crate::Builder::accept_loss)).
    #[error("{data}: {mismatch}")]
    Mismatch {
        /// The data directory.
        data: String,
        /// The findings, their meaning, and the remedies.
        mismatch: Mismatch,
    },
    /// The thread that keeps containments cannot be started.
    #[error("the thread of containments does not start: {0}")]
    Thread(std::io::Error),
    /// Another engine owns the store, and is alive.
    #[error("the database is in use by another engine: {who}, since {since}")]
    Owned {
        /// Its process and machine.
        who: String,
        /// Since when, by its clock.
        since: Timestamp,
    },
    /// The store takes none of the journal's updates.
    #[error("the start needs what the journal has in the store: {0}")]
    Standstill(#[from] Standstill),
    /// The journal cannot be opened.
    #[error(transparent)]
    Journal(#[from] journal::Error),
    /// The threads cannot be started.
    #[error(transparent)]
    Node(#[from] updraft_actors::node::Error),
    /// The playbook of an unfinished execution has mistakes for this version of Updraft.
    #[error("an unfinished execution cannot be resumed: {0}")]
    Unresumable(#[source] plans::Error),
    /// The engine failed while it recovered.
    #[error(transparent)]
    Lost(#[from] Lost),
}

impl StartError {
    /// Whether the same start can succeed later.
    pub fn retryable(&self) -> bool {
        match self {
            Self::Configuration(_)
            | Self::Directory { .. }
            | Self::OtherStore { .. }
            | Self::Mismatch { .. }
            | Self::Lost(_) => false,
            Self::Standstill(_) | Self::Owned { .. } | Self::Thread(_) => true,
            Self::Store(error) => error.retryable(),
            Self::Journal(error) => error.retryable(),
            Self::Node(error) => error.retryable(),
            Self::Unresumable(error) => error.retryable(),
        }
    }

    /// Whether another process has the data directory.
    pub fn is_in_use(&self) -> bool {
        let of_journal = matches!(self, Self::Journal(journal::Error::InUse { .. }));
        of_journal || matches!(self, Self::Store(updraft_storage::Error::InUse { .. }))
    }

    /// Whether the disk has no room for the start: it can succeed once there is.
    pub fn is_full(&self) -> bool {
        match self {
            Self::Store(error) => matches!(error, updraft_storage::Error::Full(_)),
            Self::Journal(error) => matches!(error, journal::Error::Log(log::Error::NoSpace { .. })),
            Self::Directory { source, .. } => source.kind() == std::io::ErrorKind::StorageFull,
            _ => false,
        }
    }
}

impl From<updraft_actors::abandoned::Error> for StartError {
    fn from(error: updraft_actors::abandoned::Error) -> Self {
        match error {
            updraft_actors::abandoned::Error::Store(error) => Self::Store(error),
            updraft_actors::abandoned::Error::Lost(lost) => Self::Lost(lost),
        }
    }
}

/// Why a playbook was not stored.
#[derive(Debug, Error)]
pub enum PutError {
    /// It has mistakes.
    #[error("{}", list(.0))]
    Invalid(Vec<Mistake>),
    /// Another definition is stored under this name and version.
    #[error(
        "playbook \"{name}\" version {version} is already stored with another definition; raise `version`"
    )]
    Conflict {
        /// Its name.
        name: Name,
        /// Its version.
        version: u32,
        /// The stored one.
        pid: PlaybookId,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] updraft_storage::Error),
}

impl PutError {
    /// Whether the same call can succeed later.
    pub fn retryable(&self) -> bool {
        matches!(self, Self::Store(error) if error.retryable())
    }
}

fn list(mistakes: &[Mistake]) -> String {
    let lines: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

/// Why a read failed.
#[derive(Debug, Error)]
pub enum ReadError {
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] updraft_storage::Error),
    /// The engine has failed or is shut down.
    #[error(transparent)]
    Lost(#[from] Lost),
    /// The store does not take the updates that are to be read from it.
    #[error(transparent)]
    Standstill(#[from] Standstill),
    /// The cursor is beyond all events of the store.
    #[error(
        "the cursor {cursor} is of events that this store does not have: it is another one, or an older one was restored. Read \
         from its beginning, or from now on"
    )]
    Cursor {
        /// The cursor.
        cursor: EventCursor,
    },
}

impl ReadError {
    /// The refusal of a submission that needs what is read.
    pub(crate) fn into_refusal(self) -> Refusal {
        match self {
            Self::Lost(lost) => lost.into(),
            other => other.into_store().into(),
        }
    }

    /// The same as an error of the store, for all who asked for one list.
    pub(crate) fn into_store(self) -> updraft_storage::Error {
        match self {
            Self::Store(error) => error,
            Self::Lost(lost) => updraft_storage::Error::Unavailable(lost.to_string()),
            Self::Standstill(why) => updraft_storage::Error::Unavailable(why.to_string()),
            Self::Cursor { .. } => updraft_storage::Error::Refused(self.to_string()),
        }
    }

    /// Whether the same read can succeed later.
    pub fn retryable(&self) -> bool {
        match self {
            Self::Store(error) => error.retryable(),
            Self::Standstill(_) => true,
            Self::Lost(_) | Self::Cursor { .. } => false,
        }
    }
}

impl From<updraft_actors::abandoned::Error> for ReadError {
    fn from(error: updraft_actors::abandoned::Error) -> Self {
        match error {
            updraft_actors::abandoned::Error::Store(error) => Self::Store(error),
            updraft_actors::abandoned::Error::Lost(lost) => Self::Lost(lost),
        }
    }
}

/// Why a control has no effect.
#[derive(Debug, Error)]
pub enum ControlError {
    /// The tenant has no such execution.
    #[error("the tenant has no execution {0}")]
    NoExecution(ExecutionId),
    /// The execution refuses it.
    #[error(transparent)]
    Refused(#[from] ControlRefusal),
    /// A containment refuses it.
    #[error(transparent)]
    Containment(Box<ContainmentError>),
    /// The store did not answer, or the engine has failed or is shut down: then it may have an effect later.
    #[error(transparent)]
    Read(#[from] ReadError),
}

impl ControlError {
    /// Whether the same control can succeed later.
    pub fn retryable(&self) -> bool {
        match self {
            Self::NoExecution(_) => false,
            Self::Refused(refusal) => refusal.retryable(),
            Self::Containment(error) => error.retryable(),
            Self::Read(error) => error.retryable(),
        }
    }
}

/// Why a containment stays as it is.
#[derive(Debug, Error)]
pub enum ContainmentError {
    /// The tenant has no such containment.
    #[error("the tenant has no containment {0}")]
    NoContainment(ContainmentId),
    /// It refuses.
    #[error(transparent)]
    Refused(#[from] ContainmentRefusal),
    /// Others have changed it again and again in the meantime.
    #[error("containment {0} is being changed by others")]
    Busy(ContainmentId),
    /// The store did not answer: then it may have an effect later.
    #[error(transparent)]
    Read(#[from] ReadError),
}

impl ContainmentError {
    /// Whether the same can succeed later.
    pub fn retryable(&self) -> bool {
        match self {
            Self::NoContainment(_) => false,
            Self::Refused(refusal) => refusal.retryable(),
            Self::Busy(_) => true,
            Self::Read(error) => error.retryable(),
        }
    }
}

impl From<ContainmentError> for ControlError {
    fn from(error: ContainmentError) -> Self {
        match error {
            ContainmentError::Read(error) => Self::Read(error),
            other => Self::Containment(Box::new(other)),
        }
    }
}

impl From<Lost> for ControlError {
    fn from(lost: Lost) -> Self {
        Self::Read(lost.into())
    }
}
