//! What is to be done for each update of a batch: a document to insert, or fields to set through a guard. Pure;
//! what cannot be encoded is told at once, and the others go on.

use mongodb::bson::{RawDocumentBuf, cstr, rawdoc};
use updraft_protocol::{DocumentId, Revision, Update};
use uuid::Uuid;

use crate::mongo::{EXECUTIONS, TASKS, document};
use crate::store::WriteOutcome;

/// What is to be done for one update.
#[derive(Debug)]
pub(super) struct Operation {
    /// Which update of the batch.
    pub(super) update: usize,
    pub(super) collection: &'static str,
    pub(super) id: Uuid,
    revision: Revision,
    /// The document to be inserted, or the fields to be set.
    pub(super) body: RawDocumentBuf,
}

/// What is to be done for a batch. Operations of one collection stand together.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) inserts: Vec<Operation>,
    pub(super) changes: Vec<Operation>,
    /// Updates that will never be written.
    pub(super) refused: Vec<(usize, WriteOutcome)>,
    /// Bytes of a document that the server takes.
    most: usize,
}

impl Plan {
    /// Inserts for updates with a head, changes for the others. The server takes documents of so many bytes.
    pub(super) fn of(batch: &[Update], most: usize) -> Self {
        let mut plan = Self { most, ..Self::default() };
        for (index, update) in batch.iter().enumerate() {
            let insert = match update {
                Update::Execution(update) => {
                    update.head.as_ref().map(|head| document::execution_insert(update, head))
                }
                Update::Task(update) => update.head.as_ref().map(|head| document::task_insert(update, head)),
            };
            match insert {
                Some(body) => plan.add(index, update, body, |plan| &mut plan.inserts),
                None => plan.add(index, update, fields(update), |plan| &mut plan.changes),
            }
        }
        plan.ordered()
    }

    /// Changes for some updates, whether they have a head or not.
    pub(super) fn over(batch: &[Update], which: &[usize], most: usize) -> Self {
        let mut plan = Self { most, ..Self::default() };
        for &index in which {
            if let Some(update) = batch.get(index) {
                plan.add(index, update, fields(update), |plan| &mut plan.changes);
            }
        }
        plan.ordered()
    }

    fn add(
        &mut self,
        index: usize,
        update: &Update,
        body: Result<RawDocumentBuf, String>,
        place: impl FnOnce(&mut Self) -> &mut Vec<Operation>,
    ) {
        let (collection, id) = address(update);
        match body.and_then(|body| fits(body, self.most)) {
            Ok(body) => {
                let operation =
                    Operation { update: index, collection, id, revision: update.revision(), body };
                place(self).push(operation);
            }
            Err(reason) => self.refused.push((index, WriteOutcome::Poison(reason))),
        }
    }

    fn ordered(mut self) -> Self {
        self.inserts.sort_by_key(|operation| operation.collection);
        self.changes.sort_by_key(|operation| operation.collection);
        self
    }
}

/// Where the document of an update is.
pub(super) fn address(update: &Update) -> (&'static str, Uuid) {
    match update.document() {
        DocumentId::Execution(peid) => (EXECUTIONS, peid.uuid()),
        DocumentId::Task(task_id) => (TASKS, task_id.uuid()),
    }
}

/// One that is too large would be refused with all that is in its message.
fn fits(body: RawDocumentBuf, most: usize) -> Result<RawDocumentBuf, String> {
    let bytes = body.as_bytes().len();
    if bytes > most {
        Err(format!("the document has {bytes} bytes; the server takes at most {most}"))
    } else {
        Ok(body)
    }
}

fn fields(update: &Update) -> Result<RawDocumentBuf, String> {
    match update {
        Update::Execution(update) => document::execution_set(update),
        Update::Task(update) => document::task_set(update),
    }
}

impl Operation {
    /// Lets a change through to an older document alone.
    ///
    /// The id stands in an `$and`, which is the same to MongoDB. Beside an `$or`, there are servers that look
    /// through the whole collection for it.
    pub(super) fn guard(&self) -> RawDocumentBuf {
        // What the server keeps is of 64 bits with a sign: the encoder refused what is larger.
        let [epoch, seq] =
            [self.revision.epoch, self.revision.seq].map(|part| i64::try_from(part).unwrap_or(i64::MAX));
        rawdoc! { "$and": [
            { "_id": document::id(self.id) },
            { "$or": [ { "epoch": { "$lt": epoch } }, { "epoch": epoch, "seq": { "$lt": seq } } ] },
        ] }
    }

    /// The change: plain `$set`, which evaluates nothing of what it sets.
    pub(super) fn set(&self) -> RawDocumentBuf {
        let mut set = RawDocumentBuf::new();
        set.append(cstr!("$set"), &self.body);
        set
    }
}
