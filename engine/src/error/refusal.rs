//! Why a submission was not accepted: each reason with its remedy, and whether it can pass.

use std::time::Duration;

use thiserror::Error;
use updraft_actors::{Lost, plans};
use updraft_kernel::backlog::BacklogFull;
use updraft_kernel::plan::Mistake;
use updraft_kernel::rerun::RerunRefusal;
use updraft_protocol::{ExecutionId, Name};

use super::list;

impl From<Lost> for Refusal {
    fn from(lost: Lost) -> Self {
        match lost {
            Lost::ShutDown => Self::ShuttingDown,
            lost => Self::Failed(lost),
        }
    }
}

/// Why a submission was not accepted.
#[derive(Debug, Error)]
pub enum Refusal {
    /// The engine has its maximum of executions in flight.
    #[error("the engine has no place for a further execution")]
    EngineFull,
    /// The tenant has its maximum of executions in flight.
    #[error("the tenant has no place for a further execution")]
    TenantFull,
    /// As many executions are queued as may be.
    #[error(
        "{} as many queued executions as may be", match full {
            BacklogFull::Engine => "the engine has",
            BacklogFull::Tenant => "the tenant has",
        }
    )]
    BacklogFull {
        /// Whose bound it is.
        full: BacklogFull,
    },
    /// The tenant or the playbook is paused, and what begins at once or not at all cannot wait.
    #[error("the tenant or the playbook is paused")]
    Paused,
    /// The tenant submits faster than its quota says.
    #[error("the tenant submits too fast: the next submission is taken after {} ms", after.as_millis().max(1))]
    TooFast {
        /// After which time the next one is taken.
        after: Duration,
    },
    /// The journal has its maximum of waiting writes.
    #[error("the journal is behind")]
    JournalFull,
    /// The disk has no room for new submissions. Running executions wait, and submissions are accepted again when there
    /// is room.
    #[error("nothing new is accepted until there is room: {cause}")]
    StoreFull {
        /// The file without room, and the error of its disk.
        cause: String,
    },
    /// The engine is shutting down.
    #[error("the engine is shutting down")]
    ShuttingDown,
    /// The engine has failed and accepts nothing more.
    #[error("{0}")]
    Failed(Lost),
    /// There is no such playbook, or it cannot run here.
    #[error(transparent)]
    Playbook(#[from] plans::Error),
    /// The playbook names a secret or an endpoint that this engine lacks.
    #[error("{}", list(.0))]
    Missing(Vec<Mistake>),
    /// The tenant has no playbook of that name and version.
    #[error("no playbook \"{name}\"{}", version.map(|v| format!(" version {v}")).unwrap_or_default())]
    NoPlaybook {
        /// The requested name.
        name: Name,
        /// The requested version, or the newest.
        version: Option<u32>,
    },
    /// The idempotency key was used for the same playbook with another input or other variables.
    #[error(
        "execution {peid} has this idempotency key, for the same playbook with another input or other variables; \
         submit under another key, or with `OnReuse::ReturnFirst` to be given that execution"
    )]
    KeyReused {
        /// The execution that has the key.
        peid: ExecutionId,
    },
    /// A variable that gives a URL its host was set as an ordinary one, or is `null` and was not set.
    #[error(
        "variables.{variable}: the playbook connects to it; `Submission::endpoint` gives it, and nothing else"
    )]
    Endpoint {
        /// The variable.
        variable: String,
    },
    /// The input or the variables are not what their playbook asks for: each mistake has its place, `input.host`.
    #[error("{}", list(.0))]
    Input(Vec<Mistake>),
    /// The results that a rerun begins with cannot be taken over.
    #[error(transparent)]
    Results(#[from] RerunRefusal),
    /// The files that the results name with which a rerun begins cannot be kept for it.
    #[error("the files that it takes over cannot be kept: {cause}")]
    Files {
        /// The error of the disk.
        cause: String,
    },
    /// What the execution begins with does not fit into one write of the journal.
    #[error("what the execution begins with is too large: {cause}")]
    TooLarge {
        /// The size, and the bound.
        cause: String,
    },
    /// The submission itself is not valid.
    #[error("{place}: {message}")]
    Invalid {
        /// The place.
        place: String,
        /// The mistake.
        message: String,
    },
}

impl Refusal {
    /// Whether the same submission can succeed later.
    pub fn retryable(&self) -> bool {
        match self {
            Self::EngineFull
            | Self::TenantFull
            | Self::BacklogFull { .. }
            | Self::TooFast { .. }
            | Self::Paused
            | Self::JournalFull
            | Self::Files { .. }
            | Self::StoreFull { .. } => true,
            Self::Playbook(error) => error.retryable(),
            Self::ShuttingDown
            | Self::Failed(_)
            | Self::Missing(_)
            | Self::NoPlaybook { .. }
            | Self::KeyReused { .. }
            | Self::Endpoint { .. }
            | Self::Input(_)
            | Self::Results(_)
            | Self::TooLarge { .. }
            | Self::Invalid { .. } => false,
        }
    }
}

impl Refusal {
    /// The label of the metric that counts it.
    pub(crate) fn label(&self) -> &'static str {
        match self {
            Self::EngineFull => "engine_full",
            Self::TenantFull => "tenant_full",
            Self::BacklogFull { .. } => "backlog_full",
            Self::Paused => "paused",
            Self::TooFast { .. } => "too_fast",
            Self::JournalFull => "journal_full",
            Self::StoreFull { .. } => "store_full",
            Self::Files { .. } => "files",
            Self::ShuttingDown => "shutting_down",
            Self::Failed(_) => "failed",
            Self::Playbook(_) | Self::NoPlaybook { .. } => "playbook",
            Self::Missing(_) => "missing",
            Self::KeyReused { .. } => "key_reused",
            Self::Endpoint { .. }
            | Self::Input(_)
            | Self::Results(_)
            | Self::TooLarge { .. }
            | Self::Invalid { .. } => "invalid",
        }
    }
}

impl From<updraft_storage::Error> for Refusal {
    fn from(error: updraft_storage::Error) -> Self {
        Self::Playbook(plans::Error::Store(error))
    }
}
