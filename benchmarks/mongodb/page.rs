//! Pages: what a page of 100 executions takes among a thousand and among a million, at the newest end and in the
//! middle, read as the list of a tenant by status is read.

use mongodb::bson::{Binary, Bson, Document, RawDocumentBuf, doc, spec::BinarySubtype};
use updraft::{ExecutionId, ExecutionStatus, TenantCode, Timestamp};
use updraft_storage::Store as _;
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
const FIRST_DATE: u64 = 1_700_000_000_000;
const INSERTED_AT_ONCE: usize = 10_000;

/// Fills two databases, and reads pages of both in turn.
pub(crate) async fn round(site: &Site, many: usize, figures: &mut Figures) {
    let pattern = pattern(site).await;
    let databases = [FEW, many].map(|count| (count, site.clone()));
    let mut stores = Vec::new();
    for (count, site) in databases {
        let (store, database) = site.store().await;
        fill(&database.collection(EXECUTIONS), &pattern, count).await;
        stores.push((store, database, count));
    }
    for (place, name) in [(0, "newest"), (1, "in the middle")] {
        let mut took = [Vec::new(), Vec::new()];
        for _ in 0..READ {
            for ((store, _, count), took) in stores.iter().zip(&mut took) {
                let after = (place == 1).then(|| Cursor {
                    createddate: Timestamp(FIRST_DATE + *count as u64 / 2),
                    peid: ExecutionId::new(Uuid::max()),
                });
                let query = ExecutionQuery {
                    tenant: TenantCode::new("tenant-0").expect("a code"),
                    of: ExecutionsOf::Status(ExecutionStatus::Completed),
                    after,
                    limit: ROWS,
                    detail: Detail::Summary,
                };
                let watch = Watch::start(None);
                let page = store.executions(query).await.expect("a page");
                took.push(watch.elapsed().as_secs_f64() * 1e3);
                assert_eq!(page.len(), ROWS, "a whole page");
                assert!(page.windows(2).all(|two| two[0].head.createddate > two[1].head.createddate));
            }
        }
        let [few, lots] = took.map(|took| median(&took));
        figures.add(&format!("page of {ROWS}, {name}, of {FEW} [ms]"), few);
        figures.add(&format!("page of {ROWS}, {name}, of {many} [ms]"), lots);
        figures.add(&format!("RATIO page {name}, of {many} ÷ of {FEW}"), lots / few);
    }
    for (_, database, _) in stores {
        database.drop().await.expect("drop");
    }
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

async fn fill(collection: &mongodb::Collection<RawDocumentBuf>, pattern: &Document, count: usize) {
    let numbers: Vec<usize> = (1..=count).collect();
    for chunk in numbers.chunks(INSERTED_AT_ONCE) {
        let documents = chunk.iter().map(|number| {
            let mut document = pattern.clone();
            let id = Binary { subtype: BinarySubtype::Uuid, bytes: Uuid::now_v7().as_bytes().to_vec() };
            document.insert("_id", Bson::Binary(id));
            document.insert("createddate", (FIRST_DATE + *number as u64) as i64);
            RawDocumentBuf::try_from(&document).expect("BSON")
        });
        let inserted = collection.insert_many(documents).ordered(false).await.expect("insert");
        assert_eq!(inserted.inserted_ids.len(), chunk.len());
    }
}
