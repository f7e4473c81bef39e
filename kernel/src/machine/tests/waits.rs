//! Waits for an instant that is given: which values are one, what has passed, and what is too far away.

use serde_json::{Value, json};
use updraft_protocol::{ExecutionStatus, FailureKind, Timestamp, WaitKind};

use super::world::{World, act, is_sound, playbook};
use crate::machine::DefaultWaits;

/// A wait until `input.until`, and an action after it. The world begins at 00:16:40 of the first day of 1970.
fn until(value: Value, more: &Value) -> World {
    let mut step = json!({ "id": "wait", "wait_until": "{{ input.until }}" });
    step.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    World::begin(&playbook(json!([step, act("then", json!({}))])), json!({ "until": value }))
}

#[test]
fn an_instant_is_waited_for_and_is_the_same_after_a_crash() {
    for (text, more, due) in [
        ("1970-01-01T01:00:00Z", json!({}), 3_600_000),
        ("1970-01-01T01:00:00.25+00:30", json!({}), 1_800_250),
        ("Thu, 1 Jan 1970 01:00:00 +0000", json!({}), 3_600_000),
        ("1970-01-01T02:00", json!({"zone": "Europe/Zurich"}), 3_600_000),
        ("1970-01-02", json!({"zone": "UTC"}), 86_400_000),
        // An offset that is written counts, whatever the zone is. Summer began at 02:00 that day: 02:30 is 03:30.
        ("1970-01-01T01:00:00Z", json!({"zone": "Asia/Tokyo"}), 3_600_000),
        ("1970-04-26T02:30", json!({"zone": "America/New_York"}), 9_963_000_000),
    ] {
        let mut world = until(json!(text), &more);
        let wait = world.tasks()[0].state.wait.clone().unwrap_or_else(|| panic!("{text}"));
        assert_eq!((wait.kind, wait.until), (WaitKind::Delay, Some(Timestamp(due))), "{text}");
        world.crash();
        assert_eq!(world.machine.idle_until(), Some(Timestamp(due)));
        world.fire();
        assert_eq!(world.now, Timestamp(due));
        assert_eq!(world.statuses(), ["wait:completed", "then:executing"]);
    }
}

#[test]
fn an_instant_that_has_passed_is_not_waited_for() {
    for text in ["1970-01-01T00:16:40Z", "1970-01-01T00:00:00Z", "0001-01-01T00:00:00Z"] {
        let world = until(json!(text), &json!({}));
        assert_eq!(world.statuses(), ["wait:completed", "then:executing"], "{text}");
        assert!(world.timers.is_empty() && world.tasks()[0].state.wait.is_none());
    }
}

#[test]
fn what_is_no_instant_fails_the_step_and_says_what_it_is() {
    for (value, why) in [
        (json!("soon"), "not a text (\"soon\"): it is no date such as"),
        (json!(""), "not a text (\"\"): it is no date"),
        (json!(17), "not a number (17): the filter `date`"),
        (json!(null), "not null (null)"),
        (json!(["1970-01-02"]), "not a list ([\"1970-01-02\"])"),
        (json!("1970-01-02T00:00"), "it has no time zone"),
        (json!("1971-01-03T00:00:00Z"), "a wait is at most 366d long"),
        (json!("9999-12-30T00:00:00Z"), "a wait is at most 366d long"),
        (json!("x".repeat(100_000)), "a date has at most 128 bytes"),
    ] {
        let world = until(value, &json!({}));
        let error = world.tasks()[0].state.error.clone().unwrap();
        assert_eq!(error.kind, FailureKind::InvalidArguments);
        assert!(error.message.starts_with("`wait_until` needs an instant"), "{}", error.message);
        assert!(error.message.contains(why), "{}", error.message);
        assert_eq!(world.ends, [ExecutionStatus::Failed]);
    }
    let handled = until(json!("soon"), &json!({"on_failure": "continue"}));
    assert_eq!(handled.statuses(), ["wait:failed", "then:executing"]);
    let wrong = json!([{"wait_until": "2030-01-01", "zone": "Europe/Atlantis"}]);
    assert!(!is_sound(&playbook(wrong)), "a zone is checked with the playbook");
}

#[test]
fn a_step_that_does_not_say_how_long_waits_as_the_engine_says_and_keeps_it_over_a_crash() {
    let minutes = |minutes: u64| std::time::Duration::from_secs(60 * minutes);
    let waits = DefaultWaits { approval: minutes(2), signal: minutes(1), ..DefaultWaits::default() };
    for (step, waited) in [
        (json!({"id": "w", "approval": "?"}), 120_000),
        (json!({"id": "w", "wait_for": "closed"}), 60_000),
        (json!({"id": "w", "approval": "?", "timeout": "5s"}), 5_000),
        (json!({"id": "w", "wait_for": "closed", "timeout": "7s"}), 7_000),
    ] {
        let mut world = World::begin_with(&playbook(json!([step])), json!({}), waits);
        let start = world.now;
        // The next engine has other defaults.
        world.crash();
        world.fire();
        assert_eq!(world.now.since(start), waited);
        let error = world.tasks()[0].state.error.clone().unwrap();
        let span = updraft_protocol::Span::millis(waited).to_string();
        assert!(error.kind == FailureKind::Expired && error.message.ends_with(&span), "{}", error.message);
    }
}
