//! The bond of the embedded store, as numbers in `meta`: an id is two of them. Decides nothing.

use async_trait::async_trait;
use rusqlite::{Connection, Transaction};
use uuid::Uuid;

use super::{SqliteStore, fault, write};
use crate::store::{Bond, BondStore, Error, Kept};

const GET: &str = "SELECT value FROM meta WHERE key = ?1";
const PUT: &str =
    "INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = excluded.value";

const STORE: [&str; 2] = ["store_high", "store_low"];
const JOURNAL: [&str; 2] = ["journal_high", "journal_low"];
const TAKEN: &str = "taken";
const CLOSED: &str = "closed";
const GENERATION: &str = "generation";

/// The stored bond.
pub(super) fn kept(connection: &Connection) -> Result<Kept, Error> {
    let ids = || -> rusqlite::Result<_> { Ok(id(connection, STORE)?.zip(id(connection, JOURNAL)?)) };
    let Some((store, journal)) = ids().map_err(fault::store_error)? else { return Ok(Kept::New) };
    let number = |key| number(connection, key).map_err(fault::store_error);
    let (taken, closed, generation) = (number(TAKEN)?, number(CLOSED)?, number(GENERATION)?);
    let Some(((taken, closed), generation)) = taken.zip(closed).zip(generation) else { return Ok(Kept::New) };
    let corrupt = |key, number: i64| Error::Corrupt(format!("meta, {key}: {number} is out of range"));
    let taken = u64::try_from(taken).map_err(|_| corrupt(TAKEN, taken))?;
    let generation = u32::try_from(generation).map_err(|_| corrupt(GENERATION, generation))?;
    Ok(Kept::Bond(Bond { store, journal, taken, closed: closed != 0, generation }))
}

/// Replaces the bond, if it is still the one before.
pub(super) fn bind(connection: &mut Connection, bond: Bond, before: Option<Bond>) -> Result<bool, Error> {
    let taken = storable(bond.taken)?;
    let transaction = write::begin(connection).map_err(fault::store_error)?;
    if kept(&transaction)?.bond() != before {
        return Ok(false);
    }
    let bind = || {
        for (keys, id) in [(STORE, bond.store), (JOURNAL, bond.journal)] {
            let (high, low) = id.as_u64_pair();
            put(&transaction, keys[0], high.cast_signed())?;
            put(&transaction, keys[1], low.cast_signed())?;
        }
        put(&transaction, TAKEN, taken)?;
        put(&transaction, CLOSED, i64::from(bond.closed))?;
        put(&transaction, GENERATION, i64::from(bond.generation))
    };
    bind().and_then(|()| transaction.commit()).map_err(fault::store_error)?;
    Ok(true)
}

/// Notes how far the store has come with a journal, which must be its own.
pub(super) fn note(
    connection: &mut Connection,
    journal: Uuid,
    taken: u64,
    closed: bool,
) -> Result<(), Error> {
    let taken = storable(taken)?;
    let note = |connection: &mut Connection| {
        let transaction = write::begin(connection)?;
        if id(&transaction, JOURNAL)? != Some(journal) {
            return Ok(false);
        }
        put(&transaction, TAKEN, taken)?;
        put(&transaction, CLOSED, i64::from(closed))?;
        transaction.commit().map(|()| true)
    };
    if note(connection).map_err(fault::store_error)? { Ok(()) } else { Err(Bond::of_another()) }
}

fn id(connection: &Connection, [high, low]: [&str; 2]) -> rusqlite::Result<Option<Uuid>> {
    let halves = number(connection, high)?.zip(number(connection, low)?);
    Ok(halves.map(|(high, low)| Uuid::from_u64_pair(high.cast_unsigned(), low.cast_unsigned())))
}

fn number(connection: &Connection, key: &str) -> rusqlite::Result<Option<i64>> {
    let mut rows = connection.prepare_cached(GET)?;
    let mut rows = rows.query([key])?;
    rows.next()?.map(|row| row.get(0)).transpose()
}

fn put(transaction: &Transaction<'_>, key: &str, value: i64) -> rusqlite::Result<()> {
    transaction.prepare_cached(PUT)?.execute((key, value)).map(drop)
}

fn storable(taken: u64) -> Result<i64, Error> {
    i64::try_from(taken).map_err(|_| Error::Refused(format!("{taken} is larger than the store can keep")))
}

#[async_trait]
impl BondStore for SqliteStore {
    async fn kept(&self) -> Result<Kept, Error> {
        self.read(kept).await
    }

    async fn bind(&self, bond: Bond, before: Option<Bond>) -> Result<bool, Error> {
        self.change_durably(move |connection| bind(connection, bond, before)).await
    }

    async fn note(&self, journal: Uuid, taken: u64, closed: bool) -> Result<(), Error> {
        self.change(move |connection| note(connection, journal, taken, closed)).await
    }
}
