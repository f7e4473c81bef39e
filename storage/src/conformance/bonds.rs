//! The bond between a store and its journal: kept whole, moved by the journal's own notes alone.

use uuid::Uuid;

use super::Ending;
use crate::bond::{Bond, Kept};
use crate::store::Store;

fn bond() -> Bond {
    Bond { store: Uuid::from_u128(u128::MAX), journal: Uuid::from_u128(1 << 64), taken: 7, closed: false }
}

/// Whether the store keeps bonds; one that does begins with none.
async fn keeps(store: &dyn Store) -> Result<bool, crate::store::Error> {
    let kept = store.kept().await?;
    assert!(matches!(kept, Kept::Nothing | Kept::New), "{kept:?}");
    Ok(kept == Kept::New)
}

pub(super) async fn a_bond_comes_back_as_it_was_bound(store: &dyn Store) -> Ending {
    if keeps(store).await? {
        for bond in [bond(), Bond { journal: Uuid::from_u128(3), taken: 0, closed: true, ..bond() }] {
            store.bind(bond).await?;
            assert_eq!(store.kept().await?, Kept::Bond(bond));
        }
    }
    Ok(())
}

pub(super) async fn a_note_of_the_journal_moves_the_bond_and_one_of_another_does_not(
    store: &dyn Store,
) -> Ending {
    if keeps(store).await? {
        store.note(bond().journal, 5, false).await?;
        assert_eq!(store.kept().await?, Kept::New, "there is nothing to move");
        store.bind(bond()).await?;
        store.note(bond().journal, 9, true).await?;
        let moved = Kept::Bond(Bond { taken: 9, closed: true, ..bond() });
        assert_eq!(store.kept().await?, moved);
        store.note(Uuid::from_u128(2), 11, false).await?;
        assert_eq!(store.kept().await?, moved);
    }
    Ok(())
}
