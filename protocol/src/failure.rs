//! Failures as data: why an attempt, a task or an execution failed, and whether another try can help.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::json::Json;
use crate::limits::FAILURE_MESSAGE_BYTES;

/// The kind of a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// The tool was not reached; it has not acted.
    Unreachable,
    /// No answer in time; the tool may have acted.
    Timeout,
    /// The connection broke after the request began; the tool may have acted.
    Interrupted,
    /// The tool demands fewer requests.
    RateLimited,
    /// The tool answered, with a status that was not expected.
    Status,
    /// The answer is larger than allowed.
    TooLarge,
    /// The answer is not as requested: not JSON, not UTF-8, without the part to keep.
    InvalidResponse,
    /// The arguments are not valid for the integration.
    InvalidArguments,
    /// Policy forbids the call.
    Forbidden,
    /// The engine lacks something that the step needs: a secret, a permission, an integration. The tool was not called,
    /// and the step waits for it.
    NotConfigured,
    /// The integration panicked; it may have acted.
    Panic,
    /// A template could not be rendered.
    Template,
    /// A condition could not be decided.
    Condition,
    /// A branch of a `parallel` step failed.
    Branch,
    /// More items of a `for_each` step failed than it tolerates.
    Item,
    /// A path was cancelled, since another one of the same step decided its outcome.
    Cancelled,
    /// A round of a `while` or `until` failed, or its condition did not hold within the rounds that it may have.
    Round,
    /// The steps of a `finally` or an `on_cancel` failed, or took too long.
    Cleanup,
    /// A `verify` has not shown what its action did.
    Unverified,
    /// What was done could not be taken back.
    Undo,
    /// A `fail` step was reached.
    EndStep,
    /// What the step waited for did not come in time.
    Expired,
    /// A person has refused.
    Refused,
    /// A person has skipped an approval, which nobody has given.
    Skipped,
    /// A sub-playbook could not be started, has failed, or was cancelled.
    Child,
    /// A crash happened during the call of an `at_most_once` step.
    UnknownOutcome,
    /// The execution's actor panicked too often.
    Supervision,
    /// The playbook version of the execution can no longer be read.
    Playbook,
    /// The store refuses one of its documents for good.
    Store,
    /// A guardrail of the operator does not let the call pass.
    Denied,
    /// The tool is not called for now: too many of its calls have failed, or it has asked to be left alone.
    Unavailable,
    /// A limit of the tool lets no call be made for now. The tool was not called, and the step waits for it.
    Limited,
}

impl FailureKind {
    /// The text in stores and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Timeout => "timeout",
            Self::Interrupted => "interrupted",
            Self::RateLimited => "rate_limited",
            Self::Status => "status",
            Self::TooLarge => "too_large",
            Self::InvalidResponse => "invalid_response",
            Self::InvalidArguments => "invalid_arguments",
            Self::Forbidden => "forbidden",
            Self::NotConfigured => "not_configured",
            Self::Panic => "panic",
            Self::Template => "template",
            Self::Condition => "condition",
            Self::Branch => "branch",
            Self::Item => "item",
            Self::Cancelled => "cancelled",
            Self::Round => "round",
            Self::Cleanup => "cleanup",
            Self::Unverified => "unverified",
            Self::Undo => "undo",
            Self::EndStep => "end_step",
            Self::Expired => "expired",
            Self::Refused => "refused",
            Self::Skipped => "skipped",
            Self::Child => "child",
            Self::UnknownOutcome => "unknown_outcome",
            Self::Supervision => "supervision",
            Self::Playbook => "playbook",
            Self::Store => "store",
            Self::Denied => "denied",
            Self::Unavailable => "unavailable",
            Self::Limited => "limited",
        }
    }

    /// Whether the tool usually may have acted in spite of such a failure.
    pub const fn may_have_acted(self) -> bool {
        matches!(self, Self::Timeout | Self::Interrupted | Self::Panic | Self::UnknownOutcome)
    }

    const fn retryable(self) -> bool {
        matches!(
            self,
            Self::Unreachable
                | Self::Timeout
                | Self::Interrupted
                | Self::RateLimited
                | Self::NotConfigured
                | Self::Panic
                | Self::Unavailable
                | Self::Limited
        )
    }
}

/// Why an attempt failed, as it is stored and shown. Integrations put no secret into it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The kind of the failure.
    pub kind: FailureKind,
    /// A description for people; at most 1 KiB.
    pub message: String,
    retryable: bool,
    retry_after_ms: Option<u64>,
    may_have_acted: bool,
    /// The answer of the tool, if there was one: an object with `status`, `headers` and `body`, bounded by the
    /// integration.
    pub answer: Option<Json>,
}

impl Failure {
    /// A failure that is retried if its kind is usually temporary; a message over 1 KiB is cut.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: bounded(message.into()),
            retryable: kind.retryable(),
            retry_after_ms: None,
            may_have_acted: kind.may_have_acted(),
            answer: None,
        }
    }

    /// The same failure with another message, cut at 1 KiB.
    #[must_use]
    pub fn with_message(mut self, message: impl Into<String>) -> Self {
        self.message = bounded(message.into());
        self
    }

    /// The same failure, retried or not; overrides the default of the kind.
    #[must_use]
    pub fn with_retryable(mut self, retryable: bool) -> Self {
        self.retryable = retryable;
        self
    }

    /// The same failure, with the delay that the tool asked for: it is not called again before. Kept in milliseconds,
    /// rounded up.
    #[must_use]
    pub fn with_retry_after(mut self, delay: Duration) -> Self {
        self.retry_after_ms = Some(u64::try_from(delay.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX));
        self
    }

    /// The same failure; overrides the kind's default on whether the tool may have acted.
    #[must_use]
    pub fn with_may_have_acted(mut self, may_have_acted: bool) -> Self {
        self.may_have_acted = may_have_acted;
        self
    }

    /// The same failure, with the tool's answer.
    #[must_use]
    pub fn with_answer(mut self, answer: Json) -> Self {
        self.answer = Some(answer);
        self
    }

    /// Whether another attempt can help.
    pub fn retryable(&self) -> bool {
        self.retryable
    }

    /// Whether the tool may have acted in spite of the failure.
    pub fn may_have_acted(&self) -> bool {
        self.may_have_acted
    }

    /// The delay that the tool asked for.
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after_ms.map(Duration::from_millis)
    }
}

fn bounded(mut message: String) -> String {
    if message.len() > FAILURE_MESSAGE_BYTES {
        let end = (0..=FAILURE_MESSAGE_BYTES).rev().find(|&i| message.is_char_boundary(i)).unwrap_or(0);
        message.truncate(end);
    }
    message
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind.as_str(), self.message)
    }
}

impl std::error::Error for Failure {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_message_is_cut_between_characters() {
        let failure = Failure::new(FailureKind::Status, "ä".repeat(FAILURE_MESSAGE_BYTES));
        assert!(failure.message.len() <= FAILURE_MESSAGE_BYTES);
        assert!(failure.message.ends_with('ä'));
        assert_eq!(failure.with_message("x".repeat(2_000)).message.len(), FAILURE_MESSAGE_BYTES);
    }

    #[test]
    fn a_tool_is_left_alone_for_no_less_than_it_asks() {
        let asked = |asked| Failure::new(FailureKind::RateLimited, "").with_retry_after(asked).retry_after();
        assert_eq!(asked(Duration::from_micros(1_500)), Some(Duration::from_millis(2)));
        assert_eq!(asked(Duration::from_secs(4)), Some(Duration::from_secs(4)));
        assert_eq!(asked(Duration::MAX), Some(Duration::from_millis(u64::MAX)));
    }

    #[test]
    fn the_stored_kind_is_the_serialised_kind() {
        let failure = Failure::new(FailureKind::RateLimited, "slow down");
        let value = serde_json::to_value(&failure).unwrap();
        assert_eq!(value["kind"], FailureKind::RateLimited.as_str());
        assert!(failure.retryable() && !failure.clone().with_retryable(false).retryable());
    }
}
