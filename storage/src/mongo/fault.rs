//! What errors of the server and of the driver mean to the store. Sorts them by code; what they say in words goes
//! no further where it may hold what was to be written.

mod table;

#[cfg(test)]
mod tests;

use mongodb::error::{
    BulkWriteError, CommandError, Error as DriverError, ErrorKind, InsertManyError, RETRYABLE_ERROR,
    RETRYABLE_WRITE_ERROR, SYSTEM_OVERLOADED_ERROR, TRANSIENT_TRANSACTION_ERROR, WriteFailure,
};

use super::connect::cause;
use crate::store::{Error, WriteOutcome};
pub(super) use table::{Verdict, verdict};

/// A name that a server gives to a code; those of the table have up to 45 bytes.
const NAME_BYTES: usize = 64;

/// The store's error for an error of the driver that concerns a whole call.
pub(super) fn store_error(error: DriverError) -> Error {
    if passes(&error) {
        return Error::Unavailable(told(&error));
    }
    match code(&error).map(verdict) {
        Some(Verdict::Full) => Error::Full(told(&error)),
        Some(Verdict::Poison | Verdict::Exists) => Error::Refused(told(&error)),
        Some(Verdict::Retry | Verdict::Unavailable | Verdict::Unknown) => Error::Unavailable(told(&error)),
        None if mistaken(&error.kind) => Error::Refused(told(&error)),
        None => Error::Unavailable(told(&error)),
    }
}

/// The same for what a start asks for: a login that is missing or does not suffice, or a view where a collection
/// should be, is not mended by starting again.
pub(super) fn start_error(error: DriverError) -> Error {
    let on_view = code(&error) == Some(super::code::COMMAND_NOT_SUPPORTED_ON_VIEW);
    let closed = (on_view || cause::is_authentication(&error)) && !passes(&error);
    match store_error(error) {
        Error::Unavailable(why) if closed => Error::Refused(why),
        error => error,
    }
}

/// The same for a call that writes a batch. It is the fault of what is in the batch only where the code says so
/// of whole messages; whatever else a server makes of a command, it would make of any batch.
pub(super) fn batch_error(error: DriverError) -> Error {
    let refused = code(&error).is_some_and(refuses_message) && !passes(&error);
    match store_error(error) {
        Error::Refused(why) if !refused => Error::Unavailable(why),
        error => error,
    }
}

/// What became of an update that the server refused with a code of its own.
///
/// # Errors
/// The code speaks of the server, not of the update: nobody knows what became of the rest.
pub(super) fn outcome(code: i32) -> Result<WriteOutcome, Error> {
    let reason = reason(code, "");
    match verdict(code) {
        Verdict::Retry => Ok(WriteOutcome::Retry(reason)),
        Verdict::Poison => Ok(WriteOutcome::Poison(reason)),
        Verdict::Exists => Ok(WriteOutcome::Poison(taken(&reason))),
        Verdict::Unknown => Ok(WriteOutcome::Unknown(reason)),
        Verdict::Full => Err(Error::Full(reason)),
        Verdict::Unavailable => Err(Error::Unavailable(reason)),
    }
}

/// The reason where another document than one's own has a unique key.
pub(super) fn key_taken() -> String {
    taken(&reason(super::code::DUPLICATE_KEY, ""))
}

fn taken(reason: &str) -> String {
    format!("{reason}: another document has the same key in a unique index")
}

/// The error where the server wrote, but could not confirm it as it was asked: nobody knows whether it stays.
pub(super) fn unconfirmed(code: i32) -> Error {
    let why = format!("the writes are not confirmed: {}", reason(code, ""));
    if verdict(code) == Verdict::Full { Error::Full(why) } else { Error::Unavailable(why) }
}

/// Whether an error of this store says that a login is missing or does not suffice.
pub(super) fn is_denied(error: &Error) -> bool {
    let (Error::Unavailable(why) | Error::Refused(why)) = error else { return false };
    cause::DENIED.iter().any(|code| why.contains(&reason(*code, "")))
}

/// A code and its name. Words of the server are left out: they repeat keys and documents.
fn reason(code: i32, said: &str) -> String {
    let plain = said.len() <= NAME_BYTES && said.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let said = Some(said).filter(|said| plain && !said.is_empty());
    match table::name(code).or(said) {
        Some(name) => format!("error {code} ({name}) of the server"),
        None => format!("error {code} of the server"),
    }
}

/// Whether a code of a whole command speaks of the documents in the message.
const fn refuses_message(code: i32) -> bool {
    matches!(code, 15 | 22 | 357 | 378 | 10334 | 17280 | 17419 | 17420)
}

/// Whether the server or the driver says that it passes, whatever the code.
fn passes(error: &DriverError) -> bool {
    let labels =
        [RETRYABLE_WRITE_ERROR, TRANSIENT_TRANSACTION_ERROR, RETRYABLE_ERROR, SYSTEM_OVERLOADED_ERROR];
    labels.iter().any(|label| error.contains_label(label))
}

/// The code that decides, where the server sent one.
fn code(error: &DriverError) -> Option<i32> {
    match error.kind.as_ref() {
        ErrorKind::Command(CommandError { code, .. }) => Some(*code),
        ErrorKind::Write(WriteFailure::WriteError(error)) => Some(error.code),
        ErrorKind::Write(WriteFailure::WriteConcernError(error)) => Some(error.code),
        ErrorKind::InsertMany(InsertManyError { write_concern_error: Some(error), .. }) => Some(error.code),
        ErrorKind::InsertMany(InsertManyError { write_errors: Some(errors), .. }) => {
            errors.first().map(|error| error.code)
        }
        ErrorKind::BulkWrite(BulkWriteError { write_concern_errors, write_errors, .. }) => {
            let concern = write_concern_errors.first().map(|error| error.code);
            concern.or_else(|| write_errors.values().map(|error| error.code).min())
        }
        _ => None,
    }
}

/// Whether the driver refuses the call itself, and will again.
fn mistaken(kind: &ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::InvalidArgument { .. }
            | ErrorKind::InvalidTlsConfig { .. }
            | ErrorKind::IncompatibleServer { .. }
            | ErrorKind::SessionsNotSupported
    )
}

/// The error in words that hold no data.
fn told(error: &DriverError) -> String {
    match (error.kind.as_ref(), code(error)) {
        (ErrorKind::Command(command), _) => reason(command.code, &command.code_name),
        (_, Some(code)) => reason(code, ""),
        (ErrorKind::Bson(_) | ErrorKind::InvalidResponse { .. }, None) => {
            "an answer that cannot be read".to_owned()
        }
        (ErrorKind::InsertMany(_) | ErrorKind::BulkWrite(_), None) => "an answer that broke off".to_owned(),
        // The words of who refuses may repeat a login.
        (ErrorKind::Authentication { .. }, None) => "the login is not accepted".to_owned(),
        _ => cause::of(error),
    }
}
