//! The whole engine against the driver alone: executions of steps without delay, measured until the store has
//! everything; then the very same operations, prepared, by the driver into a new database.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use mongodb::Database;
use mongodb::bson::{Bson, Document, RawDocumentBuf, doc, rawdoc};
use updraft::Update;

use crate::figures::{Figures, Watch};
use crate::meters::Meters;
use crate::operations::{EXECUTIONS, Operation, TASKS};
use crate::plant::{Site, Tool};
use crate::raw;
use crate::recorder::{Keep, Log};

/// Submitters at once.
pub(crate) const SUBMITTERS: usize = 512;
/// Documents that are compared one by one with what the engine wrote.
const SAMPLE: i64 = 100;

/// What the engine reached.
pub(crate) struct Reached {
    /// Executions a second, until the store had everything.
    pub(crate) executions: f64,
}

/// One round. Both databases are compared.
pub(crate) async fn round(
    site: &Site,
    meters: &Meters,
    server: Option<u32>,
    executions: usize,
    figures: &mut Figures,
) -> Reached {
    let plant = std::sync::Arc::new(site.plant(Tool::after(Duration::ZERO), Keep::Batches).await);
    let trips = meters.round_trips.load(Ordering::Acquire);
    let watch = Watch::start(server);
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
    let prepared = prepare(&log);
    let (_store, database) = site.store().await;
    for at_a_time in [1, 2] {
        if at_a_time == 2 {
            clear(&database).await;
        }
        let watch = Watch::start(server);
        raw::run_commands(&database, prepared.clone(), at_a_time).await;
        let replayed = watch.rate(log.operations);
        figures
            .add(&format!("driver alone, the same operations, batches {at_a_time} at a time [/s]"), replayed);
        if let Some(figure) = watch.server_us(executions) {
            figures.add(
                &format!("driver alone, {at_a_time} at a time: server's CPU of an execution [µs]"),
                figure,
            );
        }
        let name = format!("RATIO engine ÷ driver alone, {at_a_time} at a time");
        figures.add(&name, operations / replayed);
    }
    compare(&plant.database, &database, executions).await;
    plant.end().await;
    database.drop().await.expect("drop");
    Reached { executions: rate }
}

async fn clear(database: &Database) {
    for name in [EXECUTIONS, TASKS] {
        database.collection::<Document>(name).delete_many(doc! {}).await.expect("delete");
    }
}

/// The commands of each batch: inserts of both collections, then changes of both.
fn prepare(log: &Log) -> Vec<Vec<RawDocumentBuf>> {
    log.batches.iter().map(|batch| commands(batch)).collect()
}

fn commands(batch: &[Update]) -> Vec<RawDocumentBuf> {
    let mut commands = HashMap::<_, (&str, &str, Vec<RawDocumentBuf>)>::new();
    for operation in batch.iter().map(Operation::of) {
        let (verb, key, body) = match operation.whole() {
            Some(document) => ("insert", "documents", document),
            None => {
                let change = doc! { "$set": operation.state.clone() };
                ("update", "updates", doc! { "q": operation.guard(), "u": change })
            }
        };
        let command = commands.entry((operation.collection, verb)).or_insert((verb, key, Vec::new()));
        command.2.push(RawDocumentBuf::try_from(&body).expect("BSON"));
    }
    let concern = rawdoc! { "w": "majority", "j": true };
    let command = |((collection, _), (verb, key, bodies))| {
        let mut command = raw::command(collection, verb, key, bodies);
        command.append(mongodb::bson::raw::cstr!("writeConcern"), concern.clone());
        command
    };
    commands.into_iter().map(command).collect()
}

/// What the driver wrote alone is what the engine wrote.
async fn compare(engine: &Database, driver: &Database, executions: usize) {
    for (name, each) in [(EXECUTIONS, 1), (TASKS, crate::plant::STEPS)] {
        let (ours, theirs) = (engine.collection::<Document>(name), driver.collection::<Document>(name));
        for collection in [&ours, &theirs] {
            let count = collection.count_documents(doc! {}).await.expect("count");
            assert_eq!(count, (executions * each) as u64, "every document of {name} is there");
        }
        let mut sample = ours.find(doc! {}).limit(SAMPLE).await.expect("find");
        while sample.advance().await.expect("next") {
            let document = sample.deserialize_current().expect("a document");
            let id = document.get("_id").cloned();
            let other = theirs.find_one(doc! { "_id": id }).await.expect("find").expect("the same document");
            assert_eq!(sorted(document), sorted(other));
        }
    }
}

fn sorted(document: Document) -> Vec<(String, Bson)> {
    let mut fields: Vec<_> = document.into_iter().collect();
    fields.sort_by(|one, other| one.0.cmp(&other.0));
    fields
}
