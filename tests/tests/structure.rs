//! No value becomes structure: whatever an alert says, wherever a template puts it, the request that a server receives has
//! the parts that the author wrote and the value in its place, or there is no request and the failure names the place.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use updraft::integrations::HttpIntegration;
use updraft::integrations::http::Allow;
use updraft::{Engine, ExecutionStatus, Playbook, Value};
use updraft_tests::{Harness, playbook, soon};

/// Values that are tried in each place.
const VALUES: usize = 160;
/// How many of them must arrive, so that the test is not one of refusals.
const ARRIVE: usize = 25;

/// Where the value stands in what the author wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Segment,
    PartOfSegment,
    QueryOfUrl,
    Fragment,
    Query,
    Header,
    Form,
    Json,
    TextInJson,
}

const PLACES: [Place; 9] = [
    Place::Segment,
    Place::PartOfSegment,
    Place::QueryOfUrl,
    Place::Fragment,
    Place::Query,
    Place::Header,
    Place::Form,
    Place::Json,
    Place::TextInJson,
];

/// A request as it was on the wire, taken apart by the rules of RFC 9112, RFC 3986 and the URL standard's forms.
#[derive(Debug, Clone)]
struct Received {
    method: String,
    segments: Vec<String>,
    query: Vec<(String, String)>,
    headers: BTreeMap<String, Vec<String>>,
    body: String,
}

/// A server that keeps what it receives.
struct Recorder(Arc<Mutex<Vec<Received>>>);

impl Recorder {
    async fn start() -> (Self, SocketAddr) {
        let received = Arc::<Mutex<Vec<Received>>>::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let kept = received.clone();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let kept = kept.clone();
                tokio::spawn(async move {
                    let mut bytes = Vec::new();
                    while let Some(request) = one(&mut stream, &mut bytes).await {
                        kept.lock().unwrap().push(request);
                        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
                        stream.write_all(answer).await.unwrap();
                    }
                });
            }
        });
        (Self(received), address)
    }

    fn take(&self) -> Vec<Received> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// The next request of a connection; `bytes` has what was read beyond the last one.
async fn one(stream: &mut tokio::net::TcpStream, bytes: &mut Vec<u8>) -> Option<Received> {
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).expect("a head is UTF-8");
    let mut lines = head.split("\r\n");
    let start: Vec<String> = lines.next()?.split(' ').map(str::to_owned).collect();
    assert_eq!((start.len(), start[2].as_str()), (3, "HTTP/1.1"), "{head}");
    let mut headers = BTreeMap::<String, Vec<String>>::new();
    for line in lines {
        let (name, value) = line.split_once(':').expect("a header");
        headers
            .entry(name.to_ascii_lowercase())
            .or_default()
            .push(value.trim_matches([' ', '\t']).to_owned());
    }
    let length = headers.get("content-length").map_or(0, |length| length[0].parse().unwrap());
    while bytes.len() < end + 4 + length {
        assert_ne!(stream.read_buf(bytes).await.ok()?, 0, "a body that is cut");
    }
    let body = String::from_utf8(bytes[end + 4..end + 4 + length].to_vec()).expect("a body is UTF-8");
    bytes.drain(..end + 4 + length);
    let (path, query) = start[1].split_once('?').unwrap_or((&start[1], ""));
    let segments = path.strip_prefix('/').expect("a path").split('/').map(|part| decoded(part, false));
    Some(Received {
        method: start[0].clone(),
        segments: segments.collect(),
        query: pairs(query),
        headers,
        body,
    })
}

fn pairs(text: &str) -> Vec<(String, String)> {
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decoded(name, true), decoded(value, true))
    };
    pairs.map(pair).collect()
}

fn decoded(text: &str, plus: bool) -> String {
    let (mut bytes, mut rest) = (Vec::new(), text.bytes());
    while let Some(byte) = rest.next() {
        match byte {
            b'+' if plus => bytes.push(b' '),
            b'%' => {
                let digits: String = rest.by_ref().take(2).map(char::from).collect();
                bytes.push(u8::from_str_radix(&digits, 16).expect("two digits behind a percent sign"));
            }
            byte => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).expect("UTF-8")
}

/// What the author writes: the value at one place, `ok` at all others.
fn author(place: Place, address: SocketAddr, version: u32) -> Playbook {
    let at = |here: Place| if here == place { "{{ input.v }}" } else { "ok" };
    let body = if place == Place::Form {
        format!("form: {{first: '1', v: '{}', last: 'a b'}}", at(Place::Form))
    } else {
        format!("json: {{first: 1, v: '{}', text: 'a {} b'}}", at(Place::Json), at(Place::TextInJson))
    };
    let mut playbook = playbook(&format!(
        "steps:
  - id: call
    action: http.request
    retry: {{attempts: 1}}
    arguments:
      method: PUT
      url: 'http://{address}/api/{}/x-{}/end?k={}#{}'
      query: {{first: '1', v: '{}'}}
      headers: {{X-First: '1', X-Value: '{}'}}
      {body}
",
        at(Place::Segment),
        at(Place::PartOfSegment),
        at(Place::QueryOfUrl),
        at(Place::Fragment),
        at(Place::Query),
        at(Place::Header),
    ));
    playbook.version = version;
    playbook
}

/// That the request is the author's, with the value in its place and nowhere else.
fn is_the_authors(received: &Received, place: Place, value: &Value) {
    // One way to print a value: a text as it is, all else as JSON.
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let at = |here: Place| if here == place { text.clone() } else { "ok".to_owned() };
    let own = |name: &str, value: String| (name.to_owned(), value);
    assert_eq!(received.method, "PUT");
    let segments =
        ["api".to_owned(), at(Place::Segment), format!("x-{}", at(Place::PartOfSegment)), "end".to_owned()];
    assert_eq!(received.segments, segments, "{place:?} {value}");
    let query = [own("k", at(Place::QueryOfUrl)), own("first", "1".into()), own("v", at(Place::Query))];
    assert_eq!(received.query, query, "{place:?} {value}");
    let mut headers = received.headers.clone();
    assert_eq!(headers.remove("x-first").unwrap(), ["1"]);
    assert_eq!(headers.remove("x-value").unwrap(), [at(Place::Header)], "{value}");
    let others: Vec<_> = headers.keys().map(String::as_str).collect();
    let known = [
        "accept",
        "accept-encoding",
        "content-length",
        "content-type",
        "host",
        "idempotency-key",
        "user-agent",
    ];
    assert_eq!(others, known, "{place:?} {value}");
    assert!(headers.values().all(|values| values.len() == 1));
    if place == Place::Form {
        // Names are sent in their own order.
        let form = [own("first", "1".into()), own("last", "a b".into()), own("v", text)];
        assert_eq!(pairs(&received.body), form);
        return;
    }
    let body = Value::parse(&received.body).expect("a body of JSON");
    let whole = if place == Place::Json { value.clone() } else { Value::String("ok".into()) };
    assert_eq!(body["v"], whole, "{value}");
    assert_eq!(body["text"].as_str(), Some(format!("a {} b", at(Place::TextInJson)).as_str()));
    assert_eq!(body.as_object().map(BTreeMap::len), Some(3));
}

/// Whether a value may be refused there, by what `docs/playbooks.md` says; where it may not, it has to arrive.
fn may_be_refused(place: Place, value: &Value) -> bool {
    let one = !matches!(value, Value::Null | Value::Array(_) | Value::Object(_));
    let text = value.as_str().unwrap_or_default();
    match place {
        Place::Json | Place::TextInJson => false,
        _ if !one => true,
        // Dots and blanks have many spellings: those of the path have tests of their own.
        Place::Segment | Place::PartOfSegment => {
            text.is_empty() || !text.chars().all(|c| c.is_ascii_alphanumeric() || "-_:@".contains(c))
        }
        Place::Header => text.chars().any(char::is_control) || text.trim() != text,
        Place::QueryOfUrl | Place::Fragment | Place::Query | Place::Form => false,
    }
}

/// Texts of attackers, of people, and of neither.
fn text() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        ".",
        "..",
        "/",
        "\\",
        "%",
        "%2e",
        "%2F",
        "%25",
        "?",
        "#",
        "&",
        "=",
        ";",
        "+",
        " ",
        "@",
        ":",
        "//",
        "http://",
        "\r\n",
        "X-Evil: 1",
        "\0",
        "\t",
        "é",
        "．",
        "%c0%ae",
        "a",
        "WS-1",
        "[",
        "]",
        "'",
        "\"",
        "\\\"",
        "{{",
        "}}",
        "{%",
        "$secret",
        "v",
        "first",
        ",",
        "\u{2028}",
        "😀",
    ]);
    prop_oneof![
        any::<String>(),
        "[A-Za-z0-9:@_-]{1,12}",
        prop::collection::vec(pieces, 0..6).prop_map(|pieces| pieces.concat()),
    ]
}

fn any_value() -> impl Strategy<Value = String> {
    let quoted = || text().prop_map(|text| serde_json::to_string(&text).unwrap());
    let leaf = prop_oneof![
        6 => quoted(),
        1 => Just("null".to_owned()),
        1 => any::<bool>().prop_map(|value| value.to_string()),
        2 => "-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,20})?",
    ];
    let name = prop_oneof![quoted(), Just("\"$secret\"".to_owned()), Just("\"secret\"".to_owned())];
    let tree = leaf.clone().prop_recursive(2, 6, 3, move |inner| {
        let fields = prop::collection::btree_map(name.clone(), inner.clone(), 0..3).prop_map(|fields| {
            let fields: Vec<_> = fields.iter().map(|(name, value)| format!("{name}:{value}")).collect();
            format!("{{{}}}", fields.join(","))
        });
        let items = prop::collection::vec(inner, 0..3).prop_map(|items| format!("[{}]", items.join(",")));
        prop_oneof![items, fields]
    });
    prop_oneof![4 => leaf, 1 => tree]
}

/// The value is tried; whether it arrived.
async fn arrives(
    (harness, engine, recorder): (&Harness, &Engine, &Recorder),
    playbook: &Playbook,
    (place, value): (Place, &Value),
) -> bool {
    let input = Value::Object(BTreeMap::from([("v".to_owned(), value.clone())]));
    let handle = harness.submit(engine, playbook, input).await;
    let ended = soon(handle.wait()).await.unwrap();
    let received = recorder.take();
    if let ExecutionStatus::Completed = ended.state.execution_status {
        assert_eq!(received.len(), 1);
        is_the_authors(&received[0], place, value);
        return true;
    }
    let message = &ended.state.error.as_ref().unwrap().message;
    assert!(received.is_empty(), "{place:?} {value}: a request was sent, and {message}");
    assert!(may_be_refused(place, value), "{place:?} {value}: {message}");
    let argument = match place {
        Place::Segment | Place::PartOfSegment | Place::QueryOfUrl | Place::Fragment => "arguments.url: ",
        Place::Query => "arguments.query.v: ",
        Place::Header => "arguments.headers.X-Value: ",
        Place::Form => "arguments.form.v: ",
        Place::Json | Place::TextInJson => "arguments.json",
    };
    assert!(message.contains(argument), "{place:?} {value}: {message}");
    false
}

#[tokio::test]
async fn whatever_an_alert_says_a_request_has_the_structure_that_its_author_wrote() {
    let harness = Harness::default();
    let (recorder, address) = Recorder::start().await;
    let allow: Allow = address.to_string().parse().unwrap();
    let http = HttpIntegration::builder().allow(allow).build().unwrap();
    let engine = harness.builder().in_memory().integration("http", http).start().await.unwrap();
    let (values, mut runner) = (any_value(), TestRunner::deterministic());
    for (version, place) in (1..).zip(PLACES) {
        let playbook = author(place, address, version);
        harness.put(&engine, &playbook).await;
        let mut arrived = 0;
        for _ in 0..VALUES {
            let text = values.new_tree(&mut runner).unwrap().current();
            // Two names that an escape makes alike are one map with a name twice.
            let Ok(value) = Value::parse(&text) else { continue };
            arrived += usize::from(arrives((&harness, &engine, &recorder), &playbook, (place, &value)).await);
        }
        assert!(arrived >= ARRIVE, "{place:?}: {arrived} of {VALUES}");
    }
}
