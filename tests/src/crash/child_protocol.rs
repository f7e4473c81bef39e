//! The lines that the process says which is killed. Knows what they mean to nobody.

use updraft::{ExecutionId, ExecutionStatus};

/// A line that the killed process says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChildMessage {
    /// The engine is about to start.
    Opening,
    /// It has, with so many executions that go on.
    Started(u64),
    /// The submission of this number is durable.
    Accepted(usize, ExecutionId),
    /// All submissions of this run are.
    Submitted,
    /// An execution has ended.
    Ended(ExecutionId, ExecutionStatus),
    /// The engine did not start, did not take something, or no longer goes on: a disk or a store has failed.
    Refused(String),
    /// The engine is shut down; whether the store has everything.
    Down(bool),
}

impl ChildMessage {
    /// Whether a start has come to its end.
    pub(super) fn is_of_start(&self) -> bool {
        matches!(self, Self::Started(_) | Self::Refused(_))
    }

    /// As a line.
    pub fn line(&self) -> String {
        match self {
            Self::Opening => "opening".into(),
            Self::Started(resumed) => format!("started {resumed}"),
            Self::Accepted(number, peid) => format!("accepted {number} {peid}"),
            Self::Submitted => "submitted".into(),
            Self::Ended(peid, status) => format!("ended {peid} {status}"),
            Self::Refused(reason) => format!("refused {}", reason.replace('\n', " ")),
            Self::Down(stored) => format!("down {stored}"),
        }
    }

    /// From a whole line; a process that is killed may leave a part of one, which says nothing.
    pub fn parse(line: &str) -> Option<Self> {
        if let Some(reason) = line.strip_prefix("refused ") {
            return Some(Self::Refused(reason.to_owned()));
        }
        let words: Vec<&str> = line.split(' ').collect();
        Some(match words.as_slice() {
            ["opening"] => Self::Opening,
            ["started", resumed] => Self::Started(resumed.parse().ok()?),
            ["accepted", number, peid] => Self::Accepted(number.parse().ok()?, peid.parse().ok()?),
            ["submitted"] => Self::Submitted,
            ["ended", peid, status] => Self::Ended(peid.parse().ok()?, status.parse().ok()?),
            ["down", stored] => Self::Down(stored.parse().ok()?),
            _ => return None,
        })
    }
}
