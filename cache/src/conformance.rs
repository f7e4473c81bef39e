//! The suite to which every level is held: what each of them promises, whatever it is made of.

use std::sync::Arc;
use std::time::Duration;

use updraft_protocol::TenantCode;

use crate::entry::Entry;
use crate::key::{CacheKey, CacheOwner, CacheScope};
use crate::kind::CacheKind;
use crate::level::{CacheLevel, LookUp};

/// The kind of the suite.
pub(crate) const KIND: CacheKind =
    CacheKind::new("suite", 1).life(Duration::from_secs(60)).negative_life(Duration::from_secs(60));

/// Runs every case on a new level.
pub(crate) async fn all<C: CacheLevel<String>>(make: impl AsyncFn() -> Arc<C>) {
    what_is_kept_is_found(&*make().await).await;
    that_there_is_none_is_found_too(&*make().await).await;
    tenants_and_keys_are_apart(&*make().await).await;
    each_scope_invalidates(&*make().await).await;
    a_load_that_began_before_is_never_found(&*make().await).await;
    a_newer_value_takes_the_place(&*make().await).await;
    large_values_come_back_whole(&*make().await).await;
}

pub(crate) fn key(tenant: &str, parts: [&str; 2]) -> CacheKey {
    let tenant = TenantCode::new(tenant).unwrap();
    CacheKey::new(&KIND, CacheOwner::Tenant(&tenant), parts, ["tag"])
}

fn entry(value: &str) -> Entry<String> {
    Entry::new(Some(value.to_owned()), &KIND).unwrap()
}

pub(crate) async fn keep<C: CacheLevel<String>>(level: &C, key: &CacheKey, value: &str) {
    match level.look_up(key).await {
        LookUp::Miss(load) => level.keep(key, load, &entry(value)).await,
        LookUp::Hit(found) => panic!("{key:?} is there: {found:?}"),
    }
}

pub(crate) async fn found<C: CacheLevel<String>>(level: &C, key: &CacheKey) -> Option<Option<String>> {
    match level.look_up(key).await {
        LookUp::Hit(entry) => Some(entry.into_value()),
        LookUp::Miss(_) => None,
    }
}

fn some(value: &str) -> Option<Option<String>> {
    Some(Some(value.to_owned()))
}

async fn what_is_kept_is_found<C: CacheLevel<String>>(level: &C) {
    let key = key("acme", ["a", "b"]);
    assert_eq!(found(level, &key).await, None);
    keep(level, &key, "one").await;
    assert_eq!(found(level, &key).await, some("one"));
    let LookUp::Hit(entry) = level.look_up(&key).await else { panic!("it was there") };
    assert!(entry.age() < Duration::from_secs(30) && entry.left() <= Duration::from_secs(67));
}

async fn that_there_is_none_is_found_too<C: CacheLevel<String>>(level: &C) {
    let key = key("acme", ["none", "b"]);
    let LookUp::Miss(load) = level.look_up(&key).await else { panic!("nothing is kept") };
    level.keep(&key, load, &Entry::new(None, &KIND).unwrap()).await;
    assert_eq!(found(level, &key).await, Some(None));
}

async fn tenants_and_keys_are_apart<C: CacheLevel<String>>(level: &C) {
    keep(level, &key("acme", ["a", "b"]), "one").await;
    for other in [key("other", ["a", "b"]), key("acme", ["a", "c"]), key("acme", ["a:b", ""])] {
        assert_eq!(found(level, &other).await, None, "{other:?}");
    }
}

async fn each_scope_invalidates<C: CacheLevel<String>>(level: &C) {
    let tenant = TenantCode::new("acme").unwrap();
    let owner = CacheOwner::Tenant(&tenant);
    let (mine, near, far) = (key("acme", ["a", "b"]), key("acme", ["a", "c"]), key("other", ["x", "y"]));
    for (scopes, has_near) in [
        (vec![CacheScope::key(&mine)], true),
        (vec![CacheScope::prefix(&KIND, owner, &["a"])], false),
        (vec![CacheScope::owner(&KIND, owner)], false),
        (vec![CacheScope::tag(owner, "tag")], false),
        (vec![CacheScope::key(&near), CacheScope::key(&mine)], false),
    ] {
        for key in [&mine, &near, &far] {
            if found(level, key).await.is_none() {
                keep(level, key, "one").await;
            }
        }
        level.invalidate(&scopes).await;
        assert_eq!(found(level, &mine).await, None, "{scopes:?}");
        assert_eq!(found(level, &near).await.is_some(), has_near, "{scopes:?}");
        assert_eq!(found(level, &far).await, some("one"), "another tenant's is not touched by {scopes:?}");
    }
    level.invalidate(&[CacheScope::kind(&KIND)]).await;
    assert_eq!(found(level, &far).await, None, "the kind is everybody's");
}

async fn a_load_that_began_before_is_never_found<C: CacheLevel<String>>(level: &C) {
    let key = key("acme", ["a", "b"]);
    for scope in [CacheScope::key(&key), CacheScope::kind(&KIND)] {
        let LookUp::Miss(load) = level.look_up(&key).await else { panic!("nothing is kept") };
        level.invalidate(&[scope]).await;
        level.keep(&key, load, &entry("old")).await;
        assert_eq!(found(level, &key).await, None);
    }
    let (LookUp::Miss(slow), LookUp::Miss(quick)) = (level.look_up(&key).await, level.look_up(&key).await)
    else {
        panic!("nothing is kept")
    };
    level.keep(&key, quick, &entry("quick")).await;
    level.invalidate(&[CacheScope::key(&key)]).await;
    level.keep(&key, slow, &entry("slow")).await;
    assert_eq!(found(level, &key).await, None);
    keep(level, &key, "new").await;
    assert_eq!(found(level, &key).await, some("new"));
}

async fn a_newer_value_takes_the_place<C: CacheLevel<String>>(level: &C) {
    let key = key("acme", ["a", "b"]);
    let (LookUp::Miss(first), LookUp::Miss(second)) = (level.look_up(&key).await, level.look_up(&key).await)
    else {
        panic!("nothing is kept")
    };
    level.keep(&key, first, &entry("first")).await;
    level.keep(&key, second, &entry("second")).await;
    assert_eq!(found(level, &key).await, some("second"));
}

async fn large_values_come_back_whole<C: CacheLevel<String>>(level: &C) {
    for length in [0, 1_023, 1_024, 1_025, 200_000] {
        let (value, part) = ("ä%:\n\0".repeat(length / 7 + 1), length.to_string());
        let key = key("acme", ["large", &part]);
        keep(level, &key, &value).await;
        assert_eq!(found(level, &key).await, Some(Some(value)));
    }
}
