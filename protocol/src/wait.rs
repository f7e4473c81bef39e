//! Waits: the reason why a task does not run. One record for all kinds; decides nothing.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// The current or last wait of a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wait {
    /// The kind of the wait.
    pub kind: WaitKind,
    /// The subject, if there are several: the integration that lacks something.
    pub subject: Option<Arc<str>>,
    /// When it began.
    pub since: Timestamp,
    /// When it ends: then a `delay` or a `retry` continues, and a missing configuration fails the task.
    pub until: Option<Timestamp>,
}

/// The kind of a wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WaitKind {
    /// The instant at which a `delay` is over.
    Delay,
    /// The instant of the next attempt.
    Retry,
    /// A secret, a permission or an integration that the engine lacks.
    Configuration,
}

impl WaitKind {
    /// The stored text.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Delay => "delay",
            Self::Retry => "retry",
            Self::Configuration => "configuration",
        }
    }
}
