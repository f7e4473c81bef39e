//! The page on connectors: every file in it is one, and every playbook in it runs with it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

use std::path::PathBuf;
use std::sync::Arc;

use updraft_connectors::{Connector, Connectors};
use updraft_integrations::HttpIntegration;
use updraft_kernel::plan::Plan;
use updraft_protocol::{Catalogue, Playbook};

#[test]
fn every_file_of_the_page_is_read_and_every_playbook_is_valid_with_them() {
    let page = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/connectors.md");
    let page = std::fs::read_to_string(page).unwrap();
    let blocks: Vec<&str> =
        page.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    let (files, playbooks): (Vec<&str>, Vec<&str>) =
        blocks.iter().partition(|block| block.starts_with("connector:"));
    assert!(files.len() >= 3 && !playbooks.is_empty(), "{} and {}", files.len(), playbooks.len());
    let read =
        |text: &&str| Connector::parse(text.as_bytes()).unwrap_or_else(|error| panic!("{error}:\n{text}"));
    let connectors = files.iter().map(read);
    let connectors =
        connectors.fold(Connectors::builder(HttpIntegration::builder()), |all, one| all.connector(one));
    let connectors = connectors.build().unwrap();
    let mut catalogue = Catalogue::default();
    for one in connectors.newest() {
        catalogue.add_integration(one.connector().name().clone(), Arc::new(one.clone()));
    }
    for text in playbooks {
        let playbook = Playbook::parse(text.as_bytes()).unwrap();
        let plan = Plan::check(&playbook, &catalogue).unwrap_or_else(|mistakes| panic!("{mistakes:?}"));
        assert_eq!(plan.secrets.len(), 1, "the secret of its connector");
    }
}
