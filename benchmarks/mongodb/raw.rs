//! The driver alone: loops over operations prepared beforehand, on documents indexed as the store's. Each case
//! has a database of its own, made and dropped outside what is measured.

use futures_util::stream::{self, StreamExt as _};
use mongodb::bson::raw::{CString, cstr};
use mongodb::bson::{Bson, Document, RawArrayBuf, RawDocumentBuf, doc, rawdoc};
use mongodb::options::{Acknowledgment, InsertOneModel, UpdateOneModel, WriteConcern, WriteModel};
use mongodb::{Client, Database, Namespace};

use crate::documents::{self, TASKS};
use crate::figures::{Figures, Watch};
use crate::plant::{Site, database_name};

/// Operations of a batch, at most.
pub(crate) const BATCH: usize = 1_000;

/// How a case writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// `update_one`, so many at a time.
    One(usize),
    /// The command `insert` or `update` of documents that are bytes already, so many at a time.
    RawCommand(usize),
    /// `insert_many` of documents that are bytes already: they go beside the command.
    Many(usize),
    /// The same of `Document`s.
    Command,
    /// `Client::bulk_write`, so many at a time.
    BulkWrite(usize),
    /// The command `bulkWrite` of documents that are bytes already.
    RawBulkWrite,
}

const INSERTS: [(&str, Way); 8] = [
    ("insert_many, bytes", Way::Many(1)),
    ("insert command, bytes", Way::RawCommand(1)),
    ("insert command, Documents", Way::Command),
    ("insert Client::bulk_write", Way::BulkWrite(1)),
    ("insert bulkWrite command, bytes", Way::RawBulkWrite),
    ("insert_many, bytes, 2 at a time", Way::Many(2)),
    ("insert command, bytes, 2 at a time", Way::RawCommand(2)),
    ("insert Client::bulk_write, 2 at a time", Way::BulkWrite(2)),
];

const UPDATES: [(&str, Way); 8] = [
    ("update_one, one at a time", Way::One(1)),
    ("update_one, ten at a time", Way::One(10)),
    ("update command, bytes", Way::RawCommand(1)),
    ("update command, Documents", Way::Command),
    ("update Client::bulk_write", Way::BulkWrite(1)),
    ("update bulkWrite command, bytes", Way::RawBulkWrite),
    ("update command, bytes, 2 at a time", Way::RawCommand(2)),
    ("update Client::bulk_write, 2 at a time", Way::BulkWrite(2)),
];

/// One round of every case; `count` documents each, a tenth of it where they go one by one.
pub(crate) async fn round(site: &Site, count: usize, figures: &mut Figures) {
    let client = &site.client;
    for (name, way) in INSERTS {
        let database = fresh(client).await;
        let batches = inserts(&database, way, &documents::tasks(count));
        let watch = Watch::start(site.process());
        run(client, &database, batches, way).await;
        note(figures, name, &watch, count);
        verify(&database, doc! { "seq": 1_i64 }, count).await;
        site.clear(&database).await;
    }
    let tasks = documents::tasks(count);
    let database = fresh(client).await;
    let all = inserts(&database, Way::RawCommand(1), &tasks);
    run(client, &database, all, Way::RawCommand(1)).await;
    for (seq, (name, way)) in (2..).zip(UPDATES) {
        let tasks = if matches!(way, Way::One(_)) { &tasks[..count / 10] } else { &tasks[..] };
        let batches = updates(&database, way, tasks, seq);
        let watch = Watch::start(site.process());
        run(client, &database, batches, way).await;
        note(figures, name, &watch, tasks.len());
        verify(&database, doc! { "seq": seq }, tasks.len()).await;
    }
    site.clear(&database).await;
}

fn note(figures: &mut Figures, name: &str, watch: &Watch, count: usize) {
    figures.add(&format!("{name} [/s]"), watch.rate(count));
    figures.add(&format!("{name} [client CPU µs each]"), watch.client_us(count));
    if let Some(figure) = watch.server_us(count) {
        figures.add(&format!("{name} [server CPU µs each]"), figure);
    }
}

/// A database that is empty but for the indexes.
pub(crate) async fn fresh(client: &Client) -> Database {
    let database = client.database(&database_name());
    documents::index(&database).await;
    database
}

async fn verify(database: &Database, filter: Document, count: usize) {
    let found = database.collection::<Document>(TASKS).count_documents(filter).await.expect("count");
    assert_eq!(found, count as u64, "what was written is there");
}

/// A message that is ready to be sent.
enum Batch {
    One(Document, Document),
    Raw(RawDocumentBuf),
    Many(Vec<RawDocumentBuf>),
    Admin(RawDocumentBuf),
    Command(Document),
    Models(Vec<WriteModel>),
}

fn inserts(database: &Database, way: Way, tasks: &[Document]) -> Vec<Batch> {
    let namespace = Namespace { db: database.name().to_owned(), coll: TASKS.to_owned() };
    tasks
        .chunks(BATCH)
        .map(|chunk| match way {
            Way::RawCommand(_) => {
                Batch::Raw(command(TASKS, "insert", "documents", chunk.iter().map(documents::raw)))
            }
            Way::RawBulkWrite => Batch::Admin(bulk(
                &namespace,
                chunk.iter().map(|task| {
                    rawdoc! { "insert": 0, "document": documents::raw(task) }
                }),
            )),
            Way::BulkWrite(_) => Batch::Models(
                chunk
                    .iter()
                    .map(|task| {
                        InsertOneModel::builder()
                            .namespace(namespace.clone())
                            .document(task.clone())
                            .build()
                            .into()
                    })
                    .collect(),
            ),
            Way::Many(_) => Batch::Many(chunk.iter().map(documents::raw).collect()),
            Way::Command | Way::One(_) => {
                let documents: Vec<Bson> = chunk.iter().cloned().map(Bson::Document).collect();
                Batch::Command(doc! { "insert": TASKS, "ordered": false, "documents": documents })
            }
        })
        .collect()
}

fn updates(database: &Database, way: Way, tasks: &[Document], seq: i64) -> Vec<Batch> {
    let namespace = Namespace { db: database.name().to_owned(), coll: TASKS.to_owned() };
    let statement = |task: &Document| doc! { "q": documents::guard(task, seq), "u": documents::change(seq) };
    if matches!(way, Way::One(_)) {
        return tasks
            .iter()
            .map(|task| Batch::One(documents::guard(task, seq), documents::change(seq)))
            .collect();
    }
    tasks
        .chunks(BATCH)
        .map(|chunk| match way {
            Way::RawCommand(_) => Batch::Raw(command(
                TASKS,
                "update",
                "updates",
                chunk.iter().map(|task| documents::raw(&statement(task))),
            )),
            Way::RawBulkWrite => Batch::Admin(bulk(&namespace, chunk.iter().map(|task| {
                documents::raw(&doc! {
                    "update": 0, "filter": documents::guard(task, seq), "updateMods": documents::change(seq),
                })
            }))),
            Way::BulkWrite(_) => Batch::Models(
                chunk
                    .iter()
                    .map(|task| {
                        UpdateOneModel::builder()
                            .namespace(namespace.clone())
                            .filter(documents::guard(task, seq))
                            .update(documents::change(seq))
                            .build()
                            .into()
                    })
                    .collect(),
            ),
            Way::Command | Way::One(_) | Way::Many(_) => {
                let statements: Vec<Bson> = chunk.iter().map(|task| Bson::Document(statement(task))).collect();
                Batch::Command(doc! { "update": TASKS, "ordered": false, "updates": statements })
            }
        })
        .collect()
}

fn array(documents: impl Iterator<Item = RawDocumentBuf>) -> RawArrayBuf {
    let mut array = RawArrayBuf::new();
    documents.for_each(|document| array.push(document));
    array
}

/// A command that writes.
pub(crate) fn command(
    collection: &str,
    verb: &str,
    key: &str,
    documents: impl IntoIterator<Item = RawDocumentBuf>,
) -> RawDocumentBuf {
    let name = |text: &str| CString::try_from(text).expect("a name without a NUL");
    let mut command = RawDocumentBuf::new();
    command.append(name(verb), collection);
    command.append(cstr!("ordered"), false);
    command.append(name(key), array(documents.into_iter()));
    command
}

/// What is sent at once.
#[derive(Clone)]
pub(crate) enum Message {
    /// Documents into a collection.
    Insert(&'static str, Vec<RawDocumentBuf>),
    /// A command as it is.
    Command(RawDocumentBuf),
}

/// Batches of messages, so many batches at a time; each message confirmed before the next of its batch.
pub(crate) async fn run_messages(database: &Database, batches: Vec<Vec<Message>>, at_a_time: usize) {
    stream::iter(batches)
        .map(|batch| {
            let database = database.clone();
            tokio::spawn(async move {
                for message in batch {
                    send_message(&database, message).await;
                }
            })
        })
        .buffer_unordered(at_a_time)
        .for_each(|sent| async { sent.expect("a task that ends") })
        .await;
}

/// A message, confirmed.
pub(crate) async fn send_message(database: &Database, message: Message) {
    let concern = WriteConcern::builder().w(Acknowledgment::Majority).journal(true).build();
    match message {
        Message::Insert(collection, documents) => {
            let collection = database.collection::<RawDocumentBuf>(collection);
            let inserting = collection.insert_many(documents).ordered(false);
            let _ = inserting.write_concern(concern).await.expect("insert");
        }
        Message::Command(mut command) => {
            command.append(cstr!("writeConcern"), rawdoc! { "w": "majority", "j": true });
            answered(&database.run_raw_command(command).await.expect("command"));
        }
    }
}

fn bulk(namespace: &Namespace, operations: impl Iterator<Item = RawDocumentBuf>) -> RawDocumentBuf {
    let names = array(std::iter::once(rawdoc! { "ns": namespace.to_string() }));
    rawdoc! {
        "bulkWrite": 1, "ordered": false, "errorsOnly": true, "ops": array(operations), "nsInfo": names,
    }
}

async fn run(client: &Client, database: &Database, batches: Vec<Batch>, way: Way) {
    let at_a_time = match way {
        Way::One(count) | Way::Many(count) | Way::RawCommand(count) | Way::BulkWrite(count) => count,
        Way::Command | Way::RawBulkWrite => 1,
    };
    stream::iter(batches)
        .map(|batch| {
            let (client, database) = (client.clone(), database.clone());
            tokio::spawn(async move { send(&client, &database, batch).await })
        })
        .buffer_unordered(at_a_time)
        .for_each(|sent| async { sent.expect("a task that ends") })
        .await;
}

async fn send(client: &Client, database: &Database, batch: Batch) {
    match batch {
        Batch::One(filter, update) => {
            let collection = database.collection::<Document>(TASKS);
            let _ = collection.update_one(filter, update).await.expect("update");
        }
        Batch::Many(documents) => send_message(database, Message::Insert(TASKS, documents)).await,
        Batch::Raw(command) => answered(&database.run_raw_command(command).await.expect("command")),
        Batch::Admin(command) => {
            answered(&client.database("admin").run_raw_command(command).await.expect("command"));
        }
        Batch::Command(command) => answered(&database.run_command(command).await.expect("command")),
        Batch::Models(models) => {
            let _ = client.bulk_write(models).ordered(false).await.expect("bulk write");
        }
    }
}

fn answered(answer: &Document) {
    assert!(!answer.contains_key("writeErrors") && !answer.contains_key("writeConcernError"), "{answer}");
}
