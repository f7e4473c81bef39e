//! Poison: kept as dead letters before it is dropped, whatever fails, and without delaying other updates.

use std::time::Duration;

use updraft_protocol::limits::FLUSH_DELAY;

use super::*;
use crate::journal::testing::update;
use crate::store;

/// Eight documents of one group, of which two are poison.
async fn send_with_poison(rig: &Rig) {
    rig.store.held().poison.extend([update(2, 1).document(), update(5, 1).document()]);
    rig.send(1, (0..8).map(|document| update(document, 1)).collect()).await;
}

fn key(document: u64) -> String {
    updraft_protocol::DeadLetter::of(&update(document, 1), String::new()).key
}

fn poisoned(rig: &Rig) -> Vec<Update> {
    let events = rig.events();
    let poison = |event| match event {
        Notice::Poison { update, .. } => Some(*update),
        Notice::StoreFailing { .. } | Notice::StoreWorking => None,
    };
    events.into_iter().filter_map(poison).collect()
}

#[tokio::test(start_paused = true)]
async fn poison_is_kept_as_a_dead_letter_with_its_reason_and_then_told() {
    let rig = start(WriterConfig::default());
    send_with_poison(&rig).await;
    rig.flush().await;
    let dead_letters: Vec<_> = rig.store.held().dead_letters.values().cloned().collect();
    assert_eq!(dead_letters.iter().map(|letter| &letter.key).collect::<Vec<_>>(), [&key(2), &key(5)]);
    assert!(dead_letters.iter().all(|letter| letter.reason == "never this one" && letter.update.is_some()));
    assert_eq!(poisoned(&rig), [update(2, 1), update(5, 1)]);
    assert_eq!((rig.store.held().letters_a_call.clone(), rig.stored.get()), (vec![2], 2));
    assert_eq!(rig.store.held().documents.len(), 6);
}

#[tokio::test(start_paused = true)]
async fn poison_stays_until_it_can_be_kept_and_the_others_go_on() {
    let rig = start(WriterConfig::default());
    rig.store.held().keep_fails_with.extend(vec![store::Error::Unavailable as fn(String) -> store::Error; 4]);
    send_with_poison(&rig).await;
    tokio::time::sleep(FLUSH_DELAY + Duration::from_millis(1)).await;
    assert_eq!(rig.store.held().documents.len(), 6);
    assert_eq!(
        (rig.stored.get(), poisoned(&rig)),
        (1, vec![]),
        "nothing is settled before it is dead_letters"
    );
    rig.send(2, vec![update(9, 1)]).await;
    rig.flush().await;
    assert_eq!(rig.store.held().dead_letters.len(), 2);
    assert_eq!(poisoned(&rig), [update(2, 1), update(5, 1)], "each is told once");
    assert_eq!((rig.store.held().letters_a_call.len(), rig.stored.get()), (5, 3));
}

#[tokio::test(start_paused = true)]
async fn what_is_not_even_taken_as_a_dead_letter_is_let_go_alone() {
    let rig = start(WriterConfig::default());
    rig.store.held().unkeepable.insert(key(5));
    send_with_poison(&rig).await;
    rig.flush().await;
    assert_eq!(rig.store.held().dead_letters.keys().collect::<Vec<_>>(), [&key(2)]);
    assert_eq!(poisoned(&rig), [update(2, 1), update(5, 1)], "its execution is failed nevertheless");
    assert_eq!((rig.store.held().documents.len(), rig.stored.get()), (6, 2));
}

#[tokio::test(start_paused = true)]
async fn a_store_of_another_schema_keeps_the_poison_waiting() {
    let rig = start(WriterConfig::default());
    let schema: fn(String) -> store::Error = |place| store::Error::Schema { place, found: 9, known: 1 };
    rig.store.held().keep_fails_with.extend(vec![schema; 2]);
    send_with_poison(&rig).await;
    rig.flush().await;
    assert_eq!(rig.store.held().dead_letters.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_batch_of_poison_alone_blocks_nobody() {
    let rig = start(paced(10, 2));
    let all = 1_000_u64;
    rig.store.held().poison.extend((0..all).map(|document| update(document, 1).document()));
    rig.send(1, (0..all).map(|document| update(document, 1)).collect()).await;
    rig.send(2, vec![update(all, 1)]).await;
    let began = tokio::time::Instant::now();
    rig.flush().await;
    assert_eq!((rig.store.held().dead_letters.len(), poisoned(&rig).len()), (all as usize, all as usize));
    assert!(rig.store.seq(update(all, 1).document()).is_some());
    assert!(began.elapsed() < Duration::from_secs(1), "nothing waited: {:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_newer_update_of_poison_is_judged_anew() {
    let rig = start(WriterConfig::default());
    rig.store.held().keep_fails_with.extend(vec![store::Error::Full as fn(String) -> store::Error; 3]);
    send_with_poison(&rig).await;
    tokio::time::sleep(FLUSH_DELAY + Duration::from_millis(1)).await;
    // The newer state is no longer poison.
    rig.store.held().poison.clear();
    rig.send(2, vec![update(2, 2), update(5, 2)]).await;
    rig.flush().await;
    assert_eq!((rig.store.held().dead_letters.len(), poisoned(&rig).len()), (0, 0));
    assert_eq!([2, 5].map(|document| rig.store.seq(update(document, 1).document())), [Some(2); 2]);
}
