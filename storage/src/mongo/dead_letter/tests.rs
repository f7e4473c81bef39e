//! Cases beyond the suite of all stores: many letters, and letters of other programs.

use mongodb::bson::{Document, doc};
use updraft_protocol::limits::PAGE_ROWS;
use updraft_protocol::{Json, Timestamp};

use super::*;
use crate::mongo::testing::database;

fn letter(number: usize) -> DeadLetter {
    DeadLetter {
        key: format!("execution:{number:05}"),
        tenant_code: None,
        peid: ExecutionId::from_bytes([7; 16]),
        reason: "never".to_owned(),
        updated_date: Timestamp(5),
        update: Json::parse(&format!("\"{}\"", "x".repeat(500))).ok(),
    }
}

#[tokio::test]
async fn letters_beyond_one_page_are_all_kept_and_those_that_were_there_stay() {
    let database = database().await;
    let store = database.store().await;
    let all: Vec<_> = (0..PAGE_ROWS + 50).map(letter).collect();
    let second = DeadLetter { reason: "once more".to_owned(), ..letter(3) };
    store.keep_dead_letters(vec![letter(3), second.clone()]).await.unwrap();
    store.keep_dead_letters(all.iter().cloned().chain([second]).collect()).await.unwrap();
    let page = store.dead_letters(None, None, usize::MAX).await.unwrap();
    assert_eq!(page[..], all[..PAGE_ROWS], "a page is capped");
    let last = page.last().map(|letter| letter.key.as_str());
    assert_eq!(store.dead_letters(None, last, 1_000).await.unwrap(), all[PAGE_ROWS..]);
}

#[tokio::test]
async fn a_letter_that_cannot_be_kept_is_an_error_and_the_others_are_kept() {
    let database = database().await;
    let store = database.store().await;
    store.keep_dead_letters(vec![letter(1)]).await.unwrap();
    let rules = doc! { "collMod": DEAD_LETTERS, "validator": { "reason": "never" } };
    store.database.run_command(rules).await.unwrap();
    let refused = DeadLetter { reason: "secret".to_owned(), ..letter(2) };
    let error = store.keep_dead_letters(vec![letter(1), refused, letter(3)]).await.unwrap_err();
    assert!(matches!(&error, Error::Refused(why) if !why.contains("secret")), "{error:?}");
    assert_eq!(store.dead_letters(None, None, 9).await.unwrap(), [letter(1), letter(3)]);
}

#[tokio::test]
async fn a_letter_that_somebody_else_made_is_named_without_its_content() {
    let database = database().await;
    let store = database.store().await;
    let letters = store.database.collection::<Document>(DEAD_LETTERS);
    letters.insert_one(doc! { "_id": "execution:1", "reason": "secret" }).await.unwrap();
    let error = store.dead_letters(None, None, 9).await.unwrap_err();
    let Error::Corrupt(why) = error else { panic!("{error:?}") };
    assert!(why.contains("execution:1, updated_date") && !why.contains("secret"), "{why}");
}
