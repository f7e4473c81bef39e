//! How the program ends: its exit codes, and the errors that lead to them.

use std::process::ExitCode;

use thiserror::Error;
use updraft::{ControlError, ExecutionStatus, PutError, ReadError, Refusal, StartError, SubmitError};

/// The exit codes, for the help.
pub(crate) const HELP: &str = "\
Exit codes:
  0    completed
  1    failed: an execution, or the engine
  2    refused, nothing was run: usage, playbook, input, data directory, or store
  3    cancelled or timed out
  4    interrupted (Ctrl-C, SIGTERM): attempts were let end; the rest goes on with the command that is printed
  5    a dry run that asks for an answer which nobody gives
  130  interrupted twice: stopped at once, which is safe; the rest goes on with `updraft recover`";

/// How a command that did its work ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub(crate) enum Ending {
    /// All is well.
    Completed = 0,
    /// It was cancelled or timed out.
    Stopped = 3,
    /// It failed.
    Failed = 1,
    /// What was asked makes no sense; nothing was done.
    Refused = 2,
    /// A signal came first; what is left can be recovered.
    Interrupted = 4,
    /// A dry run asks for an answer which nobody gives.
    Unanswered = 5,
}

/// What a second signal ends with, as shells say it of a program that SIGINT ended.
pub(crate) const AT_ONCE: i32 = 130;

impl Ending {
    /// The ending that a status is told with.
    pub(crate) fn of(status: ExecutionStatus) -> Self {
        match status {
            ExecutionStatus::Completed => Self::Completed,
            ExecutionStatus::Failed => Self::Failed,
            ExecutionStatus::Cancelled | ExecutionStatus::TimedOut => Self::Stopped,
            ExecutionStatus::Queued | ExecutionStatus::Executing | ExecutionStatus::Paused => {
                Self::Interrupted
            }
        }
    }

    /// The one of two that is told: an interruption, then a failure, then a stop.
    pub(crate) fn and(self, other: Self) -> Self {
        let rank = |ending| match ending {
            Self::Completed => 0,
            Self::Stopped => 1,
            Self::Failed => 2,
            Self::Unanswered => 3,
            Self::Refused => 4,
            Self::Interrupted => 5,
        };
        if rank(other) > rank(self) { other } else { self }
    }
}

impl From<Ending> for ExitCode {
    fn from(ending: Ending) -> Self {
        Self::from(ending as u8)
    }
}

/// Why a command did not do its work.
#[derive(Debug, Error)]
pub(crate) enum Error {
    /// What was asked makes no sense; nothing was done. One mistake a line.
    #[error("{0}")]
    Refused(String),
    /// The engine did not start; nothing was done.
    #[error("{0}")]
    Start(#[from] StartError),
    /// The playbook was not put.
    #[error(transparent)]
    Put(#[from] PutError),
    /// The execution was not accepted.
    #[error("not accepted: {0}")]
    Submit(#[from] SubmitError),
    /// The engine failed on the way.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The execution refuses it, or the engine failed.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// The engine that runs there was not asked, or did not do it.
    #[error(transparent)]
    Local(#[from] updraft::local::Error),
    /// Something else of the machine failed.
    #[error("{0}")]
    Failed(String),
    /// Nobody could be told.
    #[error("the output cannot be written: {0}")]
    Output(std::io::Error),
}

impl Error {
    /// The ending that it is told with.
    pub(crate) fn ending(&self) -> Ending {
        match self {
            Self::Put(PutError::Store(_)) => Ending::Failed,
            Self::Submit(error) if matches!(error.refusal, Refusal::Failed(_)) => Ending::Failed,
            Self::Refused(_) | Self::Start(_) | Self::Put(_) | Self::Submit(_) => Ending::Refused,
            Self::Read(_) | Self::Control(_) | Self::Local(_) | Self::Failed(_) | Self::Output(_) => {
                Ending::Failed
            }
        }
    }

    /// What was asked makes no sense at this place.
    pub(crate) fn refused(place: impl std::fmt::Display, why: impl std::fmt::Display) -> Self {
        Self::Refused(format!("{place}: {why}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_of_many_endings_is_told() {
        assert_eq!(Ending::Completed.and(Ending::Stopped), Ending::Stopped);
        assert_eq!(Ending::Failed.and(Ending::Stopped), Ending::Failed);
        assert_eq!(Ending::Failed.and(Ending::Interrupted), Ending::Interrupted);
        assert_eq!(Ending::Completed.and(Ending::Completed), Ending::Completed);
    }

    #[test]
    fn every_status_has_its_ending() {
        let endings: Vec<u8> = ExecutionStatus::ALL.iter().map(|status| Ending::of(*status) as u8).collect();
        assert_eq!(endings, [4, 4, 4, 0, 1, 3, 3]);
    }
}
