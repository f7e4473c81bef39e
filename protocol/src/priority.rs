//! The priority of an execution: how far ahead of others of its tenant it stands in line.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// How urgent an execution is, among those of its tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// Before all others.
    Critical,
    /// Before what is usual.
    High,
    /// What is usual.
    #[default]
    Normal,
    /// After all others.
    Low,
}

/// A word is no priority.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("`critical`, `high`, `normal` or `low` is needed")]
pub struct NotAPriority;

impl NotAPriority {
    /// Whether the same word can be one another time: never.
    pub fn retryable(self) -> bool {
        false
    }
}

impl Priority {
    /// All of them, the most urgent first.
    pub const ALL: [Self; 4] = [Self::Critical, Self::High, Self::Normal, Self::Low];

    /// Its word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::High => "high",
            Self::Normal => "normal",
            Self::Low => "low",
        }
    }

    /// How many steps of [`PRIORITY_STEP`](crate::limits::PRIORITY_STEP) it stands behind the most urgent.
    pub const fn steps_behind(self) -> u32 {
        match self {
            Self::Critical => 0,
            Self::High => 1,
            Self::Normal => 2,
            Self::Low => 3,
        }
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Priority {
    type Err = NotAPriority;

    fn from_str(word: &str) -> Result<Self, NotAPriority> {
        Self::ALL.into_iter().find(|priority| priority.as_str() == word).ok_or(NotAPriority)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_priority_has_a_word_that_is_read_and_stored() {
        for (at, priority) in Priority::ALL.into_iter().enumerate() {
            assert_eq!(priority.as_str().parse(), Ok(priority));
            assert_eq!(serde_json::to_value(priority).unwrap(), priority.as_str());
            assert_eq!(priority.steps_behind() as usize, at);
        }
        assert_eq!("urgent".parse::<Priority>(), Err(NotAPriority));
        assert_eq!(Priority::default(), Priority::Normal);
    }
}
