//! Golden files of MongoDB: the documents of each schema as the server gave them, byte for byte, in the form of
//! mongodump: one file for each collection, document after document.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use mongodb::Client;
use mongodb::bson::{RawDocumentBuf, doc};
use updraft::{Engine, Resume, StartError, StoreError};
use updraft_storage::mongo::testing::{TestDatabase, database};
use updraft_storage::mongo::{MongoStore, SCHEMA};
use updraft_tests::timeouts::TEST_TIMEOUT;
use updraft_tests::tool::Tool;

use super::{LATER, expected, files, scene};

async fn collections(database: &TestDatabase) -> mongodb::Database {
    let client = Client::with_uri_str(database.uri()).await.unwrap();
    client.default_database().unwrap()
}

async fn dump(database: &TestDatabase, to: &Path) {
    fs::create_dir_all(to).unwrap();
    let database = collections(database).await;
    for name in database.list_collection_names().await.unwrap() {
        let mut bytes = Vec::new();
        let mut found =
            database.collection::<RawDocumentBuf>(&name).find(doc! {}).sort(doc! { "_id": 1 }).await.unwrap();
        while found.advance().await.unwrap() {
            bytes.extend_from_slice(found.current().as_bytes());
        }
        if !bytes.is_empty() {
            fs::write(to.join(format!("{name}.bson")), bytes).unwrap();
        }
    }
}

/// A database with what a golden file has.
async fn restored(name: &str) -> TestDatabase {
    let database = database().await;
    let target = collections(&database).await;
    for (path, bytes) in files::contents(&files::folder(name).join("dump")) {
        let collection = path.file_stem().unwrap().to_str().unwrap();
        target.collection::<RawDocumentBuf>(collection).insert_many(dumped(&bytes)).await.unwrap();
    }
    database
}

/// The documents of a dump.
fn dumped(mut bytes: &[u8]) -> Vec<RawDocumentBuf> {
    let mut documents = Vec::new();
    while let Some(length) = bytes.first_chunk::<4>() {
        let (document, after) = bytes.split_at(u32::from_le_bytes(*length) as usize);
        documents.push(RawDocumentBuf::from_bytes(document.to_vec()).unwrap());
        bytes = after;
    }
    documents
}

async fn start(database: &TestDatabase, data: &Path, tool: &Tool, later: Duration, resume: Resume) -> Engine {
    let store = Arc::new(MongoStore::connect(database.uri()).await.unwrap());
    scene::builder(data, tool, later).store(store).resume(resume).start().await.unwrap()
}

fn golden() -> Vec<String> {
    files::all().into_iter().filter(|name| name.starts_with("mongodb-")).collect()
}

pub(crate) fn assert_every_schema_has_one() {
    let name = format!("mongodb-{SCHEMA}");
    assert_eq!(golden(), [name.as_str()], "a dump of today's schema: run it with UPDRAFT_WRITE_GOLDEN=1");
    let meta = fs::read(files::folder(&name).join("dump/meta.bson")).unwrap();
    let is_schema = |entry: &RawDocumentBuf| entry.get_str("_id").is_ok_and(|id| id == "schema");
    let told = dumped(&meta).into_iter().find(is_schema).unwrap();
    let value = told.get("value").unwrap().unwrap();
    assert_eq!(value.as_i64(), Some(i64::from(SCHEMA)), "{name}");
}

/// Writes the golden file of today's schema: documents that a kill left behind their journal.
pub(crate) async fn write() {
    let golden = files::folder(&format!("mongodb-{SCHEMA}"));
    if golden.exists() {
        return;
    }
    let (database, folder, tool) = (database().await, tempfile::tempdir().unwrap(), Tool::default());
    let engine = start(&database, folder.path(), &tool, Duration::ZERO, Resume::All).await;
    let mut handles = scene::first_act(&engine).await;
    dump(&database, &golden.join("dump")).await;
    handles.extend(scene::second_act(&engine, &tool).await);
    let documents = scene::documents(&engine, &handles).await;
    let journal = golden.join("data/journal");
    files::copy(&folder.path().join("journal"), &journal, |name| name.ends_with(".journal"));
    fs::write(golden.join("expected.json"), format!("{documents:#}\n")).unwrap();
    let _ = engine.shutdown(Duration::ZERO).await;
}

#[tokio::test]
async fn the_documents_of_every_schema_are_found_as_they_were_and_go_on_to_their_end() {
    for name in golden() {
        let (database, data, tool) = (restored(&name).await, files::data(&name), Tool::default());
        let engine = start(&database, data.path(), &tool, LATER, Resume::Nothing).await;
        assert!(engine.recovered().replayed > 0, "{name}: the journal has what the store has not");
        scene::assert_holds(&engine, &expected(&name)).await;
        let _ = engine.shutdown(TEST_TIMEOUT).await;
        let engine = start(&database, data.path(), &tool, LATER, Resume::All).await;
        scene::assert_goes_on(&engine, &tool, &expected(&name)).await;
        let _ = engine.shutdown(TEST_TIMEOUT).await;
    }
}

#[tokio::test]
async fn a_database_of_another_schema_is_refused_and_left_as_it_was() {
    let name = format!("mongodb-{SCHEMA}");
    let (database, data) = (restored(&name).await, files::data(&name));
    for other in [SCHEMA + 1, SCHEMA - 1] {
        refused(&database, data.path(), other).await;
    }
}

async fn refused(database: &TestDatabase, data: &Path, other: u32) {
    let meta = collections(database).await.collection::<RawDocumentBuf>("meta");
    meta.update_one(doc! { "_id": "schema" }, doc! { "$set": { "value": i64::from(other) } }).await.unwrap();
    let (before, after) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    dump(database, before.path()).await;
    let journal = files::contents(data);
    let address = database.uri().parse().unwrap();
    let start = scene::builder(data, &Tool::default(), LATER).store_at(address).start();
    let error = start.await.err().unwrap();
    let StartError::Store(StoreError::Schema { found, known, .. }) = error else { panic!("{error}") };
    assert_eq!((found, known), (other, SCHEMA));
    dump(database, after.path()).await;
    let bytes = |folder: &Path| files::contents(folder).into_values().collect::<Vec<_>>();
    assert_eq!(bytes(before.path()), bytes(after.path()));
    assert_eq!(files::contents(data), journal);
}
