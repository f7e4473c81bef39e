//! Reading connectors: every mistake at its place, in the words of who wrote the file; nothing that input can make panics.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

use proptest::prelude::*;
use updraft_connectors::{Connector, Connectors, Error};
use updraft_integrations::HttpIntegration;

const WHOLE: &str = r#"connector: edr
version: 1
base_url: "{{ constants.server }}/api"
constants: {server: https://edr.example}
auth: {bearer: {$secret: edr}}
headers: {X-Client: updraft}
limits: {at_once: 4, rates: [{calls: 4, per: 1m}]}
allow: ["https://files.example"]
health: {action: look, arguments: {ip: 192.0.2.1}}
actions:
  look:
    arguments: {required: [ip], properties: {ip: {type: string}, page: {type: integer}}}
    target: {argument: ip, kind: ip}
    request:
      path: /hosts/{{ arguments.ip }}
      query: {page: "{{ arguments.page }}"}
    result: {score: "{{ body.score }}"}
    failures:
      - {status: 404, result: {score: "{{ none }}"}}
    example: {score: 7}
    contract: {arguments: {ip: 192.0.2.1}}
  isolate:
    arguments: {required: [id], properties: {id: {type: string}}}
    request: {method: POST, path: /isolate, json: {id: "{{ arguments.id }}"}}
"#;

fn mistakes(text: &str) -> Vec<String> {
    match Connector::parse(text.as_bytes()) {
        Ok(_) => panic!("taken: {text}"),
        Err(error) => error.mistakes(),
    }
}

#[test]
fn a_whole_file_is_read() {
    let connector = Connector::parse(WHOLE.as_bytes()).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((connector.name().as_str(), connector.version()), ("edr", 1));
    assert_eq!(connector.actions().map(|(name, _)| name).collect::<Vec<_>>(), ["isolate", "look"]);
    assert_eq!(connector.limits().unwrap().places(), 4);
    assert_eq!(connector.contracts().count(), 1);
}

/// What is changed in the file, into what, and what is said of it.
const WRONG: &[(&str, &str, &str)] = &[
    ("version: 1", "version: 0", "line 2, column 10, version: must be from 1"),
    (
        "base_url:",
        "base_ur:",
        "line 3, column 1, base_ur: there is no such field; did you mean \"base_url\"?",
    ),
    ("connector: edr", "connector: http", "line 1, column 12, connector: is the name of an integration"),
    ("https://edr.example", "ftp://edr.example", "line 4, column 21, constants.server: "),
    (
        "constants.server",
        "constants.sever",
        "line 15, column 13, actions.look.request.path: there is no `constants.sever` to connect to",
    ),
    ("{bearer: {$secret: edr}}", "{bearer: text}", "line 5, column 16, auth.bearer: a secret is needed"),
    (
        "{bearer: {$secret: edr}}",
        "{baerer: {$secret: edr}}",
        "line 5, column 16, auth.baerer: there is no such field; did you mean \"bearer\"?",
    ),
    ("X-Client: updraft", "Host: updraft", "headers.Host: Updraft sets this header itself"),
    ("calls: 4, per: 1m", "calls: 4, per: 1ms, burst: 9", "line 7, column 30, limits.rates[0]: a burst of 9"),
    ("at_once: 4", "at_once: 0", "line 7, column 19, limits.at_once: must be 1 or more"),
    ("https://files.example", "files.example", "line 8, column 9, allow[0]: an origin is needed"),
    (
        "action: look",
        "action: loook",
        "line 9, column 18, health.action: there is no such action; did you mean \"look\"?",
    ),
    ("action: look", "action: isolate", "health.action: changes something"),
    ("arguments: {ip: 192.0.2.1}}\nactions", "arguments: {}}\nactions", "health: arguments.ip: is needed"),
    ("{type: string}, page", "{type: strin}, page", "actions.look.arguments.properties.ip.type: "),
    (
        "argument: ip, kind",
        "argument: pi, kind",
        "line 13, column 24, actions.look.target.argument: there is no argument; there are ip, page",
    ),
    (
        "path: /hosts/{{ arguments.ip }}",
        "path: hosts/{{ arguments.ip }}",
        "actions.look.request.path: begins with `/` or `?`",
    ),
    (
        "/hosts/{{ arguments.ip }}",
        "/hosts/{{ arguments.pi }}",
        "actions.look.request: there is no argument `arguments.pi`; there are ip, page",
    ),
    (
        "/hosts/{{ arguments.ip }}",
        "/hosts/{{ argument.ip }}",
        "line 15, column 13, actions.look.request.path: `argument` is not known; did you mean \"arguments\"?",
    ),
    ("/hosts/{{ arguments.ip }}", "/hosts/{{ body.ip }}", "actions.look.request.path: `body` is not known"),
    (
        "path: /hosts/{{ arguments.ip }}",
        "url: https://other.example/x",
        "actions.look.request.url: is at another origin",
    ),
    (
        "path: /hosts/{{ arguments.ip }}",
        "url: 'https://files.example{{ arguments.ip }}'",
        "actions.look.request.url: is at another origin",
    ),
    ("path: /hosts/{{ arguments.ip }}", "method: GET", "actions.look.request: `path` is needed"),
    ("{{ body.score }}", "{{ body.score ", "line 17, column 21, actions.look.result.score: "),
    ("{{ body.score }}", "{{ input.score }}", "actions.look.result.score: `input` is not known"),
    ("status: 404", "status: 4o4", "actions.look.failures[0].status: a status such as 200"),
    (
        "{status: 404, result: {score: \"{{ none }}\"}}",
        "{status: 404}",
        "actions.look.failures[0]: one of `is` and `result`",
    ),
    ("{status: 404, result", "{result", "actions.look.failures[0]: a `status` or a `when` is needed"),
    ("method: POST", "method: POSTE", "actions.isolate.request.method: one of GET"),
    (
        "json: {id",
        "jsno: {id",
        "actions.isolate.request.jsno: there is no such field; did you mean \"json\"?",
    ),
    ("json: {id: \"{{ arguments.id }}\"}", "json: {a: 1}, text: b", "actions.isolate.request"),
];

#[test]
fn each_mistake_is_told_at_its_place() {
    let mut wrong = Vec::new();
    for (from, to, says) in WRONG {
        assert!(WHOLE.contains(from), "{from}");
        let told = mistakes(&WHOLE.replacen(from, to, 1));
        if !told.iter().any(|told| told.contains(says)) {
            wrong.push(format!("{to}: {says}\n{told:#?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn all_mistakes_are_told_at_once_in_the_order_of_the_file() {
    let text = WHOLE.replace("version: 1", "version: 0").replace("body.score", "bdy.score");
    let text = text.replace("method: POST", "method: PUSH");
    let told = mistakes(&text);
    let places: Vec<&str> = told.iter().map(|told| told.split(',').next().unwrap()).collect();
    assert_eq!(places, ["line 2", "line 17", "line 24"], "{told:#?}");
}

#[test]
fn polls_and_pages_are_checked() {
    let with = |more: &str| {
        WHOLE.replace("    example: {score: 7}\n", &format!("    example: {{score: 7}}\n{more}"))
    };
    for (more, says) in [
        ("    pagination: {by: cursor, items: '{{ body }}'}\n", "actions.look.pagination: `next` is needed"),
        (
            "    pagination: {by: cursor, items: '{{ body }}', next: '{{ body.n }}'}\n",
            "actions.look.request: does not read `page.cursor`",
        ),
        ("    pagination: {by: page, items: '{{ body }}', next: x}\n", "actions.look.pagination.next: only"),
        (
            "    pagination: {by: link, items: '{{ body }}', pages: 100000}\n",
            "actions.look.pagination.pages: must be from 1",
        ),
        (
            "    pagination: {by: links, items: '{{ body }}'}\n",
            "actions.look.pagination.by: `links` is not known here",
        ),
        (
            "    polling: {request: {path: /x}, until: 'true', interval: 1ms, deadline: 1m}\n",
            "actions.look.polling.interval: must be at least",
        ),
        (
            "    polling: {request: {path: /x}, until: 'true', interval: 1m, deadline: 1s}\n",
            "actions.look.polling.deadline: must not be shorter",
        ),
        (
            "    polling: {request: {path: /x}, until: 'body.', interval: 1s, deadline: 1m}\n",
            "actions.look.polling.until: ",
        ),
        (
            "    polling: {request: {path: /x}, until: 'true', interval: 1s, deadline: 1m}\n    timeout: 5s\n",
            "actions.look.timeout: must not be shorter than the deadline",
        ),
    ] {
        let told = mistakes(&with(more));
        assert!(told.iter().any(|told| told.contains(says)), "{more}: {says}\n{told:#?}");
    }
}

#[test]
fn a_constant_is_replaced_by_one_that_urls_can_connect_to() {
    let connector = || Connector::parse(WHOLE.as_bytes()).unwrap();
    assert!(connector().with_constant("server", "https://own.example:8443".into()).is_ok());
    for (name, value) in
        [("sever", "https://a.example"), ("server", "own.example"), ("server", "https://u@a")]
    {
        let error = connector().with_constant(name, value.into()).unwrap_err();
        assert!(matches!(error, Error::Constant { .. }), "{error}");
    }
}

#[test]
fn a_directory_is_read_with_all_mistakes_of_its_files() {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(directory.path().join(name), text).unwrap();
    let read = || Connectors::builder(HttpIntegration::builder()).directory(directory.path());
    write("edr.yaml", WHOLE);
    write("notes.txt", "no connector");
    write("edr-2.yaml", &WHOLE.replace("version: 1", "version: 2"));
    let connectors = read().and_then(updraft_connectors::ConnectorsBuilder::build).unwrap();
    let versions: Vec<u32> = connectors.all().iter().map(|one| one.connector().version()).collect();
    assert_eq!(versions, [2, 1]);
    assert_eq!(connectors.newest().count(), 1);
    assert_eq!(connectors.get("edr").unwrap().connector().version(), 2);
    write("again.yml", WHOLE);
    let error = read().and_then(updraft_connectors::ConnectorsBuilder::build).unwrap_err();
    assert_eq!(error.to_string(), "connector `edr` version 1 is there twice");
    write("again.yml", "connector: x");
    write("other.yaml", "[");
    let Err(error) = read() else { panic!("mistakes") };
    let told = error.mistakes();
    assert_eq!(told.len(), 2, "{told:#?}");
    assert!(told[0].contains("again.yml: line 1") && told[1].contains("other.yaml: line 1"), "{told:#?}");
    let missing = Connectors::builder(HttpIntegration::builder()).directory(&directory.path().join("no"));
    assert!(matches!(missing, Err(Error::File { .. })));
}

#[test]
fn certificates_and_proxies_are_those_of_its_hosts() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("edr.yaml");
    let build = |more: &str| {
        std::fs::write(&file, WHOLE.replace("headers:", &format!("{more}\nheaders:"))).unwrap();
        let connectors = Connectors::builder(HttpIntegration::builder()).file(&file)?;
        connectors.build().map(|all| all.newest().count())
    };
    for more in [
        "proxy: direct",
        "proxy: http://proxy.example:3128",
        "tls: {minimum: '1.3', server_name: edr.internal}",
    ] {
        assert_eq!(build(more).unwrap_or_else(|error| panic!("{more}: {error}")), 1);
    }
    assert!(matches!(build("tls: {trust: none.pem}"), Err(Error::File { .. })));
    std::fs::write(directory.path().join("empty.pem"), "").unwrap();
    assert!(matches!(build("tls: {identity: empty.pem}"), Err(Error::Http(_))));
    for more in ["proxy: http://u:p@proxy.example", "proxy: ftp://proxy.example"] {
        let error = build(more).unwrap_err();
        assert!(error.to_string().contains("proxy: `direct` is needed"), "{error}");
        assert!(!error.to_string().contains("u:p"), "{error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// A file with some of its bytes changed, cut or repeated is taken, or refused with mistakes.
    #[test]
    fn no_file_makes_the_reader_panic(
        changes in prop::collection::vec((0..WHOLE.len(), 0..4_usize, any::<u8>(), 0..40_usize), 1..6),
    ) {
        let mut bytes = WHOLE.as_bytes().to_vec();
        for (at, how, byte, count) in changes {
            let at = at.min(bytes.len().saturating_sub(1));
            let end = (at + count).min(bytes.len());
            match how {
                0 => bytes.insert(at, byte),
                1 => { bytes.drain(at..end); }
                2 => { let part = bytes[at..end].to_vec(); bytes.splice(at..at, part); }
                _ => bytes.truncate(at.max(1)),
            }
        }
        if let Err(error) = Connector::parse(&bytes) {
            prop_assert!(!error.mistakes().is_empty());
        }
    }
}
