//! What errors of the server and of the driver mean to the store: sorted by the server's codes, and told in words
//! that hold no data, no login and no value of an option. Repeats no message of a server.

mod table;

#[cfg(test)]
mod tests;

use mongodb::error::{
    BulkWriteError, CommandError, Error as DriverError, ErrorKind, InsertManyError, RETRYABLE_ERROR,
    RETRYABLE_WRITE_ERROR, SYSTEM_OVERLOADED_ERROR, TRANSIENT_TRANSACTION_ERROR, WriteFailure,
};

use crate::store::{Error, WriteOutcome};
pub(super) use table::{Verdict, verdict};

/// What was asked makes no sense; also an index that a query names and that is not there.
pub(super) const BAD_VALUE: i32 = 2;
/// The login is missing, or has no right to what was asked.
const UNAUTHORIZED: i32 = 13;
/// The login is not accepted.
const AUTHENTICATION_FAILED: i32 = 18;
/// The collection is not there.
pub(super) const NAMESPACE_NOT_FOUND: i32 = 26;
/// The collection is a view.
const COMMAND_NOT_SUPPORTED_ON_VIEW: i32 = 166;
/// A unique key is taken.
pub(super) const DUPLICATE_KEY: i32 = 11000;

/// What is told of a server that says nothing.
pub(super) const SILENT: &str = "no answer";
/// What is told where the driver found no server to ask.
const NO_SERVER: &str = "no server was found in time";
/// What is told where the driver gave up all connections to a server.
const CONNECTION_LOST: &str = "the connection was lost";

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
    let on_view = code(&error) == Some(COMMAND_NOT_SUPPORTED_ON_VIEW);
    let closed = (on_view || is_authentication(&error)) && !passes(&error);
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
    taken(&reason(DUPLICATE_KEY, ""))
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
    [UNAUTHORIZED, AUTHENTICATION_FAILED].iter().any(|code| why.contains(&reason(*code, "")))
}

/// Whether a server refused the login, or refused what the login has no right to.
pub(super) fn is_authentication(error: &DriverError) -> bool {
    match error.kind.as_ref() {
        ErrorKind::Authentication { .. } => true,
        ErrorKind::Command(error) => [UNAUTHORIZED, AUTHENTICATION_FAILED].contains(&error.code),
        _ => false,
    }
}

/// Whether a cause says only that no server was reached. Why, [`super::monitor::Monitor`] knows.
pub(super) fn is_unreached(why: &str) -> bool {
    [NO_SERVER, CONNECTION_LOST].contains(&why)
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
pub(super) fn code(error: &DriverError) -> Option<i32> {
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

/// The error in one line that holds no data, no login and no value of an option.
pub(super) fn told(error: &DriverError) -> String {
    let text = match (error.kind.as_ref(), code(error)) {
        (ErrorKind::Command(command), _) => reason(command.code, &command.code_name),
        (_, Some(code)) => reason(code, ""),
        (ErrorKind::Bson(_) | ErrorKind::InvalidResponse { .. }, None) => {
            "an answer that cannot be read".to_owned()
        }
        (ErrorKind::InsertMany(_) | ErrorKind::BulkWrite(_), None) => "an answer that broke off".to_owned(),
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
