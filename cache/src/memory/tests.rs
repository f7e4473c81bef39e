//! Tests of the level in memory: the suite, its bounds, and lives.

use updraft_protocol::TenantCode;

use super::*;
use crate::conformance::{self, found, keep, key};
use crate::key::CacheOwner;

fn level(kind: &'static CacheKind) -> MemoryLevel<String> {
    MemoryLevel::new(kind, Arc::default(), String::len)
}

#[tokio::test]
async fn it_is_a_level() {
    conformance::all(async || Arc::new(level(&conformance::KIND))).await;
}

#[tokio::test]
async fn it_keeps_no_more_entries_and_no_more_bytes_than_its_kind_may() {
    const FEW: CacheKind = CacheKind::new("few", 1).bound(10, 1 << 20, Keep::LastUsed);
    const SMALL: CacheKind = CacheKind::new("small", 1).bound(1_000, 10_000, Keep::LastUsed);
    for kind in [&FEW, &SMALL] {
        let level = level(kind);
        for number in 0..100 {
            keep(&level, &key("acme", ["n", &number.to_string()]), &"x".repeat(970)).await;
            let (entries, bytes) = level.size();
            assert!(entries <= 10 && bytes <= kind.bytes as u64, "{entries} {bytes}");
        }
        assert!(level.size().0 >= 9, "there is room for so many");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_over_is_not_found() {
    let level = level(&conformance::KIND);
    let key = key("acme", ["a", "b"]);
    keep(&level, &key, "one").await;
    tokio::time::advance(Duration::from_secs(53)).await;
    assert!(found(&level, &key).await.is_some());
    tokio::time::advance(Duration::from_secs(14)).await;
    assert_eq!(found(&level, &key).await, None);
}

/// Look-ups that prefer a few of many keys, as alerts prefer indicators.
#[tokio::test]
async fn four_of_five_look_ups_by_zipf_are_hits_with_room_for_half_of_the_keys() {
    const KEYS: usize = 10_000;
    const HALF: CacheKind = CacheKind::new("zipf", 1).bound(KEYS / 2, 16 << 20, Keep::MostUsed);
    let mut sums = Vec::with_capacity(KEYS);
    let all = (1..=KEYS).fold(0.0, |sum, rank| {
        sums.push(sum + 1.0 / rank as f64);
        sum + 1.0 / rank as f64
    });
    let level = level(&HALF);
    let tenant = TenantCode::new("acme").unwrap();
    let (mut hits, mut state) = (0, 0x9e37_79b9_7f4a_7c15_u64);
    for _ in 0..100_000 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let drawn = (state >> 11) as f64 / (1_u64 << 53) as f64 * all;
        let rank = sums.partition_point(|sum| *sum < drawn).to_string();
        let key = CacheKey::new(&HALF, CacheOwner::Tenant(&tenant), [rank.as_str()], []);
        match level.look_up(&key).await {
            LookUp::Hit(_) => hits += 1,
            LookUp::Miss(load) => {
                level.keep(&key, load, &Entry::new(Some(rank), &HALF).unwrap()).await;
            }
        }
    }
    assert!(hits >= 80_000, "{hits} of 100,000");
}
