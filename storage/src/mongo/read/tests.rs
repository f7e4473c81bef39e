//! Reads beyond the suite of all stores: pages with many rows in one millisecond, and documents of other programs.

use mongodb::bson::{Bson, doc};
use updraft_protocol::{
    ExecutionId, ExecutionStatus, ExecutionUpdate, Json, Name, PlaybookId, TenantCode, Timestamp,
};

use super::*;
use crate::conformance::samples;
use crate::mongo::{PLAYBOOKS, document, testing};
use crate::store::{Cursor, ExecutionQuery, ExecutionStore, ExecutionsOf, PlaybookStore, QueryStore};

const DAY: u64 = 1_760_000_000_000;

fn uuid(number: u64) -> uuid::Uuid {
    uuid::Uuid::from_u64_pair(DAY << 16 | 0x7000, 0x8000_0000_0000_0000 | number)
}

fn tenant() -> TenantCode {
    TenantCode::new("acme").unwrap()
}

fn execution_at(number: u64, date: u64) -> RawDocumentBuf {
    execution_with(number, date, Json::null())
}

fn execution_with(number: u64, date: u64, input: Json) -> RawDocumentBuf {
    let update = samples::execution_with(number, &tenant(), |head| {
        (head.createddate, head.input) = (Timestamp(date), input);
    });
    let update = ExecutionUpdate { peid: ExecutionId::new(uuid(number)), ..update.unwrap() };
    document::of_update(&update.into(), true).unwrap()
}

/// Milliseconds with one row, with many, and with as many as a page; ids that do not grow with the dates.
fn crowds() -> Vec<(u64, u64)> {
    let crowds = [1, 7, 1, 3, 20, 1, 5];
    let dates = (DAY..).zip(crowds).flat_map(|(date, crowd)| (0..crowd).map(move |_| date));
    (1..).map(|number: u64| number * 29 % 64).zip(dates).collect()
}

/// The newest first, as every list is.
fn expected() -> Vec<ExecutionId> {
    let mut sorted = crowds();
    sorted.sort_unstable_by_key(|(number, date)| Reverse((*date, *number)));
    sorted.into_iter().map(|(number, _)| ExecutionId::new(uuid(number))).collect()
}

/// Reads every list page by page, to its end.
async fn assert_lists(store: &MongoStore, limit: usize) {
    for list in [None, Some(ExecutionsOf::Any), Some(ExecutionsOf::User("analyst-1".into()))] {
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let page = match list.clone() {
                None => store.unfinished(after, limit).await.unwrap(),
                Some(of) => {
                    let detail = Detail::Summary;
                    let asked = ExecutionQuery { tenant: tenant(), of, after, limit, detail };
                    store.executions(asked).await.unwrap()
                }
            };
            seen.extend(page.iter().map(|execution| execution.peid));
            // Recovery takes a page that is not full for the last one.
            let Some(last) = page.last().filter(|_| page::is_full(&page, limit)) else { break };
            after = Some(Cursor { createddate: last.head.createddate, peid: last.peid });
        }
        assert_eq!(seen, expected(), "{list:?} by {limit}");
    }
}

#[tokio::test]
async fn pages_go_through_crowded_milliseconds_without_loss_or_repetition() {
    let database = testing::database().await;
    let store = database.store().await;
    let documents = crowds().into_iter().map(|(number, date)| execution_at(number, date));
    store.collection(EXECUTIONS).insert_many(documents).await.unwrap();
    for limit in [1, 2, 3, 7, 8, 20, 38, 100] {
        assert_lists(&store, limit).await;
    }
    assert_eq!(store.unfinished(None, 0).await.unwrap(), []);
    let newest = Cursor { createddate: Timestamp(u64::MAX), peid: ExecutionId::new(uuid::Uuid::max()) };
    assert_eq!(store.unfinished(Some(newest), 3).await.unwrap().len(), 3);
}

/// The bytes end a page within a millisecond, and there are earlier ones.
#[tokio::test]
async fn pages_of_large_documents_lose_and_repeat_nothing() {
    const ROWS: u64 = 20;
    let date = |number| if number < 3 { DAY + number } else { 2 * DAY + number / 3 };
    let database = testing::database().await;
    let store = database.store().await;
    let large = Json::from(serde_json::json!("x".repeat((1 << 20) - 2)));
    let documents = (0..ROWS).map(|number| execution_with(number, date(number), large.clone()));
    store.collection(EXECUTIONS).insert_many(documents).await.unwrap();
    for of in [ExecutionsOf::Any, ExecutionsOf::Status(ExecutionStatus::Executing)] {
        let (mut pages, mut seen, mut after) = (Vec::new(), Vec::new(), None);
        loop {
            let detail = Detail::Whole;
            let asked = ExecutionQuery { tenant: tenant(), of: of.clone(), after, limit: 100, detail };
            let page = store.executions(asked).await.unwrap();
            pages.push(page.len());
            seen.extend(page.iter().map(|execution| execution.peid));
            let Some(last) = page.last().filter(|_| page::is_full(&page, 100)) else { break };
            after = Some(Cursor { createddate: last.head.createddate, peid: last.peid });
        }
        assert_eq!(pages, [16, 4], "{of:?}");
        assert!(seen.into_iter().eq((0..ROWS).rev().map(|number| ExecutionId::new(uuid(number)))));
    }
}

#[tokio::test]
async fn a_list_whose_index_was_dropped_is_slower_and_not_gone() {
    let database = testing::database().await;
    let store = database.store().await;
    let documents = crowds().into_iter().map(|(number, date)| execution_at(number, date));
    store.collection(EXECUTIONS).insert_many(documents).await.unwrap();
    for index in ["executions_by_status", "executions_by_user", "executions_by_runtime"] {
        store.database.run_command(doc! { "dropIndexes": EXECUTIONS, "index": index }).await.unwrap();
    }
    assert_lists(&store, 100).await;
}

/// Documents that a backend may have there: with other ids, and with our kind of id without a revision.
async fn put_unknown(store: &MongoStore, count: i64) {
    let like_ours = |id: Bson, date: i64| {
        let mut document = doc! { "_id": id, "tenant_code": "acme", "uid": "analyst-1", "createddate": date };
        document.extend(doc! { "execution_status": "executing", "pid": "p", "playbook_runtime": 9 });
        RawDocumentBuf::try_from(&document).unwrap()
    };
    let mut unknown_documents = vec![like_ours(document::id(uuid(1_000)).into(), DAY as i64 + 3)];
    for number in 0..count {
        let date = DAY as i64 + number % 9;
        unknown_documents.push(like_ours(Bson::ObjectId(mongodb::bson::oid::ObjectId::new()), date));
        unknown_documents.push(like_ours(Bson::String(format!("execution {number}")), date));
    }
    store.collection(EXECUTIONS).insert_many(unknown_documents).await.unwrap();
}

#[tokio::test]
async fn documents_of_others_are_passed_over_in_lists_and_at_a_start_and_pages_stay_full() {
    let database = testing::database().await;
    let store = database.store().await;
    let documents = crowds().into_iter().map(|(number, date)| execution_at(number, date));
    store.collection(EXECUTIONS).insert_many(documents).await.unwrap();
    put_unknown(&store, 100).await;
    for limit in [1, 7, 38, 100] {
        assert_lists(&store, limit).await;
    }
    let unrevised = ExecutionId::new(uuid(1_000));
    assert_eq!(store.execution(&tenant(), unrevised).await.unwrap(), None);
}

#[tokio::test]
async fn playbooks_of_others_are_passed_over_and_do_not_take_the_places_of_the_slowest() {
    let database = testing::database().await;
    let store = database.store().await;
    let raw = |document: mongodb::bson::Document| RawDocumentBuf::try_from(&document).unwrap();
    let books = [Bson::String("theirs".into()), document::id(uuid(1)).into()].into_iter().zip(1_i64..);
    let books = books
        .map(|(id, version)| raw(doc! { "_id": id, "tenant_code": "acme", "name": "p", "version": version }));
    store.collection(PLAYBOOKS).insert_many(books).await.unwrap();
    let run = |number: i64, pid: Bson, runtime: i64| {
        let (id, date) = (document::id(uuid(number as u64)), DAY as i64);
        raw(
            doc! { "_id": id, "pid": pid, "tenant_code": "acme", "execution_status": "completed", "createddate": date, "playbook_runtime": runtime },
        )
    };
    let theirs = (1..=9).map(|number| run(number, Bson::String(format!("p{number}")), 1_000 + number));
    let runs = theirs.chain([run(10, document::id(uuid(1)).into(), 5)]);
    store.collection(EXECUTIONS).insert_many(runs).await.unwrap();
    for tenant in [None, Some(tenant())] {
        let asked = SlowestQuery { tenant, status: ExecutionStatus::Completed, since: Timestamp(0), top: 2 };
        let found = store.slowest_playbooks(asked).await.unwrap();
        assert_eq!(found.iter().map(|one| one.pid).collect::<Vec<_>>(), [PlaybookId::new(uuid(1))]);
    }
    let named = store.playbook_named(&tenant(), &Name::new("p").unwrap(), Some(1)).await.unwrap();
    assert_eq!(named, None, "it is another's");
}

#[tokio::test]
async fn a_document_of_ours_that_cannot_be_read_is_an_error_with_its_collection_and_id() {
    let database = testing::database().await;
    let store = database.store().await;
    store.collection(EXECUTIONS).insert_one(execution_at(1, DAY)).await.unwrap();
    let broken = doc! { "$set": { "playbook_version": "one" } };
    store.collection(EXECUTIONS).update_one(doc! {}, broken).await.unwrap();
    let error = store.unfinished(None, 10).await.unwrap_err();
    let told = format!("{EXECUTIONS}, document {}, playbook_version: no number", uuid(1));
    assert!(matches!(error, Error::Corrupt(_)) && error.to_string().contains(&told), "{error}");
}
