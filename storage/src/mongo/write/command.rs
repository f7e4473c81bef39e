//! The commands that write, each one round trip. Sends what it is given and reads what is answered; decides nothing.

use mongodb::Namespace;
use mongodb::bson::{RawArrayBuf, RawDocumentBuf, cstr, rawdoc, serialize_to_raw_document_buf};
use mongodb::error::{Error as DriverError, ErrorKind, PartialBulkWriteResult};
use mongodb::options::{Acknowledgment, UpdateOneModel, WriteConcern, WriteModel};
use mongodb::results::VerboseBulkWriteResult;

use super::Path;
use super::message::Message;
use super::plan::Operation;
use super::reply::{self, Answer, Reply};
use crate::mongo::{MongoStore, fault};
use crate::store::Error;

/// Runs the command that a message is for; an answer for each operation.
pub(super) async fn run(store: &MongoStore, path: Path, message: Message<'_>) -> Result<Vec<Answer>, Error> {
    match (message, path) {
        (Message::Insert(inserts), Path::BulkWrite) => insert_many(store, inserts).await,
        (Message::Insert(inserts), Path::Commands) => insert(store, inserts).await,
        (Message::Change(changes), Path::BulkWrite) => bulk_write(store, changes).await,
        (Message::Change(changes), Path::Commands) => update(store, changes).await,
    }
}

/// Counts a command of the write path.
pub(in crate::mongo) fn round_trip() {
    metrics::counter!("updraft_store_round_trips_total", "store" => "mongodb").increment(1);
}

/// What a confirmation has to mean: the journal forgets what the store has, so that it must outlast a server.
fn concern(store: &MongoStore) -> WriteConcern {
    let mut concern = store.client.write_concern().cloned().unwrap_or_default();
    concern.w.get_or_insert(Acknowledgment::Majority);
    concern.journal.get_or_insert(true);
    concern
}

/// `insert`, sent by the driver.
async fn insert_many(store: &MongoStore, inserts: &[Operation]) -> Result<Vec<Answer>, Error> {
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
    let ErrorKind::InsertMany(told) = error.kind.as_ref() else { return Err(fault::batch_error(error)) };
    let errors =
        told.write_errors.iter().flatten().map(|error| (error.index, error.code)).collect::<Vec<_>>();
    Ok(Reply {
        // The driver keeps the number to itself.
        changed: sent.saturating_sub(errors.len()),
        errors,
        unconfirmed: told.write_concern_error.as_ref().map(|error| error.code),
    })
}

/// `bulkWrite`, sent by the driver. It answers for each operation.
async fn bulk_write(store: &MongoStore, changes: &[Operation]) -> Result<Vec<Answer>, Error> {
    let models = changes.iter().map(|change| model(store, change)).collect::<Result<Vec<_>, _>>()?;
    round_trip();
    let written = store.client.bulk_write(models).ordered(false).verbose_results();
    let (result, errors) = match written.write_concern(concern(store)).await {
        Ok(result) => (result, Vec::new()),
        Err(error) => {
            store.route.heed(&error);
            changed_in_part(error)?
        }
    };
    reply::bulk(changes.len(), errors, |at| result.update_results.get(&at).map(|result| result.matched_count))
}

fn model(store: &MongoStore, change: &Operation) -> Result<WriteModel, Error> {
    let unreadable = |error: mongodb::bson::error::Error| Error::Unavailable(error.to_string());
    let model = UpdateOneModel::builder()
        .namespace(Namespace::new(store.database.name(), change.collection))
        .filter(change.guard_tree().map_err(unreadable)?)
        .update(change.set_tree().map_err(unreadable)?)
        .build();
    Ok(model.into())
}

fn changed_in_part(error: DriverError) -> Result<(VerboseBulkWriteResult, Vec<(usize, i32)>), Error> {
    // What it was caused by is an answer that broke off.
    let whole = std::error::Error::source(&error).is_none();
    let ErrorKind::BulkWrite(told) = error.kind.as_ref() else { return Err(fault::batch_error(error)) };
    if let Some(error) = told.write_concern_errors.first() {
        return Err(fault::unconfirmed(error.code));
    }
    if !whole {
        return Err(fault::batch_error(error));
    }
    let errors = told.write_errors.iter().map(|(at, error)| (*at, error.code)).collect();
    let result = match &told.partial_result {
        Some(PartialBulkWriteResult::Verbose(result)) => result.clone(),
        Some(PartialBulkWriteResult::Summary(_)) | None => VerboseBulkWriteResult::default(),
    };
    Ok((result, errors))
}

/// `insert`, as a document that is sent as it is: never tried again by the driver.
async fn insert(store: &MongoStore, inserts: &[Operation]) -> Result<Vec<Answer>, Error> {
    let Some(collection) = inserts.first().map(|insert| insert.collection) else { return Ok(Vec::new()) };
    let mut documents = RawArrayBuf::new();
    for insert in inserts {
        documents.push(&insert.body);
    }
    let mut command = rawdoc! { "insert": collection, "ordered": false };
    command.append(cstr!("documents"), documents);
    command_reply(store, command).await?.inserted(inserts.len())
}

/// `update`, as a document that is sent as it is: never tried again by the driver. It answers how many documents
/// changed, not which.
async fn update(store: &MongoStore, changes: &[Operation]) -> Result<Vec<Answer>, Error> {
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
    command_reply(store, command).await?.changed(changes.len())
}

/// Runs a command with the write concern put in, and reads what it says beside its `ok`.
async fn command_reply(store: &MongoStore, mut command: RawDocumentBuf) -> Result<Reply, Error> {
    let concern = serialize_to_raw_document_buf(&concern(store));
    let concern = concern.map_err(|error| Error::Refused(error.to_string()))?;
    command.append(cstr!("writeConcern"), concern);
    round_trip();
    let reply = store.database.run_raw_command(command).await.map_err(fault::batch_error)?;
    Reply::read(&reply)
}
