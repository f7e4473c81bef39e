//! The entry point for a fuzzer: the result for an answer, as if a tool had sent it. Sends nothing.

use std::time::Duration;

use bytes::Bytes;
use http::Response;
use http_body_util::Full;
use serde_json::Value;
use tokio::time::Instant;
use updraft_masking::Masker;
use updraft_protocol::{CallFiles, Failure, FailureKind, Json, TenantCode};

use super::answer::{Reading, Within};
use super::arguments::Arguments;
use super::capacity::Capacity;
use super::failure::Target;

/// Reads the arguments of a step, and an answer accordingly. `secret` is a secret of the request.
///
/// # Errors
/// The failure of the attempt.
pub async fn answer(arguments: Value, secret: &str, response: Response<Vec<u8>>) -> Result<Json, Failure> {
    let arguments = Arguments::read(arguments.into())?;
    let target = Target { method: arguments.method, host: "tool.example:443".to_owned() };
    let mut masker = Masker::new();
    masker.add(secret);
    let tenant = TenantCode::new("acme")
        .map_err(|error| Failure::new(FailureKind::InvalidArguments, error.to_string()))?;
    let files = CallFiles::default();
    let reading = Reading { target, tenant, options: arguments.options, masker, files };
    let timeout = Duration::from_secs(60);
    let until = Instant::now() + timeout;
    let within = Within { until, told: until, timeout };
    reading.read(response.map(|body| Full::new(Bytes::from(body))), within, &Capacity::default()).await
}
