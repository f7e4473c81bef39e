//! Messages: a batch cut into what the server takes at once, and sent, a few at a time. Knows nothing of what is in
//! the documents.

use futures_util::future::join_all;
use mongodb::bson::RawDocumentBuf;
use updraft_protocol::limits::MONGO_COMMANDS_AT_ONCE;

use super::Path;
use super::command;
use super::plan::Operation;
use super::reply::Answer;
use crate::mongo::MongoStore;
use crate::mongo::connect::Server;
use crate::store::Error;

/// What each operation takes beside its body: its guard, and its place in the message.
const OPERATION_BYTES: usize = 320;
/// What a message takes beside its operations: names, the write concern, what the driver puts in.
const ENVELOPE_BYTES: usize = 16 << 10;

/// What is sent at once, of one collection unless its command takes several.
#[derive(Debug, Clone, Copy)]
pub(super) enum Message<'o> {
    /// Documents to be inserted.
    Insert(&'o [Operation]),
    /// Documents to be changed.
    Change(&'o [Operation]),
}

/// How much goes into one message.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    pub(super) operations: usize,
    pub(super) bytes: usize,
    /// Whether all is of one collection.
    pub(super) one_collection: bool,
}

impl Room {
    pub(super) fn of_inserts(path: Path, server: &Server) -> Self {
        Self { one_collection: true, ..Self::of(path, server) }
    }

    pub(super) fn of_changes(path: Path, server: &Server) -> Self {
        Self { one_collection: path == Path::Commands, ..Self::of(path, server) }
    }

    fn of(path: Path, server: &Server) -> Self {
        let bytes = match path {
            // Operations go beside the command.
            Path::BulkWrite => server.message_bytes.saturating_sub(ENVELOPE_BYTES),
            // Operations are a part of the command, which is a document: the server lets it be 16 KiB larger
            // than others, so that there is room for the envelope of one.
            Path::Commands => server.document_bytes,
        };
        Self { operations: server.batch_operations, bytes, one_collection: true }
    }
}

/// Cuts operations into runs that fit; one that fits nowhere goes alone, for the server to refuse.
pub(super) fn split(operations: &[Operation], room: Room) -> Vec<&[Operation]> {
    let bytes = |operation: &Operation| operation.body.as_bytes().len() + OPERATION_BYTES;
    let together =
        |one: &Operation, other: &Operation| !room.one_collection || one.collection == other.collection;
    runs(operations, room, bytes, together)
}

/// Cuts documents of one collection, to be inserted by the driver, in the same way.
pub(in crate::mongo) fn documents<'d>(
    documents: &'d [RawDocumentBuf],
    server: &Server,
) -> Vec<&'d [RawDocumentBuf]> {
    let room = Room::of_inserts(Path::BulkWrite, server);
    runs(documents, room, |document| document.as_bytes().len() + OPERATION_BYTES, |_, _| true)
}

fn runs<T>(
    items: &[T],
    room: Room,
    size: impl Fn(&T) -> usize,
    together: impl Fn(&T, &T) -> bool,
) -> Vec<&[T]> {
    let mut runs = Vec::new();
    let (mut start, mut bytes) = (0, 0);
    for (at, item) in items.iter().enumerate() {
        let size = size(item);
        let full = at - start >= room.operations || bytes + size > room.bytes;
        if at > start && (full || !together(&items[start], item)) {
            runs.push(&items[start..at]);
            (start, bytes) = (at, 0);
        }
        bytes += size;
    }
    if start < items.len() {
        runs.push(&items[start..]);
    }
    runs
}

/// Sends messages; the answer for each update. All are waited for, also where one fails: what is cut off in the
/// middle costs its connection.
pub(super) async fn send(
    store: &MongoStore,
    path: Path,
    messages: Vec<Message<'_>>,
) -> Result<Vec<(usize, Answer)>, Error> {
    let mut answers = Vec::new();
    for few in messages.chunks(MONGO_COMMANDS_AT_ONCE) {
        let told = join_all(few.iter().map(|message| command::run(store, path, *message))).await;
        for (message, told) in few.iter().zip(told) {
            let updates = message.operations().iter().map(|operation| operation.update);
            answers.extend(updates.zip(told?));
        }
    }
    Ok(answers)
}

impl<'o> Message<'o> {
    pub(super) fn operations(self) -> &'o [Operation] {
        match self {
            Self::Insert(operations) | Self::Change(operations) => operations,
        }
    }
}
