//! `serve`: an engine that fires triggers and takes webhooks, told of triggers by other commands, killed and stopped.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Stdio};

use crate::ended::{by, ended, signal, updraft};
use crate::given::{files, playbook};

const TRIGGER: &str = "trigger: hook
version: 1
on: {webhook: {signature: {scheme: github, secret: hook}}}
playbook: test
";

/// The digest of GitHub's own example, whose secret is this.
const SECRET: &str = "It's a Secret to Everybody";

/// `updraft serve` with the playbook `p.yaml`.
pub(crate) struct Service {
    pub(crate) child: Child,
    address: String,
}

impl Service {
    fn start(dir: &Path) -> Self {
        Self::with(dir, &[])
    }

    /// With more arguments.
    pub(crate) fn with(dir: &Path, more: &[&str]) -> Self {
        let serve = ["serve", "--listen", "127.0.0.1:0", "--playbook", "p.yaml"];
        let mut command = updraft(dir, &[&serve[..], more].concat());
        command.env("UPDRAFT_SECRET_HOOK", SECRET);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.strip_prefix("serving at http://").and_then(|rest| rest.split(' ').next());
        Self { address: address.unwrap_or_else(|| panic!("{line}")).to_owned(), child }
    }

    fn ask(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    fn get(&self, path: &str) -> String {
        self.ask(&format!("GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"))
    }

    fn hook(&self) -> String {
        let signature = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        self.ask(&format!(
            "POST /hooks/default/hook HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 13\r\n\
             X-Hub-Signature-256: sha256={signature}\r\n\r\nHello, World!"
        ))
    }
}

impl Service {
    /// What the webhook answers once the triggers were read.
    fn known(&self) -> String {
        loop {
            let answer = self.hook();
            if !answer.starts_with("HTTP/1.1 503") {
                return answer;
            }
        }
    }
}

#[test]
fn a_served_engine_takes_signed_requests_through_a_kill_and_ends_when_it_is_told_to() {
    let hook = TRIGGER.replace("secret: hook}}", "secret: hook}, body: form}");
    let dir = files(&[("p.yaml", &playbook("  - {end: 1}\n")), ("t.yaml", &hook)]);
    let dir = dir.path();
    let mut service = Service::start(dir);
    assert!(service.get("/health").starts_with("HTTP/1.1 200"), "{}", service.get("/health"));
    let early = service.known();
    assert!(service.get("/ready").starts_with("HTTP/1.1 204"), "what is known is read");
    assert!(early.starts_with("HTTP/1.1 404"), "it is not there yet: {early}");
    let put = by(dir, &["trigger", "put", "t.yaml"]);
    assert_eq!((put.code, &*put.out), (0, "hook  version 1 is new\n"), "{}", put.err);
    // The engine goes by it a moment later.
    let first = loop {
        let answer = service.hook();
        if !answer.starts_with("HTTP/1.1 404") {
            break answer;
        }
    };
    assert!(first.starts_with("HTTP/1.1 202"), "{first}");
    let peid = |answer: &str| answer.split("\r\n\r\n").nth(1).unwrap().to_owned();
    service.child.kill().unwrap();
    service.child.wait().unwrap();

    let mut service = Service::start(dir);
    let again = service.known();
    assert_eq!(peid(&again), peid(&first), "what was answered before the kill is known");
    signal(&service.child, "TERM");
    assert_eq!(service.child.wait().unwrap().code(), Some(0));
    let all = ended(dir, &["list", "--json"]).json();
    assert_eq!(all.as_array().map(Vec::len), Some(1), "{all}");
}
