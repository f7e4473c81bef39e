//! Failures of commands. Messages name the program and what it wrote to its standard error; what secrets are in that, the engine
//! masks.

use std::fmt::Display;
use std::io;

use updraft_protocol::limits::SHELL_FAILURE_BYTES;
use updraft_protocol::{Failure, FailureKind, Json, Value};

use super::kept::{answer, exit_code, output};
use super::process::Ran;

/// How much of the standard error a message tells.
const TOLD_CHARACTERS: usize = 300;

/// The output of a command that ended, or its failure: it ran, so that it may have acted whatever its exit code is.
pub(super) fn judged(who: impl Display, mut ran: Ran, arguments: &Value) -> Result<Json, Failure> {
    let code = exit_code(&ran);
    let is_expected = match &arguments["expect"] {
        Value::Array(expected) => expected.iter().any(|expected| expected.as_i64() == Some(code.into())),
        _ => code == 0,
    };
    if is_expected {
        return Ok(output(&mut ran));
    }
    let said = String::from_utf8_lossy(ran.stderr.kept()).trim().to_owned();
    let from = said.char_indices().rev().nth(TOLD_CHARACTERS).map_or(0, |(at, _)| at);
    let end = said.get(from..).unwrap_or_default();
    let colon = if end.is_empty() { "" } else { ": " };
    let failure = Failure::new(FailureKind::Status, format!("{who}: exit code {code}{colon}{end}"));
    Err(failure
        .with_retryable(false)
        .with_may_have_acted(true)
        .with_answer(answer(&mut ran, SHELL_FAILURE_BYTES)))
}

/// A program that could not be started.
pub(super) fn not_started(program: &str, error: &io::Error) -> Failure {
    let lasts = matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied | io::ErrorKind::InvalidInput
    );
    let failure = Failure::new(FailureKind::Unreachable, format!("`{program}` does not start: {error}"));
    failure.with_retryable(!lasts).with_may_have_acted(false)
}

/// The call was withdrawn before anything was started.
pub(super) fn withdrawn() -> Failure {
    Failure::new(FailureKind::Interrupted, "withdrawn before it was started").with_may_have_acted(false)
}

/// Arguments that make no sense.
pub(super) fn invalid(place: &str, message: &str) -> Failure {
    Failure::new(FailureKind::InvalidArguments, format!("arguments.{place}: {message}"))
}
