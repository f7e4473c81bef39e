//! Tests of the store in memory: the contract of every store, and its bound.

use std::sync::Arc;

use updraft_protocol::Update;

use super::{MemoryStore, Nowhere};
use crate::conformance::{self, samples};
use crate::journal::Disk;
use crate::store::{Error, ExecutionStore, Store};

#[tokio::test]
async fn it_keeps_the_contract_of_every_store() {
    conformance::run_all(async || Arc::new(MemoryStore::new()) as Arc<dyn Store>).await.unwrap();
}

#[tokio::test]
async fn it_is_full_at_its_bound_and_says_so() {
    let store = MemoryStore::keeping(0);
    let update = Update::from(samples::execution(1, &samples::tenant("acme").unwrap()).unwrap());
    let full = store.write(vec![update]).await.unwrap_err();
    assert!(matches!(full, Error::Full(_)) && full.retryable(), "{full}");
    assert_eq!(full.to_string(), "the store is full: it keeps 0 documents");
}

#[test]
fn a_journal_that_is_kept_nowhere_is_always_empty() {
    let folder = std::path::Path::new("journal");
    let mut file = Nowhere.create(&folder.join("1")).unwrap();
    file.append(b"frame").and_then(|()| file.sync()).unwrap();
    assert_eq!(Nowhere.list(folder).unwrap(), Vec::<String>::new());
    assert!(!folder.exists(), "and leaves nothing behind");
}
