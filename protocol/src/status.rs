//! Statuses: the closed sets in documents, and their stored text.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

macro_rules! status {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name { $($(#[$vdoc])* #[serde(rename = $text)] $variant),+ }

        impl $name {
            /// Every status, in their usual order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The text in stores and queries.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                Self::ALL.iter().copied().find(|s| s.as_str() == text).ok_or_else(|| {
                    let known: Vec<_> = Self::ALL.iter().map(|s| s.as_str()).collect();
                    format!("no status `{text}`; there are {}", known.join(", "))
                })
            }
        }
    };
}

status! {
    /// The status of an execution (`execution_status`).
    ExecutionStatus {
        /// Accepted, and waiting for a place among the executions in flight. Nothing of it has begun.
        Queued = "queued",
        /// Accepted and running.
        Executing = "executing",
        /// A person holds it: what runs may end, nothing begins.
        Paused = "paused",
        /// Its path ended.
        Completed = "completed",
        /// A step failed without a path for it, or an `end` step failed it.
        Failed = "failed",
        /// It was cancelled.
        Cancelled = "cancelled",
        /// The timeout of the playbook passed.
        TimedOut = "timed_out",
    }
}

status! {
    /// Whether an execution uses kept answers of tools (`cache`), and has its own kept for others.
    CacheMode {
        /// It does, where its steps say so.
        Use = "use",
        /// It asks each tool itself, and nothing of it is kept.
        Skip = "skip",
    }
}

impl ExecutionStatus {
    /// Whether it has ended.
    pub const fn ended(self) -> bool {
        !matches!(self, Self::Queued | Self::Executing | Self::Paused)
    }

    /// Whether it has begun and not ended.
    pub const fn runs(self) -> bool {
        matches!(self, Self::Executing | Self::Paused)
    }
}

status! {
    /// The status of a task.
    TaskStatus {
        /// Its intent is durable; an attempt may be under way.
        Executing = "executing",
        /// An attempt failed; the next waits for its time.
        Retrying = "retrying",
        /// It waits for somebody outside of its execution.
        Waiting = "waiting",
        /// It succeeded.
        Completed = "completed",
        /// Its last attempt failed.
        Failed = "failed",
        /// Its execution was cancelled or timed out first.
        Cancelled = "cancelled",
        /// An `at_most_once` task for which it is unknown whether it acted.
        Unknown = "unknown",
    }
}

impl TaskStatus {
    /// Whether it has ended.
    pub const fn ended(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled | Self::Unknown)
    }
}

status! {
    /// Whether a playbook may be submitted.
    PlaybookStatus {
        /// It may.
        Active = "active",
        /// It is kept for its executions only.
        Retired = "retired",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_reads_its_own_text() {
        for status in ExecutionStatus::ALL {
            assert_eq!(status.as_str().parse(), Ok(*status));
        }
        for status in TaskStatus::ALL {
            assert_eq!(status.as_str().parse(), Ok(*status));
        }
        let error = "done".parse::<ExecutionStatus>().unwrap_err();
        assert!(
            error.starts_with("no status `done`; there are queued, executing, paused, completed"),
            "{error}"
        );
    }
}
