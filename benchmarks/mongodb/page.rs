//! Pages: what a page of 100 executions takes among a thousand and among a million, at the newest end and in the
//! middle, read as the list of a tenant by status is read; and at the newest end of a million that ended long ago.

use std::sync::Arc;
use std::time::Duration;

use mongodb::Database;
use mongodb::bson::{Binary, Bson, Document, RawDocumentBuf, doc, spec::BinarySubtype};
use updraft::{ExecutionId, ExecutionStatus, TenantCode, Timestamp};
use updraft_storage::Store as _;
use updraft_storage::mongo::MongoStore;
use updraft_storage::store::{Cursor, Detail, ExecutionQuery, ExecutionsOf};
use uuid::Uuid;

use crate::figures::{Figures, Watch, median};
use crate::operations::EXECUTIONS;
use crate::plant::{Site, Tool};
use crate::recorder::Keep;

/// Executions stored, one after the other a millisecond apart.
const FEW: usize = 1_000;
const ROWS: usize = 100;
/// Pages read of each kind, in turn.
const READ: usize = 200;
const INSERTED_AT_ONCE: usize = 10_000;
/// How long ago is long ago: three years.
const LONG_AGO: Duration = Duration::from_secs(3 * 365 * 24 * 3600);

/// What is stored in a database.
struct Shelf {
    store: Arc<MongoStore>,
    database: Database,
    count: usize,
    newest: Timestamp,
}

impl Shelf {
    async fn fill(site: &Site, pattern: &Document, count: usize, newest: Timestamp) -> Self {
        let (store, database) = site.store().await;
        let shelf = Self { store, database, count, newest };
        let collection = shelf.database.collection::<RawDocumentBuf>(EXECUTIONS);
        let numbers: Vec<usize> = (0..count).collect();
        for chunk in numbers.chunks(INSERTED_AT_ONCE) {
            let documents = chunk.iter().map(|number| shelf.document(pattern, *number));
            let inserted = collection.insert_many(documents).ordered(false).await.expect("insert");
            assert_eq!(inserted.inserted_ids.len(), chunk.len());
        }
        shelf
    }

    fn document(&self, pattern: &Document, number: usize) -> RawDocumentBuf {
        let mut document = pattern.clone();
        let id = Binary { subtype: BinarySubtype::Uuid, bytes: Uuid::now_v7().as_bytes().to_vec() };
        document.insert("_id", Bson::Binary(id));
        document.insert("createddate", (self.newest.0 - number as u64) as i64);
        RawDocumentBuf::try_from(&document).expect("BSON")
    }

    /// Reads a page, and says how many milliseconds it took.
    async fn page(&self, after: Option<Timestamp>) -> f64 {
        let query = ExecutionQuery {
            tenant: TenantCode::new("tenant-0").expect("a code"),
            of: ExecutionsOf::Status(ExecutionStatus::Completed),
            after: after.map(|createddate| Cursor { createddate, peid: ExecutionId::new(Uuid::max()) }),
            limit: ROWS,
            detail: Detail::Summary,
        };
        let watch = Watch::start(None);
        let page = self.store.executions(query).await.expect("a page");
        let took = watch.elapsed().as_secs_f64() * 1e3;
        let first = after.unwrap_or(self.newest);
        let expected = (0..ROWS as u64).map(|number| Timestamp(first.0 - number));
        assert!(page.iter().map(|execution| execution.head.createddate).eq(expected), "the newest {ROWS}");
        took
    }
}

/// Fills three databases, and reads pages of them in turn.
pub(crate) async fn round(site: &Site, many: usize, figures: &mut Figures) {
    let pattern = pattern(site).await;
    let now = now();
    let few = Shelf::fill(site, &pattern, FEW, now).await;
    let lots = Shelf::fill(site, &pattern, many, now).await;
    let old = Shelf::fill(site, &pattern, many, Timestamp(now.0 - LONG_AGO.as_millis() as u64)).await;
    for place in ["newest", "in the middle"] {
        let mut took = [Vec::new(), Vec::new()];
        for _ in 0..READ {
            for (shelf, took) in [&few, &lots].iter().zip(&mut took) {
                let middle = Timestamp(shelf.newest.0 - shelf.count as u64 / 2);
                took.push(shelf.page((place != "newest").then_some(middle)).await);
            }
        }
        let [few, lots] = took.map(|took| median(&took));
        figures.add(&format!("page of {ROWS}, {place}, of {FEW} [ms]"), few);
        figures.add(&format!("page of {ROWS}, {place}, of {many} [ms]"), lots);
        figures.add(&format!("RATIO page {place}, of {many} ÷ of {FEW}"), lots / few);
    }
    let mut took = Vec::new();
    for _ in 0..READ {
        took.push(old.page(None).await);
    }
    figures.add(&format!("page of {ROWS}, newest, of {many} of three years ago [ms]"), median(&took));
    for shelf in [few, lots, old] {
        shelf.database.drop().await.expect("drop");
    }
}

fn now() -> Timestamp {
    let since = std::time::UNIX_EPOCH.elapsed().expect("a clock after 1970");
    Timestamp(since.as_millis() as u64)
}

/// An execution as the engine writes it.
async fn pattern(site: &Site) -> Document {
    let plant = std::sync::Arc::new(site.plant(Tool::answering(200), Keep::Nothing).await);
    plant.run(1, 1).await;
    plant.flush().await;
    let found = plant.database.collection::<Document>(EXECUTIONS).find_one(doc! {}).await;
    plant.end().await;
    found.expect("an answer").expect("an execution")
}
