//! Why triggers stay as they are. Decides nothing.

use updraft_kernel::plan::Mistake;
use updraft_protocol::Name;
use updraft_protocol::limits::TRIGGERS;

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
