//! The codes by which a server tells what went wrong. Sorts none of them.

use mongodb::error::{Error, ErrorKind, WriteFailure};

/// What was asked makes no sense; also an index that a query names and that is not there.
pub(super) const BAD_VALUE: i32 = 2;
/// A unique key is taken.
pub(super) const DUPLICATE_KEY: i32 = 11000;
/// The collection is not there.
pub(super) const NAMESPACE_NOT_FOUND: i32 = 26;
/// It took longer than it was given.
pub(super) const MAX_TIME_EXPIRED: i32 = 50;
/// The server knows no such command.
pub(super) const COMMAND_NOT_FOUND: i32 = 59;
/// It knows the command, and does not run it.
pub(super) const COMMAND_NOT_SUPPORTED: i32 = 115;
/// The collection is a view.
pub(super) const COMMAND_NOT_SUPPORTED_ON_VIEW: i32 = 166;

/// The code of a command or a write that the server refused.
pub(super) fn of(error: &Error) -> Option<i32> {
    match error.kind.as_ref() {
        ErrorKind::Command(error) => Some(error.code),
        ErrorKind::Write(WriteFailure::WriteError(error)) => Some(error.code),
        _ => None,
    }
}
