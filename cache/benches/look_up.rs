//! The cost of a look-up that finds what it looks for in memory: its key made, and an entry found.
//!
//! `cargo bench -p updraft-cache`

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a benchmark that cannot be set up has nothing to measure"
)]

use std::convert::Infallible;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use updraft_cache::{Cache, CacheKey, CacheKind, CacheOwner, Caches};
use updraft_protocol::TenantCode;

const KIND: CacheKind = CacheKind::new("answer", 1);

fn main() {
    divan::main();
}

/// What is found without waiting.
fn at_once<T>(work: impl Future<Output = T>) -> T {
    match pin!(work).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(done) => done,
        Poll::Pending => unreachable!("it is in memory"),
    }
}

fn key(tenant: &TenantCode, number: usize) -> CacheKey {
    let indicator = format!("44d88612fea8a8f36de82e1278ab{number:04x}");
    CacheKey::new(&KIND, CacheOwner::Tenant(tenant), ["virustotal", "lookup_hash", &indicator], [&indicator])
}

fn filled(tenant: &TenantCode) -> Arc<Cache<Arc<str>, Infallible>> {
    let cache = Caches::default().cache(&KIND, |value: &Arc<str>| value.len());
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    for number in 0..1_000 {
        let load = async || Ok(Some("an answer".into()));
        runtime.block_on(cache.get_or_load(&key(tenant, number), load)).unwrap();
    }
    cache
}

#[divan::bench]
fn a_key_and_a_hit(bencher: divan::Bencher) {
    let tenant = TenantCode::new("acme").expect("a tenant");
    let (cache, mut number) = (filled(&tenant), 0);
    bencher.bench_local(|| {
        number = (number + 7) % 1_000;
        at_once(cache.get_or_load(&key(&tenant, number), async || unreachable!("it is kept")))
    });
}

#[divan::bench]
fn a_hit(bencher: divan::Bencher) {
    let tenant = TenantCode::new("acme").expect("a tenant");
    let cache = filled(&tenant);
    let key = key(&tenant, 500);
    bencher.bench_local(|| at_once(cache.get_or_load(&key, async || unreachable!("it is kept"))));
}
