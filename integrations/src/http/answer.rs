//! The answer of a tool: from bytes on the wire to what the step gives, within limits. Never holds more of
//! it than the limit.

use std::io;
use std::time::Duration;

use reqwest::{Method, Response, StatusCode};
use serde::Serialize;
use serde_json::Value;
use tokio::time::{Instant, timeout_at};
use updraft_protocol::limits::{HTTP_INLINE_BYTES, NESTING, RESPONSE_BYTES};
use updraft_protocol::{Failure, FailureKind, Json};

use super::arguments::Form;
use super::failure::Target;
use super::keep::Kept;
use super::statuses::Statuses;
use crate::secret::Redactor;

/// How an answer is to be read.
pub(crate) struct Reading {
    pub(crate) target: Target,
    /// The statuses of an answer that is one.
    pub(crate) expect: Statuses,
    /// Those of the others after which another attempt may help.
    pub(crate) retry_on: Statuses,
    pub(crate) form: Form,
    pub(crate) max_bytes: usize,
    pub(crate) redactor: Redactor,
}

/// What a step gives: `steps.ID.output`.
#[derive(Serialize)]
struct Output<T> {
    status: u16,
    body: T,
}

impl Reading {
    /// Reads what an answer carries and shapes it, until the attempt's time is over.
    pub(crate) async fn read(
        self,
        response: Response,
        deadline: Instant,
        timeout: Duration,
    ) -> Result<Json, Failure> {
        let status = response.status();
        if !self.expect.contains(status.as_u16()) {
            return Err(self.target.status(status, response.headers(), &self.retry_on));
        }
        if matches!(self.form, Form::None) {
            return self.shape(status, Vec::new());
        }
        let bytes = match timeout_at(deadline, self.bytes(response)).await {
            Ok(bytes) => bytes?,
            Err(_) => return Err(self.target.timeout(timeout)),
        };
        if bytes.len() <= HTTP_INLINE_BYTES {
            return self.shape(status, bytes);
        }
        let shaped = tokio::task::spawn_blocking(move || self.shape(status, bytes)).await;
        shaped.unwrap_or_else(|error| match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(Failure::new(FailureKind::Interrupted, "the runtime ended")),
        })
    }

    async fn bytes(&self, mut response: Response) -> Result<Vec<u8>, Failure> {
        let announced = response.content_length().unwrap_or(0);
        let carries_body = self.target.method != Method::HEAD;
        if carries_body && announced > self.max_bytes as u64 {
            return Err(self.too_large());
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.target.interrupted(&error))? {
            if chunk.len() > self.max_bytes - bytes.len() {
                return Err(self.too_large());
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }

    fn too_large(&self) -> Failure {
        let message = format_args!("the answer is larger than {} bytes", self.max_bytes);
        self.target.fail(FailureKind::TooLarge, message)
    }

    fn invalid(&self, message: impl std::fmt::Display) -> Failure {
        self.target.fail(FailureKind::InvalidResponse, message)
    }

    fn shape(&self, status: StatusCode, bytes: Vec<u8>) -> Result<Json, Failure> {
        let keep = match &self.form {
            Form::None => return self.output(status, ()),
            Form::Text => {
                let text = String::from_utf8(bytes).map_err(|_| self.invalid("the answer is not UTF-8"))?;
                return self.output(status, self.redactor.text(text));
            }
            Form::Json(keep) => keep,
        };
        let no_content = matches!(status.as_u16(), 204 | 205 | 304) || self.target.method == Method::HEAD;
        let body = if bytes.is_empty() && no_content {
            Value::Null
        } else {
            self.redactor.value(self.json(&bytes)?)
        };
        let Some(keep) = keep else {
            return self.checked(status, &Kept::One(&body));
        };
        match keep.apply(&body) {
            Some(kept) => self.checked(status, &kept),
            None => Err(self.invalid("the answer has nothing of what is to be kept")),
        }
    }

    fn json(&self, bytes: &[u8]) -> Result<Value, Failure> {
        if bytes.is_empty() {
            return Err(self.invalid("the answer is empty, JSON was expected"));
        }
        // Some servers open their JSON with a byte order mark.
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let text = std::str::from_utf8(bytes).map_err(|_| self.invalid("the answer is not UTF-8"))?;
        serde_json::from_str(text).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            self.invalid(format_args!("the answer is not JSON at line {line}, column {column}"))
        })
    }

    /// The output, if its nesting is not beyond what later steps can read.
    fn checked(&self, status: StatusCode, kept: &Kept<'_>) -> Result<Json, Failure> {
        let depth = match kept {
            Kept::One(value) => depth(value),
            Kept::Several(values) => 1 + values.iter().map(|value| depth(value)).max().unwrap_or(0),
        };
        if 1 + depth > NESTING {
            return Err(self.invalid(format_args!("the answer is nested deeper than {NESTING} levels")));
        }
        self.output(status, kept)
    }

    /// The output as text. Escapes make a text longer, and a path may keep a part twice: what is counted
    /// is what is kept.
    fn output(&self, status: StatusCode, body: impl Serialize) -> Result<Json, Failure> {
        let mut writer = Bounded(Vec::new());
        let written = serde_json::to_writer(&mut writer, &Output { status: status.as_u16(), body });
        let text = String::from_utf8(writer.0).ok().filter(|_| written.is_ok());
        text.and_then(|text| Json::parse(&text).ok()).ok_or_else(|| {
            let message = format_args!("what is kept of the answer is larger than {RESPONSE_BYTES} bytes");
            self.target.fail(FailureKind::TooLarge, message)
        })
    }
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

/// Takes as many bytes as a task may keep, and refuses more.
struct Bounded(Vec<u8>);

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.len() > RESPONSE_BYTES - self.0.len() {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
#[path = "answer_tests.rs"]
mod tests;
