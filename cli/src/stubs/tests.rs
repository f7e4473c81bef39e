//! The tools as a playbook meets them: over real connections.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::{Value, json};

use super::faults::{Fault, FaultProfile};
use super::*;

async fn start() -> Stubs {
    Stubs::start(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap()
}

/// One request: the head of the answer and its body.
async fn ask(addr: SocketAddr, line: &str, key: &str, body: Option<Value>) -> (String, Value) {
    let body = body.map(|body| body.to_string()).unwrap_or_default();
    let key = if key.is_empty() { String::new() } else { format!("Idempotency-Key: {key}\r\n") };
    let request = format!(
        "{line} HTTP/1.1\r\nHost: stubs\r\nConnection: close\r\nContent-Type: application/json\r\n\
         {key}Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let text = tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(addr).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    });
    let text = text.await.unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    (head.to_ascii_lowercase(), serde_json::from_str(body).unwrap_or_default())
}

/// A key whose first attempt meets this trouble.
fn key_for(profile: FaultProfile, tool: &str, fault: Fault) -> String {
    (0..).map(|n| format!("key-{n}")).find(|key| profile.fault(tool, key) == fault).unwrap()
}

#[tokio::test]
async fn every_tool_answers_and_the_same_key_acts_once() {
    let stubs = start().await;
    let messages = json!([{"id": "AAMk1", "mailbox": "a@contoso.com"}]);
    for (tool, line, body, status) in [
        ("mail.search", "POST /mail/search", json!({"sender": "a@b.example"}), 200),
        ("mail.quarantine", "POST /mail/quarantine", json!({"messages": messages, "reason": "x"}), 200),
        ("directory.revoke_sessions", "POST /directory/users/u-1/revoke-sessions", json!({}), 200),
        ("directory.disable", "POST /directory/users/u-1/disable", json!({}), 200),
        ("firewall.block", "POST /firewall/blocks", json!({"kind": "url", "value": "x"}), 201),
        ("firewall.unblock", "DELETE /firewall/blocks/rule-1", json!({}), 200),
        ("edr.isolate", "POST /edr/hosts/WS-1/isolate", json!({}), 200),
        ("edr.release", "POST /edr/hosts/WS-1/release", json!({}), 200),
        ("edr.snapshot", "POST /edr/hosts/WS-1/snapshot", json!({}), 201),
        ("edr.block_hash", "POST /edr/hashes", json!({"sha256": "ab"}), 201),
        ("tickets.open", "POST /tickets", json!({"title": "t", "severity": "high"}), 201),
    ] {
        let key = key_for(FaultProfile::Steady, tool, Fault::None);
        let (head, first) = ask(stubs.addr(), line, &key, Some(body.clone())).await;
        assert!(head.starts_with(&format!("http/1.1 {status}")), "{tool}: {head}");
        assert!(!head.contains("idempotent-replayed"), "{tool}");
        let (head, again) = ask(stubs.addr(), line, &key, Some(body)).await;
        assert!(head.contains("idempotent-replayed: true"), "{tool}: {head}");
        assert_eq!(first, again, "{tool}");
    }
    let (_, acts) = ask(stubs.addr(), "GET /acts", "", None).await;
    assert_eq!((&acts["requests"], &acts["replays"]), (&json!(22), &json!(11)));
    assert!(acts["acts"].as_object().unwrap().values().all(|count| count == 1), "{acts}");
    stubs.stop().await.unwrap();
}

#[tokio::test]
async fn look_ups_need_no_key_and_take_a_url_in_their_query() {
    let stubs = start().await;
    let key = key_for(FaultProfile::Touchy, "reputation.lookup", Fault::None);
    let line = "GET /reputation/url?url=https%3A%2F%2Fcontoso-payroll.com%2Flogin%3Fu%3D1";
    let (_, body) = ask(stubs.addr(), line, &key, None).await;
    assert_eq!(body["verdict"], "malicious", "{body}");
    assert_eq!(body["value"], "https://contoso-payroll.com/login?u=1");
    for (tool, profile, place) in [
        ("intelligence.lookup", FaultProfile::Steady, "/intelligence/indicators"),
        ("sandbox.verdict", FaultProfile::Touchy, "/sandbox/verdict"),
    ] {
        let key = key_for(profile, tool, Fault::None);
        let line = format!("GET {place}?kind=domain&value=contoso-payroll.com");
        let (_, body) = ask(stubs.addr(), &line, &key, None).await;
        assert_eq!(body["verdict"], "malicious", "{body}");
    }
    let key = key_for(FaultProfile::Steady, "directory.user", Fault::None);
    let (_, user) = ask(stubs.addr(), "GET /directory/users/ines.moreau@contoso.com", &key, None).await;
    assert_eq!(user["name"], "Ines Moreau");
    let (head, _) = ask(stubs.addr(), "GET /edr/hosts/SRV-FILE-01", "", None).await;
    assert!(head.starts_with("http/1.1 "), "{head}");
    stubs.stop().await.unwrap();
}

#[tokio::test]
async fn the_first_attempt_meets_trouble_and_the_second_none() {
    let stubs = start().await;
    for (trouble, status) in [(Fault::Busy, 503), (Fault::Limited(0), 429), (Fault::Limited(1), 429)] {
        let key = key_for(FaultProfile::Touchy, "reputation.lookup", trouble);
        let (head, _) = ask(stubs.addr(), "GET /reputation/ip/198.51.100.7", &key, None).await;
        assert!(head.starts_with(&format!("http/1.1 {status}")), "{head}");
        if let Fault::Limited(seconds) = trouble {
            assert!(head.contains(&format!("retry-after: {seconds}")), "{head}");
        }
        let (head, _) = ask(stubs.addr(), "GET /reputation/ip/198.51.100.7", &key, None).await;
        assert!(head.starts_with("http/1.1 200"), "{head}");
    }
    stubs.stop().await.unwrap();
}

#[tokio::test]
async fn a_tool_that_forgot_to_answer_has_acted_once_all_the_same() {
    let stubs = start().await;
    let key = key_for(FaultProfile::Steady, "edr.isolate", Fault::Forgotten);
    let line = "POST /edr/hosts/WS-1/isolate";
    let (head, _) = ask(stubs.addr(), line, &key, Some(json!({}))).await;
    assert!(head.starts_with("http/1.1 500"), "{head}");
    let (head, body) = ask(stubs.addr(), line, &key, Some(json!({}))).await;
    assert!(head.starts_with("http/1.1 200") && head.contains("idempotent-replayed: true"), "{head}");
    assert_eq!(body["state"], "isolated");
    let (_, acts) = ask(stubs.addr(), "GET /acts", "", None).await;
    assert_eq!(acts["acts"], json!({"edr.isolate": 1}));
    stubs.stop().await.unwrap();
}

#[tokio::test]
async fn a_request_that_makes_no_sense_is_refused_and_does_nothing() {
    let stubs = start().await;
    let key = key_for(FaultProfile::Steady, "tickets.open", Fault::None);
    for (line, key, body, status) in [
        ("POST /tickets", key.as_str(), json!({"severity": "high"}), 422),
        ("POST /tickets", key.as_str(), json!([]), 422),
        ("POST /tickets", "", json!({"title": "t", "severity": "high"}), 400),
        (
            "POST /mail/quarantine",
            &key_for(FaultProfile::Steady, "mail.quarantine", Fault::None),
            json!({"messages": [], "reason": "x"}),
            422,
        ),
        (
            "GET /reputation/weather/x",
            &key_for(FaultProfile::Touchy, "reputation.lookup", Fault::None),
            json!({}),
            404,
        ),
    ] {
        let (head, _) = ask(stubs.addr(), line, key, Some(body)).await;
        assert!(head.starts_with(&format!("http/1.1 {status}")), "{line}: {head}");
    }
    let (_, acts) = ask(stubs.addr(), "GET /acts", "", None).await;
    assert_eq!(acts["acts"], json!({}));
    stubs.stop().await.unwrap();
}

#[tokio::test]
async fn tools_that_were_stopped_are_gone_and_leave_their_port() {
    let stubs = start().await;
    let addr = stubs.addr();
    stubs.stop().await.unwrap();
    Stubs::start(addr).await.unwrap().stop().await.unwrap();
}
