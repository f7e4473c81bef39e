//! The whole engine against the driver alone: executions of steps without delay, measured until the store has
//! everything; then the very same operations, prepared, by the driver into a new database. Both are warm before.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use mongodb::Database;
use mongodb::bson::{Bson, Document, RawDocumentBuf, doc};
use updraft::Update;

use crate::figures::{Figures, Watch};
use crate::meters::Meters;
use crate::operations::{EXECUTIONS, Operation, TASKS};
use crate::plant::{Land, RESPONSE_BYTES, Tool};
use crate::raw::{self, Message};
use crate::recorder::{Keep, Log};

/// Submitters at once.
pub(crate) const SUBMITTERS: usize = 512;
/// One in so many executions more, before those that are measured.
const WARM: usize = 10;
/// Documents that are compared one by one with what the engine wrote.
const SAMPLE: i64 = 100;

/// One round, each on a server of its own. What they wrote is compared. Executions a second, and what the driver wrote.
pub(crate) async fn round(
    land: &Land,
    meters: &Meters,
    executions: usize,
    figures: &mut Figures,
) -> (f64, Vec<Vec<Message>>) {
    let site = land.site().await;
    let plant = std::sync::Arc::new(site.plant(Tool::answering(RESPONSE_BYTES), Keep::Batches).await);
    let warm = executions / WARM;
    plant.run(warm, SUBMITTERS).await;
    plant.flush().await;
    let before = prepare(&plant.recorder.take());
    let trips = meters.round_trips.load(Ordering::Acquire);
    let watch = Watch::start(site.process());
    plant.run(executions, SUBMITTERS).await;
    plant.flush().await;
    let (rate, elapsed) = (watch.rate(executions), watch.elapsed());
    let trips = meters.round_trips.load(Ordering::Acquire) - trips;
    figures.add("engine: executions [/s]", rate);
    figures.add("engine: CPU of an execution [µs]", watch.client_us(executions));
    if let Some(figure) = watch.server_us(executions) {
        figures.add("engine: server's CPU of an execution [µs]", figure);
    }
    let log = plant.recorder.take();
    let operations = log.operations as f64 / elapsed.as_secs_f64();
    figures.add("engine: operations for an execution", log.operations as f64 / executions as f64);
    figures.add("engine: operations for a batch", log.operations as f64 / log.batches.len() as f64);
    figures.add("engine: operations [/s]", operations);
    figures.add("engine: round trips for an execution", trips as f64 / executions as f64);
    let (prepared, sample) = (prepare(&log), sample(&plant.database, warm + executions).await);
    plant.end().await;
    drop(site);
    for at_a_time in [1, 2] {
        let site = land.site().await;
        let (_store, database) = site.store().await;
        raw::run_messages(&database, before.clone(), at_a_time).await;
        let batches = prepared.clone();
        let watch = Watch::start(site.process());
        raw::run_messages(&database, batches, at_a_time).await;
        let replayed = watch.rate(log.operations);
        figures.add(&format!("driver alone, the same operations, {at_a_time} at a time [/s]"), replayed);
        if let Some(figure) = watch.server_us(executions) {
            let name = format!("driver alone, {at_a_time} at a time: server's CPU of an execution [µs]");
            figures.add(&name, figure);
        }
        figures.add(&format!("RATIO engine ÷ driver alone, {at_a_time} at a time"), operations / replayed);
        // Batches of a run that overlap here did not overlap there: a change may come before its document.
        if at_a_time == 1 {
            assert_eq!(
                self::sample(&database, warm + executions).await,
                sample,
                "what the driver wrote is what the engine wrote"
            );
        }
        site.clear(&database).await;
    }
    (rate, prepared)
}

/// The messages of each batch: what is inserted into both collections, and what changes in them.
fn prepare(log: &Log) -> Vec<Vec<Message>> {
    log.batches.iter().map(|batch| messages(batch)).collect()
}

fn messages(batch: &[Update]) -> Vec<Message> {
    let (mut inserts, mut changes) = (BTreeMap::<_, Vec<_>>::new(), BTreeMap::<_, Vec<_>>::new());
    for operation in batch.iter().map(Operation::of) {
        let raw = |document: Document| RawDocumentBuf::try_from(&document).expect("BSON");
        match operation.whole() {
            Some(document) => inserts.entry(operation.collection).or_default().push(raw(document)),
            None => {
                let change = doc! { "q": operation.guard(), "u": { "$set": operation.state.clone() } };
                changes.entry(operation.collection).or_default().push(raw(change));
            }
        }
    }
    let inserts = inserts.into_iter().map(|(collection, documents)| Message::Insert(collection, documents));
    let changes = changes.into_iter().map(|(collection, statements)| {
        Message::Command(raw::command(collection, "update", "updates", statements))
    });
    inserts.chain(changes).collect()
}

/// The newest documents of a database, of which every one is there.
async fn sample(database: &Database, executions: usize) -> Vec<Vec<(String, Bson)>> {
    let mut sample = Vec::new();
    for (name, each) in [(EXECUTIONS, 1), (TASKS, crate::plant::STEPS)] {
        let collection = database.collection::<Document>(name);
        let count = collection.count_documents(doc! {}).await.expect("count");
        assert_eq!(count, (executions * each) as u64, "every document of {name} is there");
        let mut found = collection.find(doc! {}).sort(doc! { "_id": -1 }).limit(SAMPLE).await.expect("find");
        while found.advance().await.expect("next") {
            sample.push(sorted(found.deserialize_current().expect("a document")));
        }
    }
    sample
}

fn sorted(document: Document) -> Vec<(String, Bson)> {
    let mut fields: Vec<_> = document.into_iter().collect();
    fields.sort_by(|one, other| one.0.cmp(&other.0));
    fields
}
