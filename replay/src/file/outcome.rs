//! A written answer of a tool, or of a sub-playbook: which call it is for, and its output or failure. An answer of HTTP may be
//! written short.

use serde::Deserialize;
use serde_json::json;
use updraft_protocol::limits::{FAILURE_ANSWER_BYTES, RESPONSE_BYTES};
use updraft_protocol::{Failure, FailureKind, Json, ScopePath, Span, StepId, Value};

use super::{Fit, given};

/// The action whose answers may be written short.
pub(super) const HTTP: &str = "http.request";
/// Statuses of faults that pass, as the HTTP integration takes them where a step does not say it.
const PASSING: [u16; 7] = [408, 425, 429, 500, 502, 503, 504];

/// An answer.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WrittenAnswer {
    /// The step that is answered.
    pub step: Option<StepId>,
    /// The action that is answered: `http.request`.
    pub action: Option<String>,
    /// The scope of the step: `each:3`.
    pub scope: Option<ScopePath>,
    /// The sub-playbook that the step is in, by the step that starts it.
    pub within: Option<String>,
    /// What has to be among the arguments.
    #[serde(default, deserialize_with = "given")]
    pub arguments: Option<Value>,
    /// The attempt that is answered.
    pub attempt: Option<u32>,
    /// How many calls it answers; all that fit where nothing is said.
    pub times: Option<u32>,
    /// Whether nothing need ask for it.
    #[serde(default)]
    pub optional: bool,
    /// How long the tool takes.
    pub after: Option<Span>,
    /// The output.
    #[serde(default, deserialize_with = "given")]
    pub output: Option<Value>,
    /// The body of an answer of HTTP, with status 200.
    #[serde(default, deserialize_with = "given")]
    pub body: Option<Value>,
    /// Another status of such an answer.
    pub status: Option<u16>,
    /// The headers of such an answer.
    #[serde(default, deserialize_with = "given")]
    pub headers: Option<Value>,
    /// The failure.
    pub failure: Option<WrittenFailure>,
    /// Whether nobody knows what became of the call.
    #[serde(default)]
    pub unknown: bool,
}

/// A failure.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WrittenFailure {
    /// Its kind; `status`, or `rate_limited`, where there is a status.
    pub kind: Option<FailureKind>,
    /// Its message.
    pub message: Option<String>,
    /// The status of an answer of HTTP.
    pub status: Option<u16>,
    /// The headers of that.
    #[serde(default, deserialize_with = "given")]
    pub headers: Option<Value>,
    /// The body of that.
    #[serde(default, deserialize_with = "given")]
    pub body: Option<Value>,
    /// How long the tool asks to be left alone.
    pub retry_after: Option<Span>,
    /// Whether another attempt may help; as the kind, or the status, says it where nothing is written.
    pub retryable: Option<bool>,
    /// Whether the tool may have acted; the same.
    pub acted: Option<bool>,
}

impl WrittenAnswer {
    pub(crate) fn fit(&self) -> Fit<'_> {
        Fit { step: self.step.as_ref(), scope: self.scope.as_ref(), within: self.within.as_deref() }
    }

    /// What makes no sense in it.
    pub(super) fn mistake(&self) -> Option<String> {
        let short = self.body.is_some() || self.status.is_some() || self.headers.is_some();
        let ends = [self.output.is_some(), short, self.failure.is_some(), self.unknown];
        let has = |value: &Option<Value>| value.as_ref().map_or(0, |value| value.to_string().len());
        if self.step.is_none() && self.action.is_none() {
            return Some("`step` or `action` is needed".to_owned());
        }
        if ends.into_iter().filter(|given| *given).count() != 1 {
            let one = "one of `output`, `body` (with `status`, `headers`), `failure` and `unknown: true`";
            return Some(format!("{one} is needed"));
        }
        if self.action.as_ref().is_some_and(|action| !action.contains('.')) {
            return Some(
                "action: an integration and an action are needed, such as `http.request`".to_owned(),
            );
        }
        if self.times == Some(0) || self.attempt == Some(0) {
            return Some("`times` and `attempt` count from 1".to_owned());
        }
        if self.status.is_some_and(|status| !(200..400).contains(&status)) {
            return Some(
                "status: an answer that is no success is written as `failure: {status: …}`".to_owned(),
            );
        }
        if has(&self.output).max(has(&self.body)) > RESPONSE_BYTES {
            return Some(format!("an output has at most {RESPONSE_BYTES} bytes"));
        }
        self.failure.as_ref().and_then(WrittenFailure::mistake).map(|mistake| format!("failure: {mistake}"))
    }

    /// The output or the failure; `is_http` where the tool is HTTP, whose answers may be short.
    pub(super) fn outcome(&self, is_http: bool) -> Result<Json, Failure> {
        if self.unknown {
            return Err(Failure::new(FailureKind::Interrupted, "nobody knows whether it acted"));
        }
        if let Some(failure) = &self.failure {
            return Err(failure.failure());
        }
        match &self.output {
            Some(output) => Ok(Json::from(output)),
            None if is_http => Ok(answer(self.status.unwrap_or(200), &self.headers, &self.body)),
            None => Ok(Json::from(self.body.as_ref().unwrap_or(&Value::Null))),
        }
    }
}

/// An answer of HTTP.
fn answer(status: u16, headers: &Option<Value>, body: &Option<Value>) -> Json {
    let headers = headers.clone().unwrap_or_else(|| json!({}).into());
    let body = body.clone().unwrap_or_default();
    let status = Value::from(json!(status));
    let fields = [("status", status), ("headers", headers), ("body", body)];
    Json::from(&Value::Object(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()))
}

impl WrittenFailure {
    fn mistake(&self) -> Option<String> {
        if self.kind.is_none() && self.status.is_none() {
            return Some("`kind` or `status` is needed".to_owned());
        }
        if self.status.is_none() && (self.headers.is_some() || self.body.is_some()) {
            return Some("an answer with `headers` or `body` has a `status`".to_owned());
        }
        let body = self.body.as_ref().map_or(0, |body| body.to_string().len());
        (body > FAILURE_ANSWER_BYTES).then(|| format!("a body has at most {FAILURE_ANSWER_BYTES} bytes"))
    }

    fn failure(&self) -> Failure {
        let limited = |status| status == 429 || (status == 503 && self.retry_after.is_some());
        let kind = self.kind.unwrap_or(match self.status {
            Some(status) if limited(status) => FailureKind::RateLimited,
            _ => FailureKind::Status,
        });
        let message = match (&self.message, self.status) {
            (Some(message), _) => message.clone(),
            (None, Some(status)) => format!("answered {status}"),
            (None, None) => "as it is written".to_owned(),
        };
        let mut failure = Failure::new(kind, message);
        if let Some(status) = self.status {
            let acted = match status {
                _ if limited(status) => false,
                200..=299 | 303 | 408 => true,
                300..=499 | 501 | 505 => false,
                _ => true,
            };
            failure = failure.with_retryable(PASSING.contains(&status)).with_may_have_acted(acted);
            failure = failure.with_answer(answer(status, &self.headers, &self.body));
        }
        if let Some(Span(after)) = self.retry_after {
            failure = failure.with_retry_after(after);
        }
        let failure = self.retryable.into_iter().fold(failure, Failure::with_retryable);
        self.acted.into_iter().fold(failure, Failure::with_may_have_acted)
    }
}
