//! Waits: what a task that is not running waits for. One record for all kinds; decides nothing.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// The wait of a task: the one that it is in, or the last that it was in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wait {
    /// What it waits for.
    pub kind: WaitKind,
    /// Which of these, where there are several: the integration that lacks something.
    pub subject: Option<Arc<str>>,
    /// Since when.
    pub since: Timestamp,
    /// Until when: then a `delay` or a `retry` goes on, and what others have to bring has failed to come.
    pub until: Option<Timestamp>,
}

/// What a task waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WaitKind {
    /// The instant at which a `delay` is over.
    Delay,
    /// The instant of the next attempt.
    Retry,
    /// A secret, a permission or an integration that the engine has to be given.
    Configuration,
}

impl WaitKind {
    /// The text that stores keep.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Delay => "delay",
            Self::Retry => "retry",
            Self::Configuration => "configuration",
        }
    }
}
