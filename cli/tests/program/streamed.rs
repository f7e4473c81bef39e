//! `serve` that reads a stream, and is killed in the middle of it: each message starts one execution.

use std::collections::BTreeSet;
use std::time::Duration;

use updraft_redis::testing::RedisServer;

use crate::ended::{by, ended, signal};
use crate::given::{files, playbook};
use crate::served::Service;

const MESSAGES: usize = 2_000;

const TRIGGER: &str = "trigger: alerts
version: 1
on: {queue: {stream: alerts, body: alert}}
playbook: test
";

/// How many messages were given to a consumer and are not settled, and how many were not given yet.
fn left(redis: &RedisServer) -> (u64, u64) {
    let told = redis.tell(&["XINFO", "GROUPS", "alerts"]);
    let lines: Vec<&str> = told.lines().collect();
    let number = |name: &str| {
        let at = lines.iter().position(|line| *line == name);
        at.and_then(|at| lines.get(at + 1)?.strip_prefix(':')?.parse().ok()).unwrap_or(u64::MAX)
    };
    (number("pending"), number("lag"))
}

/// Waits until no more than so many messages are left.
fn until_left(redis: &RedisServer, most: u64) {
    for _ in 0..24_000 {
        let (pending, lag) = left(redis);
        if pending.saturating_add(lag) <= most {
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("{:?} messages are left", left(redis));
}

#[test]
fn each_message_of_a_stream_starts_one_execution_though_the_program_is_killed_in_the_middle() {
    let dir = files(&[("p.yaml", &playbook("  - {end: 1}\n")), ("t.yaml", TRIGGER)]);
    let (dir, redis) = (dir.path(), RedisServer::start());
    let address = redis.address();
    let serve = || Service::with(dir, &["--redis", &address]);
    let mut service = serve();
    let put = by(dir, &["trigger", "put", "t.yaml"]);
    assert_eq!(put.code, 0, "{}", put.err);
    until_left(&redis, 0);
    for number in 0..MESSAGES {
        redis.tell(&["XADD", "alerts", "*", "alert", &number.to_string()]);
    }
    for kill in 1..=4 {
        until_left(&redis, (MESSAGES - kill * MESSAGES / 6) as u64);
        service.child.kill().unwrap();
        service.child.wait().unwrap();
        service = serve();
    }
    until_left(&redis, 0);
    signal(&service.child, "TERM");
    assert_eq!(service.child.wait().unwrap().code(), Some(0));

    let list = ended(dir, &["list", "--json", "--limit", "5000"]).json();
    let keys: Vec<&str> =
        list.as_array().unwrap().iter().map(|one| one["idempotency_key"].as_str().unwrap()).collect();
    assert_eq!(keys.len(), MESSAGES);
    assert_eq!(keys.iter().collect::<BTreeSet<_>>().len(), MESSAGES, "each of another message");
    assert!(keys.iter().all(|key| key.starts_with("trigger/alerts/message/")));
}
