//! Jira, read: issues and searches over several pages, and that who is not known there is told so, and not that nothing is found.

use std::time::Duration;

use serde_json::{Value, json};
use updraft::connectors::ConnectorIntegration;
use updraft_protocol::{Failure, FailureKind};

use crate::served::{Served, assert_fails, call};
use crate::stubs::jira::{Jira, TOKEN, USER};

pub(crate) const FILE: &str = include_str!("../../../connectors/vendor/jira.yaml");

pub(crate) async fn vendor() -> Served<Jira> {
    Served::start(|_| Jira::default()).await
}

pub(crate) fn connector(served: &Served<Jira>) -> ConnectorIntegration {
    served.connector(FILE, &[("site", &served.url()), ("user", USER)])
}

pub(crate) async fn ask(served: &Served<Jira>, action: &str, arguments: Value) -> Result<Value, Failure> {
    call(&connector(served), TOKEN, action, arguments).await
}

#[tokio::test]
async fn it_tells_whose_account_it_is() {
    let served = vendor().await;
    let output = ask(&served, "myself", json!({})).await.unwrap();
    assert_eq!(output, json!({"account": "5b10a2844c20165700ede21g", "name": "SOC"}));
}

#[tokio::test]
async fn an_issue_is_read_with_the_fields_that_are_asked_for() {
    let served = vendor().await;
    let output = ask(&served, "get_issue", json!({"key": "SEC-3"})).await.unwrap();
    assert_eq!((&output["found"], &output["key"]), (&json!(true), &json!("SEC-3")));
    assert_eq!((&output["status"], &output["summary"]), (&json!("In Progress"), &json!("Finding 3")));
    assert_eq!(served.asked()[0].query, [], "all fields, where none is named");
    let some = ask(&served, "get_issue", json!({"key": "SEC-3", "fields": ["labels"]})).await.unwrap();
    assert_eq!((&some["fields"], &some["status"]), (&json!({"labels": ["soc"]}), &Value::Null));
}

#[tokio::test]
async fn an_issue_that_is_not_there_is_an_answer_and_a_page_of_somebody_else_is_none() {
    let served = vendor().await;
    for key in ["SEC-404", "SEC 1?"] {
        let output = ask(&served, "get_issue", json!({"key": key})).await.unwrap();
        assert_eq!((&output["found"], &output["key"]), (&json!(false), &json!(key)));
    }
    let elsewhere = ask(&served, "get_issue", json!({"key": "../myself"})).await;
    assert_fails(elsewhere, FailureKind::Template, false, "the path would lead elsewhere");
    let wrong = served.connector(FILE, &[("site", &format!("{}/jira", served.url())), ("user", USER)]);
    let came = call(&wrong, TOKEN, "get_issue", json!({"key": "SEC-1"})).await;
    assert_fails(came, FailureKind::Status, false, "404");
}

/// Jira takes who has a wrong or expired token for nobody: without care, an issue that nobody may see is one that is not there, and a
/// search finds nothing.
#[tokio::test]
async fn a_token_that_is_wrong_is_a_denial_and_never_an_empty_answer() {
    let served = vendor().await;
    for (action, arguments) in [
        ("myself", json!({})),
        ("get_issue", json!({"key": "SEC-1"})),
        ("search", json!({"jql": "project = SEC"})),
        ("transitions", json!({"key": "SEC-1"})),
        ("create_issue", json!({"project": "SEC", "summary": "a"})),
        ("comment", json!({"key": "SEC-1", "text": "a"})),
        ("transition", json!({"key": "SEC-1", "transition": "31"})),
        ("attach", json!({"key": "SEC-1", "filename": "a.txt", "content": "YQ=="})),
    ] {
        let came = call(&connector(&served), "expired", action, arguments).await;
        assert_fails(came, FailureKind::Forbidden, false, "denied by the tool");
    }
    served.vendor.done(|done| assert_eq!((done.created.len(), done.attachments.len()), (0, 0)));
}

#[tokio::test]
async fn a_search_gives_the_issues_of_all_pages() {
    let served = vendor().await;
    let output = ask(&served, "search", json!({"jql": "project = SEC AND text ~ \"a&b\" ORDER BY key"}))
        .await
        .unwrap();
    let keys: Vec<&str> =
        output["issues"].as_array().unwrap().iter().map(|one| one["key"].as_str().unwrap()).collect();
    assert_eq!((keys, &output["more"]), (vec!["SEC-1", "SEC-2", "SEC-3", "SEC-4", "SEC-5"], &json!(false)));
    assert_eq!(output["issues"][4]["fields"]["summary"], "Finding 5");
    let asked = served.asked();
    assert_eq!(asked.len(), 3);
    assert!(
        asked
            .iter()
            .all(|asked| asked.parameter("jql") == Some("project = SEC AND text ~ \"a&b\" ORDER BY key"))
    );
    assert_eq!(
        (asked[0].parameter("nextPageToken"), asked[2].parameter("nextPageToken")),
        (None, Some("CAEaAggC==&4"))
    );
}

#[tokio::test]
async fn a_query_that_jira_refuses_is_told_in_its_words() {
    let served = vendor().await;
    for (jql, says) in [
        ("order by created", "Unbounded JQL queries are not allowed here."),
        ("project =", "Expecting a value at the end of the query."),
    ] {
        let came = ask(&served, "search", json!({"jql": jql})).await;
        assert_fails(came, FailureKind::InvalidArguments, false, says);
    }
}

#[tokio::test]
async fn a_rate_pauses_the_token_for_as_long_as_jira_says() {
    let served = Served::start(|_| Jira::limited(2)).await;
    for (action, arguments) in
        [("get_issue", json!({"key": "SEC-1"})), ("comment", json!({"key": "SEC-1", "text": "a"}))]
    {
        let came = ask(&served, action, arguments).await;
        let failure = came.as_ref().unwrap_err();
        assert_eq!((failure.retry_after(), failure.may_have_acted()), (Some(Duration::from_secs(5)), false));
        assert_fails(came, FailureKind::RateLimited, true, "429");
    }
    served.vendor.done(|done| assert!(done.comments.is_empty()));
}
