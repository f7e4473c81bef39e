//! `serve` with a poll: each item of a tool starts one execution, however often the program is killed.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::ended::{by, ended, out, updraft};
use crate::given::{files, playbook};

/// How many alerts the tool comes to have.
const ALERTS: usize = 40;

const TRIGGER: &str = "trigger: alerts
version: 1
on:
  poll:
    every: 1s
    action: siem.list
    arguments: {since: '{{ cursor }}'}
    items: '{{ answer.alerts }}'
    id: '{{ item }}'
    cursor: '{{ [item - 3, 0]|max }}'
    first: 0
playbook: test
input: '{{ event.item }}'
";

/// A tool that has four more alerts with each request, and tells those from a number on. Returns its address and how often it was asked.
fn siem() -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (address, asked) = (listener.local_addr().unwrap(), Arc::<AtomicUsize>::default());
    let count = asked.clone();
    std::thread::spawn(move || {
        // One that was killed meanwhile hears nothing.
        listener.incoming().flatten().for_each(|stream| drop(answer(stream, &count)));
    });
    (address, asked)
}

fn answer(mut stream: TcpStream, asked: &AtomicUsize) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let line = lines.next().unwrap_or_else(|| Ok(String::new()))?;
    // The rest of the request: a connection that is closed before resets.
    let _ = lines.map_while(Result::ok).find(String::is_empty);
    let since = line.split("since=").nth(1).and_then(|rest| rest.split(' ').next()?.parse().ok());
    let newest = (4 * (asked.fetch_add(1, Ordering::SeqCst) + 1)).min(ALERTS);
    let alerts: Vec<usize> = (since.unwrap_or(0).max(1)..=newest).collect();
    let body = format!("{{\"alerts\": {alerts:?}}}");
    let length = body.len();
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close";
    stream.write_all(format!("{head}\r\nContent-Length: {length}\r\n\r\n{body}").as_bytes())
}

fn serve(dir: &Path, address: SocketAddr) -> Child {
    let allowed = address.to_string();
    let arguments =
        ["serve", "--listen", "127.0.0.1:0", "--playbook", "p.yaml", "--connectors", "connectors"];
    let mut command = updraft(dir, &arguments);
    command.args(["--allow-net", &allowed]).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.starts_with("serving at"), "{line}");
    child
}

#[test]
fn a_poll_takes_each_item_once_over_kills_of_the_program() {
    let (address, asked) = siem();
    let connector = format!(
        "connector: siem
version: 1
base_url: http://{address}
actions:
  list:
    arguments: {{properties: {{since: {{}}}}}}
    request: {{path: /alerts, query: {{since: '{{{{ arguments.since }}}}'}}}}
    result: {{alerts: '{{{{ body.alerts }}}}'}}
"
    );
    let dir = files(&[("p.yaml", &playbook("  - {end: 1}\n")), ("t.yaml", TRIGGER)]);
    let connectors = dir.path().join("connectors");
    std::fs::create_dir(&connectors).unwrap();
    std::fs::write(connectors.join("siem.yaml"), connector).unwrap();
    let dir = dir.path();
    let mut child = serve(dir, address);
    assert_eq!(out(&by(dir, &["trigger", "put", "t.yaml"])), "alerts  version 1 is new\n");
    for kill in 1..=5 {
        while asked.load(Ordering::SeqCst) < 2 * kill {
            std::thread::yield_now();
        }
        // Whatever it does with the answer.
        child.kill().unwrap();
        child.wait().unwrap();
        child = serve(dir, address);
    }
    let executions = || ended(dir, &["list", "--json"]).json().as_array().map_or(0, Vec::len);
    while executions() < ALERTS {
        std::thread::yield_now();
    }
    let before = asked.load(Ordering::SeqCst);
    while asked.load(Ordering::SeqCst) < before + 2 {
        std::thread::yield_now();
    }
    let shown = ended(dir, &["trigger", "show", "alerts"]);
    for told in ["poll siem.list every 1s", "asked from 37 on", "answered 20"] {
        assert!(out(&shown).contains(told), "{told}: {}", shown.out);
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(executions(), ALERTS, "each starts one");
}
