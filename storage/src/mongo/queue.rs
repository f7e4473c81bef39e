//! Queued executions, and the newest of an alert, in MongoDB: the queries, and the calls that ask them. Changes nothing.

use async_trait::async_trait;
use mongodb::bson::{Document, RawDocumentBuf, doc};
use updraft_kernel::backlog::Queued;
use updraft_protocol::limits::{MONGO_SCAN_TIMEOUT, PAGE_ROWS};
use updraft_protocol::{ExecutionId, ExecutionStatus, KeyHolder, Name, TenantCode};

use super::error::store_error;
use super::query::{Find, stored};
use super::{EXECUTIONS, MongoStore};
use crate::store::{AlertQuery, Detail, Error, QueueStore, QueuedQuery};

/// From the index alone.
fn queued(asked: &QueuedQuery) -> Find {
    let mut filter = doc! {
        "execution_status": ExecutionStatus::Queued.as_str(),
        "tenant_code": asked.tenant.as_str(),
    };
    if !asked.except.is_empty() {
        let except: Vec<&str> = asked.except.iter().map(Name::as_str).collect();
        filter.insert("playbook_name", doc! { "$nin": except });
    }
    let projection = Some(doc! { "_id": 1, "queue_position": 1 });
    let sort = doc! { "queue_position": 1, "_id": 1 };
    Find { projection, ..Find::many(EXECUTIONS, filter, sort, asked.limit) }
}

/// From the index alone.
fn queued_tenants(after: Option<&TenantCode>, limit: usize) -> Vec<Document> {
    let mut of = doc! { "execution_status": ExecutionStatus::Queued.as_str() };
    if let Some(after) = after {
        of.insert("tenant_code", doc! { "$gt": after.as_str() });
    }
    vec![
        doc! { "$match": of },
        doc! { "$group": { "_id": "$tenant_code", "queued": { "$sum": 1_i64 } } },
        doc! { "$sort": { "_id": 1 } },
        doc! { "$limit": i64::try_from(limit).unwrap_or(i64::MAX) },
    ]
}

fn newest_of_alert(asked: &AlertQuery) -> Find {
    let filter = doc! {
        "alert_id": &asked.alert_id,
        "tenant_code": asked.tenant.as_str(),
        "playbook_name": asked.playbook.as_str(),
        "createddate": { "$gte": stored(asked.since) },
    };
    let projection = Some(doc! { "_id": 1 });
    Find { projection, ..Find::many(EXECUTIONS, filter, doc! { "createddate": -1 }, 1) }
}

/// A group of [`queued_tenants`]. What is no tenant of ours is passed over.
fn tenant(group: &RawDocumentBuf) -> Option<(TenantCode, u64)> {
    let queued = group.get("queued").ok()??;
    let queued = queued.as_i64().or_else(|| queued.as_i32().map(i64::from))?;
    Some((group.get_str("_id").ok()?.parse().ok()?, u64::try_from(queued).ok()?))
}

async fn tenants(
    store: &MongoStore,
    after: Option<&TenantCode>,
    limit: usize,
) -> Result<Vec<(TenantCode, u64)>, Error> {
    if limit == 0 {
        return Ok(Vec::new());
    }
    let executions = store.collection(EXECUTIONS);
    let groups = executions.aggregate(queued_tenants(after, limit)).with_type::<RawDocumentBuf>();
    let mut groups = groups.await.map_err(store_error)?;
    let mut found = Vec::new();
    while groups.advance().await.map_err(store_error)? {
        found.extend(tenant(&groups.current().to_owned()));
    }
    Ok(found)
}

#[async_trait]
impl QueueStore for MongoStore {
    async fn queued(&self, query: QueuedQuery) -> Result<Vec<Queued>, Error> {
        self.page(vec![queued(&query)], Detail::Whole).await
    }

    async fn queued_tenants(
        &self,
        after: Option<TenantCode>,
        limit: usize,
    ) -> Result<Vec<(TenantCode, u64)>, Error> {
        self.within(MONGO_SCAN_TIMEOUT, tenants(self, after.as_ref(), limit.min(PAGE_ROWS))).await
    }

    async fn newest_of_alert(&self, query: AlertQuery) -> Result<Option<ExecutionId>, Error> {
        let found: Option<KeyHolder> = self.one(newest_of_alert(&query)).await?;
        Ok(found.map(|holder| holder.peid))
    }
}
