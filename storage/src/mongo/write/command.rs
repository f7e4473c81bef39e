//! The commands that write, each one round trip: operations are sent, and the server's answer is read for each of them.
//! Trusts no answer that is inconsistent; decides nothing.

#[cfg(test)]
mod tests;

use futures_util::future::join_all;
use mongodb::bson::{
    Document, RawArrayBuf, RawDocumentBuf, cstr, deserialize_from_document, rawdoc,
    serialize_to_raw_document_buf,
};
use mongodb::options::{Acknowledgment, WriteConcern};
use serde::Deserialize;
use updraft_protocol::limits::MONGO_COMMANDS_AT_ONCE;

use super::operation::{Operation, messages};
use crate::mongo::MongoStore;
use crate::mongo::error::{self, Verdict};
use crate::store::{Error, WriteOutcome};

/// The answer for one operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    /// The outcome is known.
    Done(WriteOutcome),
    /// A unique key of the document to be inserted is taken: most likely its id.
    Exists,
    /// The guard did not match.
    Unmatched,
    /// The guard may have matched: some operations of the command did, but the answer does not list them.
    Unsure,
}

impl Answer {
    /// The outcome of an operation without an answer.
    pub(super) fn lost() -> WriteOutcome {
        WriteOutcome::Retry("the server did not answer for it".to_owned())
    }
}

/// Sends operations, sorted by collection, a few messages at a time; returns the answer for each update. Waits for all
/// messages, even if one fails: a command that is cut off costs its connection.
pub(super) async fn send(
    store: &MongoStore,
    operations: Vec<Operation>,
) -> Result<Vec<(usize, Answer)>, Error> {
    let mut answers = Vec::with_capacity(operations.len());
    for few in messages(&operations, &store.server).chunks(MONGO_COMMANDS_AT_ONCE) {
        let told = join_all(few.iter().map(|message| command(store, message))).await;
        for (message, told) in few.iter().zip(told) {
            answers.extend(message.iter().map(|operation| operation.update).zip(told?));
        }
    }
    Ok(answers)
}

/// Counts a command of the write path.
pub(in crate::mongo) fn round_trip() {
    metrics::counter!("updraft_store_round_trips_total", "store" => "mongodb").increment(1);
}

/// The write concern: the journal drops updates that the store has confirmed, so that a write must outlast a server.
fn concern(store: &MongoStore) -> WriteConcern {
    let mut concern = store.client.write_concern().cloned().unwrap_or_default();
    concern.w.get_or_insert(Acknowledgment::Majority);
    concern.journal.get_or_insert(true);
    concern
}

/// One `insert` or `update`, sent as a raw command, which the driver never repeats: its own would need a tree of each
/// operation.
async fn command(store: &MongoStore, operations: &[Operation]) -> Result<Vec<Answer>, Error> {
    let Some(first) = operations.first() else { return Ok(Vec::new()) };
    let mut list = RawArrayBuf::new();
    for operation in operations {
        if operation.inserts {
            list.push(&operation.body);
        } else {
            let mut statement = RawDocumentBuf::new();
            statement.append(cstr!("q"), operation.guard());
            statement.append(cstr!("u"), operation.set());
            list.push(statement);
        }
    }
    let mut command = if first.inserts {
        rawdoc! { "insert": first.collection, "documents": list, "ordered": false }
    } else {
        rawdoc! { "update": first.collection, "updates": list, "ordered": false }
    };
    let concern = serialize_to_raw_document_buf(&concern(store));
    command.append(cstr!("writeConcern"), concern.map_err(|error| Error::Refused(error.to_string()))?);
    round_trip();
    let reply = store.database.run_raw_command(command).await.map_err(error::batch_error)?;
    answers(reply, operations.len(), first.inserts)
}

/// The answer of `insert` and `update`.
#[derive(Deserialize)]
struct Reply {
    /// Documents inserted, or matched.
    n: usize,
    #[serde(default, rename = "writeErrors")]
    refused: Vec<Refusal>,
    #[serde(rename = "writeConcernError")]
    unconfirmed: Option<Unconfirmed>,
}

/// A refused operation.
#[derive(Deserialize)]
struct Refusal {
    index: usize,
    code: i32,
}

/// The write concern is not met.
#[derive(Deserialize)]
struct Unconfirmed {
    #[serde(default)]
    code: i32,
}

/// The answers for inserts or changes.
///
/// # Errors
/// The outcome of the whole command is unknown.
fn answers(reply: Document, sent: usize, inserts: bool) -> Result<Vec<Answer>, Error> {
    let inconsistent = || Error::Unavailable("an answer of the server that does not add up".to_owned());
    let reply: Reply = deserialize_from_document(reply).map_err(|_| inconsistent())?;
    if let Some(unconfirmed) = reply.unconfirmed {
        return Err(error::unconfirmed(unconfirmed.code));
    }
    let unrefused = sent.checked_sub(reply.refused.len()).filter(|rest| reply.n <= *rest);
    let unrefused = match reply.n {
        some if some == unrefused.ok_or_else(inconsistent)? => Answer::Done(WriteOutcome::Written),
        // The server gave up before the end.
        _ if inserts => Answer::Done(Answer::lost()),
        0 => Answer::Unmatched,
        _ => Answer::Unsure,
    };
    let mut answers = vec![unrefused; sent];
    for refusal in reply.refused {
        let answer = answers.get_mut(refusal.index).ok_or_else(inconsistent)?;
        *answer = match error::verdict(refusal.code) {
            Verdict::Exists if inserts => Answer::Exists,
            _ => Answer::Done(error::outcome(refusal.code)?),
        };
    }
    Ok(answers)
}
