//! The outcome of updates whose guard did not match, from one read of the stored documents.

use std::collections::HashMap;

use mongodb::bson::{Bson, RawDocument, doc};
use updraft_kernel::shared::fence::{Fence, fence};
use updraft_protocol::{ExecutionId, IdempotencyKey, KeyHolder, Revision, Update};

use super::command::round_trip;
use super::operation::address;
use crate::mongo::{EXECUTIONS, MongoStore, TASKS, document, error, meta, query};
use crate::store::{Detail, Error, WriteOutcome, key_taken};

/// Looks up the documents of some updates of a batch, each with whether its command may have changed its document, and
/// returns the outcome of each.
pub(super) async fn resolve(
    store: &MongoStore,
    batch: &[Update],
    doubts: Vec<(usize, bool)>,
) -> Result<Vec<(usize, WriteOutcome)>, Error> {
    let mut stored = HashMap::new();
    for collection in [EXECUTIONS, TASKS] {
        let places = doubts.iter().filter_map(|(at, _)| batch.get(*at)).map(address);
        let ids = places.filter(|(place, _)| *place == collection).map(|(_, id)| document::id(id).into());
        let ids: Vec<Bson> = ids.collect();
        if ids.is_empty() {
            continue;
        }
        round_trip();
        // Read from where they are written, in one batch of answers, and so in one round trip.
        let count = u32::try_from(ids.len()).unwrap_or(u32::MAX).saturating_add(1);
        let documents = store.collection(collection);
        let asked = documents.find(doc! { "_id": { "$in": ids } }).projection(doc! { "epoch": 1, "seq": 1 });
        let mut answers = asked.batch_size(count).await.map_err(error::store_error)?;
        while answers.advance().await.map_err(error::store_error)? {
            let found = answers.current();
            stored.extend(document::uuid_of(found).map(|id| ((collection, id), revision(found))));
        }
    }
    let mut resolved = Vec::with_capacity(doubts.len());
    for (at, update, by_us) in doubts.into_iter().filter_map(|(at, by_us)| Some((at, batch.get(at)?, by_us)))
    {
        let mut outcome = verdict(update, stored.get(&address(update)).copied(), by_us);
        if let WriteOutcome::Poison(reason) = &mut outcome
            && let Some(holder) = holder(store, update).await?
        {
            *reason = key_taken(holder);
        }
        resolved.push((at, outcome));
    }
    Ok(resolved)
}

/// The other execution that has the idempotency key of this one.
async fn holder(store: &MongoStore, update: &Update) -> Result<Option<ExecutionId>, Error> {
    let Update::Execution(update) = update else { return Ok(None) };
    let Some(key) = update.head.as_ref().and_then(|head| IdempotencyKey::of(head)) else { return Ok(None) };
    round_trip();
    let holder = store.found::<KeyHolder>(&query::execution_by_key(&key), Detail::Whole).await?.pop();
    Ok(holder.map(|holder| holder.peid).filter(|holder| *holder != update.peid))
}

/// The outcome of an update, given the stored revision of its document after it was sent.
///
/// If the revision that was sent is stored, this command wrote it, or an earlier one whose answer was lost. `update`
/// tells which of the two if it changed nothing or everything. If it changed some, all of them count as written: they
/// are in the store, and no reader could see a difference.
fn verdict(update: &Update, stored: Option<Option<Revision>>, by_us: bool) -> WriteOutcome {
    let Some(stored) = stored else {
        // An insert met a document, and yet there is none with its id: it met another one in a unique index, ours or
        // one of another program.
        let is_whole = document::is_whole(update);
        return WriteOutcome::Poison(if is_whole {
            error::key_taken()
        } else {
            "no such document".to_owned()
        });
    };
    let Some(stored) = stored else {
        return WriteOutcome::Poison("its document has no revision that can be read".to_owned());
    };
    match fence(stored, update.revision()) {
        Fence::Stored if by_us => WriteOutcome::Written,
        Fence::Stale | Fence::Stored => WriteOutcome::Stale,
        Fence::Newer => WriteOutcome::Retry("its document changed while it was written".to_owned()),
    }
}

/// `None` if another program made or changed the document.
fn revision(document: &RawDocument) -> Option<Revision> {
    Some(Revision { epoch: meta::number(document, "epoch")?, seq: meta::number(document, "seq")? })
}

#[cfg(test)]
mod tests;
