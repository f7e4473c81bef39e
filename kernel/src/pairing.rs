//! Pairing: whether a journal and a store that are found beside each other belong together, and what is missing if they
//! do not. Decides by the notes that each keeps of the other; reads and writes neither.
//!
//! Each has a random id. The journal notes the id of its store. The store notes the id of its journal, the number up to
//! which it has taken that journal's groups, and whether both were closed in order. The writes are in this order, so
//! that no kill and no loss of power leaves a pair that is refused:
//!
//! | step | then a crash leaves |
//! | --- | --- |
//! | the journal's first segment is made | two that do not know each other: they are bound |
//! | the journal notes the store | a new store, a journal without history: they are bound |
//! | the store notes the journal, durably, and gives an epoch | a pair |
//! | the journal notes the epoch; only now are groups written | a pair, and a store that is new beside it is not its own |
//! | groups become durable in the journal, then they go to the store | `taken <= ends`: the store has no group that the journal never had |
//! | the store notes what it has taken, once a second, after it has it | `taken` is lower than the truth; the journal has the difference |
//! | the journal drops a segment, after the store has noted its last group | `begins <= taken + 1`: no group is in neither |
//! | in order: the store notes the last group and that both close, the journal is emptied | a pair, closed, whether or not the journal was emptied |
//!
//! If the last engine did not sync (`Os`), a loss of power may undo the latest writes of either, and the bounds do not
//! hold. This durability allows that, so the mismatch is reported and not refused. The segments themselves are synced
//! when they are made: a journal that lost every group to a loss of power still has its first segment.

#[cfg(test)]
mod tests;

use thiserror::Error;

/// What a journal notes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JournalSide {
    /// Its id and that of its store, if it has noted them.
    pub ids: Option<(u128, u128)>,
    /// The number of its first group; of the next one, if it holds none.
    pub begins: u64,
    /// The number of the last group that it ever held; 0 if it never held any.
    pub ends: u64,
    /// Whether the store was opened under another address than the journal has noted.
    pub moved: bool,
    /// Whether the last engine synced its writes.
    pub synced: bool,
    /// Whether a segment of it exists, with or without groups.
    pub there: bool,
    /// Whether an engine has run with it, and with the store that it has noted.
    pub ran: bool,
}

/// The notes of a store that has noted a journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreSide {
    /// Its id.
    pub id: u128,
    /// The id of its journal.
    pub journal: u128,
    /// It has all groups of that journal up to this number.
    pub taken: u64,
    /// Whether both were closed in order.
    pub closed: bool,
}

/// The loss that a person accepts; the other side is taken as the truth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// Data that the store no longer has: the journal's groups are applied to what remains.
    OfStore,
    /// Groups that the journal no longer has: executions continue from the store.
    OfJournal,
}

/// What a start does with a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum PairVerdict {
    /// They belong together.
    Pair,
    /// Neither has anything that the other lacks: they are bound to each other now.
    Bind,
    /// The same, although one of them belonged to another before: both were closed in order.
    Rebind,
    /// A loss of power undid writes that were not synced, or a person accepts the loss: the engine starts with the pair
    /// as it is.
    GoOn(Mismatch),
    /// They do not belong together: the engine does not start until a person decides.
    Refuse(Mismatch),
}

/// How a journal and a store fail to belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Mismatch {
    /// The journal has history, and the store is new.
    #[error(
        "the database is missing: a new one is there, and the journal goes on from group {goes_on_from} of one that is not. \
         Playbooks and executions that only it had are not here. Put it back; or accept the loss of the store, and what the \
         journal has is brought to the new one"
    )]
    StoreMissing {
        /// The number of the first group in the journal, or of the next one.
        goes_on_from: u64,
    },
    /// The journal has dropped groups that the store does not have.
    #[error(
        "the database is older than the journal: it has taken the groups up to {taken}, and the journal begins with {begins}. \
         A backup was restored, or the file was cut. What lies between is in neither. Put the newer database back; or accept \
         the loss of the store, and what the journal has is brought to this one"
    )]
    StoreOlder {
        /// The last group that the store has taken.
        taken: u64,
        /// The first group that the journal has.
        begins: u64,
    },
    /// The store belongs to a journal that is missing.
    #[error(
        "the journal is missing: the database has taken its groups up to {taken} and was not closed in order, so that later ones \
         may be lost. Put it back; or accept the loss of the journal, and executions go on from what the database has"
    )]
    JournalMissing {
        /// The last group that the store has taken.
        taken: u64,
    },
    /// The store has taken groups that the journal does not have.
    #[error(
        "the journal is older than the database, or was cut: it ends with group {ends}, and the database has taken those up to \
         {taken}. Later groups may be lost. Put the newer journal back; or accept the loss of the journal, and executions go on \
         from what the database has"
    )]
    JournalOlder {
        /// The last group that the journal has.
        ends: u64,
        /// The last group that the store has taken.
        taken: u64,
    },
    /// The journal has groups for another store.
    #[error(
        "the journal has updates for another database, which must get them first: start with that one once, and then with this \
         one; or move the journal away"
    )]
    OtherStore,
    /// The store takes groups from another journal.
    #[error("the database belongs to another journal, from which it has taken the groups up to {taken}{}", way_out(*.pending))]
    OtherJournal {
        /// The last group that it has taken from that journal.
        taken: u64,
        /// Whether the journal that is here has groups of its own: from before the database was bound to the other
        /// journal, or for an unknown database.
        pending: bool,
    },
}

/// What is known of the other journal, and what can be done. Groups from before the database was bound to another
/// journal are not applied: two journals may each have numbered different tasks of one execution, which could then not
/// be resumed.
fn way_out(pending: bool) -> &'static str {
    if pending {
        ", and the journal that is here has updates of its own, which can no longer be brought to it: what was done since may \
         contradict them. Move the folder `journal` out of the data directory, with what only it has, and start again: if the \
         other journal was not closed in order, that start says so"
    } else {
        " and which was not closed in order: it may have updates that the database does not have. Start with that one once, \
         and then with this one; or accept the loss of that journal"
    }
}

impl Mismatch {
    /// The loss that a person may accept; `None` if the pair is unusable.
    pub fn acceptable(&self) -> Option<Loss> {
        match self {
            Self::StoreMissing { .. } | Self::StoreOlder { .. } => Some(Loss::OfStore),
            Self::JournalMissing { .. }
            | Self::JournalOlder { .. }
            | Self::OtherJournal { pending: false, .. } => Some(Loss::OfJournal),
            Self::OtherStore | Self::OtherJournal { pending: true, .. } => None,
        }
    }

    /// Whether a loss of power may cause this mismatch if the journal is not synced.
    fn unsynced_power_loss_leaves_it(&self, journal: &JournalSide) -> bool {
        match self {
            Self::StoreOlder { .. } | Self::JournalOlder { .. } => true,
            Self::JournalMissing { .. } => journal.there && journal.ids.is_some(),
            Self::StoreMissing { .. } | Self::OtherStore | Self::OtherJournal { .. } => false,
        }
    }
}

/// Judges a pair; `store` is `None` if it is new. A mismatch is tolerated if its loss was `accepted`.
pub fn judge(journal: JournalSide, store: Option<StoreSide>, accepted: Option<Loss>) -> PairVerdict {
    let mismatch = match compare(journal, store) {
        Ok(verdict) => return verdict,
        Err(mismatch) => mismatch,
    };
    let by_power = !journal.synced && mismatch.unsynced_power_loss_leaves_it(&journal);
    if by_power || (accepted.is_some() && mismatch.acceptable() == accepted) {
        PairVerdict::GoOn(mismatch)
    } else {
        PairVerdict::Refuse(mismatch)
    }
}

fn compare(journal: JournalSide, store: Option<StoreSide>) -> Result<PairVerdict, Mismatch> {
    let pending = journal.ends >= journal.begins;
    match (journal.ids, store) {
        (None, None) => Ok(PairVerdict::Bind),
        (None, Some(store)) if pending => Err(Mismatch::OtherJournal { taken: store.taken, pending }),
        (None, Some(store)) if store.closed => Ok(PairVerdict::Rebind),
        (None, Some(store)) => Err(Mismatch::JournalMissing { taken: store.taken }),
        (Some(_), None) => with_new(journal, pending),
        (Some((own, of)), Some(store)) if of == store.id && own == store.journal => positions(journal, store),
        (Some((_, of)), Some(store)) if of != store.id && pending => Err(Mismatch::OtherStore),
        (Some(_), Some(store)) if !pending && store.closed => Ok(PairVerdict::Rebind),
        (Some(_), Some(store)) => Err(Mismatch::OtherJournal { taken: store.taken, pending }),
    }
}

/// A journal that has noted a store, beside a new store.
fn with_new(journal: JournalSide, pending: bool) -> Result<PairVerdict, Mismatch> {
    if journal.ends == 0 && !journal.ran {
        Ok(PairVerdict::Bind)
    } else if journal.moved {
        if pending { Err(Mismatch::OtherStore) } else { Ok(PairVerdict::Rebind) }
    } else {
        Err(Mismatch::StoreMissing { goes_on_from: journal.begins })
    }
}

/// A journal and a store that know each other.
fn positions(journal: JournalSide, store: StoreSide) -> Result<PairVerdict, Mismatch> {
    let (JournalSide { begins, ends, .. }, taken) = (journal, store.taken);
    if taken > ends && ends == 0 {
        if store.closed { Ok(PairVerdict::Rebind) } else { Err(Mismatch::JournalMissing { taken }) }
    } else if taken > ends {
        Err(Mismatch::JournalOlder { ends, taken })
    } else if taken.saturating_add(1) < begins {
        Err(Mismatch::StoreOlder { taken, begins })
    } else {
        Ok(PairVerdict::Pair)
    }
}
