//! The driver alone under half load: documents that the engine wrote before, each due when it is, by a loop for each
//! collection and no engine. What the engine adds to it is the engine's.

use std::collections::BTreeMap;
use std::time::Duration;

use mongodb::Database;
use mongodb::bson::RawDocumentBuf;
use tokio::time::Instant;

use crate::figures::Figures;
use crate::plant::Site;
use crate::raw::{self, Message};

/// How long a loop waits between two inserts: of 3, 10, 25 and 40 ms that with which 99 of 100 were visible soonest.
const PAUSE: Duration = Duration::from_millis(10);

/// One round under so many of these executions a second, for so long or until they have all been. Milliseconds within
/// which 99 of 100 documents were visible.
pub(crate) async fn round(
    site: &Site,
    batches: &[Vec<Message>],
    executions: usize,
    per_second: f64,
    lasts: Duration,
    figures: &mut Figures,
) -> f64 {
    let all = Duration::from_secs_f64(executions as f64 / per_second);
    let (_store, database) = site.store().await;
    let loops = documents(batches).into_iter().map(|(collection, mut documents)| {
        let due = documents.len() as f64 / all.as_secs_f64();
        documents.truncate((due * lasts.as_secs_f64()) as usize);
        tokio::spawn(insert(database.clone(), collection, documents, due))
    });
    let mut ages = Vec::new();
    for running in loops.collect::<Vec<_>>() {
        ages.extend(running.await.expect("a loop that ends"));
    }
    site.clear(&database).await;
    ages.sort_unstable();
    let at = |share: f64| ages[((ages.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    figures.add("visible, driver alone: median [ms]", at(0.5));
    figures.add("visible, driver alone: 99 of 100 [ms]", at(0.99));
    at(0.99)
}

/// What is inserted into each collection, in order.
fn documents(batches: &[Vec<Message>]) -> BTreeMap<&'static str, Vec<RawDocumentBuf>> {
    let mut documents = BTreeMap::<_, Vec<_>>::new();
    for message in batches.iter().flatten() {
        if let Message::Insert(collection, inserts) = message {
            documents.entry(*collection).or_default().extend_from_slice(inserts);
        }
    }
    documents
}

/// Inserts documents of which so many are due each second; how long after it was due each was confirmed.
async fn insert(
    database: Database,
    collection: &'static str,
    documents: Vec<RawDocumentBuf>,
    per_second: f64,
) -> Vec<Duration> {
    let (began, mut ages) = (Instant::now(), Vec::with_capacity(documents.len()));
    while ages.len() < documents.len() {
        tokio::time::sleep(PAUSE).await;
        let due = (began.elapsed().as_secs_f64() * per_second) as usize;
        let batch = ages.len()..due.min(documents.len()).min(ages.len() + raw::BATCH);
        if batch.is_empty() {
            continue;
        }
        raw::send_message(&database, Message::Insert(collection, documents[batch.clone()].to_vec())).await;
        let since = began.elapsed();
        ages.extend(batch.map(|at| since.saturating_sub(Duration::from_secs_f64(at as f64 / per_second))));
    }
    ages
}
