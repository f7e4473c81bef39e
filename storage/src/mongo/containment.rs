//! Containments in MongoDB: each changed only as it was read, durable when the call returns. Decides nothing.

use async_trait::async_trait;
use mongodb::bson::doc;
use updraft_kernel::containment::{DueCursor, HoldCursor};
use updraft_protocol::{ContainmentDocument, ContainmentId, TaskDocument, TenantCode, Timestamp};

use super::error::store_error;
use super::{CONTAINMENTS, MongoStore, TASKS, document, meta, query};
use crate::store::{ContainmentQuery, ContainmentStore, Detail, Error};

async fn put(
    store: &MongoStore,
    containment: &ContainmentDocument,
    before: Option<u64>,
) -> Result<bool, Error> {
    let document = document::whole(containment).map_err(Error::Refused)?;
    let containments = store.collection(CONTAINMENTS);
    let Some(before) = before else {
        let inserted = containments.insert_one(document).write_concern(meta::durable()).await;
        return meta::unless_there(inserted).map_err(store_error);
    };
    let before = i64::try_from(before).map_err(|error| Error::Refused(error.to_string()))?;
    let filter = doc! { "_id": document::id(containment.id.uuid()), "revision": before };
    let replaced = containments.replace_one(filter, document).write_concern(meta::durable()).await;
    Ok(replaced.map_err(store_error)?.matched_count == 1)
}

async fn mark_registered(store: &MongoStore, tasks: &[TaskDocument]) -> Result<(), Error> {
    for task in tasks {
        let filter = doc! {
            "_id": document::id(task.task_request_id.uuid()),
            "epoch": task.epoch.cast_signed(),
            "seq": task.seq.cast_signed(),
        };
        let unset = doc! { "$unset": { "registration_due": "" } };
        store.collection(TASKS).update_one(filter, unset).await.map_err(store_error)?;
    }
    Ok(())
}

#[async_trait]
impl ContainmentStore for MongoStore {
    async fn unregistered_holds(
        &self,
        after: Option<HoldCursor>,
        limit: usize,
    ) -> Result<Vec<TaskDocument>, Error> {
        self.page(query::unregistered_holds(after, limit), Detail::Whole).await
    }

    async fn mark_registered(&self, tasks: &[TaskDocument]) -> Result<(), Error> {
        self.writable()?;
        self.few(mark_registered(self, tasks)).await
    }

    async fn put_containment(
        &self,
        containment: ContainmentDocument,
        before: Option<u64>,
    ) -> Result<bool, Error> {
        self.writable()?;
        self.few(put(self, &containment, before)).await
    }

    async fn containment(
        &self,
        tenant: &TenantCode,
        id: ContainmentId,
    ) -> Result<Option<ContainmentDocument>, Error> {
        self.one(query::containment(tenant, id)).await
    }

    async fn containments(&self, asked: ContainmentQuery) -> Result<Vec<ContainmentDocument>, Error> {
        self.page(query::containments(&asked), Detail::Whole).await
    }

    async fn due_containments(
        &self,
        by: Timestamp,
        after: Option<DueCursor>,
        limit: usize,
    ) -> Result<Vec<ContainmentDocument>, Error> {
        self.page(query::due_containments(by, after, limit), Detail::Whole).await
    }
}
