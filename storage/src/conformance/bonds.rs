//! The bond between a store and its journal: kept whole, changed only by the journal's own notes.

use uuid::Uuid;

use super::Ending;
use crate::store::{Bond, Error, Kept, Store};

fn bond() -> Bond {
    Bond {
        store: Uuid::from_u128(u128::MAX),
        journal: Uuid::from_u128(1 << 64),
        taken: 7,
        closed: false,
        generation: 3,
    }
}

/// Whether the store keeps bonds; one that does begins with none.
async fn keeps(store: &dyn Store) -> Result<bool, crate::store::Error> {
    let kept = store.kept().await?;
    assert!(matches!(kept, Kept::Nothing | Kept::New), "{kept:?}");
    Ok(kept == Kept::New)
}

pub(super) async fn a_bond_comes_back_as_it_was_bound(store: &dyn Store) -> Ending {
    if keeps(store).await? {
        let mut before = None;
        for bond in [bond(), Bond { journal: Uuid::from_u128(3), taken: 0, closed: true, ..bond() }] {
            assert!(store.bind(bond, before).await?);
            assert_eq!(store.kept().await?, Kept::Bond(bond));
            before = Some(bond);
        }
    }
    Ok(())
}

pub(super) async fn a_bond_is_bound_only_instead_of_the_one_that_was_seen(store: &dyn Store) -> Ending {
    if keeps(store).await? {
        let late = Bond { journal: Uuid::from_u128(3), ..bond() };
        assert!(!store.bind(late, Some(bond())).await?, "there is none");
        assert_eq!(store.kept().await?, Kept::New);
        assert!(store.bind(bond(), None).await?);
        let others = [
            None,
            Some(Bond { store: Uuid::from_u128(1), ..bond() }),
            Some(Bond { journal: Uuid::from_u128(1), ..bond() }),
            Some(Bond { taken: 6, ..bond() }),
            Some(Bond { closed: true, ..bond() }),
            Some(Bond { generation: 2, ..bond() }),
        ];
        for other in others {
            assert!(!store.bind(late, other).await?, "{other:?}");
            assert_eq!(store.kept().await?, Kept::Bond(bond()));
        }
        assert!(store.bind(late, Some(bond())).await?);
    }
    Ok(())
}

pub(super) async fn a_note_of_the_journal_moves_the_bond_and_one_of_another_is_refused(
    store: &dyn Store,
) -> Ending {
    if keeps(store).await? {
        let refused = store.note(bond().journal, 5, false).await;
        assert!(matches!(refused, Err(Error::Refused(_))), "{refused:?}");
        assert_eq!(store.kept().await?, Kept::New, "there is nothing to move");
        assert!(store.bind(bond(), None).await?);
        store.note(bond().journal, 9, true).await?;
        let moved = Kept::Bond(Bond { taken: 9, closed: true, ..bond() });
        assert_eq!(store.kept().await?, moved);
        let refused = store.note(Uuid::from_u128(2), 11, false).await;
        assert!(matches!(refused, Err(Error::Refused(_))), "{refused:?}");
        assert_eq!(store.kept().await?, moved);
    }
    Ok(())
}
