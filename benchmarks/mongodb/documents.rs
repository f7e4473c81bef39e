//! Documents of the driver's own loops: the fields, types and indexes that the store gives a task, made by hand
//! so that the store's code is no part of what is measured.

use mongodb::bson::spec::BinarySubtype;
use mongodb::bson::{Binary, Document, RawDocumentBuf, doc};
use mongodb::{Database, IndexModel};
use uuid::Uuid;

/// The collection, named as the store names it.
pub(crate) const TASKS: &str = "task_execution_collection";

/// Tasks of one execution.
const TASKS_OF_EXECUTION: usize = 5;

/// What a step without a delay runs for.
const RUNTIME_MS: i64 = 3;

/// An id as the store keeps it.
fn binary(id: Uuid) -> Binary {
    Binary { subtype: BinarySubtype::Uuid, bytes: id.as_bytes().to_vec() }
}

/// A task that ended, with a response of 200 bytes.
pub(crate) fn task(number: usize, id: Uuid, peid: Uuid) -> Document {
    let now = 1_770_000_000_000 + number as i64;
    doc! {
        "_id": binary(id),
        "peid": binary(peid),
        "task_seq": (number % TASKS_OF_EXECUTION) as i32 + 1,
        "step_id": format!("s{}", number % TASKS_OF_EXECUTION),
        "scope": "",
        "tenant_code": format!("tenant-{}", number / TASKS_OF_EXECUTION % 16),
        "alert_id": format!("alert-{}", number / TASKS_OF_EXECUTION),
        "integration": "tool",
        "action": "nothing",
        "status": "EXECUTING",
        "attempt": 1,
        "response": { "text": "x".repeat(170), "verdict": "clean" },
        "started_date": now,
        "updated_date": now,
        "runtime": RUNTIME_MS,
        "epoch": 1_i64,
        "seq": 1_i64,
    }
}

/// Tasks of executions, in the order of their ids.
pub(crate) fn tasks(count: usize) -> Vec<Document> {
    let mut peid = Uuid::now_v7();
    (0..count)
        .map(|number| {
            if number % TASKS_OF_EXECUTION == 0 {
                peid = Uuid::now_v7();
            }
            task(number, Uuid::now_v7(), peid)
        })
        .collect()
}

/// The filter of a guarded update. Its `$and` is not idle: with `$or` beside `_id` the tests' server scans.
pub(crate) fn guard(task: &Document, seq: i64) -> Document {
    let older = doc! { "$or": [{ "epoch": { "$lt": 1_i64 } }, { "epoch": 1_i64, "seq": { "$lt": seq } }] };
    doc! { "$and": [{ "_id": task.get("_id").cloned() }, older] }
}

/// What a guarded update sets: the end of a task.
pub(crate) fn change(seq: i64) -> Document {
    let fields = doc! {
        "status": "COMPLETED",
        "attempt": 1,
        "response": { "text": "y".repeat(170), "verdict": "clean" },
        "updated_date": 1_770_000_100_000_i64 + seq,
        "runtime": RUNTIME_MS + seq,
        "epoch": 1_i64,
        "seq": seq,
    };
    doc! { "$set": fields }
}

/// The bytes of a document.
pub(crate) fn raw(document: &Document) -> RawDocumentBuf {
    RawDocumentBuf::try_from(document).expect("a document without a NUL in its keys")
}

/// Makes the collection's indexes, as the store's.
pub(crate) async fn index(database: &Database) {
    let by_alert = doc! { "tenant_code": 1, "alert_id": 1, "status": 1, "_id": 1 };
    let models =
        [doc! { "peid": 1, "task_seq": 1 }, by_alert].map(|keys| IndexModel::builder().keys(keys).build());
    database.collection::<Document>(TASKS).create_indexes(models).await.expect("indexes");
}
