//! Why triggers stay as they are. Decides nothing.

use updraft_kernel::plan::Mistake;
use updraft_protocol::limits::{TRIGGERS, TRIGGERS_OF_TENANT};
use updraft_protocol::{Name, TenantCode};

use crate::error::ReadError;
use crate::settings::SettingError;

/// Why a trigger stays as it is.
#[derive(Debug, thiserror::Error)]
pub enum TriggerError {
    /// It makes no sense.
    #[error("{}", told(.0))]
    Mistakes(Vec<Mistake>),
    /// Its version was put before, and says something else.
    #[error("{name}: version {version} says something else; a version never changes: put it as version {}", .version.saturating_add(1))]
    Conflict {
        /// Its name.
        name: Name,
        /// Its version.
        version: u32,
    },
    /// A newer version holds.
    #[error("{name}: version {newest} holds, which is newer")]
    Older {
        /// Its name.
        name: Name,
        /// The version that holds.
        newest: u32,
    },
    /// There is none of this name.
    #[error("there is no trigger {0}")]
    Missing(Name),
    /// It is paused already, or not.
    #[error("{name} is {}", if *.is_paused { "paused already" } else { "not paused" })]
    AsItWas {
        /// Its name.
        name: Name,
        /// Whether it is paused.
        is_paused: bool,
    },
    /// There are as many as may be.
    #[error("there are {TRIGGERS} triggers: one has to be removed first")]
    TooMany,
    /// The tenant has as many as it may have.
    #[error("{0} has {TRIGGERS_OF_TENANT} triggers: one of them has to be removed first")]
    TooManyOfTenant(TenantCode),
    /// A person or a reason is missing, or the store did not answer.
    #[error(transparent)]
    Setting(#[from] SettingError),
}

impl TriggerError {
    /// Whether the same can be done later.
    pub fn retryable(&self) -> bool {
        matches!(self, Self::Setting(error) if error.retryable())
    }
}

impl From<ReadError> for TriggerError {
    fn from(error: ReadError) -> Self {
        Self::Setting(SettingError::Store(error))
    }
}

fn told(mistakes: &[Mistake]) -> String {
    let lines: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
    lines.join("\n")
}
