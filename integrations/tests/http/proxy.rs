//! Requests through proxies: the choice of the proxy, what is sent to it, and that a refused request never reaches the
//! tool.

use std::net::SocketAddr;
use std::time::Duration;

use crate::frames::Peer;
use crate::proxies::{Asked, Manners, http, https, socks};
use crate::secure::{Authority, BOTH, Clients, Secure, config};
use crate::server::{Server, attempt, failure, read_head, request};
use axum::Router;
use axum::extract::Request;
use axum::routing::any;
use serde_json::json;
use tokio::io::AsyncWriteExt;
use updraft_integrations::HttpIntegration;
use updraft_integrations::http::{HttpBuilder, Proxy, Tls};
use updraft_protocol::{Failure, FailureKind, Integration, Secret};

const LATE: Duration = Duration::from_secs(60);
/// `user:hunter2` in Basic.
const BASIC: &str = "Basic dXNlcjpodW50ZXIy";

/// Answers with the request's target and headers.
async fn tool() -> Server {
    let router = Router::new().fallback(any(|request: Request| async move {
        let host = request.headers().get("host").map(|host| host.to_str().unwrap().to_owned());
        let told = request.headers().contains_key("proxy-authorization");
        axum::Json(json!({"uri": request.uri().to_string(), "host": host, "proxy_credentials": told}))
    }));
    Server::start(router).await
}

async fn secure_tool(authority: &Authority, name: &str) -> Secure {
    let config = config(&authority.identity(name), BOTH, &Clients::Anyone, "http/1.1");
    Secure::start(config, |mut stream| async move {
        while !read_head(&mut stream).await.is_empty() {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ntrue").await.unwrap();
        }
    })
    .await
}

fn manners(tool: SocketAddr) -> Manners {
    Manners { tool, refusal: None }
}

fn through(proxy: &str) -> HttpBuilder {
    let proxy: Proxy = proxy.parse().unwrap();
    HttpIntegration::builder().proxy(proxy).allow("tool.invalid".parse().unwrap())
}

#[tokio::test]
async fn plain_requests_are_handed_to_a_proxy_of_http_as_they_are() {
    let tool = tool().await;
    let (proxy, asked) = http(manners(tool.addr)).await;
    let http = through(&format!("http://user:hunter2@{}", proxy.addr)).build().unwrap();
    // The name is resolved only by the proxy.
    let answer = request(&http, json!({"url": "http://tool.invalid:8080/a?b=c"})).await.unwrap();
    assert_eq!(
        answer["body"],
        json!({"uri": "http://tool.invalid:8080/a?b=c", "host": "tool.invalid:8080", "proxy_credentials": false})
    );
    let line = format!("GET http://tool.invalid:8080/a?b=c HTTP/1.1 [proxy-authorization: {BASIC}]");
    assert_eq!(asked.take(), [line]);
}

#[tokio::test]
async fn a_short_password_of_a_proxy_is_masked_where_it_stands_alone() {
    let tool = Server::start(Router::new().fallback(any(|| async {
        axum::Json(json!({"a": "a page of data", "sent": "svc:a Basic c3ZjOmE=", "said": "password=a"}))
    })))
    .await;
    let (proxy, _) = http(manners(tool.addr)).await;
    let http = through(&format!("http://svc:a@{}", proxy.addr)).build().unwrap();
    let answer = request(&http, json!({"url": "http://tool.invalid/"})).await.unwrap();
    let masked = json!({"***": "*** page of data", "sent": "svc:*** Basic ***", "said": "password=***"});
    assert_eq!(answer["body"], masked);
}

#[tokio::test]
async fn requests_by_tls_go_through_a_tunnel_of_each_kind_of_proxy() {
    let authority = Authority::new();
    let tool = secure_tool(&authority, "tool.invalid").await;
    let (plain, by_plain) = http(manners(tool.addr)).await;
    let (secure, by_secure) = https(&authority, manners(tool.addr)).await;
    let (open, by_open) = socks(tool.addr, None, 0).await;
    let (closed, by_closed) = socks(tool.addr, Some(("user", "hunter2")), 0).await;
    let connect = |credentials: &str| vec![format!("CONNECT tool.invalid:443 HTTP/1.1 [{credentials}]")];
    let known = format!("Proxy-Authorization: {BASIC}");
    let socks = || vec!["tool.invalid:443".to_owned()];
    for (proxy, asked, expected) in [
        (format!("http://{}", plain.addr), &by_plain, connect("anonymous")),
        (format!("http://user:hunter2@{}", plain.addr), &by_plain, connect(&known)),
        (format!("https://user:hunter2@localhost:{}", secure.port()), &by_secure, connect(&known)),
        (format!("socks5://{}", open.addr), &by_open, socks()),
        (
            format!("socks5h://user:hunter2@{}", closed.addr),
            &by_closed,
            [vec!["known".to_owned()], socks()].concat(),
        ),
    ] {
        let http = through(&proxy).trust(authority.pem().as_bytes()).unwrap().build().unwrap();
        for _ in 0..2 {
            let answer = request(&http, json!({"url": "https://tool.invalid/"})).await.unwrap();
            assert_eq!(answer["body"], true, "{proxy}");
        }
        assert_eq!(asked.take(), expected, "one connection for both requests");
    }
    assert_eq!(tool.served(), 5);
}

#[tokio::test]
async fn plain_requests_go_through_a_tunnel_of_socks() {
    let tool = tool().await;
    let (proxy, asked) = socks(tool.addr, None, 0).await;
    let http =
        through(&format!("socks5://{}", proxy.addr)).allow("127.0.0.1".parse().unwrap()).build().unwrap();
    let answer = request(&http, json!({"url": "http://tool.invalid/a"})).await.unwrap();
    assert_eq!(answer["body"]["uri"], "/a");
    request(&http, json!({"url": "http://127.0.0.1:7/a"})).await.unwrap();
    assert_eq!(asked.take(), ["tool.invalid:80", "127.0.0.1:7"]);
}

#[tokio::test]
async fn what_was_not_allowed_by_name_is_not_told_to_a_proxy() {
    let tool = tool().await;
    let (proxy, asked) = http(manners(tool.addr)).await;
    let http = through(&format!("http://user:hunter2@{}", proxy.addr)).allow("127.0.0.0/8".parse().unwrap());
    let http = http.allow("siem.invalid:8443".parse().unwrap()).build().unwrap();
    for url in [
        "https://one.one.one.one/",
        "http://localhost/",
        "https://other.tool.invalid/",
        "https://siem.invalid/",
        "http://10.0.0.1/",
        "http://169.254.169.254/",
        "http://[::1]/",
    ] {
        let (answer, begun) = attempt(&http, json!({"url": url}), LATE).await;
        let failure = answer.unwrap_err();
        // The name is not looked up here: as with an address, a grant is missing.
        assert_eq!(
            (failure.kind, failure.retryable(), begun),
            (FailureKind::NotConfigured, true, 0),
            "{url}"
        );
        let base = url.parse::<url::Url>().unwrap();
        let (host, port) = (base.host_str().unwrap(), base.port_or_known_default().unwrap());
        let missing = http.missing_for(url).unwrap();
        assert!(missing.starts_with(&format!("permission to reach {host}:{port}")), "{missing}");
        assert!(failure.message.ends_with(&format!("missing here: {missing}")), "{failure}");
        assert!(!failure.to_string().contains("hunter2"), "{failure}");
    }
    assert_eq!(asked.take(), [""; 0]);
    // A literal address is judged as usual.
    for url in ["http://127.0.0.1/", "http://1.1.1.1/"] {
        request(&http, json!({"url": url})).await.unwrap();
    }
    assert_eq!(asked.take().len(), 2);
}

#[tokio::test]
async fn http_2_is_spoken_through_a_tunnel() {
    let authority = Authority::new();
    let config = config(&authority.identity("tool.invalid"), BOTH, &Clients::Anyone, "h2");
    let tool = Secure::start(config, |stream| async move {
        let mut peer = Peer::greet(stream).await;
        while let Some(stream) = peer.request().await {
            peer.answer(stream, "204").await;
        }
    })
    .await;
    let (proxy, asked) = http(manners(tool.addr)).await;
    let http = through(&format!("http://{}", proxy.addr)).trust(authority.pem().as_bytes()).unwrap();
    let http = http.build().unwrap();
    for _ in 0..2 {
        let answer = request(&http, json!({"url": "https://tool.invalid/"})).await.unwrap();
        assert_eq!(answer["status"], 204);
    }
    assert_eq!((asked.take().len(), tool.served()), (1, 1));
}

#[tokio::test]
async fn a_redirect_through_a_proxy_is_judged_by_name_too() {
    let place =
        |name: &str| format!("HTTP/1.1 302 Found\r\nLocation: http://{name}/\r\nContent-Length: 0\r\n\r\n");
    for (name, requests) in [("other.invalid", 1), ("allowed.invalid", 2)] {
        let tool = Server::bytes(place(name)).await;
        let (proxy, asked) = http(manners(tool.addr)).await;
        let http = through(&format!("http://{}", proxy.addr)).allow("allowed.invalid".parse().unwrap());
        let arguments = json!({"url": "http://tool.invalid/", "redirects": 1});
        let failure = failure(&http.build().unwrap(), arguments).await;
        let kind = if requests == 1 { FailureKind::Forbidden } else { FailureKind::Status };
        assert_eq!((failure.kind, asked.take().len()), (kind, requests), "{failure}");
    }
}

/// The failure of a write that a proxy stops: the tool has not seen it.
async fn stopped(proxy: &str, url: &str) -> (Failure, usize) {
    let http = through(proxy).build().unwrap();
    let (answer, begun) = attempt(&http, json!({"method": "POST", "url": url, "json": 1}), LATE).await;
    let failure = answer.unwrap_err();
    assert_eq!((failure.kind, failure.may_have_acted()), (FailureKind::Unreachable, false), "{failure}");
    assert!(failure.message.contains("the proxy ") && !failure.message.contains("hunter2"), "{failure}");
    (failure, begun)
}

#[tokio::test]
async fn what_a_proxy_of_http_refuses_has_not_acted() {
    for (refusal, retryable, words) in [
        ("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", false, "refused our credentials"),
        ("HTTP/1.1 403 Forbidden\r\nX: hunter2\r\n\r\n", false, "refused to connect to the tool"),
        ("HTTP/1.0 503 Service Unavailable\r\n\r\n", true, "could not connect to the tool"),
        ("SSH-2.0-OpenSSH\r\n\r\n", false, "does not answer as a proxy"),
        ("", true, "broke the connection"),
    ] {
        let manners = Manners { tool: "127.0.0.1:1".parse().unwrap(), refusal: Some(refusal) };
        let (proxy, _) = http(manners).await;
        let proxy = format!("http://user:hunter2@{}", proxy.addr);
        let (failure, begun) = stopped(&proxy, "https://tool.invalid/").await;
        assert_eq!((failure.retryable(), begun), (retryable, 0), "{failure}");
        assert!(failure.message.contains(words), "{failure}");
    }
}

#[tokio::test]
async fn a_head_without_an_end_is_no_proxy() {
    let endless = Server::raw(|mut stream| async move {
        read_head(&mut stream).await;
        while stream.write_all(b"HTTP/1.1 200 OK\r\nA: b\r\n").await.is_ok() {}
    })
    .await;
    let (failure, begun) = stopped(&format!("http://{}", endless.addr), "https://tool.invalid/").await;
    assert_eq!((failure.retryable(), begun), (false, 0), "{failure}");
}

#[tokio::test]
async fn a_407_to_a_plain_request_is_the_proxys_word_and_not_the_tools() {
    let refusal = Some("HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n");
    let (proxy, _) = http(Manners { tool: "127.0.0.1:1".parse().unwrap(), refusal }).await;
    let (failure, _) = stopped(&format!("http://{}", proxy.addr), "http://tool.invalid/").await;
    assert!(!failure.retryable() && failure.answer.is_none(), "{failure}");
    // From a tool that is reached directly, it is an ordinary status.
    let tool = Server::bytes("HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n").await;
    assert_eq!(failure_of(&tool).await.kind, FailureKind::Status);
}

async fn failure_of(tool: &Server) -> Failure {
    failure(&tool.http(), json!({"url": tool.url("/")})).await
}

#[tokio::test]
async fn what_a_proxy_of_socks_refuses_has_not_acted() {
    let tool = "127.0.0.1:1".parse().unwrap();
    for (credentials, given, reply, retryable, words) in [
        (Some(("user", "other")), "user:hunter2@", 0, false, "refused our credentials"),
        (Some(("user", "hunter2")), "", 0, false, "refused our credentials"),
        (None, "", 2, false, "does not allow it by its rules"),
        (None, "", 4, true, "cannot reach the host"),
    ] {
        let (proxy, _) = socks(tool, credentials, reply).await;
        for url in ["https://tool.invalid/", "http://tool.invalid/"] {
            let (failure, begun) = stopped(&format!("socks5://{given}{}", proxy.addr), url).await;
            assert_eq!((failure.retryable(), begun), (retryable, 0), "{failure}");
            assert!(failure.message.contains(words), "{failure}");
        }
    }
}

#[tokio::test]
async fn a_proxy_that_is_not_there_is_named_without_its_credentials() {
    let (failure, begun) = stopped("http://user:hunter2@127.0.0.1:1", "https://tool.invalid/").await;
    assert!(failure.message.contains("http://127.0.0.1:1 is not reached: no connection"), "{failure}");
    assert_eq!((failure.retryable(), begun), (true, 0));
    let authority = Authority::new();
    let (proxy, asked) = https(&authority, manners("127.0.0.1:1".parse().unwrap())).await;
    let (failure, _) = stopped(&format!("https://localhost:{}", proxy.port()), "https://tool.invalid/").await;
    assert!(failure.message.contains("(`trust`, or") && !failure.retryable(), "{failure}");
    assert!(asked.take().is_empty());
}

#[tokio::test]
async fn a_certificate_of_the_client_is_for_the_tool_and_not_for_its_proxy() {
    let authority = Authority::new();
    let tool = secure_tool(&authority, "tool.invalid").await;
    let config = config(&authority.identity("localhost"), BOTH, &Clients::Asked(&authority), "http/1.1");
    let asked = Asked::default();
    let (noted, addr) = (asked.clone(), tool.addr);
    let proxy = Secure::start(config, move |mut stream| {
        let noted = noted.clone();
        async move {
            let shown = stream.get_ref().1.peer_certificates().is_some();
            noted.note(if shown { "certified" } else { "anonymous" });
            read_head(&mut stream).await;
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
            let mut upstream = tokio::net::TcpStream::connect(addr).await.unwrap();
            let _ = tokio::io::copy_bidirectional(&mut stream, &mut upstream).await;
        }
    })
    .await;
    let identity = authority.identity("updraft");
    let tls = || Tls::new().identity(identity.pem.as_bytes()).unwrap();
    for (hosts, expected) in [("tool.invalid", "anonymous"), ("localhost", "certified")] {
        let http = through(&format!("https://localhost:{}", proxy.port()));
        let http = http.trust(authority.pem().as_bytes()).unwrap().tls(hosts.parse().unwrap(), tls());
        request(&http.build().unwrap(), json!({"url": "https://tool.invalid/"})).await.unwrap();
        assert_eq!(asked.take(), [expected]);
    }
}

#[tokio::test]
async fn hosts_have_proxies_of_their_own_and_the_environment_is_asked_last() {
    let tool = tool().await;
    let (of_all, by_all) = http(manners(tool.addr)).await;
    let (of_one, by_one) = http(manners(tool.addr)).await;
    let names = ["one.invalid", "two.invalid"];
    let proxy = |server: &Server| format!("http://{}", server.addr).parse::<Proxy>().unwrap();
    let allowed = || {
        names
            .iter()
            .fold(HttpIntegration::builder(), |builder, name| builder.allow(name.parse().unwrap()))
            .allow(tool.allow())
            .proxy_for("one.invalid".parse().unwrap(), proxy(&of_one))
            .direct("127.0.0.1".parse().unwrap())
    };
    let variable = format!("http://{}", of_all.addr);
    let environment = |name: &str| (name == "http_proxy").then(|| variable.clone());
    for http in [allowed().proxy(proxy(&of_all)), allowed().proxy_from_environment(environment).unwrap()] {
        let http = http.build().unwrap();
        for name in names {
            request(&http, json!({"url": format!("http://{name}/")})).await.unwrap();
        }
        request(&http, json!({"url": tool.url("/")})).await.unwrap();
        assert_eq!((by_one.take().len(), by_all.take().len()), (1, 1));
    }
}

#[test]
fn a_configuration_shows_no_credentials_of_a_proxy() {
    let proxy: Proxy = "http://user:hunter2@proxy.internal".parse().unwrap();
    let other =
        "socks5://h".parse::<Proxy>().unwrap().credentials("user", &Secret::new("hunter2").unwrap()).unwrap();
    let http = HttpIntegration::builder().proxy(proxy.clone()).build().unwrap();
    for shown in [format!("{proxy:?} {other:?} {http:?}"), format!("{proxy} {other}")] {
        assert!(!shown.contains("hunter2") && !shown.contains("user"), "{shown}");
    }
    let wrong = |name: &str| (name == "ALL_PROXY").then(|| "ftp://user:hunter2@h".to_owned());
    let error = HttpIntegration::builder().proxy_from_environment(wrong).err().unwrap();
    assert!(error.to_string().contains("ALL_PROXY") && !error.to_string().contains("hunter2"), "{error}");
}
