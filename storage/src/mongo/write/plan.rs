//! The operation for each update of a batch: a document to insert, or fields to set through a guard. Pure; an update
//! that cannot be encoded is reported at once, without affecting the others.

use mongodb::bson::{RawDocumentBuf, cstr, rawdoc};
use updraft_protocol::{DocumentId, Revision, Update};
use uuid::Uuid;

use crate::mongo::{EXECUTIONS, TASKS, document};
use crate::store::WriteOutcome;

/// The operation for one update.
#[derive(Debug)]
pub(super) struct Operation {
    /// The index of the update in the batch.
    pub(super) update: usize,
    pub(super) collection: &'static str,
    pub(super) id: Uuid,
    revision: Revision,
    /// The document to be inserted, or the fields to be set.
    pub(super) body: RawDocumentBuf,
}

/// The operations for a batch.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// Those of one collection are adjacent.
    pub(super) inserts: Vec<Operation>,
    pub(super) changes: Vec<Operation>,
    /// Updates that will never be written.
    pub(super) refused: Vec<(usize, WriteOutcome)>,
}

impl Plan {
    /// Inserts for updates with a head, changes for the others. The server accepts documents of so many bytes.
    pub(super) fn of(batch: &[Update], most: usize) -> Self {
        let mut plan = Self::default();
        for (index, update) in batch.iter().enumerate() {
            plan.add(index, update, document::to_insert(update), most);
        }
        plan.inserts.sort_by_key(|operation| operation.collection);
        plan
    }

    /// Changes for some updates, whether they have a head or not.
    pub(super) fn over(batch: &[Update], which: &[usize], most: usize) -> Self {
        let mut plan = Self::default();
        for (index, update) in which.iter().filter_map(|index| Some((*index, batch.get(*index)?))) {
            plan.add(index, update, None, most);
        }
        plan
    }

    fn add(
        &mut self,
        update: usize,
        of: &Update,
        insert: Option<Result<RawDocumentBuf, String>>,
        most: usize,
    ) {
        let (body, operations) = match insert {
            Some(body) => (body, &mut self.inserts),
            None => (document::to_set(of), &mut self.changes),
        };
        match body.and_then(|body| fits(body, most)) {
            Ok(body) => {
                let (collection, id) = address(of);
                operations.push(Operation { update, collection, id, revision: of.revision(), body });
            }
            Err(reason) => self.refused.push((update, WriteOutcome::Poison(reason))),
        }
    }
}

/// The collection and the id of an update's document.
pub(super) fn address(update: &Update) -> (&'static str, Uuid) {
    match update.document() {
        DocumentId::Execution(peid) => (EXECUTIONS, peid.uuid()),
        DocumentId::Task(task_id) => (TASKS, task_id.uuid()),
    }
}

/// A document that is too large would be refused with its whole message.
fn fits(body: RawDocumentBuf, most: usize) -> Result<RawDocumentBuf, String> {
    let bytes = body.as_bytes().len();
    if bytes > most {
        Err(format!("the document has {bytes} bytes; the server takes at most {most}"))
    } else {
        Ok(body)
    }
}

impl Operation {
    /// A filter that matches an older document only.
    ///
    /// The id is in an `$and`, which makes no difference to MongoDB. Beside an `$or`, some servers would scan the whole
    /// collection for it.
    pub(super) fn guard(&self) -> RawDocumentBuf {
        // The server stores signed numbers of 64 bits: the encoder refused larger ones.
        let [epoch, seq] =
            [self.revision.epoch, self.revision.seq].map(|part| i64::try_from(part).unwrap_or(i64::MAX));
        rawdoc! { "$and": [
            { "_id": document::id(self.id) },
            { "$or": [ { "epoch": { "$lt": epoch } }, { "epoch": epoch, "seq": { "$lt": seq } } ] },
        ] }
    }

    /// The change: plain `$set`, which evaluates none of its values.
    pub(super) fn set(&self) -> RawDocumentBuf {
        let mut set = RawDocumentBuf::new();
        set.append(cstr!("$set"), &self.body);
        set
    }
}
