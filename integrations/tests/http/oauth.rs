//! OAuth 2 against a server of tokens and a tool of our own, whose tokens end.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::routing::{any, post};
use futures_util::future::join_all;
use serde_json::{Value, json};
use updraft_integrations::HttpIntegration;
use updraft_protocol::{Call, Failure, FailureKind, Integration, Json, Masking};

use crate::server::{Server, call_of, given};

/// A server of tokens, and the tool that takes them.
#[derive(Clone, Default)]
struct Login(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    /// The forms that asked for a token.
    asked: Vec<String>,
    /// The tokens that the tool takes.
    good: BTreeSet<String>,
    /// What is answered instead of a token.
    refuses: Option<(u16, Value)>,
    /// Calls of the tool.
    called: usize,
}

async fn give(
    State(login): State<Login>,
    headers: HeaderMap,
    form: String,
) -> (StatusCode, axum::Json<Value>) {
    tokio::time::sleep(Duration::from_millis(50)).await;
    let mut inner = login.0.lock().unwrap();
    let basic = headers.get(header::AUTHORIZATION).map(|value| value.to_str().unwrap().to_owned());
    inner.asked.push(format!("{form} {}", basic.unwrap_or_default()));
    if let Some((status, answer)) = &inner.refuses {
        return (StatusCode::from_u16(*status).unwrap(), axum::Json(answer.clone()));
    }
    let number = inner.asked.len();
    let token = format!("access-token-{number}");
    inner.good.insert(token.clone());
    let answer = json!({
        "access_token": token, "token_type": "Bearer", "expires_in": 3600,
        "refresh_token": format!("refresh-token-{number}"),
    });
    (StatusCode::OK, axum::Json(answer))
}

async fn tool(State(login): State<Login>, headers: HeaderMap) -> (StatusCode, String) {
    let mut inner = login.0.lock().unwrap();
    inner.called += 1;
    let sent = headers[header::AUTHORIZATION].to_str().unwrap().to_owned();
    let token = sent.strip_prefix("Bearer ").unwrap();
    let status = if inner.good.contains(token) { StatusCode::OK } else { StatusCode::UNAUTHORIZED };
    (status, json!({ "sent": sent }).to_string())
}

async fn begin() -> (Login, Server, HttpIntegration) {
    let login = Login::default();
    let router = Router::new().route("/token", post(give)).fallback(any(tool)).with_state(login.clone());
    let server = Server::start(router).await;
    let http = server.http();
    (login, server, http)
}

impl Login {
    fn asked(&self) -> Vec<String> {
        self.0.lock().unwrap().asked.clone()
    }
}

fn call(server: &Server, tenant: &str, more: Value) -> Call {
    let mut oauth2 = json!({"token_url": server.url("/token"), "client_id": "soar", "client_secret": null});
    oauth2.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let arguments = json!({"method": "POST", "url": server.url("/act"), "auth": {"oauth2": oauth2}});
    let mut call = call_of(tenant, arguments, Duration::from_secs(60));
    call.secrets = vec![given("/auth/oauth2/client_secret", "", "hunter2")];
    call
}

fn body(answer: Result<Json, Failure>) -> Value {
    let answer: Value = answer.unwrap().value().try_into().unwrap();
    answer["body"].clone()
}

#[tokio::test]
async fn a_token_is_fetched_once_for_all_that_wait_and_never_shown() {
    let (login, server, http) = begin().await;
    let hidden = Arc::new(Mutex::new(Vec::new()));
    let calls = (0..20).map(|_| {
        let (mut call, hidden) = (call(&server, "acme", json!({"scope": ["a", "b"]})), hidden.clone());
        call.masking = Masking::new(move |secret| hidden.lock().unwrap().push(secret.expose().to_owned()));
        http.call(call)
    });
    for answer in join_all(calls).await {
        assert_eq!(body(answer), json!({"sent": "Bearer ***"}));
    }
    let basic = "Basic c29hcjpodW50ZXIy";
    assert_eq!(login.asked(), [format!("grant_type=client_credentials&scope=a+b {basic}")]);
    let hidden: BTreeSet<_> = hidden.lock().unwrap().iter().cloned().collect();
    assert_eq!(hidden.into_iter().collect::<Vec<_>>(), ["access-token-1", "refresh-token-1"]);
    // Another tenant, and another scope, have tokens of their own.
    assert!(http.call(call(&server, "other", json!({"scope": ["a", "b"]}))).await.is_ok());
    assert!(http.call(call(&server, "acme", json!({"scope": "c"}))).await.is_ok());
    assert_eq!(login.asked().len(), 3);
}

#[tokio::test]
async fn a_token_that_the_tool_refuses_is_renewed_once_within_the_attempt() {
    let (login, server, http) = begin().await;
    assert!(http.call(call(&server, "acme", json!({}))).await.is_ok());
    login.0.lock().unwrap().good.clear();
    assert_eq!(body(http.call(call(&server, "acme", json!({}))).await), json!({"sent": "Bearer ***"}));
    assert_eq!((login.asked().len(), login.0.lock().unwrap().called), (2, 3));
    // A tool that refuses every token is asked twice, and the step fails.
    let login_is_right = call(&server, "acme", json!({"client_id": "nobody"}));
    login.0.lock().unwrap().refuses = Some((200, json!({"access_token": "useless-token"})));
    let failure = http.call(login_is_right).await.unwrap_err();
    assert_eq!((failure.kind, failure.may_have_acted()), (FailureKind::Status, false));
    assert!(failure.message.ends_with("answered 401 Unauthorized"), "{failure}");
    assert_eq!((login.asked().len(), login.0.lock().unwrap().called), (4, 5));
    assert!(!format!("{failure:?}").contains("useless-token"), "{failure:?}");
}

#[tokio::test]
async fn what_has_acted_is_not_sent_again_for_a_token_that_is_refused_later() {
    // The write is done; its result is elsewhere, where nobody is let in.
    let (login, server, _) = begin().await;
    let written = Arc::new(Mutex::new(0));
    let count = written.clone();
    let router = Router::new()
        .route(
            "/act",
            post(move || async move {
                *count.lock().unwrap() += 1;
                (StatusCode::SEE_OTHER, [(header::LOCATION, "/result")])
            }),
        )
        .fallback(any(|| async { StatusCode::UNAUTHORIZED }));
    let tool = Server::start(router).await;
    let allowed = HttpIntegration::builder().allow(server.allow()).allow(tool.allow()).build().unwrap();
    let mut call = call(&server, "acme", json!({}));
    *call.arguments.at_mut("/url").unwrap() = tool.url("/act").as_str().into();
    let updraft_protocol::Value::Object(fields) = &mut call.arguments else { panic!("a map") };
    fields.insert("redirects".to_owned(), json!(1).into());
    let failure = allowed.call(call).await.unwrap_err();
    assert!(failure.may_have_acted(), "{failure}");
    assert_eq!((*written.lock().unwrap(), login.asked().len()), (1, 1));
}

#[tokio::test]
async fn a_refresh_token_is_exchanged_and_the_one_that_comes_back_is_used_next() {
    let (login, server, http) = begin().await;
    let refreshed = || {
        let grant = json!({"grant": "refresh_token", "refresh_token": null, "client_auth": "body"});
        let mut call = call(&server, "acme", grant);
        call.secrets.push(given("/auth/oauth2/refresh_token", "", "the-first-refresh-token"));
        call
    };
    assert!(http.call(refreshed()).await.is_ok());
    login.0.lock().unwrap().good.clear();
    assert!(http.call(refreshed()).await.is_ok());
    let client = "client_id=soar&client_secret=hunter2 ";
    assert_eq!(
        login.asked(),
        [
            format!("grant_type=refresh_token&refresh_token=the-first-refresh-token&{client}"),
            format!("grant_type=refresh_token&refresh_token=refresh-token-1&{client}"),
        ]
    );
}

#[tokio::test]
async fn a_server_that_gives_no_token_is_told_without_what_it_was_sent() {
    let (login, server, http) = begin().await;
    for (status, answer, kind, retryable, said) in [
        (
            400,
            json!({"error": "invalid_client", "error_description": "hunter2"}),
            FailureKind::Status,
            false,
            "answered 400 Bad Request (invalid_client)",
        ),
        (401, json!({"error": "hunter2 is wrong"}), FailureKind::Status, false, "answered 401 Unauthorized"),
        (503, json!({}), FailureKind::Unreachable, true, "answered 503 Service Unavailable"),
        (200, json!({"token": "hunter2"}), FailureKind::InvalidResponse, false, "gave no `access_token`"),
        (
            200,
            json!({"access_token": "hunter2", "token_type": "mac"}),
            FailureKind::InvalidResponse,
            false,
            "gave a token that is no bearer's token",
        ),
    ] {
        login.0.lock().unwrap().refuses = Some((status, answer));
        let failure = http.call(call(&server, "acme", json!({}))).await.unwrap_err();
        assert_eq!(
            (failure.kind, failure.retryable(), failure.may_have_acted()),
            (kind, retryable, false),
            "{failure}"
        );
        assert!(
            failure.message.starts_with("no token: POST ") && failure.message.ends_with(said),
            "{failure}"
        );
        assert!(!format!("{failure:?}").contains("hunter2"), "{failure:?}");
    }
    assert_eq!(login.0.lock().unwrap().called, 0);
}

#[tokio::test]
async fn a_token_server_is_judged_by_the_policy_as_every_destination() {
    let (_login, server, _) = begin().await;
    let http = HttpIntegration::builder().allow("192.0.2.1:9".parse().unwrap()).build().unwrap();
    let failure = http.call(call(&server, "acme", json!({}))).await.unwrap_err();
    assert_eq!((failure.kind, failure.may_have_acted()), (FailureKind::NotConfigured, false), "{failure}");
}
