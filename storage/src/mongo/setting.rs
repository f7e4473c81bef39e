//! Settings in MongoDB: each changed only as it was read, durable when the call returns. Decides nothing.

use async_trait::async_trait;
use mongodb::bson::doc;
use updraft_protocol::{Setting, SettingKind};

use super::error::store_error;
use super::query::Find;
use super::{MongoStore, SETTINGS, document, meta};
use crate::store::{Detail, Error, SettingStore, setting_bounds, setting_fits};

async fn put(store: &MongoStore, setting: &Setting, before: Option<u64>) -> Result<bool, Error> {
    setting_fits(setting)?;
    let document = document::whole(setting).map_err(Error::Refused)?;
    let settings = store.collection(SETTINGS);
    let Some(before) = before else {
        let inserted = settings.insert_one(document).write_concern(meta::durable()).await;
        return meta::unless_there(inserted).map_err(store_error);
    };
    let before = i64::try_from(before).map_err(|error| Error::Refused(error.to_string()))?;
    let filter = doc! { "_id": &*setting.key, "revision": before };
    let replaced = settings.replace_one(filter, document).write_concern(meta::durable()).await;
    Ok(replaced.map_err(store_error)?.matched_count == 1)
}

async fn remove(store: &MongoStore, key: &str, before: u64) -> Result<bool, Error> {
    let filter = doc! { "_id": key, "revision": before.cast_signed() };
    let removed = store.collection(SETTINGS).delete_one(filter).write_concern(meta::durable()).await;
    Ok(removed.map_err(store_error)?.deleted_count == 1)
}

#[async_trait]
impl SettingStore for MongoStore {
    async fn put_setting(&self, setting: Setting, before: Option<u64>) -> Result<bool, Error> {
        self.writable()?;
        self.few(put(self, &setting, before)).await
    }

    async fn remove_setting(&self, key: &str, before: u64) -> Result<bool, Error> {
        self.writable()?;
        self.few(remove(self, key, before)).await
    }

    async fn setting(&self, key: &str) -> Result<Option<Setting>, Error> {
        self.one(Find::many(SETTINGS, doc! { "_id": key }, doc! {}, 1)).await
    }

    async fn settings(
        &self,
        kind: SettingKind,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Setting>, Error> {
        let (after, end) = setting_bounds(kind, after);
        let filter = doc! { "_id": { "$gt": after, "$lt": end } };
        self.page(vec![Find::many(SETTINGS, filter, doc! { "_id": 1 }, limit)], Detail::Whole).await
    }
}
