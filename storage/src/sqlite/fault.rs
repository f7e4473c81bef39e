//! The meaning of SQLite's errors for the store: retry, no space, not readable, or never.

use rusqlite::{Error as Sqlite, ErrorCode, ffi};

use crate::store::Error;

/// The store's error for an error of SQLite that concerns a whole call.
pub(super) fn store_error(error: Sqlite) -> Error {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => Error::Full(error.to_string()),
        Some(
            ErrorCode::SystemIoFailure
            | ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::OutOfMemory
            | ErrorCode::ReadOnly
            | ErrorCode::PermissionDenied
            | ErrorCode::OperationAborted
            | ErrorCode::OperationInterrupted
            | ErrorCode::CannotOpen
            | ErrorCode::FileLockingProtocolFailed
            | ErrorCode::SchemaChanged,
        ) => Error::Unavailable(error.to_string()),
        _ if poisons(&error) => Error::Refused(error.to_string()),
        // A damaged file or a missing table: the store is at fault, not the data.
        _ => Error::Corrupt(error.to_string()),
    }
}

/// Whether SQLite refuses one row for its content, and always will.
pub(super) fn poisons(error: &Sqlite) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::ConstraintViolation | ErrorCode::TooBig | ErrorCode::TypeMismatch)
    )
}

/// Whether SQLite refuses a row because another one has its key in a unique index.
pub(super) fn is_taken(error: &Sqlite) -> bool {
    error.sqlite_error().is_some_and(|error| error.extended_code == ffi::SQLITE_CONSTRAINT_UNIQUE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(code: i32) -> Sqlite {
        Sqlite::SqliteFailure(ffi::Error::new(code), None)
    }

    #[test]
    fn what_may_pass_is_retryable_and_what_will_not_is_not() {
        for code in [ffi::SQLITE_FULL, ffi::SQLITE_BUSY, ffi::SQLITE_IOERR, ffi::SQLITE_IOERR_FSYNC] {
            assert!(store_error(failure(code)).retryable(), "{code}");
        }
        for code in [ffi::SQLITE_CORRUPT, ffi::SQLITE_NOTADB, ffi::SQLITE_MISUSE, ffi::SQLITE_ERROR] {
            assert!(!store_error(failure(code)).retryable(), "{code}");
        }
        assert!(matches!(store_error(failure(ffi::SQLITE_FULL)), Error::Full(_)));
        assert!(matches!(store_error(failure(ffi::SQLITE_CORRUPT)), Error::Corrupt(_)));
        assert!(matches!(store_error(failure(ffi::SQLITE_ERROR)), Error::Corrupt(_)));
        assert!(matches!(store_error(failure(ffi::SQLITE_CONSTRAINT)), Error::Refused(_)));
    }

    #[test]
    fn only_the_row_itself_makes_poison() {
        assert!(poisons(&failure(ffi::SQLITE_CONSTRAINT_NOTNULL)));
        assert!(poisons(&failure(ffi::SQLITE_TOOBIG)));
        assert!(!poisons(&failure(ffi::SQLITE_FULL)));
        assert!(!poisons(&failure(ffi::SQLITE_BUSY)));
    }
}
