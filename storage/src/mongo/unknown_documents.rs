//! Documents of other programs in our collections: a list skips them, counts them, and logs the first of each
//! collection. Changes none, and never takes a document of this program for another's.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use mongodb::bson::RawDocument;

use super::{EXECUTIONS, TASKS, document};
use crate::store::Error;

/// Whether a document is ours: its id is a UUID, and, in collections whose documents change, it has a revision. One of
/// ours that cannot be read stays an error.
fn is_ours(collection: &str, document: &RawDocument) -> bool {
    let has = |field| matches!(document.get(field), Ok(Some(_)));
    let revised = [EXECUTIONS, TASKS].contains(&collection);
    document::uuid_of(document).is_some() && (!revised || (has("epoch") && has("seq")))
}

/// Reads a document of a collection if it is ours; `None` otherwise.
pub(super) fn if_ours<T>(
    collection: &'static str,
    document: &RawDocument,
    read: impl FnOnce(&RawDocument) -> Result<T, Error>,
) -> Result<Option<T>, Error> {
    is_ours(collection, document).then(|| read(document)).transpose()
}

/// The collections that were logged. Clones share it.
#[derive(Clone, Default)]
pub(super) struct UnknownDocuments(Arc<Mutex<BTreeSet<&'static str>>>);

impl UnknownDocuments {
    /// Counts documents that were skipped.
    pub(super) fn passed(&self, collection: &'static str, documents: usize) {
        if documents == 0 {
            return;
        }
        metrics::counter!("updraft_store_unknown_documents_total", "store" => "mongodb", "collection" => collection)
            .increment(documents as u64);
        if self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(collection) {
            tracing::warn!(collection, documents, "documents of other programs are passed over; logged once");
        }
    }
}
