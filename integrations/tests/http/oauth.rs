//! OAuth 2 against a token server and a tool of our own, whose tokens expire.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::http::{StatusCode, header};
use axum::routing::{any, post};
use futures_util::future::join_all;
use serde_json::{Value, json};
use updraft_integrations::HttpIntegration;
use updraft_protocol::limits::{HTTP_HEADER_BYTES, HTTP_TOKENS_OF_TENANT};
use updraft_protocol::{Call, Failure, FailureKind, Integration, Json, Masking};

use crate::login::begin;
use crate::server::{Server, call_of, given};

fn call(server: &Server, tenant: &str, more: Value) -> Call {
    let mut oauth2 = json!({"token_url": server.url("/token"), "client_id": "soar", "client_secret": null});
    oauth2.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let arguments = json!({"method": "POST", "url": server.url("/act"), "auth": {"oauth2": oauth2}});
    let mut call = call_of(tenant, arguments, Duration::from_secs(60));
    call.secrets = vec![given("/auth/oauth2/client_secret", "", "hunter2")];
    call
}

/// A call with a refresh token.
fn refreshing(server: &Server, configured: &str, more: Value) -> Call {
    let mut grant = json!({"grant": "refresh_token", "refresh_token": null});
    grant.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let mut call = call(server, "acme", grant);
    call.secrets.push(given("/auth/oauth2/refresh_token", "", configured));
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
    login.state().good.clear();
    assert_eq!(body(http.call(call(&server, "acme", json!({}))).await), json!({"sent": "Bearer ***"}));
    assert_eq!((login.asked().len(), login.state().called), (2, 3));
    // A tool that refuses every token is called twice, and the step fails.
    let login_is_right = call(&server, "acme", json!({"client_id": "nobody"}));
    login.state().refuses = Some((200, json!({"access_token": "useless-token"})));
    let failure = http.call(login_is_right).await.unwrap_err();
    assert_eq!((failure.kind, failure.may_have_acted()), (FailureKind::Status, false));
    assert!(failure.message.ends_with("answered 401 Unauthorized"), "{failure}");
    assert_eq!((login.asked().len(), login.state().called), (4, 5));
    assert!(!format!("{failure:?}").contains("useless-token"), "{failure:?}");
}

#[tokio::test]
async fn what_has_acted_is_not_sent_again_for_a_token_that_is_refused_later() {
    // The write is done; its result is at another place, which requires a login.
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
    let refreshed = || refreshing(&server, "the-first-refresh-token", json!({"client_auth": "body"}));
    assert!(http.call(refreshed()).await.is_ok());
    login.state().good.clear();
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
        login.state().refuses = Some((status, answer));
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
    assert_eq!(login.state().called, 0);
}

#[tokio::test]
async fn a_token_server_is_judged_by_the_policy_as_every_destination() {
    let (_login, server, _) = begin().await;
    let http = HttpIntegration::builder().allow("192.0.2.1:9".parse().unwrap()).build().unwrap();
    let failure = http.call(call(&server, "acme", json!({}))).await.unwrap_err();
    assert_eq!((failure.kind, failure.may_have_acted()), (FailureKind::NotConfigured, false), "{failure}");
}

#[tokio::test]
async fn steps_of_all_scopes_and_parameters_go_on_with_the_refresh_token_that_the_last_of_them_got() {
    let (login, server, http) = begin().await;
    login.rotates("first");
    for more in [json!({"scope": "a"}), json!({"scope": "b"}), json!({"parameters": {"audience": "c"}})] {
        let answer = http.call(refreshing(&server, "first", more.clone())).await;
        assert!(answer.is_ok(), "{more}: {answer:?}");
    }
    assert_eq!(login.refreshed(), ["first", "refresh-token-1", "refresh-token-2"]);
    // A refresh token that an operator configures anew is used again.
    login.rotates("second");
    assert!(http.call(refreshing(&server, "second", json!({"scope": "d"}))).await.is_ok());
    assert_eq!(login.refreshed().last().unwrap(), "second");
}

#[tokio::test]
async fn refreshes_of_one_refresh_token_are_made_one_after_the_other() {
    let (login, server, http) = begin().await;
    login.rotates("first");
    let scopes = (0..10).map(|scope| refreshing(&server, "first", json!({"scope": scope.to_string()})));
    for answer in join_all(scopes.map(|call| http.call(call))).await {
        assert!(answer.is_ok(), "{answer:?}");
    }
    assert_eq!((login.refreshed().len(), login.state().most_at_once), (10, 1));
}

#[tokio::test]
async fn a_refresh_goes_on_when_the_attempt_that_asked_for_it_is_cancelled() {
    let (login, server, http) = begin().await;
    login.rotates("first");
    login.hold(true);
    let mut cancelled = Box::pin(http.call(refreshing(&server, "first", json!({}))));
    tokio::select! {
        answer = &mut cancelled => panic!("{answer:?}"),
        () = login.has_come(1) => {}
    }
    drop(cancelled);
    login.hold(false);
    assert!(http.call(refreshing(&server, "first", json!({}))).await.is_ok());
    assert!(http.call(refreshing(&server, "first", json!({"scope": "b"}))).await.is_ok());
    assert_eq!(login.refreshed(), ["first", "refresh-token-1"]);
}

#[tokio::test]
async fn each_waits_for_a_token_for_its_own_time_whoever_began_to_fetch_it() {
    let (login, server, http) = begin().await;
    login.rotates("first");
    login.hold(true);
    let mut hasty = refreshing(&server, "first", json!({}));
    hasty.timeout = Duration::from_millis(50);
    let patient = http.call(refreshing(&server, "first", json!({})));
    let hasty = async {
        // One call begins to fetch, another waits for it.
        let failure = http.call(hasty.clone()).await.unwrap_err();
        assert_eq!((failure.kind, failure.may_have_acted()), (FailureKind::Unreachable, false), "{failure}");
        let failure = http.call(hasty).await.unwrap_err();
        assert!(failure.message.ends_with("the token server did not answer in time"), "{failure}");
        login.hold(false);
    };
    let ((), patient) = tokio::join!(hasty, patient);
    assert!(patient.is_ok(), "{patient:?}");
    assert_eq!(login.refreshed(), ["first"]);
}

#[tokio::test]
async fn a_refresh_token_outlives_the_access_tokens_that_make_room_for_others() {
    let (login, server, http) = begin().await;
    login.rotates("first");
    assert!(http.call(refreshing(&server, "first", json!({}))).await.is_ok());
    let others = (0..2 * HTTP_TOKENS_OF_TENANT)
        .map(|number| http.call(call(&server, "acme", json!({"client_id": format!("client-{number}")}))));
    assert!(join_all(others).await.iter().all(Result::is_ok));
    assert!(http.call(refreshing(&server, "first", json!({}))).await.is_ok());
    assert_eq!(login.refreshed(), ["first", "refresh-token-1"], "the access token made room");
}

#[tokio::test]
async fn a_token_that_no_header_carries_is_refused_before_it_is_masked() {
    let (login, server, http) = begin().await;
    let long = "'".repeat(HTTP_HEADER_BYTES);
    for answer in [
        json!({"access_token": long}),
        json!({"access_token": "two\nlines"}),
        json!({"access_token": "token", "refresh_token": format!("{long}'")}),
    ] {
        login.state().refuses = Some((200, answer));
        let mut call = call(&server, "acme", json!({}));
        call.masking = Masking::new(|_| panic!("masked"));
        let failure = http.call(call).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::InvalidResponse, "{failure}");
        assert!(failure.message.ends_with("gave a token that no header carries"), "{failure}");
    }
}

#[tokio::test]
async fn secrets_with_different_prefixes_have_tokens_of_their_own() {
    let (login, server, http) = begin().await;
    for (prefix, fetches) in [("a-", 1), ("b-", 2), ("a-", 2)] {
        let mut call =
            call(&server, "acme", json!({"client_id": null, "parameters": {"a/b~c": [null, "x"]}}));
        call.secrets.push(given("/auth/oauth2/client_id", prefix, "tenant-17"));
        call.secrets.push(given("/auth/oauth2/parameters/a~1b~0c/0", "", "hunter3"));
        assert!(http.call(call).await.is_ok());
        assert_eq!(login.asked().len(), fetches, "{prefix}");
    }
    assert!(login.asked()[1].contains("&a%2Fb%7Ec=hunter3&a%2Fb%7Ec=x"), "{:?}", login.asked());
}
