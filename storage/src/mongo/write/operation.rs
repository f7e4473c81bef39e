//! Operations: what the server is asked to do for one update. Pure; an update that cannot be encoded is reported at
//! once, without affecting the others.

use mongodb::bson::{RawDocumentBuf, cstr, rawdoc};
use updraft_protocol::{DocumentId, Revision, Update};
use uuid::Uuid;

use crate::mongo::server::Server;
use crate::mongo::{EXECUTIONS, TASKS, document};
use crate::store::WriteOutcome;

/// The size of an operation beside its body: its guard, and its place in the message.
const OPERATION_BYTES: usize = 320;

/// The operation for one update.
#[derive(Debug)]
pub(super) struct Operation {
    /// The index of the update in the batch.
    pub(super) update: usize,
    pub(super) collection: &'static str,
    pub(super) id: Uuid,
    revision: Revision,
    /// Whether the body is a document to be inserted; otherwise the fields to be set.
    pub(super) inserts: bool,
    pub(super) body: RawDocumentBuf,
}

impl Operation {
    /// An insert of an update with its head, or a change.
    pub(super) fn of(
        update: usize,
        of: &Update,
        inserts: bool,
        server: &Server,
    ) -> Result<Self, WriteOutcome> {
        let body = document::of_update(of, inserts).map_err(WriteOutcome::Poison)?;
        let (bytes, most) = (body.as_bytes().len(), server.document_bytes);
        if bytes > most {
            // It would be refused with its whole message.
            let why = format!("the document has {bytes} bytes; the server takes at most {most}");
            return Err(WriteOutcome::Poison(why));
        }
        let (collection, id) = address(of);
        Ok(Self { update, collection, id, revision: of.revision(), inserts, body })
    }

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

/// The collection and the id of an update's document.
pub(super) fn address(update: &Update) -> (&'static str, Uuid) {
    match update.document() {
        DocumentId::Execution(peid) => (EXECUTIONS, peid.uuid()),
        DocumentId::Task(task_id) => (TASKS, task_id.uuid()),
    }
}

/// Cuts operations, sorted by collection, into messages of one collection that the server accepts. The operations are a
/// part of the command, which is a document: the server allows it 16 KiB more than others, which is enough for the rest.
pub(super) fn messages<'o>(operations: &'o [Operation], server: &Server) -> Vec<&'o [Operation]> {
    let mut messages = Vec::new();
    for mut rest in operations.chunk_by(|one, other| one.collection == other.collection) {
        while !rest.is_empty() {
            let mut room = server.document_bytes;
            let fits = |operation: &&Operation| {
                let left = room.checked_sub(operation.body.as_bytes().len() + OPERATION_BYTES);
                room = left.unwrap_or_default();
                left.is_some()
            };
            let count = rest.iter().take(server.batch_operations).take_while(fits).count();
            // One that is too large is sent alone, for the server to refuse.
            let (message, after) = rest.split_at(count.max(1));
            messages.push(message);
            rest = after;
        }
    }
    messages
}
