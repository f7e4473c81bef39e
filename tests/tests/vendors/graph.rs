//! Microsoft Graph: users and alerts, read and changed, and how its token server and Graph itself refuse.

use serde_json::{Value, json};
use updraft::connectors::ConnectorIntegration;
use updraft_protocol::{Failure, FailureKind};

use crate::served::{Served, assert_fails, call};
use crate::stubs::graph::{ALERT, Behaviour, CLIENT, DIRECTORY, GUEST, Graph, SECRET, USER};

pub(crate) const FILE: &str = include_str!("../../../connectors/vendor/microsoft-graph.yaml");

pub(crate) async fn vendor(behaviour: Behaviour) -> Served<Graph> {
    Served::start(|address| Graph::new(address, behaviour)).await
}

pub(crate) fn connector(served: &Served<Graph>) -> ConnectorIntegration {
    let url = served.url();
    served.connector(FILE, &[("server", &url), ("login", &url), ("directory", DIRECTORY), ("client", CLIENT)])
}

pub(crate) async fn ask(served: &Served<Graph>, action: &str, arguments: Value) -> Result<Value, Failure> {
    call(&connector(served), SECRET, action, arguments).await
}

#[tokio::test]
async fn one_token_is_asked_for_and_used_for_several_calls() {
    let served = vendor(Behaviour::default()).await;
    let connector = connector(&served);
    for _ in 0..3 {
        let output = call(&connector, SECRET, "organization", json!({})).await.unwrap();
        assert_eq!(output, json!({"id": DIRECTORY, "name": "Contoso"}));
    }
    assert_eq!(served.vendor.kept(|kept| kept.tokens), 1);
}

#[tokio::test]
async fn a_token_that_has_ended_is_renewed_and_the_call_made_again() {
    let served = vendor(Behaviour { uses: Some(1), ..Behaviour::default() }).await;
    let connector = connector(&served);
    for _ in 0..2 {
        call(&connector, SECRET, "set_enabled", json!({"user": USER, "enabled": false})).await.unwrap();
    }
    assert_eq!(served.vendor.kept(|kept| (kept.tokens, kept.changes.len())), (2, 2));
}

#[tokio::test]
async fn a_client_that_the_token_server_does_not_know_fails_with_its_word_and_without_the_secret() {
    let served = vendor(Behaviour::default()).await;
    let came = call(&connector(&served), "another-secret", "organization", json!({})).await;
    let failure = came.as_ref().unwrap_err();
    assert!(!failure.may_have_acted() && !failure.message.contains("another-secret"), "{}", failure.message);
    assert_fails(came, FailureKind::Status, false, "invalid_client");
    let url = served.url();
    let elsewhere = served
        .connector(FILE, &[("server", &url), ("login", &url), ("directory", "nobody"), ("client", CLIENT)]);
    assert_fails(
        call(&elsewhere, SECRET, "organization", json!({})).await,
        FailureKind::Status,
        false,
        "invalid_request",
    );
    assert_eq!(served.vendor.kept(|kept| kept.tokens), 0);
}

#[tokio::test]
async fn what_the_application_may_not_do_is_a_denial() {
    let served = vendor(Behaviour { forbidden: true, ..Behaviour::default() }).await;
    for (action, arguments) in [
        ("organization", json!({})),
        ("alerts", json!({})),
        ("user", json!({"user": USER})),
        ("sign_ins", json!({"filter": "createdDateTime ge 2026-05-18"})),
        ("update_alert", json!({"id": ALERT, "status": "resolved"})),
        ("set_enabled", json!({"user": USER, "enabled": false})),
        ("revoke_sessions", json!({"user": USER})),
    ] {
        let came = ask(&served, action, arguments).await;
        assert!(!came.as_ref().unwrap_err().may_have_acted(), "{action}");
        assert_fails(came, FailureKind::Forbidden, false, "Insufficient privileges");
    }
    assert_eq!(served.vendor.kept(|kept| kept.changes.len()), 0);
}

#[tokio::test]
async fn a_user_is_found_by_name_also_as_a_guest_and_one_that_is_not_there_is_an_answer() {
    let served = vendor(Behaviour::default()).await;
    for user in [USER, GUEST] {
        let output = ask(&served, "user", json!({"user": user})).await.unwrap();
        let expected = json!({
            "found": true, "id": "87d349ed-44d7-43e1-9a83-5f2406dee5bd", "name": "Adele Vance", "principal": user, "enabled": true,
        });
        assert_eq!(output, expected);
    }
    for user in ["nobody@contoso.com", "a/b?c"] {
        let output = ask(&served, "user", json!({"user": user})).await.unwrap();
        assert_eq!((&output["found"], &output["id"]), (&json!(false), &Value::Null), "{user}");
    }
    let url = format!("{}/proxy", served.url());
    let wrong =
        [("server", url.as_str()), ("login", &served.url()), ("directory", DIRECTORY), ("client", CLIENT)];
    let came = call(&served.connector(FILE, &wrong), SECRET, "user", json!({"user": USER})).await;
    assert_fails(came, FailureKind::InvalidArguments, false, "Resource not found for the segment.");
}

#[tokio::test]
async fn a_user_is_disabled_and_all_sessions_end() {
    let served = vendor(Behaviour::default()).await;
    let done = ask(&served, "set_enabled", json!({"user": GUEST, "enabled": false})).await.unwrap();
    let revoked = ask(&served, "revoke_sessions", json!({"user": USER})).await.unwrap();
    assert_eq!((done, revoked), (json!({"done": true}), json!({"done": true})));
    let changes = served.vendor.kept(|kept| kept.changes.clone());
    assert_eq!(changes[0], (GUEST.to_owned(), json!({"accountEnabled": false})));
    assert_eq!(changes[1], ("revoked".to_owned(), json!(USER)));
    for (action, arguments) in [
        ("set_enabled", json!({"user": "nobody@contoso.com", "enabled": true})),
        ("revoke_sessions", json!({"user": "nobody@contoso.com"})),
    ] {
        assert_fails(ask(&served, action, arguments).await, FailureKind::Status, false, "does not exist");
    }
}

#[tokio::test]
async fn an_alert_gets_what_is_given_and_no_more() {
    let served = vendor(Behaviour::default()).await;
    let output = ask(&served, "update_alert", json!({"id": ALERT, "status": "resolved"})).await.unwrap();
    assert_eq!(output, json!({"id": ALERT, "status": "resolved"}));
    let whole = json!({"id": ALERT, "status": "inProgress", "classification": "truePositive", "assigned_to": "soc@contoso.com"});
    ask(&served, "update_alert", whole).await.unwrap();
    let changes: Vec<Value> =
        served.vendor.kept(|kept| kept.changes.iter().map(|(_, body)| body.clone()).collect());
    assert_eq!(changes[0], json!({"status": "resolved"}));
    assert_eq!(
        changes[1],
        json!({"status": "inProgress", "classification": "truePositive", "assignedTo": "soc@contoso.com"})
    );
    let nothing = ask(&served, "update_alert", json!({"id": ALERT})).await;
    assert_fails(nothing, FailureKind::InvalidArguments, false, "arguments");
    assert_eq!(served.vendor.kept(|kept| kept.changes.len()), 2);
    let unknown = ask(&served, "update_alert", json!({"id": "da0", "status": "resolved"})).await;
    assert_fails(unknown, FailureKind::Status, false, "Alert 'da0' is not found.");
}
