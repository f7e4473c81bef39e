//! Messages: the operations of a batch, cut to the server's limits and sent a few messages at a time. Does not look
//! into the documents.

use futures_util::future::join_all;
use mongodb::bson::RawDocumentBuf;
use updraft_protocol::limits::MONGO_COMMANDS_AT_ONCE;

use super::command;
use super::plan::Operation;
use super::reply::Answer;
use crate::mongo::MongoStore;
use crate::mongo::server::Server;
use crate::store::Error;

/// The size of an operation beside its body: its guard, and its place in the message.
const OPERATION_BYTES: usize = 320;
/// The size of a message beside its operations: names, the write concern, the driver's fields.
const ENVELOPE_BYTES: usize = 16 << 10;

/// Inserts documents; returns the answer for each update.
pub(super) async fn insert(store: &MongoStore, inserts: &[Operation]) -> Result<Vec<(usize, Answer)>, Error> {
    // The driver sends documents beside the command.
    let bytes = store.server.message_bytes.saturating_sub(ENVELOPE_BYTES);
    let messages = split(inserts, store.server.batch_operations, bytes);
    send(messages, |message| command::insert(store, message)).await
}

/// Changes documents; returns the answer for each update.
pub(super) async fn change(store: &MongoStore, changes: &[Operation]) -> Result<Vec<(usize, Answer)>, Error> {
    // Operations are a part of the command, which is a document: the server allows it 16 KiB more than others, which is
    // enough for the envelope.
    let messages = split(changes, store.server.batch_operations, store.server.document_bytes);
    send(messages, |message| command::update(store, message)).await
}

/// Sends messages. Waits for all, even if one fails: a command that is cut off costs its connection.
async fn send<'o, S>(
    messages: Vec<&'o [Operation]>,
    command: impl Fn(&'o [Operation]) -> S,
) -> Result<Vec<(usize, Answer)>, Error>
where
    S: Future<Output = Result<Vec<Answer>, Error>>,
{
    let mut answers = Vec::new();
    for few in messages.chunks(MONGO_COMMANDS_AT_ONCE) {
        let told = join_all(few.iter().map(|message| command(message))).await;
        for (message, told) in few.iter().zip(told) {
            answers.extend(message.iter().map(|operation| operation.update).zip(told?));
        }
    }
    Ok(answers)
}

/// Cuts operations into messages of one collection that fit; an operation that is too large is sent alone, for the
/// server to refuse.
pub(super) fn split(operations: &[Operation], most: usize, bytes: usize) -> Vec<&[Operation]> {
    let size = |operation: &Operation| operation.body.as_bytes().len() + OPERATION_BYTES;
    let of_one = |one: &Operation, other: &Operation| one.collection == other.collection;
    let collections = operations.chunk_by(of_one);
    collections.flat_map(|operations| runs(operations, most, bytes, size)).collect()
}

/// Cuts documents of one collection, to be inserted by the driver, in the same way.
pub(in crate::mongo) fn documents<'d>(
    documents: &'d [RawDocumentBuf],
    server: &Server,
) -> Vec<&'d [RawDocumentBuf]> {
    let bytes = server.message_bytes.saturating_sub(ENVELOPE_BYTES);
    runs(documents, server.batch_operations, bytes, |document| document.as_bytes().len() + OPERATION_BYTES)
}

fn runs<T>(items: &[T], most: usize, bytes: usize, size: impl Fn(&T) -> usize) -> Vec<&[T]> {
    let mut runs = Vec::new();
    let (mut start, mut taken) = (0, 0);
    for (at, item) in items.iter().enumerate() {
        let size = size(item);
        if at > start && (at - start >= most || taken + size > bytes) {
            runs.push(&items[start..at]);
            (start, taken) = (at, 0);
        }
        taken += size;
    }
    if start < items.len() {
        runs.push(&items[start..]);
    }
    runs
}
