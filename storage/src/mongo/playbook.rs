//! Playbook versions in MongoDB: immutable once inserted, durable when the call returns. They are not written behind.

use async_trait::async_trait;
use updraft_protocol::{Name, PlaybookDocument, PlaybookId, PlaybookStatus, TenantCode};

use super::error::store_error;
use super::{MongoStore, PLAYBOOKS, document, meta, query};
use crate::store::{Detail, Error, PlaybookStore, PutOutcome};

/// Inserts a playbook version. If the name and version exist, the definitions are compared.
///
/// The insert comes before the read, so that the unique index decides between concurrent puts. The server answers a
/// duplicate key with the write concern of the insert, so the version that exists is durable when it is reported.
async fn put(store: &MongoStore, playbook: &PlaybookDocument) -> Result<PutOutcome, Error> {
    let document = document::whole(playbook).map_err(Error::Refused)?;
    let inserted = store.collection(PLAYBOOKS).insert_one(document).write_concern(meta::durable()).await;
    if meta::unless_there(inserted).map_err(store_error)? {
        return Ok(PutOutcome::Created);
    }
    let same = query::playbook_named(&playbook.tenant_code, &playbook.name, Some(playbook.version));
    match store.found::<PlaybookDocument>(&same, Detail::Whole).await?.pop() {
        Some(found) => Ok(PutOutcome::of_known(found.pid, &found.definition, playbook)),
        None => Err(Error::Refused(format!(
            "the id {} is that of another document, or the document of this name and version cannot be read",
            playbook.pid
        ))),
    }
}

#[async_trait]
impl PlaybookStore for MongoStore {
    async fn put_playbook(&self, playbook: PlaybookDocument) -> Result<PutOutcome, Error> {
        self.writable()?;
        self.few(put(self, &playbook)).await
    }

    async fn playbook(
        &self,
        tenant: &TenantCode,
        pid: PlaybookId,
    ) -> Result<Option<PlaybookDocument>, Error> {
        self.one(query::playbook(tenant, pid)).await
    }

    async fn playbook_named(
        &self,
        tenant: &TenantCode,
        name: &Name,
        version: Option<u32>,
    ) -> Result<Option<PlaybookDocument>, Error> {
        self.one(query::playbook_named(tenant, name, version)).await
    }

    async fn playbooks(
        &self,
        tenant: &TenantCode,
        status: PlaybookStatus,
        category_id: Option<&str>,
        after: Option<(Name, u32)>,
        limit: usize,
    ) -> Result<Vec<PlaybookDocument>, Error> {
        let finds = query::catalogue(tenant, status, category_id, after.as_ref(), limit);
        self.page(finds, Detail::Whole).await
    }
}
