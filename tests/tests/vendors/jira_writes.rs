//! Jira, written: issues, comments, transitions and attachments, and what Jira says of those that it does not take.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use updraft_protocol::FailureKind;

use crate::jira::{ask, vendor};
use crate::served::{assert_fails, call, replaced};
use crate::stubs::jira::{ATTACHMENT_BYTES, TOKEN, USER};

#[tokio::test]
async fn an_issue_is_made_with_what_is_given_and_no_more() {
    let served = vendor().await;
    let output =
        ask(&served, "create_issue", json!({"project": "SEC", "summary": "A {{ finding }}"})).await.unwrap();
    assert_eq!(
        output,
        json!({"key": "SEC-99", "id": "10099", "url": format!("{}/browse/SEC-99", served.url())})
    );
    let whole = json!({
        "project": "SEC", "type": "Bug", "summary": "A finding", "description": "*bold*\nline", "labels": ["soc", "phishing"],
        "priority": "High", "assignee": "5b10a2844c20165700ede21g",
    });
    ask(&served, "create_issue", whole).await.unwrap();
    let created = served.vendor.done(|done| done.created.clone());
    assert_eq!(
        created[0],
        json!({"project": {"key": "SEC"}, "issuetype": {"name": "Task"}, "summary": "A {{ finding }}"})
    );
    assert_eq!(
        created[1],
        json!({
            "project": {"key": "SEC"}, "issuetype": {"name": "Bug"}, "summary": "A finding", "description": "*bold*\nline",
            "labels": ["soc", "phishing"], "priority": {"name": "High"}, "assignee": {"accountId": "5b10a2844c20165700ede21g"},
        })
    );
}

#[tokio::test]
async fn what_jira_does_not_take_is_told_by_field_and_has_done_nothing() {
    let served = vendor().await;
    for (action, arguments, says) in [
        ("create_issue", json!({"project": "NONE", "summary": "a"}), "valid project is required"),
        (
            "create_issue",
            json!({"project": "SEC", "summary": "a", "priority": "Odd"}),
            "The priority selected is invalid.",
        ),
        (
            "transition",
            json!({"key": "SEC-1", "transition": "7"}),
            "Transition id '7' is not valid for this issue.",
        ),
    ] {
        let came = ask(&served, action, arguments).await;
        assert!(!came.as_ref().unwrap_err().may_have_acted(), "{action}");
        assert_fails(came, FailureKind::InvalidArguments, false, says);
    }
    for (action, arguments) in [
        ("comment", json!({"key": "SEC-404", "text": "a"})),
        ("transition", json!({"key": "SEC-404", "transition": "31"})),
        ("transitions", json!({"key": "SEC-404"})),
        ("attach", json!({"key": "SEC-404", "filename": "a.txt", "content": "YQ=="})),
    ] {
        assert_fails(
            ask(&served, action, arguments).await,
            FailureKind::Status,
            false,
            "Issue does not exist",
        );
    }
}

#[tokio::test]
async fn an_issue_is_commented_and_moved() {
    let served = vendor().await;
    let text = "Seen by [~accountid:7]: \"a\" & {{ b }}\n{code}x{code}";
    let output = ask(&served, "comment", json!({"key": "SEC-2", "text": text})).await.unwrap();
    assert_eq!(output, json!({"id": "10500"}));
    let transitions = ask(&served, "transitions", json!({"key": "SEC-2"})).await.unwrap();
    assert_eq!(transitions["transitions"][0]["id"], "31");
    let moved = ask(&served, "transition", json!({"key": "SEC-2", "transition": "31"})).await.unwrap();
    assert_eq!(moved, json!({"done": true}));
    served.vendor.done(|done| {
        assert_eq!(done.comments, [("SEC-2".to_owned(), text.to_owned())]);
        assert_eq!(done.transitions, [("SEC-2".to_owned(), "31".to_owned())]);
    });
}

#[tokio::test]
async fn a_file_is_attached_byte_for_byte_under_its_name() {
    let served = vendor().await;
    let bytes: Vec<u8> = (0..=255).chain(*b"\r\n--boundary--\r\n").collect();
    let arguments = json!({"key": "SEC-1", "filename": "mail (1).eml", "content": STANDARD.encode(&bytes)});
    let output = ask(&served, "attach", arguments).await.unwrap();
    assert_eq!(output, json!({"id": "10001", "size": bytes.len()}));
    served.vendor.done(|done| assert_eq!(done.attachments, [("mail (1).eml".to_owned(), bytes.clone())]));
}

#[tokio::test]
async fn an_attachment_that_is_too_large_or_no_base64_is_refused() {
    let served = vendor().await;
    let large = STANDARD.encode(vec![7; ATTACHMENT_BYTES + 1]);
    let came = ask(&served, "attach", json!({"key": "SEC-1", "filename": "a.bin", "content": large})).await;
    assert!(!came.as_ref().unwrap_err().may_have_acted());
    assert_fails(came, FailureKind::InvalidArguments, false, "attachments have at most 1024 bytes");
    let came =
        ask(&served, "attach", json!({"key": "SEC-1", "filename": "a.bin", "content": "no base64!"})).await;
    assert_fails(came, FailureKind::InvalidArguments, false, "base64");
    served.vendor.done(|done| assert!(done.attachments.is_empty()));
}

/// The stub refuses as Jira does what lacks its header: the file has it, and needs it.
#[tokio::test]
async fn an_attachment_without_the_header_against_forgery_is_denied() {
    let served = vendor().await;
    let file = replaced(crate::jira::FILE, "      headers: {X-Atlassian-Token: no-check}\n", "");
    let connector = served.connector(&file, &[("site", &served.url()), ("user", USER)]);
    let arguments = json!({"key": "SEC-1", "filename": "a.txt", "content": "YQ=="});
    assert_fails(
        call(&connector, TOKEN, "attach", arguments).await,
        FailureKind::Forbidden,
        false,
        "403 Forbidden",
    );
}
