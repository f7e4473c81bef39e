//! Epochs: for each virtual shard they only rise, and none is given twice.

use futures_util::future::join_all;
use updraft_kernel::shard_epochs::ShardEpochs;
use updraft_kernel::virtual_shard::VirtualShard;
use uuid::Uuid;

use super::Ending;
use crate::store::{EpochStore, Error, Store};

/// Claims every virtual shard for an owner of its own.
pub(crate) async fn claim(store: &(impl EpochStore + ?Sized), above: u64) -> Result<ShardEpochs, Error> {
    store.claim_epochs(&VirtualShard::ALL, Uuid::now_v7(), above).await
}

fn assert_all(holds: impl Fn(VirtualShard) -> bool) {
    let not: Vec<_> = VirtualShard::ALL.into_iter().filter(|shard| !holds(*shard)).collect();
    assert!(not.is_empty(), "{not:?}");
}

pub(super) async fn each_claim_is_higher_than_every_one_before_and_than_what_is_known(
    store: &dyn Store,
) -> Ending {
    let (first, second) = (claim(store, 0).await?, claim(store, 0).await?);
    assert_all(|shard| first.get(shard) >= 1 && second.get(shard) > first.get(shard));
    let third = claim(store, first.highest()).await?;
    assert_all(|shard| third.get(shard) > second.get(shard));
    let far = u64::from(u32::MAX);
    let (raised, next) = (claim(store, far).await?, claim(store, 0).await?);
    assert_all(|shard| raised.get(shard) > far && next.get(shard) > raised.get(shard));
    Ok(())
}

pub(super) async fn a_virtual_shard_is_claimed_alone(store: &dyn Store) -> Ending {
    let [one, other] = [VirtualShard::ALL[3], VirtualShard::ALL[1_020]];
    let first = store.claim_epochs(&[one], Uuid::now_v7(), 0).await?;
    assert_all(|shard| (first.get(shard) > 0) == (shard == one));
    let all = claim(store, 0).await?;
    let moved = store.claim_epochs(&[one], Uuid::now_v7(), 0).await?;
    assert!(first.get(one) < all.get(one) && all.get(one) < moved.get(one) && all.get(other) > 0);
    // The claim of all is higher than the earlier claims of some.
    let last = claim(store, 0).await?;
    assert_all(|shard| last.get(shard) > all.get(shard).max(moved.get(shard)));
    Ok(())
}

pub(super) async fn no_two_claims_at_once_are_given_the_same(store: &dyn Store) -> Ending {
    let claims = join_all((0..8).map(|_| claim(store, 0))).await;
    let refused = claims.iter().filter_map(|claim| claim.as_ref().err());
    assert!(refused.clone().all(Error::retryable), "{:?}", refused.collect::<Vec<_>>());
    let given: Vec<_> = claims.iter().filter_map(|claim| claim.as_ref().ok()).collect();
    let last = claim(store, 0).await?;
    assert_all(|shard| {
        let mut epochs: Vec<_> = given.iter().map(|epochs| epochs.get(shard)).collect();
        epochs.sort_unstable();
        epochs.dedup();
        epochs.len() == given.len() && epochs.iter().all(|epoch| *epoch < last.get(shard))
    });
    Ok(())
}

pub(super) async fn an_epoch_that_none_can_follow_is_an_error(store: &dyn Store) -> Ending {
    for above in [u64::MAX, i64::MAX as u64] {
        assert!(matches!(claim(store, above).await, Err(Error::Corrupt(_))), "{above}");
    }
    assert!(claim(store, 0).await?.highest() > 0);
    Ok(())
}
