//! The owner of a leased store: one of many candidates takes it and renews it alone; it is replaced only if unchanged
//! since it was read.

use updraft_protocol::Timestamp;
use uuid::Uuid;

use super::Ending;
use crate::store::{Owner, Store};

fn owner(number: u128) -> Owner {
    let (incarnation, journal) = (Uuid::from_u128(number), Uuid::from_u128(number << 64));
    let who = format!("process {number} of \"this\" test");
    Owner { incarnation, journal, who, since: Timestamp(1_700_000_000_000), beat: 0, released: false }
}

pub(super) async fn one_of_many_takes_what_nobody_has(store: &dyn Store) -> Ending {
    if store.is_leased() {
        assert_eq!(store.owner().await?, None);
        let all: Vec<Owner> = (1..=8).map(owner).collect();
        let taking = all.iter().map(|owner| store.take(owner, None));
        let taken = futures_util::future::try_join_all(taking).await?;
        assert_eq!(taken.iter().filter(|taken| **taken).count(), 1);
        let first = all.iter().zip(taken).find_map(|(owner, taken)| taken.then_some(owner));
        assert_eq!(store.owner().await?.as_ref(), first);
    }
    Ok(())
}

pub(super) async fn an_owner_is_followed_only_as_it_was_seen(store: &dyn Store) -> Ending {
    if store.is_leased() {
        assert!(store.take(&owner(1), None).await?);
        assert!(store.renew(owner(1).incarnation).await?);
        assert!(!store.take(&owner(2), Some(&owner(1))).await?, "it has beaten since");
        let seen = store.owner().await?;
        assert_eq!(seen, Some(Owner { beat: 1, ..owner(1) }));
        assert!(store.take(&owner(2), seen.as_ref()).await?);
        assert!(!store.take(&owner(3), seen.as_ref()).await?, "another came first");
        assert_eq!(store.owner().await?, Some(owner(2)));
    }
    Ok(())
}

pub(super) async fn what_is_given_back_is_seen_and_another_gives_nothing_back(store: &dyn Store) -> Ending {
    if store.is_leased() {
        assert!(store.take(&owner(1), None).await?);
        store.disown(owner(2).incarnation).await?;
        assert_eq!(store.owner().await?, Some(owner(1)));
        store.disown(owner(1).incarnation).await?;
        assert_eq!(store.owner().await?, Some(Owner { released: true, ..owner(1) }));
    }
    Ok(())
}
