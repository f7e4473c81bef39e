//! The route: which of two ways batches go. Settled when the store is connected, and once more where the server turns
//! out not to know the better one; one word that only moves one way.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mongodb::error::{Error, ErrorKind};

use crate::mongo::code;

/// How batches go to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::mongo) enum Path {
    /// `insert` for each collection, and one `bulkWrite` for what changes in all of them.
    BulkWrite,
    /// `insert` and `update` for each collection.
    Commands,
}

/// The way of every clone of a store.
#[derive(Debug, Clone)]
pub(in crate::mongo) struct Route {
    bulk_write: Arc<AtomicBool>,
}

impl Route {
    pub(in crate::mongo) fn new(path: Path) -> Self {
        Self { bulk_write: Arc::new(AtomicBool::new(path == Path::BulkWrite)) }
    }

    pub(in crate::mongo) fn path(&self) -> Path {
        if self.bulk_write.load(Ordering::Relaxed) { Path::BulkWrite } else { Path::Commands }
    }

    /// Hears why a `bulkWrite` failed, and takes the other way from now on where the server does not know it: its
    /// programs are new, but not its feature compatibility version, or an older server has taken over.
    pub(super) fn heed(&self, error: &Error) {
        let unknown = match error.kind.as_ref() {
            ErrorKind::Command(refusal) => {
                matches!(refusal.code, code::COMMAND_NOT_FOUND | code::COMMAND_NOT_SUPPORTED)
            }
            ErrorKind::IncompatibleServer { .. } => true,
            _ => false,
        };
        if unknown && self.bulk_write.swap(false, Ordering::Relaxed) {
            tracing::warn!(
                "the server knows no bulkWrite, whatever its wire version says; updates go by `update`"
            );
        }
    }
}
