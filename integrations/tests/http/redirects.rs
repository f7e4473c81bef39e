//! Redirects: followed only if the step allows it, each hop judged as a request of its own.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::server::{Server, attempt, call_of, failure, given, request};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use serde_json::{Value, json};
use updraft_integrations::HttpIntegration;
use updraft_protocol::{FailureKind, Integration};

const LATE: Duration = Duration::from_secs(60);

/// The received requests, in order.
type Seen = Arc<Mutex<Vec<Value>>>;

/// A tool that redirects `/STATUS?PLACE` to PLACE and answers all other requests.
async fn tool() -> (Server, Seen) {
    let seen = Seen::default();
    let server = Server::start(Router::new().fallback(any(answer)).with_state(seen.clone())).await;
    (server, seen)
}

async fn answer(
    State(seen): State<Seen>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let names: BTreeMap<_, _> = headers
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap_or_default().to_owned()))
        .collect();
    let came = json!({
        "request": format!("{method} {}", uri.path()),
        "body": String::from_utf8_lossy(&body),
        "headers": names,
    });
    seen.lock().unwrap().push(came);
    match uri.path()[1..].parse::<u16>() {
        Ok(status) if status < 400 => {
            let place = uri.query().unwrap_or_default().to_owned();
            (StatusCode::from_u16(status).unwrap(), [("location", place)]).into_response()
        }
        Ok(status) => StatusCode::from_u16(status).unwrap().into_response(),
        Err(_) => "true".into_response(),
    }
}

fn requests(seen: &Seen) -> Vec<String> {
    seen.lock().unwrap().drain(..).map(|came| came["request"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn nothing_is_followed_unless_the_step_asks() {
    let (tool, seen) = tool().await;
    for redirects in [Value::Null, json!(0)] {
        let failure =
            failure(&tool.http(), json!({"url": tool.url("/302?/end"), "redirects": redirects})).await;
        assert_eq!(failure.kind, FailureKind::Status);
        assert_eq!(failure.answer.unwrap().value()["headers"]["location"], "/end");
    }
    assert_eq!(requests(&seen), ["GET /302", "GET /302"]);
    for wrong in [json!(11), json!(-1), json!("1"), json!(true)] {
        let failure = failure(&tool.http(), json!({"url": tool.url("/"), "redirects": wrong})).await;
        assert_eq!(failure.kind, FailureKind::InvalidArguments);
        assert!(failure.message.contains("arguments.redirects: a number from 0 to 10"), "{failure}");
    }
}

#[tokio::test]
async fn each_status_sends_the_request_on_in_its_way() {
    let (tool, seen) = tool().await;
    for (status, method, expected, body) in [
        (301, "POST", "GET", ""),
        (302, "POST", "GET", ""),
        (303, "POST", "GET", ""),
        (307, "POST", "POST", "[1]"),
        (308, "POST", "POST", "[1]"),
        (302, "PUT", "PUT", "[1]"),
        (303, "PUT", "GET", ""),
        (308, "DELETE", "DELETE", "[1]"),
    ] {
        let url = tool.url(&format!("/{status}?/end"));
        let arguments = json!({"method": method, "url": url, "json": [1], "redirects": 1});
        let answer = request(&tool.http(), arguments).await.unwrap();
        assert_eq!((&answer["status"], &answer["body"]), (&json!(200), &json!(true)), "{status}");
        let came = seen.lock().unwrap().pop().unwrap();
        assert_eq!(came["request"], format!("{expected} /end"), "{status}");
        assert_eq!(came["body"], body, "{status}");
        assert_eq!(came["headers"]["idempotency-key"], crate::server::TASK, "the same origin");
    }
    let arguments = json!({"method": "HEAD", "url": tool.url("/302?/end"), "redirects": 1});
    assert_eq!(request(&tool.http(), arguments).await.unwrap()["body"], Value::Null);
}

#[tokio::test]
async fn credentials_stay_at_their_origin() {
    let ((from, _), (to, seen)) = (tool().await, tool().await);
    let http = HttpIntegration::builder().allow(from.allow()).allow(to.allow()).build().unwrap();
    let call = |arguments: Value| {
        let mut call = call_of("acme", arguments, Duration::from_secs(60));
        call.secrets = vec![given("/headers/Authorization", "Bearer ", "hunter2-hunter2")];
        http.call(call)
    };
    let headers = json!({"Authorization": null, "Cookie": "a=b", "X-Case": "7"});
    let ask = |url: String| {
        let arguments = json!({"method": "POST", "url": url, "json": 1, "headers": headers, "redirects": 2});
        call(arguments)
    };
    ask(from.url(&format!("/307?{}", to.url("/end")))).await.unwrap();
    let came = seen.lock().unwrap().pop().unwrap();
    let names: Vec<_> = came["headers"].as_object().unwrap().keys().cloned().collect();
    let left =
        ["accept", "accept-encoding", "content-length", "content-type", "host", "user-agent", "x-case"];
    assert_eq!((names, &came["body"]), (left.map(str::to_owned).to_vec(), &json!("1")));
    assert_eq!(came["headers"]["host"], to.addr.to_string());
    ask(to.url("/307?/end")).await.unwrap();
    let came = seen.lock().unwrap().pop().unwrap();
    assert_eq!(came["headers"]["authorization"], "Bearer hunter2-hunter2");
    // A server that puts parts of the request into `Location`.
    let stolen = from.url(&format!("/302?{}", to.url("/hunter2-hunter2")));
    let arguments = json!({"url": stolen, "headers": headers, "redirects": 2});
    let failure = call(arguments).await.unwrap_err();
    assert_eq!((failure.kind, failure.retryable()), (FailureKind::Forbidden, false), "{failure}");
    assert!(!failure.message.contains("hunter2"), "{failure}");
    assert_eq!(requests(&seen), ["POST /307"]);
}

#[tokio::test]
async fn a_secret_in_url_or_body_does_not_go_to_another_origin() {
    let ((from, _), (to, seen)) = (tool().await, tool().await);
    let http = HttpIntegration::builder().allow(from.allow()).allow(to.allow()).build().unwrap();
    for (place, body) in
        [("/json/key", json!({"json": {"key": null}})), ("/form/key", json!({"form": {"key": null}}))]
    {
        let mut arguments =
            json!({"method": "POST", "url": from.url(&format!("/307?{}", to.url("/end"))), "redirects": 2});
        arguments.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
        let mut call = call_of("acme", arguments, Duration::from_secs(60));
        call.secrets = vec![given(place, "", "hunter2-hunter2")];
        let failure = http.call(call).await.unwrap_err();
        assert_eq!((failure.kind, failure.retryable()), (FailureKind::Forbidden, false), "{failure}");
        assert!(failure.message.contains("with a secret in its URL or body"), "{failure}");
    }
    assert_eq!(requests(&seen), Vec::<String>::new());
}

#[tokio::test]
async fn each_hop_is_judged_by_the_policy() {
    let ((from, _), (to, seen)) = (tool().await, tool().await);
    let http = from.http();
    let port = to.addr.port();
    for place in [
        to.url("/"),
        format!("http://localhost:{port}/"),
        format!("http://2130706433:{port}/"),
        format!("//[::1]:{port}/"),
        "http://169.254.169.254/latest".to_owned(),
        "ftp://127.0.0.1/".to_owned(),
        format!("http://user:pass@{}/", from.addr),
    ] {
        let arguments = json!({"method": "POST", "url": from.url(&format!("/307?{place}")), "redirects": 5});
        let (answer, _) = attempt(&http, arguments, LATE).await;
        let failure = answer.unwrap_err();
        assert_eq!(
            (failure.kind, failure.retryable()),
            (FailureKind::Forbidden, false),
            "{place}: {failure}"
        );
        assert!(!failure.may_have_acted(), "{failure}");
    }
    assert_eq!(requests(&seen), [""; 0]);
}

#[tokio::test]
async fn circles_and_long_chains_end() {
    let (tool, seen) = tool().await;
    let ask = |path: &str, redirects: u8| {
        let (http, url) = (tool.http(), tool.url(path));
        async move { request(&http, json!({"url": url, "redirects": redirects})).await }
    };
    let circle = ask("/302?/302?/302", 10).await.unwrap_err();
    assert_eq!((circle.kind, circle.retryable()), (FailureKind::Status, false));
    assert!(circle.message.contains("in a circle"), "{circle}");
    requests(&seen);
    let long = ask("/301?/302?/307?/end", 2).await.unwrap_err();
    assert!(long.message.contains("more than 2 times") && !long.retryable(), "{long}");
    assert_eq!(requests(&seen), ["GET /301", "GET /302", "GET /307"]);
    assert_eq!(ask("/301?/302?/307?/end", 3).await.unwrap()["body"], true);
}

#[tokio::test]
async fn the_last_answer_says_what_was_done_unless_one_before_said_it() {
    let (tool, _) = tool().await;
    let gone = "http://127.0.0.1:1/";
    let http = HttpIntegration::builder().allow(tool.allow()).allow("127.0.0.1:1".parse().unwrap());
    let http = http.build().unwrap();
    for (path, kind, acted) in [
        ("/307?/404".to_owned(), FailureKind::Status, false),
        ("/307?/500".to_owned(), FailureKind::Status, true),
        (format!("/307?{gone}"), FailureKind::Unreachable, false),
        ("/303?/404".to_owned(), FailureKind::Status, true),
        (format!("/303?{gone}"), FailureKind::Unreachable, true),
        ("/303?ftp://x/".to_owned(), FailureKind::Forbidden, true),
        ("/308?/303?/404".to_owned(), FailureKind::Status, true),
    ] {
        let arguments = json!({"method": "POST", "url": tool.url(&path), "redirects": 3});
        let failure = failure(&http, arguments).await;
        assert_eq!((failure.kind, failure.may_have_acted()), (kind, acted), "{path}: {failure}");
        // A read did nothing.
        let arguments = json!({"url": tool.url(&path), "redirects": 3});
        let failure = crate::server::failure(&http, arguments).await;
        assert_eq!(failure.may_have_acted(), path == "/307?/500", "{path}: {failure}");
    }
}

#[tokio::test]
async fn a_hop_has_a_place_of_its_own() {
    let (tool, _) = tool().await;
    let http = HttpIntegration::builder().allow(tool.allow()).open_per_host(1, 1).build().unwrap();
    // With one permit at the host, a hop that kept its permit would wait for itself.
    let answer = request(&http, json!({"url": tool.url("/302?/302?/end"), "redirects": 2})).await.unwrap();
    assert_eq!(answer["body"], true);
}

#[tokio::test(start_paused = true)]
async fn all_hops_together_have_the_attempts_time() {
    let (timeout, slow) = (Duration::from_secs(60), Duration::from_secs(40));
    let router = Router::new().fallback(any(move || async move {
        tokio::time::sleep(slow).await;
        (StatusCode::FOUND, [("location", "/more")])
    }));
    let tool = Server::start(router).await;
    let began = tokio::time::Instant::now();
    let arguments = json!({"url": tool.url("/"), "redirects": 10});
    let answer = tool.http().call(call_of("acme", arguments, timeout)).await;
    assert_eq!(answer.unwrap_err().kind, FailureKind::Timeout);
    assert!(began.elapsed() >= timeout && began.elapsed() < 2 * slow, "{:?}", began.elapsed());
}
