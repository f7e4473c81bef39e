//! The meaning of errors of the server and of the driver for the store: sorted by the server's codes, and described
//! without data, logins and values of options. Repeats no message of a server.

mod table;

#[cfg(test)]
mod tests;

use mongodb::error::{
    CommandError, Error as DriverError, ErrorKind, InsertManyError, RETRYABLE_ERROR, RETRYABLE_WRITE_ERROR,
    SYSTEM_OVERLOADED_ERROR, TRANSIENT_TRANSACTION_ERROR, WriteFailure,
};

use crate::store::{Error, WriteOutcome};
pub(super) use table::{Verdict, verdict};

/// The login is missing, or lacks the right.
const UNAUTHORIZED: i32 = 13;
/// The login is not accepted.
const AUTHENTICATION_FAILED: i32 = 18;
/// The collection is a view.
const COMMAND_NOT_SUPPORTED_ON_VIEW: i32 = 166;
/// A unique key is taken.
pub(super) const DUPLICATE_KEY: i32 = 11000;

/// The message for a server that does not answer.
pub(super) const SILENT: &str = "no answer";
/// The message if the driver found no server.
const NO_SERVER: &str = "no server was found in time";
/// The message if the driver gave up all connections to a server.
const CONNECTION_LOST: &str = "the connection was lost";

/// The length of a code's name from a server; those of MongoDB have up to 45 bytes.
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

/// The same for a call of the start: a missing or insufficient login, or a view in place of a collection, is not
/// repaired by another start.
pub(super) fn start_error(error: DriverError) -> Error {
    let on_view = code(&error) == Some(COMMAND_NOT_SUPPORTED_ON_VIEW);
    let closed = (on_view || is_authentication(&error)) && !passes(&error);
    match store_error(error) {
        Error::Unavailable(why) if closed => Error::Refused(why),
        error => error,
    }
}

/// The same for a call that writes a batch. The content of the batch is at fault only if the code is about whole
/// messages; any other error would concern every batch.
pub(super) fn batch_error(error: DriverError) -> Error {
    let refused = code(&error).is_some_and(refuses_message) && !passes(&error);
    match store_error(error) {
        Error::Refused(why) if !refused => Error::Unavailable(why),
        error => error,
    }
}

/// The outcome of an update that the server refused with a code of its own.
///
/// # Errors
/// The code is about the server, not about the update: the outcome of the rest is unknown.
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

/// The reason if another document has a unique key.
pub(super) fn key_taken() -> String {
    taken(&reason(DUPLICATE_KEY, ""))
}

fn taken(reason: &str) -> String {
    format!("{reason}: another document has the same key in a unique index")
}

/// The error if the server wrote, but could not confirm it as required: the write may be lost.
pub(super) fn unconfirmed(code: i32) -> Error {
    let why = format!("the writes are not confirmed: {}", reason(code, ""));
    if verdict(code) == Verdict::Full { Error::Full(why) } else { Error::Unavailable(why) }
}

/// Whether a server refused the login, or an operation for which the login has no right.
pub(super) fn is_authentication(error: &DriverError) -> bool {
    match error.kind.as_ref() {
        ErrorKind::Authentication { .. } => true,
        ErrorKind::Command(error) => [UNAUTHORIZED, AUTHENTICATION_FAILED].contains(&error.code),
        _ => false,
    }
}

/// Whether a cause says only that no server was reached. [`super::monitor::Monitor`] knows why.
pub(super) fn is_unreached(why: &str) -> bool {
    [NO_SERVER, CONNECTION_LOST].contains(&why)
}

/// A code, and its name if the server sent it. Messages of the server are left out: they repeat keys and documents.
fn reason(code: i32, name: &str) -> String {
    let plain = name.len() <= NAME_BYTES && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if plain && !name.is_empty() {
        format!("error {code} ({name}) of the server")
    } else {
        format!("error {code} of the server")
    }
}

/// Whether a code of a whole command is about the documents in the message.
const fn refuses_message(code: i32) -> bool {
    matches!(code, 15 | 22 | 357 | 378 | 10334 | 17280 | 17419 | 17420)
}

/// Whether the server or the driver marks the error as temporary, whatever the code.
fn passes(error: &DriverError) -> bool {
    let labels =
        [RETRYABLE_WRITE_ERROR, TRANSIENT_TRANSACTION_ERROR, RETRYABLE_ERROR, SYSTEM_OVERLOADED_ERROR];
    labels.iter().any(|label| error.contains_label(label))
}

/// The decisive code, if the server sent one.
pub(super) fn code(error: &DriverError) -> Option<i32> {
    match error.kind.as_ref() {
        ErrorKind::Command(CommandError { code, .. }) => Some(*code),
        ErrorKind::Write(WriteFailure::WriteError(error)) => Some(error.code),
        ErrorKind::Write(WriteFailure::WriteConcernError(error)) => Some(error.code),
        ErrorKind::InsertMany(InsertManyError { write_concern_error: Some(error), .. }) => Some(error.code),
        ErrorKind::InsertMany(InsertManyError { write_errors: Some(errors), .. }) => {
            errors.first().map(|error| error.code)
        }
        _ => None,
    }
}

/// Whether the driver refuses the call itself, and always will.
fn mistaken(kind: &ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::InvalidArgument { .. }
            | ErrorKind::InvalidTlsConfig { .. }
            | ErrorKind::IncompatibleServer { .. }
            | ErrorKind::SessionsNotSupported
    )
}

/// The error in one line without data, logins and values of options.
pub(super) fn told(error: &DriverError) -> String {
    let text = match (error.kind.as_ref(), code(error)) {
        (ErrorKind::Command(command), _) => reason(command.code, &command.code_name),
        (_, Some(code)) => reason(code, ""),
        (ErrorKind::Bson(_) | ErrorKind::InvalidResponse { .. }, None) => {
            "an answer that cannot be read".to_owned()
        }
        (ErrorKind::InsertMany(_), None) => "an answer that broke off".to_owned(),
        (ErrorKind::Authentication { .. }, None) => "the login is not accepted".to_owned(),
        (ErrorKind::Io(error), None) => error.to_string(),
        (ErrorKind::DnsResolve { message, .. }, None) => format!("name look-up: {message}"),
        (ErrorKind::InvalidTlsConfig { .. }, None) => {
            "the files that its options name for TLS cannot be used".to_owned()
        }
        (ErrorKind::InvalidArgument { .. }, None) => "one of its options is not as it must be".to_owned(),
        (ErrorKind::ServerSelection { .. }, None) => NO_SERVER.to_owned(),
        (ErrorKind::IncompatibleServer { message, .. }, None) => message.clone(),
        (ErrorKind::ConnectionPoolCleared { .. }, None) => CONNECTION_LOST.to_owned(),
        (kind, None) => kind.to_string(),
    };
    text.lines().collect::<Vec<_>>().join(" ")
}
