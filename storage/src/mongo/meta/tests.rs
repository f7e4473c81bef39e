//! The schema is recorded at the first start and checked at every one; epochs are given once.

use mongodb::Client;
use mongodb::bson::{Document, doc};

use super::*;
use crate::mongo::testing::{TestDatabase, database};

async fn connect(database: &TestDatabase) -> Result<MongoStore, Error> {
    MongoStore::connect(database.uri()).await
}

async fn entries(database: &TestDatabase) -> mongodb::Collection<Document> {
    let client = Client::with_uri_str(database.uri()).await.unwrap();
    client.default_database().unwrap().collection(META)
}

#[tokio::test]
async fn a_new_database_is_told_its_schema() {
    let database = database().await;
    connect(&database).await.map(drop).unwrap();
    let stored = entries(&database).await.find_one(doc! { "_id": "schema" }).await.unwrap();
    assert_eq!(stored, Some(doc! { "_id": "schema", "value": i64::from(SCHEMA) }));
}

#[tokio::test]
async fn another_schema_is_refused_before_anything_is_made() {
    let database = database().await;
    let entries = entries(&database).await;
    entries.insert_one(doc! { "_id": "schema", "value": 0 }).await.unwrap();
    for other in [SCHEMA + 1, SCHEMA - 1, 77] {
        entries.update_one(doc! {}, doc! { "$set": { "value": i64::from(other) } }).await.unwrap();
        let refused = connect(&database).await.map(drop).unwrap_err();
        assert!(
            matches!(refused, Error::Schema { found, known: SCHEMA, .. } if found == other),
            "{refused:?}"
        );
        assert!(refused.to_string().contains(database.name()), "{refused}");
    }
    let names = entries.client().default_database().unwrap().list_collection_names().await.unwrap();
    assert_eq!(names, [META]);
    entries.replace_one(doc! { "_id": "schema" }, doc! { "value": "seven" }).await.unwrap();
    assert!(matches!(connect(&database).await, Err(Error::Corrupt(_))));
}
