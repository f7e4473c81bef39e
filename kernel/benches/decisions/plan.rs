//! The check of a plan: small playbooks, the example, and the largest that are allowed.

use divan::{Bencher, black_box};
use updraft_kernel::plan::Plan;
use updraft_protocol::limits::PLAYBOOK_STEPS;
use updraft_protocol::{Catalogue, Name, Playbook};

use crate::sample;

#[divan::bench(args = [5, 100, PLAYBOOK_STEPS])]
fn check_chain(bencher: Bencher<'_, '_>, steps: usize) {
    let (playbook, catalogue) = (sample::playbook(steps), sample::catalogue());
    bencher.bench(|| Plan::check(black_box(&playbook), black_box(&catalogue)));
}

#[divan::bench]
fn check_phishing_triage(bencher: Bencher<'_, '_>) {
    let playbook = include_bytes!("../../../examples/phishing-triage/playbook.yaml");
    let playbook = Playbook::parse(playbook).unwrap();
    let mut catalogue = Catalogue::default();
    catalogue.add_names(Name::new("http").unwrap(), &["request"]);
    assert!(Plan::check(&playbook, &catalogue).is_ok());
    bencher.bench(|| Plan::check(black_box(&playbook), black_box(&catalogue)));
}
