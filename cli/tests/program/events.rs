//! `events`: listed from a cursor on, followed over engines that come and go; and `publication`, put and looked at.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use serde_json::{Value, json};

use crate::ended::{by, ended, out, signal, updraft};
use crate::given::{files, playbook};

const RUN: [&str; 4] = ["run", "p.yaml", "--durability", "os"];

#[test]
fn events_are_listed_from_a_cursor_on_and_followed_over_engines_that_come_and_go() {
    let dir = files(&[("p.yaml", &playbook("  - {end: 1}\n"))]);
    let dir = dir.path();
    out(&ended(dir, &RUN));
    let listed = ended(dir, &["events"]);
    let lines: Vec<&str> = out(&listed).lines().collect();
    let [started, completed] = lines[..] else { panic!("{}", listed.out) };
    assert!(started.contains("  started  test v1"), "{started}");
    assert!(completed.contains("  ended    test v1 completed after "), "{completed}");
    let cursor = completed.split("  ").nth(1).unwrap();
    assert_eq!(out(&ended(dir, &["events", "--after", cursor])), "");
    assert_eq!(out(&ended(dir, &["events", "--tenant", "acme"])), "");
    let refused = ended(dir, &["events", "--after", "7"]);
    assert!(refused.code == 2 && refused.err.contains("`7` is no cursor of events"), "{}", refused.err);

    let mut follower = updraft(dir, &["events", "--after", cursor, "--follow", "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut told = BufReader::new(follower.stdout.take().unwrap()).lines();
    for _ in 0..2 {
        // Each is an engine of its own, which has ended before its events are read.
        out(&ended(dir, &RUN));
    }
    // They are told by the engine that is there next.
    let mut service =
        updraft(dir, &["serve", "--listen", "127.0.0.1:0"]).stdout(Stdio::null()).spawn().unwrap();
    let events: Vec<Value> =
        (0..4).map(|_| serde_json::from_str(&told.next().unwrap().unwrap()).unwrap()).collect();
    let kinds: Vec<&Value> = events.iter().map(|event| &event["event"]).collect();
    assert_eq!(kinds, ["started", "ended", "started", "ended"]);
    assert_eq!(events[3]["output"], json!(1));
    for child in [&mut follower, &mut service] {
        signal(child, "TERM");
        assert_eq!(child.wait().unwrap().code(), Some(0));
    }
}

#[test]
fn a_publication_is_put_listed_paused_and_removed_and_mistakes_have_their_place() {
    let publication =
        "publication: results\nto: {webhook: {url: 'https://tickets.example/hooks', secret: key}}\n";
    let wrong = publication.replace("https", "ftp");
    let dir = files(&[
        ("p.yaml", &playbook("  - {end: 1}\n")),
        ("results.yaml", publication),
        ("wrong.yaml", &wrong),
    ]);
    let dir = dir.path();
    out(&ended(dir, &RUN));
    let refused = by(dir, &["publication", "put", "wrong.yaml"]);
    let place = "wrong.yaml: line 2, column 21, to.webhook.url: begins with `https://` or `http://`";
    assert!(refused.code == 2 && refused.err.contains(place), "{}", refused.err);
    assert_eq!(out(&by(dir, &["publication", "put", "results.yaml", "--from-start"])), "results  is new\n");
    assert_eq!(
        out(&by(dir, &["publication", "put", "results.yaml"])),
        "results  goes on from where it was\n"
    );
    let line = "results  https://tickets.example/hooks  0 arrived, 0 left out, 0 given up  last never";
    assert_eq!(out(&ended(dir, &["publication", "list"])), format!("{line}\n"));
    assert_eq!(out(&by(dir, &["publication", "pause", "results"])), "results  paused\n");
    let paused = ended(dir, &["publication", "list"]);
    assert_eq!(out(&paused), format!("{line}  paused by ana: INC-7\n"));
    assert_eq!(ended(dir, &["publication", "list", "--tenant", "acme", "--json"]).json(), json!([]));
    assert_eq!(out(&by(dir, &["publication", "resume", "results"])), "results  goes on\n");
    assert_eq!(out(&by(dir, &["publication", "remove", "results"])), "results  removed\n");
    let none = by(dir, &["publication", "remove", "results"]);
    assert!(none.code == 2 && none.err.contains("there is no publication results"), "{}", none.err);
}
