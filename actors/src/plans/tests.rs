//! Tests of the plans in memory: how many are kept, and how much.

use updraft_protocol::Name;

use super::*;

fn ready(number: u128, bytes: usize) -> Arc<Ready> {
    let mut catalogue = Catalogue::default();
    catalogue.add(Name::new("tool").unwrap(), &["act"]);
    let text = "format: 1\nname: one\nversion: 1\nsteps:\n  - {id: a, type: action, integration: tool, action: act}\n";
    let plan = Plan::check(&Playbook::parse(text.as_bytes()).unwrap(), &catalogue).unwrap();
    Arc::new(Ready {
        mistakes: Vec::new(),
        has_secrets: AtomicBool::new(false),
        pid: PlaybookId::from_bytes(number.to_be_bytes()),
        tenant: TenantCode::new("acme").unwrap(),
        plan: Arc::new(plan),
        variables: BTreeMap::new(),
        variables_json: Json::null(),
        bytes,
    })
}

#[test]
fn what_is_kept_stays_within_its_bytes_whatever_comes() {
    let plans = Plans::new(Catalogue::default());
    for number in 0..100 {
        plans.keep(ready(number % 60, PLANS_CACHED_BYTES / 8));
        let held: usize = plans.cached.iter().map(|held| held.bytes).sum();
        assert_eq!(held, plans.bytes.load(Ordering::Relaxed));
        assert!(held <= PLANS_CACHED_BYTES && plans.cached.len() <= 8);
    }
    assert_eq!(plans.cached.len(), 8, "there is room for so many");
}

#[test]
fn the_one_that_is_asked_for_is_kept_even_where_it_alone_is_too_large() {
    let plans = Plans::new(Catalogue::default());
    plans.keep(ready(1, 10));
    plans.keep(ready(2, PLANS_CACHED_BYTES + 1));
    assert_eq!(plans.cached.iter().map(|held| held.pid).collect::<Vec<_>>(), [ready(2, 0).pid]);
    plans.keep(ready(3, 10));
    assert_eq!(plans.bytes.load(Ordering::Relaxed), 10);
}
