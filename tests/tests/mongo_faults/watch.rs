//! Someone who reads the database again and again while others write, and tells whether anything in it went back.
//! Reads past the proxy, by the driver alone.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::TryStreamExt;
use mongodb::Database;
use mongodb::bson::{Bson, Document, doc};
use tokio::task::JoinHandle;
use updraft::Revision;
use updraft::invariant::never_back;

/// The collections whose documents have revisions.
const COLLECTIONS: [&str; 2] = ["playbook_execution_collection", "task_execution_collection"];

/// Every revision that was seen of each document, by its id.
type Seen = HashMap<Vec<u8>, Vec<Revision>>;

/// The reader. Ends when it is dropped.
pub(crate) struct Watch {
    database: Database,
    seen: Arc<Mutex<Seen>>,
    reading: JoinHandle<()>,
}

impl Watch {
    pub(crate) fn start(database: Database) -> Self {
        let seen = Arc::new(Mutex::new(Seen::new()));
        let reading = tokio::spawn({
            let (database, seen) = (database.clone(), seen.clone());
            async move {
                loop {
                    // A server that is down is part of the test.
                    let _ = look(&database, &seen).await;
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
        });
        Self { database, seen, reading }
    }

    /// Nothing that was seen went back.
    pub(crate) async fn check(&self) {
        look(&self.database, &self.seen).await.unwrap();
        let seen = self.seen.lock().unwrap();
        assert!(!seen.is_empty(), "something was seen");
        for (id, revisions) in &*seen {
            never_back(revisions).unwrap_or_else(|violation| panic!("{id:x?}: {violation}: {revisions:?}"));
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.reading.abort();
    }
}

async fn look(database: &Database, seen: &Mutex<Seen>) -> mongodb::error::Result<()> {
    for name in COLLECTIONS {
        let collection = database.collection::<Document>(name);
        let mut found = collection.find(doc! {}).projection(doc! { "epoch": 1, "seq": 1 }).await?;
        while let Some(document) = found.try_next().await? {
            let number = |name| u64::try_from(document.get_i64(name).unwrap()).unwrap();
            let revision = Revision { epoch: number("epoch"), seq: number("seq") };
            let Some(Bson::Binary(id)) = document.get("_id") else { panic!("an id is a UUID: {document}") };
            let mut seen = seen.lock().unwrap();
            let revisions = seen.entry(id.bytes.clone()).or_default();
            if revisions.last() != Some(&revision) {
                revisions.push(revision);
            }
        }
    }
    Ok(())
}
