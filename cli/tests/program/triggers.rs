//! `trigger`: what starts playbooks by itself, put and looked at where no engine runs.

use serde_json::json;

use crate::ended::{by, ended, out};
use crate::given::{files, playbook};

const TRIGGER: &str = "trigger: morning
version: 1
on:
  schedule: {cron: '0 7 * * 1-5', zone: Europe/Berlin}
playbook: test
";

#[test]
fn a_trigger_is_put_listed_paused_and_removed_and_mistakes_have_their_place() {
    let wrong = TRIGGER.replace("0 7", "0 25").replace("Berlin", "Berln");
    let other = TRIGGER.replace("test", "nobody");
    let dir = files(&[
        ("p.yaml", &playbook("  - {end: 1}\n")),
        ("t.yaml", TRIGGER),
        ("wrong.yaml", &wrong),
        ("other.yaml", &other),
    ]);
    let dir = dir.path();
    let refused = by(dir, &["trigger", "put", "wrong.yaml"]);
    assert_eq!(refused.code, 2);
    assert!(
        refused.err.contains("wrong.yaml: line 4, column 42, on.schedule.zone: no such time zone"),
        "{}",
        refused.err
    );
    assert!(
        refused.err.contains("wrong.yaml: line 4, column 20, on.schedule.cron: number out of bounds"),
        "{}",
        refused.err
    );
    out(&ended(dir, &["run", "p.yaml", "--durability", "os"]));
    let other = by(dir, &["trigger", "put", "other.yaml"]);
    assert!(
        other.code == 2 && other.err.contains("playbook: there is no playbook `nobody`"),
        "{}",
        other.err
    );
    assert_eq!(out(&by(dir, &["trigger", "put", "t.yaml"])), "morning  version 1 is new\n");
    assert_eq!(out(&by(dir, &["trigger", "put", "t.yaml"])), "morning  version 1 was put before\n");
    let listed = ended(dir, &["trigger", "list"]);
    assert!(
        out(&listed).starts_with("morning  0 7 * * 1-5 Europe/Berlin  test  never fired  next 20"),
        "{}",
        listed.out
    );
    assert_eq!(out(&by(dir, &["trigger", "pause", "morning"])), "morning  paused\n");
    let shown = ended(dir, &["trigger", "show", "morning"]);
    assert!(out(&shown).contains("paused by ana: INC-7\nversion 1, since 20"), "{}", shown.out);
    let json = ended(dir, &["trigger", "show", "morning", "--json"]).json();
    assert_eq!((&json["paused"]["uid"], &json["next"]), (&json!("ana"), &json!(null)));
    let other = ended(dir, &["trigger", "list", "--tenant", "acme", "--json"]).json();
    assert_eq!(other, json!([]));
    assert_eq!(out(&by(dir, &["trigger", "resume", "morning"])), "morning  fires again\n");
    assert_eq!(out(&by(dir, &["trigger", "remove", "morning"])), "morning  removed\n");
    let none = ended(dir, &["trigger", "show", "morning"]);
    assert!(none.code == 2 && none.err.contains("there is no trigger morning"), "{}", none.err);
}
