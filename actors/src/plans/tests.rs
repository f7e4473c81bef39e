//! Tests of the plans in memory: their number, their size, and how often the store is read.

use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use updraft_protocol::{PlaybookDocument, PlaybookStatus, Timestamp};
use updraft_storage::Error as StoreError;
use updraft_storage::store::PutOutcome;

use super::*;

const TEXT: &str = "format: 1\nname: one\nversion: 1\nsteps:\n  - {id: a, action: tool.act}\n";

fn catalogue() -> Catalogue {
    let mut catalogue = Catalogue::default();
    catalogue.add_names(Name::new("tool").unwrap(), &["act"]);
    catalogue
}

fn tenant(name: &str) -> TenantCode {
    TenantCode::new(name).unwrap()
}

fn pid(number: u128) -> PlaybookId {
    PlaybookId::from_bytes(number.to_be_bytes())
}

fn plans() -> Plans {
    Plans::new(catalogue(), Arc::default())
}

async fn keep(plans: &Plans, number: u128, bytes: usize) {
    let plan = Plan::check(&Playbook::parse(TEXT.as_bytes()).unwrap(), &catalogue()).unwrap();
    let ready = Ready {
        mistakes: Vec::new(),
        has_secrets: AtomicBool::new(false),
        pid: pid(number),
        plan: Arc::new(plan),
        variables: BTreeMap::new(),
        variables_json: Json::null(),
        bytes,
    };
    let key = plan_key(&tenant("acme"), pid(number), None);
    plans.cached.get_or_load(&key, async || Ok(Some(Arc::new(ready)))).await.unwrap();
}

/// Whether each of these is kept.
async fn held(plans: &Plans, numbers: std::ops::Range<u128>) -> Vec<bool> {
    let mut held = Vec::new();
    for number in numbers {
        let key = plan_key(&tenant("acme"), pid(number), None);
        let answer = plans.cached.get_or_load(&key, async || Err(Error::Missing { pid: pid(number) })).await;
        held.push(answer.is_ok());
    }
    held
}

/// A store that gives a set newest version of one playbook of acme, and counts its reads.
#[derive(Default)]
struct Counting {
    newest: AtomicUsize,
    asked: AtomicUsize,
    away: AtomicBool,
}

impl Counting {
    async fn answer(&self, of: &TenantCode, version: u32) -> Result<Option<PlaybookDocument>, StoreError> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        tokio::task::yield_now().await;
        if self.away.load(Ordering::Relaxed) {
            return Err(StoreError::Unavailable("away".to_owned()));
        }
        let playbook = Playbook::parse(TEXT.as_bytes()).unwrap();
        Ok((of.as_str() == "acme").then(|| PlaybookDocument {
            pid: pid(version.into()),
            tenant_code: of.clone(),
            name: playbook.name.clone(),
            version,
            status: PlaybookStatus::Active,
            category_id: None,
            definition: Json::parse(&serde_json::to_string(&playbook).unwrap()).unwrap(),
            createddate: Timestamp(0),
            updated_date: Timestamp(0),
        }))
    }

    fn asked(&self) -> usize {
        self.asked.swap(0, Ordering::Relaxed)
    }
}

#[async_trait]
impl PlaybookStore for Counting {
    async fn put_playbook(&self, _: PlaybookDocument) -> Result<PutOutcome, StoreError> {
        unreachable!()
    }

    async fn playbook(&self, of: &TenantCode, _: PlaybookId) -> Result<Option<PlaybookDocument>, StoreError> {
        self.answer(of, 1).await
    }

    async fn playbook_named(
        &self,
        of: &TenantCode,
        _: &Name,
        version: Option<u32>,
    ) -> Result<Option<PlaybookDocument>, StoreError> {
        self.answer(of, version.unwrap_or(self.newest.load(Ordering::Relaxed) as u32)).await
    }

    async fn playbooks(
        &self,
        _: &TenantCode,
        _: PlaybookStatus,
        _: Option<&str>,
        _: Option<(Name, u32)>,
        _: usize,
    ) -> Result<Vec<PlaybookDocument>, StoreError> {
        unreachable!()
    }
}

#[tokio::test]
async fn what_is_kept_stays_within_its_bytes_whatever_comes() {
    let plans = plans();
    for number in 0..100 {
        keep(&plans, number % 60, PLANS_CACHED_BYTES / 8).await;
        let figures = plans.cached.figures();
        assert!(figures.bytes <= PLANS_CACHED_BYTES as u64 && figures.entries <= 8);
    }
    assert!(plans.cached.figures().entries >= 7, "there is room for so many");
}

#[tokio::test]
async fn the_one_that_is_asked_for_is_kept_even_where_it_alone_is_too_large() {
    let plans = plans();
    keep(&plans, 1, 10).await;
    keep(&plans, 2, PLANS_CACHED_BYTES + 1).await;
    assert_eq!(held(&plans, 1..4).await, [false, true, false]);
    keep(&plans, 3, 10).await;
    assert_eq!(held(&plans, 1..4).await, [false, false, true]);
}

#[tokio::test]
async fn those_who_ask_at_once_have_it_read_once() {
    let (plans, store, acme) = (plans(), Counting::default(), tenant("acme"));
    let asking = (0..8).map(|_| plans.get(&store, &acme, pid(1)));
    let found = futures_util::future::join_all(asking).await;
    assert!(found.iter().all(|ready| Arc::ptr_eq(ready.as_ref().unwrap(), found[0].as_ref().unwrap())));
    assert_eq!(store.asked(), 1);
    let other = plans.get(&store, &tenant("other"), pid(1)).await;
    assert!(matches!(other, Err(Error::Missing { .. })), "what one tenant has is no other's");
}

#[tokio::test]
async fn an_error_is_told_and_not_kept() {
    let (plans, store, acme) = (plans(), Counting::default(), tenant("acme"));
    store.away.store(true, Ordering::Relaxed);
    let asking = (0..2).map(|_| plans.get(&store, &acme, pid(1)));
    for told in futures_util::future::join_all(asking).await {
        assert!(matches!(told, Err(Error::Store(StoreError::Unavailable(_)))));
    }
    store.away.store(false, Ordering::Relaxed);
    assert_eq!(plans.get(&store, &acme, pid(1)).await.unwrap().pid, pid(1));
}

#[tokio::test]
async fn a_version_is_looked_up_once_and_the_newest_each_time() {
    let (plans, store) = (plans(), Counting::default());
    let (acme, name) = (tenant("acme"), Name::new("one").unwrap());
    for newest in 1..=3 {
        store.newest.store(newest, Ordering::Relaxed);
        let found = plans.id(&store, &acme, &name, None).await.unwrap();
        assert_eq!((found, store.asked()), (Some(pid(newest as u128)), 1), "a new one is seen at once");
    }
    for asked in [1, 0, 0] {
        let found = plans.id(&store, &acme, &name, Some(2)).await.unwrap();
        assert_eq!((found, store.asked()), (Some(pid(2)), asked));
    }
    plans.changed(&acme, &name).await;
    plans.id(&store, &acme, &name, Some(2)).await.unwrap();
    assert_eq!(store.asked(), 1, "when a version was stored, it is read again");
    for _ in 0..2 {
        let found = plans.id(&store, &tenant("other"), &name, Some(2)).await.unwrap();
        assert_eq!((found, store.asked()), (None, 1), "what is not there may come");
    }
}
