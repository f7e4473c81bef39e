//! Polls: an answer that comes later, asked for until it is there. Owns what an answer says of that; asks nothing.

use std::time::Duration;

use updraft_integrations::http::Statuses;
use updraft_kernel::condition::Condition;
use updraft_protocol::limits::{CONNECTOR_POLL_MAX, CONNECTOR_POLL_MIN};
use updraft_protocol::{Effect, Failure, FailureKind, Json, Span};

use crate::answer::ToolAnswer;
use crate::data::{ARGUMENTS, CallData, START};
use crate::file::WrittenPoll;
use crate::read::Reading;
use crate::request::Request;

/// How an action asks whether what it has begun is done.
#[derive(Debug)]
pub(crate) struct Poll {
    pub(crate) request: Request,
    until: Condition,
    fails_when: Option<Condition>,
    pending: Statuses,
    pub(crate) interval: Duration,
    pub(crate) deadline: Duration,
}

/// What an answer says.
#[derive(Debug)]
pub(crate) enum Asked {
    /// It is not done.
    NotYet,
    /// It is done, or has failed in a way that a rule judges.
    Done(Result<Json, Failure>),
}

impl Poll {
    /// Compiles what a file says at `place`; conditions may read these names of an answer.
    pub(crate) fn read(
        reading: &mut Reading<'_>,
        place: &str,
        written: &WrittenPoll,
        names: &[&str],
    ) -> Option<Self> {
        let at = |name: &str| format!("{place}.{name}");
        let request =
            Request::read(reading, &at("request"), &written.request, Effect::Read, &[ARGUMENTS, START]);
        let until = reading.condition(&at("until"), &written.until, names);
        let fails_when = match &written.fails_when {
            None => None,
            Some(source) => Some(reading.condition(&at("fails_when"), source, names)?),
        };
        let pending = match &written.pending {
            None => Statuses::default(),
            Some(list) => reading.statuses(&at("pending"), list)?,
        };
        let (Span(interval), Span(deadline)) = (written.interval, written.deadline);
        if interval < CONNECTOR_POLL_MIN {
            reading.mistake(at("interval"), format!("must be at least {}", Span(CONNECTOR_POLL_MIN)));
        }
        if deadline > CONNECTOR_POLL_MAX {
            reading.mistake(at("deadline"), format!("must be at most {}", Span(CONNECTOR_POLL_MAX)));
        }
        if deadline < interval {
            reading.mistake(at("deadline"), "must not be shorter than `interval`");
        }
        Some(Self { request: request?, until: until?, fails_when, pending, interval, deadline })
    }

    pub(crate) fn conditions(&self) -> impl Iterator<Item = &Condition> {
        [&self.until].into_iter().chain(&self.fails_when)
    }

    /// What an answer says, which texts can read from now on.
    ///
    /// # Errors
    /// It says neither, or that what was begun has failed.
    pub(crate) fn asked(&self, came: Result<Json, Failure>, data: &mut CallData) -> Result<Asked, Failure> {
        let answer = match &came {
            Ok(whole) => ToolAnswer::of(whole)?,
            Err(failure) => match failure.answer.as_ref().and_then(|answer| ToolAnswer::of(answer).ok()) {
                Some(answer) => answer,
                None => return Ok(Asked::Done(came)),
            },
        };
        answer.shown_in(data);
        if self.pending.contains(answer.status) {
            return Ok(Asked::NotYet);
        }
        if came.is_err() {
            return Ok(Asked::Done(came));
        }
        if self.fails_when.as_ref().is_some_and(|fails| fails.decide(data).unwrap_or(false)) {
            let message = "what was begun has failed, as the tool says";
            let failure = Failure::new(FailureKind::Status, message).with_retryable(false);
            return Err(with_answer(failure, &answer));
        }
        match self.until.decide(data) {
            Ok(true) => Ok(Asked::Done(came)),
            Ok(false) => Ok(Asked::NotYet),
            Err(failure) => {
                let failure = Failure::new(FailureKind::InvalidResponse, failure.message);
                Err(with_answer(failure, &answer))
            }
        }
    }
}

/// A failure keeps a small answer, as those of the HTTP integration do.
fn with_answer(failure: Failure, answer: &ToolAnswer) -> Failure {
    use updraft_protocol::limits::HTTP_FAILURE_BODY_BYTES;
    match answer.whole.as_str().len() <= HTTP_FAILURE_BODY_BYTES {
        true => failure.with_answer(answer.whole.clone()),
        false => failure,
    }
}
