//! The audit in MongoDB: durable when a call returns. Decides nothing.

use async_trait::async_trait;
use mongodb::bson::{Document, doc};
use updraft_protocol::AuditRecord;

use super::error::store_error;
use super::query::Find;
use super::{AUDIT, MongoStore, dead_letter, document, meta};
use crate::store::{AuditQuery, AuditStore, Detail, Error};

async fn add(store: &MongoStore, records: &[AuditRecord]) -> Result<(), Error> {
    let documents = records.iter().map(|record| document::whole(record).map_err(Error::Refused));
    let documents = documents.collect::<Result<Vec<_>, _>>()?;
    if documents.is_empty() {
        return Ok(());
    }
    let collection = store.collection(AUDIT);
    let added = collection.insert_many(documents).ordered(false).write_concern(meta::durable()).await;
    added
        .map(drop)
        .or_else(|error| if dead_letter::only_there(&error) { Ok(()) } else { Err(store_error(error)) })
}

#[async_trait]
impl AuditStore for MongoStore {
    async fn add_audit(&self, records: Vec<AuditRecord>) -> Result<(), Error> {
        self.writable()?;
        self.few(add(self, &records)).await
    }

    async fn audit(&self, asked: AuditQuery) -> Result<Vec<AuditRecord>, Error> {
        let mut filter = Document::new();
        if let Some(tenant) = &asked.tenant {
            filter.insert("tenant_code", tenant.as_str());
        }
        if let Some(after) = asked.after {
            filter.insert("_id", doc! { "$lt": document::id(after.uuid()) });
        }
        self.page(vec![Find::many(AUDIT, filter, doc! { "_id": -1 }, asked.limit)], Detail::Whole).await
    }
}
