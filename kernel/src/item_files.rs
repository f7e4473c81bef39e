//! The port by which a `for_each` reads the items of a file: which is durable and never changes, so that the same place gives
//! the same items whenever it is asked, as a value that is too large to be held would. Reads nothing itself.

use std::fmt;

use updraft_protocol::{ExecutionId, Failure, FileId, TenantCode, Value};

/// The items of files, by execution.
pub trait ItemFiles: fmt::Debug + Send + Sync {
    /// How many items a file has.
    ///
    /// # Errors
    /// The execution has no such file, it is neither a JSON array nor JSON lines, or the disk.
    fn count(&self, of: (&TenantCode, ExecutionId), file: FileId) -> Result<u64, Failure>;

    /// Some of its items, from a place on: 0, or where an earlier part ended. None at its end.
    ///
    /// # Errors
    /// See [`count`](Self::count).
    fn part(&self, of: (&TenantCode, ExecutionId), file: FileId, from: u64) -> Result<ItemsPart, Failure>;
}

/// Some items of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct ItemsPart {
    /// The items, each with its bytes as JSON.
    pub items: Vec<(Value, usize)>,
    /// Where the next part begins.
    pub next: u64,
}
