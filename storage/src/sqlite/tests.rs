//! Tests of what is SQLite's own; the contract is tested by the conformance suite.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::conformance;

#[tokio::test]
async fn it_keeps_the_contract() {
    for durability in [Durability::Fsync, Durability::Os] {
        let folder = tempfile::tempdir().unwrap();
        let stores = AtomicUsize::new(0);
        conformance::run_all(async || {
            let number = stores.fetch_add(1, Ordering::Relaxed);
            let dir = folder.path().join(number.to_string());
            Arc::new(SqliteStore::open(&dir, durability).unwrap()) as Arc<dyn Store>
        })
        .await
        .unwrap();
        assert_eq!(stores.into_inner(), conformance::CASES.len());
    }
}
