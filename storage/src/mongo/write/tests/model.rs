//! A model of the server: documents, inserts by id, and the store's filters. Sends nothing.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use mongodb::bson::{Bson, Document, RawDocumentBuf};
use updraft_protocol::{Revision, Update};
use uuid::Uuid;

use crate::mongo::document;
use crate::mongo::server::Server;
use crate::mongo::write::operation::Operation;
use crate::store::WriteOutcome;

/// The limits of MongoDB.
pub(super) const LIMITS: Server =
    Server { wire_version: 27, document_bytes: 16 << 20, batch_operations: 100_000 };

/// Documents by their collection and id.
#[derive(Debug, Default)]
pub(super) struct Model(HashMap<(&'static str, Uuid), Document>);

impl Model {
    /// Writes a batch: whole documents are inserted, or laid over those that they meet.
    pub(super) fn write(&mut self, batch: &[Update]) -> Vec<WriteOutcome> {
        let mut outcomes = vec![WriteOutcome::Written; batch.len()];
        for (at, update) in batch.iter().enumerate() {
            let is_whole = document::is_whole(update);
            let operation = match Operation::of(at, update, is_whole, &LIMITS) {
                Ok(operation) => operation,
                Err(outcome) => {
                    outcomes[at] = outcome;
                    continue;
                }
            };
            let place = self.0.entry((operation.collection, operation.id));
            if is_whole && let Entry::Vacant(place) = place {
                place.insert(Document::try_from(&operation.body).unwrap());
            } else if !self.change(&Operation::of(at, update, false, &LIMITS).unwrap()) {
                outcomes[at] = WriteOutcome::Stale;
            }
        }
        outcomes
    }

    /// Whether the guard matched.
    fn change(&mut self, change: &Operation) -> bool {
        let guard = Document::try_from(&change.guard()).unwrap();
        let found = self.0.values_mut().find(|document| matches(&guard, document));
        let Some(document) = found else { return false };
        let older = revision(document);
        let set = Document::try_from(&change.set()).unwrap();
        assert_eq!(set.keys().collect::<Vec<_>>(), ["$set"]);
        document.extend(set.get_document("$set").unwrap().clone());
        assert!(revision(document) > older, "a document never gets older");
        true
    }

    pub(super) fn get(&self, collection: &'static str, id: Uuid) -> Option<RawDocumentBuf> {
        self.0.get(&(collection, id)).map(|document| RawDocumentBuf::try_from(document).unwrap())
    }
}

fn revision(document: &Document) -> Revision {
    let part = |name| u64::try_from(document.get_i64(name).unwrap()).unwrap();
    Revision { epoch: part("epoch"), seq: part("seq") }
}

/// The part of MongoDB's filters that the store uses.
fn matches(filter: &Document, document: &Document) -> bool {
    let all = |list: &Bson| list.as_array().unwrap().clone();
    filter.iter().all(|(name, wanted)| match name.as_str() {
        "$and" => all(wanted).iter().all(|filter| matches(filter.as_document().unwrap(), document)),
        "$or" => all(wanted).iter().any(|filter| matches(filter.as_document().unwrap(), document)),
        field => match (document.get(field), wanted.as_document()) {
            (Some(found), None) => found == wanted,
            (Some(found), Some(less)) => {
                assert_eq!(less.keys().collect::<Vec<_>>(), ["$lt"]);
                found.as_i64().unwrap() < less.get_i64("$lt").unwrap()
            }
            (None, _) => false,
        },
    })
}
