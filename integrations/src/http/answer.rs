//! The answer of a tool: from its head and its bytes to the output of the step, within the attempt's time. Decides
//! which flaws of an answer are failures and which are notes; `body` parses the bytes.

use std::collections::BTreeMap;
use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Response, StatusCode};
use http_body::Body as Stream;
use http_body_util::BodyExt;
use serde::Serialize;
use serde_json::value::RawValue;
use tokio::time::{Instant, timeout_at};
use updraft_masking::Masker;
use updraft_protocol::limits::{HTTP_FAILURE_READ, HTTP_INLINE_BYTES, HTTP_READ_BYTES, RESPONSE_BYTES};
use updraft_protocol::{CallFiles, Effect, ExecutionFile, Failure, FailureKind, Json, Span, TenantCode};

use super::body::{Body, Packed};
use super::capacity::Capacity;
use super::failure::{Target, broken, retry_after};
use super::headers::{self, Kept};
use super::hosts::Place;
use super::options::{Form, Options};
use super::outcome::declared;
use super::problem::Problem;
use super::rate_headers::asked;

/// How an answer is to be read, and its tenant.
pub(crate) struct Reading {
    pub(crate) target: Target,
    pub(crate) tenant: TenantCode,
    pub(crate) options: Options,
    pub(crate) masker: Masker,
    pub(crate) files: CallFiles,
}

/// The time limits of an attempt.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Within {
    /// When nothing more is received.
    pub(crate) until: Instant,
    /// When the outcome must be reported.
    pub(crate) told: Instant,
    /// The step's timeout, for messages.
    pub(crate) timeout: Duration,
}

/// The part of a body that was received.
struct Received {
    bytes: Vec<u8>,
    problem: Option<Problem>,
    /// The permit of a large answer.
    place: Option<Place>,
}

/// The output of a step, `steps.ID.output`; and the part that a failure keeps, `steps.ID.error`.
#[derive(Serialize)]
struct Output<'a> {
    status: u16,
    headers: &'a BTreeMap<String, String>,
    body: &'a RawValue,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'a ExecutionFile>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

/// The body of an answer, as it is received.
pub(crate) trait Answering: Stream<Data = Bytes, Error: StdError + 'static> + Unpin {}

impl<B: Stream<Data = Bytes, Error: StdError + 'static> + Unpin> Answering for B {}

impl Reading {
    /// Reads the body of an answer and makes the output.
    ///
    /// # Errors
    /// An unexpected status; or an unreadable body, if the step requires one.
    pub(crate) async fn read<B: Answering>(
        self,
        response: Response<B>,
        within: Within,
        capacity: &Capacity,
    ) -> Result<Json, Failure> {
        let status = response.status();
        let after = retry_after(response.headers());
        let kept = headers::keep(response.headers(), &self.options.keep_headers, &self.masker);
        if !self.options.expect.contains(status.as_u16()) {
            return Err(self.refused(response, kept, within).await);
        }
        let reading = Arc::new(self);
        let mut file = None;
        let body = match reading.options.form {
            Form::None => Body::default(),
            Form::File => match Self::filed(&reading, response, within, capacity).await {
                Ok(written) => {
                    file = Some(written);
                    Body::default()
                }
                Err(problem) => problem.into(),
            },
            _ => {
                let head = reading.output(status, &kept, &Body::default(), None);
                let room = RESPONSE_BYTES.saturating_sub(head.map_or(0, |head| head.as_str().len()));
                Self::body(&reading, response, room, within, capacity).await
            }
        };
        match &body.problem {
            Some(problem) if reading.options.requires_body => {
                Err(reading.unreadable(problem, status, after, &kept, &body))
            }
            _ => reading.output(status, &kept, &body, file.as_ref()).ok_or_else(|| {
                reading.target.fail(FailureKind::InvalidResponse, "the answer cannot be kept")
            }),
        }
    }

    /// The body, parsed on another thread if that may take longer than some milliseconds.
    async fn body<B: Answering>(
        reading: &Arc<Self>,
        response: Response<B>,
        room: usize,
        within: Within,
        capacity: &Capacity,
    ) -> Body {
        let headers = response.headers().clone();
        let Received { bytes, problem, place: _large } =
            reading.receive(response, within, HTTP_READ_BYTES, Some(capacity)).await;
        let packed = match Packed::new(bytes, &headers, problem) {
            Ok(packed) => packed,
            Err(problem) => return problem.into(),
        };
        let linear = reading.options.keep().is_none_or(|keep| keep.is_linear());
        if linear && packed.is_plain() && packed.len() <= HTTP_INLINE_BYTES {
            return packed.read(&reading.options, &reading.masker, room);
        }
        let place = match capacity.parsed(&reading.tenant, within.told).await {
            Ok(place) => place,
            Err(problem) => return problem.into(),
        };
        let work = reading.clone();
        let read = tokio::task::spawn_blocking(move || {
            // Held until the memory is free, even if the caller no longer waits.
            let _place = place;
            packed.read(&work.options, &work.masker, room)
        });
        match timeout_at(within.told, read).await {
            Err(_) => late(within).into(),
            Ok(Ok(body)) => body,
            Ok(Err(error)) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => Problem::new(FailureKind::Interrupted, "the runtime ended").into(),
            },
        }
    }

    /// The bytes of the body, up to a limit; if there is a problem, those before it.
    async fn receive<B: Answering>(
        &self,
        response: Response<B>,
        within: Within,
        limit: usize,
        capacity: Option<&Capacity>,
    ) -> Received {
        let mut received = Received { bytes: Vec::new(), problem: None, place: None };
        if self.target.method == Method::HEAD {
            return received;
        }
        // The beginning of a JSON text is useless.
        let whole = capacity.is_some() && matches!(self.options.form, Form::Json(_));
        let mut body = response.into_body();
        if whole && body.size_hint().exact().is_some_and(|announced| announced > limit as u64) {
            received.problem = Some(Problem::too_large_to_read(limit));
            return received;
        }
        loop {
            let frame = match timeout_at(within.until, body.frame()).await {
                Ok(Some(Ok(frame))) => frame,
                Ok(None) => return received,
                Ok(Some(Err(error))) => {
                    received.problem = Some(Problem::new(FailureKind::Interrupted, broken(&error)));
                    return received;
                }
                Err(_) => {
                    received.problem = Some(late(within));
                    return received;
                }
            };
            // Trailers have no meaning here.
            let Ok(chunk) = frame.into_data() else { continue };
            let room = limit - received.bytes.len();
            if chunk.len() > room {
                received.bytes.extend_from_slice(chunk.get(..room).unwrap_or_default());
                received.problem = Some(Problem::too_large_to_read(limit));
                return received;
            }
            let large = received.bytes.len() + chunk.len() > RESPONSE_BYTES;
            if let Some(capacity) = capacity.filter(|_| large && received.place.is_none()) {
                match capacity.large(&self.tenant, within.until).await {
                    Ok(place) => received.place = Some(place),
                    Err(problem) => {
                        received.problem = Some(problem);
                        return received;
                    }
                }
            }
            received.bytes.extend_from_slice(&chunk);
        }
    }

    /// An unexpected status, with the content of its answer.
    async fn refused<B: Answering>(&self, response: Response<B>, kept: Kept, within: Within) -> Failure {
        let (status, headers) = (response.status(), response.headers().clone());
        let failure = self.target.status(status, asked(status, &headers), &self.options);
        let until = within.until.min(Instant::now() + HTTP_FAILURE_READ);
        let Received { bytes, problem, .. } =
            self.receive(response, Within { until, ..within }, HTTP_INLINE_BYTES, None).await;
        let body = match Packed::new(bytes, &headers, problem) {
            Ok(packed) => packed.glance(&self.masker),
            Err(problem) => problem.into(),
        };
        self.with_answer(failure, status, &kept, &body)
    }

    /// An answer with an expected status, whose body is unreadable. A write was done nevertheless.
    fn unreadable(
        &self,
        problem: &Problem,
        status: StatusCode,
        after: Option<Duration>,
        kept: &Kept,
        body: &Body,
    ) -> Failure {
        let failure = self.target.fail(problem.kind, self.masker.text(problem.message.clone()));
        let acted = self.options.effect == Effect::Write || failure.may_have_acted();
        let acted = declared(status, &self.options).unwrap_or(acted);
        let mut failure = failure.with_may_have_acted(acted);
        if let Some(after) = after {
            failure = failure.with_retry_after(after);
        }
        // The failure itself has the reason.
        let body = Body { json: body.json.clone(), problem: None };
        self.with_answer(failure, status, kept, &body)
    }

    fn with_answer(&self, failure: Failure, status: StatusCode, kept: &Kept, body: &Body) -> Failure {
        match self.output(status, kept, body, None) {
            Some(answer) => failure.with_answer(answer),
            None => failure,
        }
    }

    fn output(
        &self,
        status: StatusCode,
        kept: &Kept,
        body: &Body,
        file: Option<&ExecutionFile>,
    ) -> Option<Json> {
        let cut = kept.cut.then_some("some headers are left out, which are too large together");
        let problem = body.problem.as_ref().map(|problem| problem.message.as_str());
        let notes: Vec<&str> = problem.into_iter().chain(cut).collect();
        let note = (!notes.is_empty()).then(|| self.masker.text(notes.join("; ")));
        let raw: &RawValue = match &body.json {
            Some(json) => serde_json::from_str(json).ok()?,
            None => RawValue::NULL,
        };
        let output = Output { status: status.as_u16(), headers: &kept.headers, body: raw, file, note };
        Json::parse(&serde_json::to_string(&output).ok()?).ok()
    }
}

pub(crate) fn late(within: Within) -> Problem {
    Problem::new(FailureKind::Timeout, format!("the answer was not whole within {}", Span(within.timeout)))
}
