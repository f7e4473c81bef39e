//! Webhooks over real HTTP: what is signed starts one execution, and what is hostile starts none.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use updraft::limits::{WEBHOOK_BYTES, WEBHOOKS_AT_ONCE};
use updraft::secret::{Error as SecretError, Found};
use updraft::{
    Asked, Clock, Detail, Engine, ExecutionQuery, ExecutionsOf, Name, Playbook, Quota, Secret,
    SecretProvider, SubmissionRate, SystemClock, TenantCode, Trigger,
};

const SECRET: &str = "a secret that is long enough";
const SOON: Duration = Duration::from_secs(30);

struct Vault;

impl SecretProvider for Vault {
    fn secret<'a>(&'a self, _: &'a TenantCode, name: &'a Name) -> Found<'a> {
        let found = if name.as_str() == "hook" {
            Ok(Secret::new(SECRET).unwrap())
        } else {
            Err(SecretError::Unknown)
        };
        Box::pin(std::future::ready(found))
    }
}

struct Served {
    engine: Engine,
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    server: JoinHandle<()>,
}

fn acme() -> TenantCode {
    TenantCode::new("acme").unwrap()
}

fn asked() -> Asked {
    Asked { uid: "ana".into(), reason: "a test".into() }
}

impl Served {
    async fn start() -> Self {
        let builder = Engine::builder().in_memory().shards(1).secrets(Vault).fire_triggers(true);
        let engine = builder.start().await.unwrap();
        let playbook = b"format: 1\nname: triage\nversion: 1\nsteps:\n  - {end: '{{ input }}'}\n";
        engine.playbooks().put(&acme(), Playbook::parse(playbook).unwrap()).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let router = updraft_webhooks::router(engine.webhooks());
        let server =
            tokio::spawn(updraft_webhooks::serve(listener, router, async { drop(stopped.await) }, SOON));
        let served = Self { engine, address, stop, server };
        // Until the triggers were read, nobody knows whether there is one.
        served.until(async || status(&served.post("/hooks/acme/none", &[], "").await) == 404).await;
        served
    }

    async fn put(&self, name: &str, webhook: &str, rest: &str) {
        let file =
            format!("trigger: {name}\nversion: 1\nplaybook: triage\non: {{webhook: {webhook}}}\n{rest}");
        let trigger = Trigger::parse(file.as_bytes()).unwrap();
        self.engine.triggers().put(&acme(), trigger, asked()).await.unwrap();
        // The driver goes by it a moment later.
        let path = format!("/hooks/acme/{name}");
        self.until(async || status(&self.post(&path, &[], "").await) != 404).await;
    }

    async fn until(&self, mut holds: impl AsyncFnMut() -> bool) {
        tokio::time::timeout(SOON, async {
            while !holds().await {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await
        .expect("what the test waits for");
    }

    async fn post(&self, path: &str, headers: &[(&str, &str)], body: &str) -> String {
        let mut text = format!(
            "POST {path} HTTP/1.1\r\nHost: hooks\r\nConnection: close\r\nContent-Length: {}\r\n",
            body.len()
        );
        headers.iter().for_each(|(name, value)| text.push_str(&format!("{name}: {value}\r\n")));
        self.raw(format!("{text}\r\n{body}").as_bytes()).await
    }

    /// Sends bytes, and reads all that comes until the connection is closed.
    async fn raw(&self, bytes: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        // A server that has answered before it read all closes its side.
        let _ = stream.write_all(bytes).await;
        let mut answer = Vec::new();
        let _ = tokio::time::timeout(SOON, stream.read_to_end(&mut answer)).await.expect("an answer");
        String::from_utf8_lossy(&answer).into_owned()
    }

    async fn inputs(&self) -> Vec<String> {
        self.engine.flush().await.unwrap();
        let query = ExecutionQuery {
            tenant: acme(),
            of: ExecutionsOf::Any,
            after: None,
            limit: 100,
            detail: Detail::Whole,
        };
        let page = self.engine.reader().executions(query).await.unwrap().0;
        page.iter().map(|one| one.head.input.as_str().to_owned()).collect()
    }

    async fn end(self) {
        self.stop.send(()).unwrap();
        self.server.await.unwrap();
        let _ = self.engine.shutdown(SOON).await;
    }
}

fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0)
}

fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").map_or("", |(_, body)| body)
}

fn signed(text: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

const GITHUB: &str = "{signature: {scheme: github, secret: hook}, headers: [X-GitHub-Event]}";

#[tokio::test]
async fn a_signed_request_starts_one_execution_however_often_it_is_delivered() {
    let served = Served::start().await;
    served
        .put(
            "push",
            GITHUB,
            "input: {what: '{{ event.headers[\"x-github-event\"] }}', of: '{{ event.body.repo }}'}",
        )
        .await;
    let text = r#"{"repo":"updraft","n":1.10}"#;
    let signature = format!("sha256={}", signed(text));
    let headers =
        [("X-Hub-Signature-256", &*signature), ("X-GitHub-Event", "push"), ("X-GitHub-Delivery", "d-1")];
    let first = served.post("/hooks/acme/push", &headers, text).await;
    assert_eq!(status(&first), 202, "{first}");
    let again = served.post("/hooks/acme/push", &headers, text).await;
    assert_eq!((status(&again), body(&again)), (202, body(&first)), "the same execution");
    let other = [headers[0], headers[1], ("X-GitHub-Delivery", "d-2")];
    let second = served.post("/hooks/acme/push", &other, text).await;
    assert_ne!(body(&second), body(&first));
    assert_eq!(served.inputs().await, [r#"{"of":"updraft","what":"push"}"#; 2]);
    let name = Name::new("push").unwrap();
    served
        .until(async || {
            let entry = served.engine.triggers().get(&acme(), &name).await.unwrap().unwrap();
            entry.history.fired == 2 && entry.history.last.is_some()
        })
        .await;
    served.end().await;
}

#[tokio::test]
async fn each_scheme_is_taken_and_filters_decide() {
    let served = Served::start().await;
    served
        .put(
            "slack",
            "{signature: {scheme: slack, secret: hook}, body: form}",
            "when: event.body.command == '/run'",
        )
        .await;
    served.put("stripe", "{signature: {scheme: stripe, secret: hook}}", "").await;
    served
        .put("own", "{signature: {scheme: plain, secret: hook, header: X-Own}, idempotency_header: X-Id}", "")
        .await;
    let now = SystemClock.now().0 / 1_000;
    for (command, has_peid) in [("%2Frun", true), ("%2Fhelp", false)] {
        let text = format!("command={command}&text=a+b");
        let (at, signature) = (now.to_string(), format!("v0={}", signed(&format!("v0:{now}:{text}"))));
        let headers = [("X-Slack-Request-Timestamp", &*at), ("X-Slack-Signature", &*signature)];
        let answer = served.post("/hooks/acme/slack", &headers, &text).await;
        assert_eq!((status(&answer), body(&answer).contains("null")), (202, !has_peid), "{answer}");
    }
    let text = r#"{"id":"evt_1"}"#;
    for (at, expected) in [(now, 202), (now - 400, 401)] {
        let header = format!("t={at},v1={}", signed(&format!("{at}.{text}")));
        let answer = served.post("/hooks/acme/stripe", &[("Stripe-Signature", &header)], text).await;
        assert_eq!(status(&answer), expected, "{answer}");
    }
    let own = signed(text);
    let answer = served.post("/hooks/acme/own", &[("X-Own", &own), ("X-Id", "1")], text).await;
    assert_eq!(status(&answer), 202, "{answer}");
    let without = served.post("/hooks/acme/own", &[("X-Own", &own)], text).await;
    assert_eq!(status(&without), 422, "{without}");
    assert_eq!(served.inputs().await.len(), 3);
    served.end().await;
}

#[tokio::test]
async fn what_is_not_there_or_paused_or_not_signed_is_told_nothing() {
    let served = Served::start().await;
    served.put("push", GITHUB, "").await;
    served.put("lost", "{signature: {scheme: github, secret: nowhere}}", "").await;
    let text = "{}";
    let signature = format!("sha256={}", signed(text));
    let good = [("X-Hub-Signature-256", &*signature)];
    let unknown = served.post("/hooks/acme/nothing", &good, text).await;
    assert_eq!((status(&unknown), body(&unknown)), (404, ""));
    let without_date = |answer: &str| -> Vec<String> {
        answer.lines().filter(|line| !line.starts_with("date:")).map(str::to_owned).collect()
    };
    for path in ["/hooks/globex/push", "/hooks/acme/..%2Fpush", "/hooks/a%20b/push"] {
        assert_eq!(without_date(&served.post(path, &good, text).await), without_date(&unknown), "{path}");
    }
    let other = format!("sha256={}", "0".repeat(64));
    for headers in [
        vec![],
        vec![("X-Hub-Signature-256", &*other)],
        vec![good[0], good[0]],
        vec![good[0], ("X-Hub-Signature-256", "x")],
    ] {
        let answer = served.post("/hooks/acme/push", &headers, text).await;
        assert_eq!((status(&answer), body(&answer)), (401, ""), "{headers:?}: {answer}");
    }
    assert_eq!(status(&served.post("/hooks/acme/push", &good, "{ }").await), 401, "another body");
    assert_eq!(status(&served.post("/hooks/acme/lost", &good, text).await), 503, "nobody has the secret");
    let push = Name::new("push").unwrap();
    served.engine.triggers().pause(&acme(), &push, asked()).await.unwrap();
    served
        .until(async || {
            without_date(&served.post("/hooks/acme/push", &[], text).await) == without_date(&unknown)
        })
        .await;
    assert_eq!(served.inputs().await, [""; 0]);
    served.end().await;
}

#[tokio::test]
async fn huge_slow_and_smuggled_requests_start_nothing_and_others_are_served_meanwhile() {
    let served = Served::start().await;
    served.put("push", GITHUB, "").await;
    let large = "x".repeat(WEBHOOK_BYTES + 1);
    let signature = format!("sha256={}", signed(&large));
    let answer = served.post("/hooks/acme/push", &[("X-Hub-Signature-256", &signature)], &large).await;
    assert_eq!(status(&answer), 413, "{answer}");
    let no_json = format!("sha256={}", signed("{"));
    let answer = served.post("/hooks/acme/push", &[("X-Hub-Signature-256", &no_json)], "{").await;
    assert_eq!((status(&answer), body(&answer)), (422, r#"{"error":"the body is no JSON"}"#));
    let many: BTreeMap<String, String> =
        (0..99).map(|number| (format!("x-{number:03}"), "y".to_owned())).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|(name, value)| (&**name, &**value)).collect();
    assert_eq!(status(&served.post("/hooks/acme/push", &many, "").await), 431);
    let post = "POST /hooks/acme/push HTTP/1.1\r\nHost: h\r\nConnection: close\r\n";
    for smuggled in [
        "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}x",
        "Content-Length: 2\r\nContent-Length : 3\r\n\r\n{}x",
        "Content-Length: +2\r\n\r\n{}",
        "Transfer-Encoding: chunked, identity\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    ] {
        let answer = served.raw(format!("{post}{smuggled}").as_bytes()).await;
        assert_eq!(status(&answer), 400, "{smuggled:?}: {answer}");
    }
    // One that never says all that it wants, and one that never sends its body.
    let mut silent = TcpStream::connect(served.address).await.unwrap();
    silent.write_all(b"POST /hooks/acme/push HT").await.unwrap();
    let mut bodiless = TcpStream::connect(served.address).await.unwrap();
    bodiless.write_all(format!("{post}Content-Length: 9\r\n\r\n{{").as_bytes()).await.unwrap();
    let signature = format!("sha256={}", signed("{}"));
    let answer = served.post("/hooks/acme/push", &[("X-Hub-Signature-256", &signature)], "{}").await;
    assert_eq!(status(&answer), 202, "{answer}");
    for (mut slow, expected) in [(silent, [0, 408]), (bodiless, [408, 408])] {
        let mut told = Vec::new();
        let _ = tokio::time::timeout(SOON, slow.read_to_end(&mut told)).await.expect("it is given up");
        let told = status(&String::from_utf8_lossy(&told));
        assert!(expected.contains(&told), "{told}");
    }
    assert_eq!(served.inputs().await.len(), 1);
    served.end().await;
}

#[tokio::test]
async fn those_who_know_no_webhook_take_no_place_of_those_who_do() {
    let served = Served::start().await;
    served.put("push", GITHUB, "").await;
    let head = "POST /hooks/acme/none HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n";
    let mut strangers = Vec::new();
    for _ in 0..=WEBHOOKS_AT_ONCE {
        let mut stranger = TcpStream::connect(served.address).await.unwrap();
        stranger.write_all(head.as_bytes()).await.unwrap();
        strangers.push(stranger);
    }
    let signature = format!("sha256={}", signed("{}"));
    let answer = served.post("/hooks/acme/push", &[("X-Hub-Signature-256", &signature)], "{}").await;
    assert_eq!(status(&answer), 202, "{answer}");
    let mut told = [0; 12];
    for stranger in &mut strangers {
        stranger.read_exact(&mut told).await.unwrap();
        assert_eq!(&told, b"HTTP/1.1 404");
    }
    served.end().await;
}

#[tokio::test]
async fn a_quota_that_is_used_up_is_told_with_when_to_come_again() {
    let served = Served::start().await;
    served.put("push", GITHUB, "").await;
    let rate = SubmissionRate { per_second: 1, burst: 1 };
    let quota = Quota { submissions: Some(rate), ..Quota::default() };
    served.engine.set_quota(&acme(), quota, asked()).await.unwrap();
    let signature = format!("sha256={}", signed("{}"));
    let mut refused = None;
    for delivery in 0..20 {
        let delivery = delivery.to_string();
        let headers = [("X-Hub-Signature-256", &*signature), ("X-GitHub-Delivery", &*delivery)];
        let answer = served.post("/hooks/acme/push", &headers, "{}").await;
        if status(&answer) == 429 {
            refused = Some(answer);
            break;
        }
    }
    let refused = refused.expect("twenty come in less than a second each");
    assert!(refused.to_lowercase().contains("retry-after: 1"), "{refused}");
    served.end().await;
}
