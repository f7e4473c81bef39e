//! Notes of how far the store has come: whether it takes them is told when that changes.

use updraft_protocol::limits::STORE_NOTE;

use super::super::notes::{Noted, Notes};
use super::*;
use crate::store;

#[tokio::test(start_paused = true)]
async fn a_store_that_takes_no_notes_is_told_of_once_until_it_takes_them_again() {
    let (store, noted) = (Arc::new(FaultyStore::default()), DurableWatermark::new(0));
    let no = || Err(store::Error::Unavailable("told to".to_owned()));
    store.held().notes.extend([Ok(()), no(), no(), Ok(()), Ok(()), no()]);
    let mut notes = Notes::new(store.clone(), Some((uuid::Uuid::from_u128(1), noted.clone())));
    let mut now = tokio::time::Instant::now();
    let mut told = Vec::new();
    for below in 1..=6 {
        for _ in 0..2 {
            notes.write(below, now);
            now += STORE_NOTE;
        }
        told.push(match notes.landed().await {
            Noted::Taken => ("taken", noted.get()),
            Noted::TakenAgain => ("taken again", noted.get()),
            Noted::Refused(_) => ("refused", noted.get()),
            Noted::RefusedAgain(_) => ("refused again", noted.get()),
        });
    }
    let wanted = [("taken", 1), ("refused", 1), ("refused again", 1), ("taken again", 4), ("taken", 5)];
    assert_eq!(told[..5], wanted);
    assert_eq!(told[5], ("refused", 5));
}
