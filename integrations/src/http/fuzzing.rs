//! The way in for a fuzzer: what becomes of an answer, as if a tool had sent it. Sends nothing.

use std::time::Duration;

use http::Response;
use serde_json::Value;
use tokio::time::Instant;
use updraft_protocol::{Failure, Json};

use super::answer::Reading;
use super::arguments::Arguments;
use super::failure::Target;
use crate::secret::{Redactor, Secret};

/// Reads the arguments of a step, and an answer as they say. `secret` is what the request carried.
///
/// # Errors
/// What an attempt would fail with.
pub async fn answer(arguments: Value, secret: &str, response: Response<Vec<u8>>) -> Result<Json, Failure> {
    let arguments = Arguments::read(arguments)?;
    let target = Target { method: arguments.method, host: "tool.example:443".to_owned() };
    let mut redactor = Redactor::default();
    redactor.add(Secret::new(secret));
    let (expect, retry_on) = (arguments.expect, arguments.retry_on);
    let (form, max_bytes) = (arguments.response, arguments.max_bytes);
    let reading = Reading { target, expect, retry_on, form, max_bytes, redactor };
    let timeout = Duration::from_secs(60);
    reading.read(response.into(), Instant::now() + timeout, timeout).await
}
