//! The connectors that ship, as files: each is read, is short, has an example for every action, and a recorded call; the page on
//! connectors names its secrets.

use std::path::PathBuf;

use axum::http::StatusCode;
use axum::response::IntoResponse;
use updraft_connectors::Connector;
use updraft_protocol::Integration;

use crate::server::Tool;

const SHIPPED: [&str; 4] = ["jira", "microsoft-graph", "urlscan", "virustotal"];

#[tokio::test]
async fn each_is_short_and_has_an_example_for_every_action_and_a_contract() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("vendor");
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), SHIPPED.len());
    let page = std::fs::read_to_string(folder.join("../../docs/connectors.md")).unwrap();
    let tool = Tool::start(|_, _| StatusCode::OK.into_response()).await;
    for name in SHIPPED {
        let text = std::fs::read_to_string(folder.join(format!("{name}.yaml"))).unwrap();
        assert!(text.lines().count() < 150 && text.starts_with("# "), "{name}");
        let connector = Connector::parse(text.as_bytes()).unwrap_or_else(|error| panic!("{name}: {error}"));
        let connector = tool.of(connector);
        assert_eq!(connector.connector().name().as_str(), name);
        assert!(connector.connector().health().is_some(), "{name}");
        assert!(connector.connector().contracts().next().is_some(), "{name}");
        let row = page.lines().find(|line| line.starts_with(&format!("| `{name}` |"))).unwrap();
        for action in connector.actions() {
            let spec = connector.spec(action);
            assert!(spec.example.is_some() && spec.schema.is_some(), "{name}.{action}");
            assert!(!spec.secrets.is_empty(), "{name}.{action}");
            assert!(spec.secrets.iter().all(|secret| row.contains(&format!("`{secret}`"))), "{row}");
        }
    }
}
