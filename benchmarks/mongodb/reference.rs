//! The way that is replaced: one awaited `updateOne` for each status change, with an upsert for the first, by the id
//! that its systems give a document (`peid`, `task_request_id`), which is indexed; as safe as the engine's writes. The changes are those of an engine under the same load, read from its
//! journal, where none has been overtaken yet.

use std::sync::Arc;

use futures_util::future::join_all;
use mongodb::bson::{Document, doc};
use mongodb::options::{Acknowledgment, CollectionOptions, IndexOptions, WriteConcern};
use mongodb::{Database, IndexModel};
use tokio::sync::mpsc;
use updraft::{DocumentId, Update};
use updraft_kernel::shared::DurableWatermark;
use updraft_storage::journal::{Config, FileDisk, Journal};
use updraft_storage::write_behind::WriteBehind;

use crate::engine::SUBMITTERS;
use crate::figures::{Figures, Watch};
use crate::operations::{EXECUTIONS, Operation, TASKS};
use crate::plant::{Land, RESPONSE_BYTES, Site, Tool};
use crate::recorder::Keep;

/// Every status change of so many executions, in order.
pub(crate) async fn changes(site: &Site, executions: usize) -> Vec<Update> {
    let plant = Arc::new(site.plant(Tool::answering(RESPONSE_BYTES), Keep::Withhold).await);
    plant.run(executions, SUBMITTERS).await;
    let (journal, _directory) = plant.abandon().await;
    let reading = tokio::task::spawn_blocking(move || {
        let (writer, _messages): (mpsc::Sender<_>, _) = WriteBehind::queue();
        let (_journal, recovered) =
            Journal::open(&journal, Config::default(), Arc::new(FileDisk), writer, DurableWatermark::new(0))
                .expect("a journal");
        recovered.flat_map(|group| group.expect("a group").updates).collect()
    });
    reading.await.expect("a reader that ends")
}

/// One round: one after another, and ten at a time. The rates.
pub(crate) async fn round(land: &Land, changes: &[Update], figures: &mut Figures) -> [f64; 2] {
    let mut rates = [0.0; 2];
    for (rate, at_a_time) in rates.iter_mut().zip([1, 10]) {
        let site = land.site().await;
        let (_store, database) = site.store().await;
        index(&database).await;
        let lanes = lanes(changes, at_a_time);
        let watch = Watch::start(site.process());
        join_all(lanes.into_iter().map(|lane| tokio::spawn(drive(database.clone(), lane)))).await;
        *rate = watch.rate(changes.len());
        figures.add(&format!("reference: status changes, {at_a_time} at a time [/s]"), *rate);
        let ended = doc! { "execution_status": "completed" };
        let executions = database.collection::<Document>(EXECUTIONS);
        let found = executions.count_documents(ended).await.expect("count");
        let submitted = changes.iter().filter(|change| is_new_execution(change)).count();
        assert_eq!(found, submitted as u64, "every execution ended");
        site.clear(&database).await;
    }
    rates
}

fn is_new_execution(change: &Update) -> bool {
    matches!(change, Update::Execution(update) if update.head.is_some() && update.revision.seq == 1)
}

/// What one caller writes: changes of one document stay in order.
fn lanes(changes: &[Update], count: usize) -> Vec<Vec<(Operation, Document)>> {
    let mut lanes = vec![Vec::new(); count];
    for change in changes {
        let id = match change.document() {
            DocumentId::Execution(peid) => peid.uuid(),
            DocumentId::Task(task_id) => task_id.uuid(),
        };
        let operation = Operation::of(change);
        let mut update = doc! { "$set": operation.state.clone() };
        if let Some(head) = &operation.head {
            update.insert("$setOnInsert", head.clone());
        }
        lanes[(id.as_u128() % count as u128) as usize].push((operation, update));
    }
    lanes
}

/// The field by which a document is found.
fn id_of(collection: &str) -> &'static str {
    if collection == TASKS { "task_request_id" } else { "peid" }
}

async fn index(database: &Database) {
    for name in [EXECUTIONS, TASKS] {
        let unique = IndexOptions::builder().unique(true).build();
        let index = IndexModel::builder().keys(doc! { id_of(name): 1 }).options(unique).build();
        database.collection::<Document>(name).create_index(index).await.expect("an index");
    }
}

async fn drive(database: Database, lane: Vec<(Operation, Document)>) {
    let safe = WriteConcern::builder().w(Acknowledgment::Majority).journal(true).build();
    let options = CollectionOptions::builder().write_concern(safe).build();
    for (operation, update) in lane {
        let collection = database.collection_with_options::<Document>(operation.collection, options.clone());
        let updating = collection.update_one(doc! { id_of(operation.collection): operation.id }, update);
        let _ = updating.upsert(operation.head.is_some()).await.expect("update");
    }
}
