//! The connectors that ship: each is read, is short, has an example for every action, and does against a stub of its vendor what
//! the vendor's documentation says.

use std::path::PathBuf;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use updraft_connectors::{Connector, ConnectorIntegration};
use updraft_protocol::{Effect, FailureKind, Integration};

use crate::server::{Came, Tool, call, json as answer};

const SHIPPED: [&str; 4] = ["jira", "microsoft-graph", "urlscan", "virustotal"];

fn text(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("vendor").join(format!("{name}.yaml"));
    std::fs::read_to_string(path).unwrap()
}

fn shipped(name: &str) -> Connector {
    Connector::parse(text(name).as_bytes()).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// A shipped connector whose servers are this tool.
fn of(tool: &Tool, name: &str, servers: &[&str]) -> ConnectorIntegration {
    let server = format!("http://{}", tool.addr);
    let set = |connector: Connector, constant: &&str| {
        connector.with_constant(constant, server.as_str().into()).unwrap()
    };
    tool.of(servers.iter().fold(shipped(name), set))
}

#[tokio::test]
async fn each_is_short_and_has_an_example_for_every_action() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("vendor");
    assert_eq!(std::fs::read_dir(folder).unwrap().count(), SHIPPED.len());
    let tool = Tool::start(|_, _| answer(200, json!({}))).await;
    for name in SHIPPED {
        let text = text(name);
        assert!(text.lines().count() < 150 && text.starts_with("# "), "{name}");
        let connector = tool.of(shipped(name));
        assert_eq!(connector.connector().name().as_str(), name);
        assert!(connector.connector().health().is_some(), "{name}");
        for action in connector.actions() {
            let spec = connector.spec(action);
            assert!(spec.example.is_some() && spec.schema.is_some(), "{name}.{action}");
            assert!(!spec.secrets.is_empty(), "{name}.{action}");
        }
    }
}

#[tokio::test]
async fn virustotal_tells_a_known_file_from_one_that_is_not() {
    let stats = json!({"malicious": 3, "suspicious": 0, "harmless": 0, "undetected": 60});
    let tool = Tool::start(move |_, came: &Came| match came.target.as_str() {
        "/api/v3/files/44d88612fea8a8f36de82e1278abb02f" => answer(
            200,
            json!({"data": {"id": "x", "type": "file", "attributes": {"last_analysis_stats": stats, "reputation": -7}}}),
        ),
        "/api/v3/urls/aHR0cHM6Ly9leGFtcGxlLmNvbS8_YT1i" => {
            answer(200, json!({"data": {"id": "u", "attributes": {"last_analysis_stats": stats}}}))
        }
        _ => answer(404, json!({"error": {"code": "NotFoundError", "message": "not found"}})),
    })
    .await;
    let virustotal = of(&tool, "virustotal", &["server"]);
    let known = call(&virustotal, "file", json!({"hash": "44D88612FEA8A8F36DE82E1278ABB02F"})).await.unwrap();
    assert_eq!(
        (&known["found"], &known["malicious"], &known["reputation"]),
        (&json!(true), &json!(3), &json!(-7))
    );
    assert_eq!(tool.came()[0].header("x-apikey"), "secret-virustotal");
    let unknown = call(&virustotal, "file", json!({"hash": "0".repeat(64)})).await.unwrap();
    assert_eq!((&unknown["found"], &unknown["malicious"]), (&json!(false), &json!(0)));
    let url = call(&virustotal, "url", json!({"url": "https://example.com/?a=b"})).await.unwrap();
    assert_eq!(url["id"], "u");
    let failure = call(&virustotal, "file", json!({"hash": "../users"})).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::InvalidArguments);
}

#[tokio::test]
async fn a_quota_of_virustotal_that_is_used_up_is_waited_for() {
    let tool = Tool::start(|_, _| {
        answer(429, json!({"error": {"code": "QuotaExceededError", "message": "Quota exceeded"}}))
    })
    .await;
    let virustotal = of(&tool, "virustotal", &["server"]);
    let failure = call(&virustotal, "ip", json!({"ip": "192.0.2.1"})).await.unwrap_err();
    assert_eq!((failure.kind, failure.retryable()), (FailureKind::RateLimited, true));
    assert!(failure.message.contains("QuotaExceededError"), "{failure}");
    assert_eq!(virustotal.connector().limits().unwrap().rates().len(), 2);
}

#[tokio::test]
async fn jira_makes_issues_and_attaches_files() {
    let tool = Tool::start(|_, came: &Came| match (came.method.as_str(), came.target.as_str()) {
        ("POST", "/rest/api/2/issue") => answer(201, json!({"id": "10001", "key": "SEC-1"})),
        ("POST", "/rest/api/2/issue/SEC-1/attachments") => answer(200, json!([{"id": "7", "size": 5}])),
        ("POST", "/rest/api/2/issue/SEC-1/transitions") => StatusCode::NO_CONTENT.into_response(),
        ("GET", "/rest/api/2/issue/SEC-2?fields=summary%2Cstatus") => {
            answer(200, json!({"key": "SEC-2", "fields": {"summary": "a", "status": {"name": "Open"}}}))
        }
        _ => answer(404, json!({"errorMessages": ["Issue does not exist"], "errors": {}})),
    })
    .await;
    let jira = of(&tool, "jira", &["site"]);
    let made = call(&jira, "create_issue", json!({"project": "SEC", "summary": "a {{ b }}"})).await.unwrap();
    assert_eq!(made["url"], format!("http://{}/browse/SEC-1", tool.addr));
    let sent = tool.came()[0].json();
    assert_eq!(
        sent,
        json!({"fields": {"project": {"key": "SEC"}, "issuetype": {"name": "Task"}, "summary": "a {{ b }}"}})
    );
    // you@example.com:secret-jira-token
    assert_eq!(tool.came()[0].header("authorization"), "Basic eW91QGV4YW1wbGUuY29tOnNlY3JldC1qaXJhLXRva2Vu");
    let file = json!({"key": "SEC-1", "filename": "a\"b.eml", "content": "aGVsbG8="});
    let attached = call(&jira, "attach", file).await.unwrap();
    assert_eq!(attached, json!({"id": "7", "size": 5}));
    let came = &tool.came()[1];
    assert_eq!(came.header("x-atlassian-token"), "no-check");
    assert!(came.header("content-type").starts_with("multipart/form-data"));
    let body = String::from_utf8(came.body.to_vec()).unwrap();
    assert!(body.contains("name=\"file\"; filename=") && body.contains("\r\nhello\r\n"), "{body}");
    let moved = call(&jira, "transition", json!({"key": "SEC-1", "transition": "11"})).await.unwrap();
    assert_eq!(moved, json!({"done": true}));
    let fields = json!({"key": "SEC-2", "fields": ["summary", "status"]});
    assert_eq!(call(&jira, "get_issue", fields).await.unwrap()["status"], "Open");
    assert_eq!(call(&jira, "get_issue", json!({"key": "NO-1"})).await.unwrap()["found"], json!(false));
    let failure = call(&jira, "comment", json!({"key": "NO-1", "text": "x"})).await.unwrap_err();
    assert_eq!(failure.message, "not found: Issue does not exist");
}

#[tokio::test]
async fn jira_finds_issues_page_by_page() {
    let tool = Tool::start(|number, _| match number {
        0 => answer(200, json!({"issues": [{"key": "A-1"}], "nextPageToken": "t1"})),
        _ => answer(200, json!({"issues": [{"key": "A-2"}], "isLast": true})),
    })
    .await;
    let jira = of(&tool, "jira", &["site"]);
    let found = call(&jira, "search", json!({"jql": "project = A AND x ~ \"a&b\""})).await.unwrap();
    assert_eq!(found, json!({"issues": [{"key": "A-1"}, {"key": "A-2"}], "more": false}));
    assert!(tool.came()[1].target.contains("nextPageToken=t1"));
}

#[tokio::test]
async fn urlscan_waits_for_its_scan() {
    let result = json!({
        "task": {"uuid": "u-1", "reportURL": "r"}, "page": {"domain": "example.com", "status": "200"},
        "verdicts": {"overall": {"malicious": true, "score": 90}}, "lists": {"ips": ["192.0.2.1"]},
    });
    let tool = Tool::start(move |number, came: &Came| match (came.method.as_str(), number) {
        ("POST", _) => answer(200, json!({"uuid": "u-1", "api": "http://elsewhere.example/"})),
        (_, 1) => answer(404, json!({"message": "Scan is not finished yet", "status": 404})),
        _ => answer(200, result.clone()),
    })
    .await;
    let urlscan = fast(&tool, "urlscan", "5s");
    let scanned = call(&urlscan, "scan", json!({"url": "https://example.com"})).await.unwrap();
    assert_eq!((&scanned["malicious"], &scanned["ips"]), (&json!(true), &json!(["192.0.2.1"])));
    let came = tool.came();
    assert_eq!(came[0].json(), json!({"url": "https://example.com", "visibility": "unlisted"}));
    assert_eq!(came[2].target, "/api/v1/result/u-1/");
    assert_eq!(came[2].header("api-key"), "secret-urlscan");
    let spec = urlscan.spec("scan");
    assert_eq!((spec.effect, spec.target), (Effect::Write, Some("url")));
}

/// A shipped connector whose poll has shorter pauses.
fn fast(tool: &Tool, name: &str, interval: &str) -> ConnectorIntegration {
    let text = text(name).replace(&format!("interval: {interval}"), "interval: 100ms");
    let connector = Connector::parse(text.as_bytes()).unwrap();
    let server = format!("http://{}", tool.addr);
    tool.of(connector.with_constant("server", server.as_str().into()).unwrap())
}

#[tokio::test]
async fn urlscan_finds_scans_of_the_past() {
    let tool = Tool::start(|number, _| match number {
        0 => answer(200, json!({"results": [{"_id": "a", "sort": [17, "a"]}], "has_more": true})),
        _ => answer(200, json!({"results": [{"_id": "b", "sort": [16, "b"]}], "has_more": false})),
    })
    .await;
    let urlscan = of(&tool, "urlscan", &["server"]);
    let found = call(&urlscan, "search", json!({"query": "domain:example.com"})).await.unwrap();
    assert_eq!(found["scans"].as_array().unwrap().len(), 2);
    assert!(tool.came()[1].target.contains("search_after=17%2Ca"), "{:?}", tool.came()[1].target);
}

/// Microsoft: a token, then two pages, the second of which is throttled once.
fn microsoft(number: usize, came: &Came) -> Response {
    if came.target.ends_with("/oauth2/v2.0/token") {
        return answer(200, json!({"access_token": "the-token", "token_type": "Bearer", "expires_in": 3599}));
    }
    let next = format!("http://{}/v1.0/security/alerts_v2?$skiptoken=2", came.header("host"));
    match number {
        1 => answer(200, json!({"value": [{"id": "a"}], "@odata.nextLink": next})),
        2 => (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "1")]).into_response(),
        _ => answer(200, json!({"value": [{"id": "b"}]})),
    }
}

#[tokio::test]
async fn microsoft_graph_gets_a_token_follows_pages_and_waits_when_it_is_throttled() {
    let tool = Tool::start(microsoft).await;
    let graph = of(&tool, "microsoft-graph", &["server", "login"]);
    let found = call(&graph, "alerts", json!({"filter": "severity eq 'high'"})).await.unwrap();
    assert_eq!(found, json!({"alerts": [{"id": "a"}, {"id": "b"}], "more": false}));
    let came = tool.came();
    let form = String::from_utf8(came[0].body.to_vec()).unwrap();
    assert!(form.contains("client_secret=secret-microsoft-graph") && form.contains("scope="), "{form}");
    assert_eq!(came[0].target, "/your-tenant-id/oauth2/v2.0/token");
    assert_eq!(came[1].target, "/v1.0/security/alerts_v2?%24filter=severity+eq+%27high%27&%24top=100");
    assert_eq!(came[2].target, "/v1.0/security/alerts_v2?$skiptoken=2");
    assert!(came[1..].iter().all(|one| one.header("authorization") == "Bearer the-token"));
    assert_eq!(came.len(), 4);
}

#[tokio::test]
async fn microsoft_graph_tells_what_it_denies() {
    let tool = Tool::start(|_, came: &Came| {
        if came.target.ends_with("/token") {
            return answer(200, json!({"access_token": "the-token", "token_type": "Bearer", "expires_in": 3599}));
        }
        match came.method.as_str() {
            "PATCH" => answer(403, json!({"error": {"code": "Authorization_RequestDenied", "message": "Insufficient privileges"}})),
            _ => answer(404, json!({"error": {"code": "Request_ResourceNotFound", "message": "no"}})),
        }
    })
    .await;
    let graph = of(&tool, "microsoft-graph", &["server", "login"]);
    let disabled = call(&graph, "set_enabled", json!({"user": "a@b.example", "enabled": false})).await;
    let failure = disabled.unwrap_err();
    assert_eq!((failure.kind, failure.may_have_acted()), (FailureKind::Forbidden, false));
    assert!(failure.message.contains("Insufficient privileges"), "{failure}");
    let user: Value = call(&graph, "user", json!({"user": "a@b.example"})).await.unwrap();
    assert_eq!(user["found"], json!(false));
}
