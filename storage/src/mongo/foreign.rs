//! Documents that others put into our collections: passed over where documents are listed, counted, and told of
//! once. Changes none, and takes nothing for another's that this program wrote.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use mongodb::bson::RawDocument;

use super::{EXECUTIONS, TASKS, document};
use crate::store::Error;

/// Whether a document is ours: its id is a UUID, and, where documents change, it has a revision. One of ours that
/// cannot be read stays an error.
fn is_ours(collection: &str, document: &RawDocument) -> bool {
    let has = |field| matches!(document.get(field), Ok(Some(_)));
    let revised = [EXECUTIONS, TASKS].contains(&collection);
    document::uuid_of(document).is_some() && (!revised || (has("epoch") && has("seq")))
}

/// Reads the documents of a collection that are ours; none for those of others.
pub(super) fn or_none<T>(
    collection: &'static str,
    read: impl Fn(&RawDocument) -> Result<T, Error>,
) -> impl Fn(&RawDocument) -> Result<Option<T>, Error> {
    move |document| is_ours(collection, document).then(|| read(document)).transpose()
}

/// Of which collections it was told. Clones share it.
#[derive(Clone, Default)]
pub(super) struct Foreign(Arc<Mutex<BTreeSet<&'static str>>>);

impl Foreign {
    /// So many documents of others were passed over.
    pub(super) fn passed(&self, collection: &'static str, documents: usize) {
        if documents == 0 {
            return;
        }
        metrics::counter!("updraft_store_foreign_documents_total", "store" => "mongodb", "collection" => collection)
            .increment(documents as u64);
        if self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(collection) {
            tracing::warn!(collection, documents, "documents of others are passed over; this is told once");
        }
    }
}
