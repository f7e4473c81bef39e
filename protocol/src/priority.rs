//! The priority of an execution: how far ahead of others of its tenant it stands in line. Owns the number that is stored of it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// How urgent an execution is, among those of its tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(into = "u8", try_from = "u8")]
pub enum Priority {
    /// After all others.
    Low,
    /// What is usual.
    #[default]
    Normal,
    /// Before what is usual.
    High,
    /// Before all others.
    Critical,
}

/// A word or a number is no priority.
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

    /// The number that is stored: 0 is the lowest.
    pub const fn level(self) -> u8 {
        match self {
            Self::Low => 0,
            Self::Normal => 1,
            Self::High => 2,
            Self::Critical => 3,
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

impl From<Priority> for u8 {
    fn from(priority: Priority) -> Self {
        priority.level()
    }
}

impl TryFrom<u8> for Priority {
    type Error = NotAPriority;

    fn try_from(level: u8) -> Result<Self, NotAPriority> {
        Self::ALL.into_iter().find(|priority| priority.level() == level).ok_or(NotAPriority)
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
    fn each_priority_has_a_word_that_is_read_and_a_number_that_is_stored() {
        for (at, priority) in Priority::ALL.into_iter().enumerate() {
            assert_eq!(priority.as_str().parse(), Ok(priority));
            assert_eq!(Priority::try_from(priority.level()), Ok(priority));
            assert_eq!(serde_json::to_value(priority).unwrap(), priority.level());
            assert_eq!(priority.steps_behind() as usize, at);
            assert_eq!(priority.level() as usize + at, 3);
        }
        assert_eq!("urgent".parse::<Priority>(), Err(NotAPriority));
        assert_eq!(Priority::try_from(4), Err(NotAPriority));
        assert!(Priority::Critical > Priority::High && Priority::default() == Priority::Normal);
    }
}
