//! Dead letters (`dead_letter`): kept once, under the tenant of their execution. Never decides which update is one.

use std::collections::HashMap;

use async_trait::async_trait;
use mongodb::bson::{Bson, Document, RawDocumentBuf, cstr, doc, rawdoc};
use mongodb::error::{Error as DriverError, ErrorKind};
use updraft_protocol::limits::{MONGO_IDS, WRITE_TIMEOUT};
use updraft_protocol::{DeadLetter, ExecutionId, TenantCode};

use super::error::{self, Verdict};
use super::query::Find;
use super::write::round_trip;
use super::{DEAD_LETTERS, EXECUTIONS, MongoStore, document, meta};
use crate::store::{DeadLetterStore, Error};

/// Keeps letters; an existing one stays as it is.
pub(super) async fn keep(store: &MongoStore, letters: Vec<DeadLetter>) -> Result<(), Error> {
    let tenants = tenants(store, &letters).await?;
    let documents = letters.iter().map(|letter| encoded(letter, tenants.get(&letter.peid)));
    let documents = documents.collect::<Vec<_>>();
    drop(letters);
    let collection = store.collection(DEAD_LETTERS);
    if documents.is_empty() {
        return Ok(());
    }
    round_trip();
    let kept = collection.insert_many(documents).ordered(false).write_concern(meta::durable()).await;
    kept.map(drop).or_else(|error| if only_there(&error) { Ok(()) } else { Err(error::store_error(error)) })
}

/// Whether an insert was refused only because the letters exist.
pub(super) fn only_there(error: &DriverError) -> bool {
    let ErrorKind::InsertMany(told) = error.kind.as_ref() else { return false };
    let errors = told.write_errors.as_deref().unwrap_or_default();
    told.write_concern_error.is_none()
        && !errors.is_empty()
        && errors.iter().all(|error| error::verdict(error.code) == Verdict::Exists)
}

/// The tenants of the letters without one, as far as their executions are known.
async fn tenants(
    store: &MongoStore,
    letters: &[DeadLetter],
) -> Result<HashMap<ExecutionId, TenantCode>, Error> {
    let unnamed = letters.iter().filter(|letter| letter.tenant_code.is_none());
    let mut peids: Vec<_> = unnamed.map(|letter| letter.peid).collect();
    peids.sort_unstable();
    peids.dedup();
    let mut tenants = HashMap::new();
    let executions = store.collection(EXECUTIONS);
    for some in peids.chunks(MONGO_IDS) {
        let ids: Vec<_> = some.iter().map(|peid| Bson::Binary(document::id(peid.uuid()))).collect();
        round_trip();
        let found = executions.find(doc! { "_id": { "$in": ids } }).projection(doc! { "tenant_code": 1 });
        let mut found = found.await.map_err(error::store_error)?;
        while found.advance().await.map_err(error::store_error)? {
            let execution = found.current();
            // If the execution's tenant cannot be read, its letters stay without one.
            let tenant = execution.get_str("tenant_code").ok().and_then(|tenant| tenant.parse().ok());
            tenants.extend(document::uuid_of(execution).map(ExecutionId::new).zip(tenant));
        }
    }
    Ok(tenants)
}

fn encoded(letter: &DeadLetter, tenant: Option<&TenantCode>) -> RawDocumentBuf {
    let mut document = rawdoc! { "_id": letter.key.as_str() };
    if let Some(tenant) = letter.tenant_code.as_ref().or(tenant) {
        document.append(cstr!("tenant_code"), tenant.as_str());
    }
    document.append(cstr!("peid"), document::id(letter.peid.uuid()));
    document.append(cstr!("reason"), letter.reason.as_str());
    // Any date is kept, bit for bit: an invalid date may be why the update became a letter.
    document.append(cstr!("updated_date"), letter.updated_date.0.cast_signed());
    if let Some(update) = &letter.update {
        document.append(cstr!("update"), update.as_str());
    }
    document
}

#[async_trait]
impl DeadLetterStore for MongoStore {
    async fn keep_dead_letters(&self, letters: Vec<DeadLetter>) -> Result<(), Error> {
        self.writable()?;
        self.within(WRITE_TIMEOUT, keep(self, letters)).await
    }

    async fn dead_letters(
        &self,
        tenant: Option<&TenantCode>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, Error> {
        if limit == 0 {
            // To the server, zero would mean all.
            return Ok(Vec::new());
        }
        let mut filter = Document::new();
        if let Some(tenant) = tenant {
            filter.insert("tenant_code", tenant.as_str());
        }
        if let Some(after) = after {
            filter.insert("_id", doc! { "$gt": after });
        }
        let find = Find::many(DEAD_LETTERS, filter, doc! { "_id": 1 }, limit);
        let list = async {
            let mut found = self.open(&find, find.limit).await?;
            let mut letters = Vec::new();
            while found.advance().await.map_err(error::store_error)? {
                letters.push(document::dead_letter(found.current())?);
            }
            Ok(letters)
        };
        self.few(list).await
    }
}

#[cfg(test)]
mod tests;
