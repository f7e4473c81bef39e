//! The example of enrichment: what one run has asked for, the next one does not ask for again, until it is forgotten.

use std::path::{Path, PathBuf};

use serde_json::Value;
use updraft_redis::testing::RedisServer;

use crate::ended::{Ended, ended, out};
use crate::tools::Tools;

fn example(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/enrichment").join(file)
}

/// The server, and the folder of the runs.
struct World {
    dir: tempfile::TempDir,
    redis: RedisServer,
    tools: Tools,
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let tools = Tools::serve(dir.path());
        Self { dir, redis: RedisServer::start(), tools }
    }

    fn with_redis(&self, words: &[&str]) -> Ended {
        let address = self.redis.address();
        ended(self.dir.path(), &[words, &["--redis", &address]].concat())
    }

    /// Runs the example; returns its document.
    fn run(&self, more: &[&str]) -> Value {
        let (book, alert) = (example("playbook.yaml"), example("alert.json"));
        let place = format!("reputation=http://127.0.0.1:{}", self.tools.port);
        let run = ["run", book.to_str().unwrap(), "--input", alert.to_str().unwrap(), "--endpoint", &place];
        let run = self.with_redis(&[&run[..], &["--json", "--durability", "os"], more].concat());
        out(&run);
        run.json()
    }
}

/// What the look-ups of an execution found, sorted.
fn found(document: &Value) -> Vec<String> {
    let tasks = document["tasks"].as_array().unwrap().iter();
    let mut found: Vec<String> = tasks
        .filter(|task| task["step_id"] == "reputation")
        .map(|task| task["call"]["cache"]["use"].as_str().unwrap_or("not asked").to_owned())
        .collect();
    found.sort();
    found
}

#[test]
fn the_second_run_asks_for_nothing_that_the_first_one_knows_and_forgetting_has_it_asked_for_again() {
    let world = World::new();
    let first = world.run(&[]);
    assert_eq!(found(&first), ["miss"; 4]);
    let second = world.run(&[]);
    assert_eq!(
        (found(&second), &second["execution"]["output"]),
        (vec!["hit".to_owned(); 4], &first["execution"]["output"])
    );
    assert_eq!(second["execution"]["output"]["malicious"].as_array().unwrap().len(), 3);
    let peid = second["execution"]["peid"].as_str().unwrap();
    let shown = ended(world.dir.path(), &["show", peid]);
    assert_eq!(out(&shown).matches("cache: hit, ").count(), 4, "{}", shown.out);
    let book = example("playbook.yaml");
    let replayed = ended(world.dir.path(), &["replay", peid, "--playbook", book.to_str().unwrap()]);
    assert!(out(&replayed).contains("1 same, 0 differ"), "{}", replayed.out);
    assert_eq!(found(&world.run(&["--no-cache"])), ["not asked"; 4]);

    let without = ended(world.dir.path(), &["cache", "forget", "http"]);
    assert!(without.code != 0 && without.err.contains("--redis"), "{}", without.err);
    out(&world.with_redis(&["cache", "forget", "http", "--value", "no such value"]));
    assert_eq!(found(&world.run(&[])), ["hit"; 4]);
    out(&world.with_redis(&["cache", "forget", "http", "--value", "contoso.com"]));
    assert_eq!(found(&world.run(&[])), ["hit", "hit", "hit", "miss"]);
    out(&world.with_redis(&["cache", "forget", "http"]));
    assert_eq!(found(&world.run(&[])), ["miss"; 4]);
}
