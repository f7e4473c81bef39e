//! The commands that write, each one round trip. Sends operations and reads the answers; decides nothing.

use mongodb::bson::{RawArrayBuf, RawDocumentBuf, cstr, rawdoc, serialize_to_raw_document_buf};
use mongodb::error::{Error as DriverError, ErrorKind};
use mongodb::options::{Acknowledgment, WriteConcern};

use super::plan::Operation;
use super::reply::{Answer, Reply};
use crate::mongo::{MongoStore, error};
use crate::store::Error;

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

/// `insert`, sent by the driver, of documents of one collection; returns an answer for each.
pub(super) async fn insert(store: &MongoStore, inserts: &[Operation]) -> Result<Vec<Answer>, Error> {
    let Some(collection) = inserts.first().map(|insert| insert.collection) else { return Ok(Vec::new()) };
    round_trip();
    let collection = store.collection(collection);
    let inserting = collection.insert_many(inserts.iter().map(|insert| &insert.body)).ordered(false);
    let reply = match inserting.write_concern(concern(store)).await {
        Ok(inserted) => Reply { changed: inserted.inserted_ids.len(), ..Reply::default() },
        Err(error) => inserted_in_part(error, inserts.len())?,
    };
    reply.inserted(inserts.len())
}

fn inserted_in_part(error: DriverError, sent: usize) -> Result<Reply, Error> {
    let ErrorKind::InsertMany(told) = error.kind.as_ref() else { return Err(error::batch_error(error)) };
    let errors =
        told.write_errors.iter().flatten().map(|error| (error.index, error.code)).collect::<Vec<_>>();
    Ok(Reply {
        // The driver does not return the number.
        changed: sent.saturating_sub(errors.len()),
        errors,
        unconfirmed: told.write_concern_error.as_ref().map(|error| error.code),
    })
}

/// `update`, of documents of one collection; returns an answer for each. It is sent as a raw command, because the
/// driver's own would need a tree of each operation, and the driver never retries it. The server answers how many
/// documents changed, not which.
pub(super) async fn update(store: &MongoStore, changes: &[Operation]) -> Result<Vec<Answer>, Error> {
    let Some(collection) = changes.first().map(|change| change.collection) else { return Ok(Vec::new()) };
    let mut statements = RawArrayBuf::new();
    for change in changes {
        let mut statement = RawDocumentBuf::new();
        statement.append(cstr!("q"), change.guard());
        statement.append(cstr!("u"), change.set());
        statements.push(statement);
    }
    let mut command = rawdoc! { "update": collection, "ordered": false };
    command.append(cstr!("updates"), statements);
    let concern = serialize_to_raw_document_buf(&concern(store));
    command.append(cstr!("writeConcern"), concern.map_err(|error| Error::Refused(error.to_string()))?);
    round_trip();
    let reply = store.database.run_raw_command(command).await.map_err(error::batch_error)?;
    Reply::read(&reply)?.changed(changes.len())
}
