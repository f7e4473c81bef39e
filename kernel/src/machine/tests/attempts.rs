//! Attempts by example: when another one follows, when none does, and the status of one whose outcome is unknown.

use std::time::Duration;

use serde_json::{Value, json};
use updraft_protocol::{ExecutionStatus, Failure, FailureKind, TaskStatus, Timestamp};

use super::world::{World, act, parallel, playbook};
use crate::machine::{MachineEvent, TaskSeq, Timer};

#[test]
fn an_at_most_once_step_that_may_have_acted_is_unknown() {
    for (kind, status) in [
        (FailureKind::Timeout, TaskStatus::Unknown),
        (FailureKind::Interrupted, TaskStatus::Unknown),
        (FailureKind::Panic, TaskStatus::Unknown),
        (FailureKind::InvalidArguments, TaskStatus::Failed),
        (FailureKind::Status, TaskStatus::Failed),
    ] {
        let mut world = World::begin(&playbook(json!([act("a", json!({"at_most_once": true}))])), json!({}));
        world.end("a", Err(kind));
        assert_eq!(world.tasks()[0].state.status, status, "{kind:?}");
        assert_eq!(world.ends, [ExecutionStatus::Failed]);
    }
}

#[test]
fn whether_a_tool_may_have_acted_is_the_integrations_word_not_the_kinds() {
    for (kind, may_have_acted, status) in [
        (FailureKind::Status, true, TaskStatus::Unknown),
        (FailureKind::InvalidResponse, true, TaskStatus::Unknown),
        (FailureKind::Timeout, false, TaskStatus::Failed),
        (FailureKind::Panic, false, TaskStatus::Failed),
    ] {
        let steps = json!([act("a", json!({"at_most_once": true, "retry": {"attempts": 1}}))]);
        let mut world = World::begin(&playbook(steps), json!({}));
        world.fail("a", Failure::new(kind, "so").with_may_have_acted(may_have_acted));
        assert_eq!(world.tasks()[0].state.status, status, "{kind:?} {may_have_acted}");
    }
}

#[test]
fn an_at_most_once_step_is_tried_again_until_its_tool_may_have_acted() {
    let steps = json!([act(
        "a",
        json!({
            "at_most_once": true, "retry": {"attempts": 9}, "on_unknown": [act("ask", json!({}))]
        })
    ),]);
    let mut world = World::begin(&playbook(steps), json!({}));
    for _ in 0..3 {
        world.fail("a", Failure::new(FailureKind::RateLimited, "slow down"));
        world.crash();
        assert_eq!((world.statuses(), world.attempts.len()), (vec!["a:retrying".to_owned()], 0));
        world.fire();
    }
    assert_eq!(world.attempts[0].attempt, 4);
    world.end("a", Err(FailureKind::Timeout));
    assert_eq!(world.statuses(), ["a:unknown", "ask:executing"]);
}

#[test]
fn a_crash_during_a_later_attempt_of_an_at_most_once_step_is_not_repeated_either() {
    let mut world = World::begin(&playbook(json!([act("a", json!({"at_most_once": true}))])), json!({}));
    world.end("a", Err(FailureKind::Unreachable));
    world.fire();
    world.crash();
    assert_eq!((world.statuses(), world.called.len()), (vec!["a:unknown".to_owned()], 2));
}

#[test]
fn every_attempt_sees_the_instant_at_which_its_task_began() {
    for action in ["act", "queue"] {
        let arguments = json!({"at": "{{ now }}"});
        let more = json!({"action": action, "arguments": arguments, "retry": {"attempts": 9}});
        let mut world = World::begin(
            &playbook(json!([{"delay": "3m"}, act("a", more), {"end": "{{ now }}"}])),
            json!({}),
        );
        world.fire();
        let began = world.now;
        let mut seen = vec![];
        for _ in 0..3 {
            if action == "queue" {
                world.now = world.now.after(Duration::from_secs(7));
                world.permit(Ok(()));
            }
            seen.push(serde_json::Value::try_from(world.attempts[0].arguments.clone()).unwrap());
            world.end("a", Err(FailureKind::Unreachable));
            world.crash();
            world.fire();
        }
        assert_eq!(world.tasks()[1].state.started_date, Some(began), "{action}");
        assert_eq!(seen, vec![json!({"at": began.to_string()}); 3], "{action}");
        if action == "queue" {
            world.permit(Ok(()));
        }
        world.now = world.now.after(Duration::from_secs(1));
        world.end("a", Ok(json!(1)));
        assert_eq!(world.execution().state.output, Some(json!(world.now.to_string()).into()), "{action}");
    }
}

fn left_alone(seconds: u64) -> Failure {
    Failure::new(FailureKind::RateLimited, "slow down").with_retry_after(Duration::from_secs(seconds))
}

#[test]
fn no_attempt_is_made_before_the_time_that_the_tool_asked_for() {
    for at_most_once in [false, true] {
        let retry = json!({"attempts": 3, "initial": "200ms", "max": "1s"});
        let steps = json!([act("a", json!({"retry": retry, "at_most_once": at_most_once}))]);
        let mut world = World::begin(&playbook(steps), json!({}));
        for asked in [40, 3_600] {
            let failed = world.now;
            world.fail("a", left_alone(asked));
            let due = world.machine.idle_until().unwrap();
            assert!(
                (asked * 1_000..=asked * 1_000 + 400).contains(&due.since(failed)),
                "{due} after {failed}"
            );
            world.now = Timestamp(failed.0 + 1_000);
            world.crash();
            assert_eq!(world.machine.idle_until(), Some(due), "a crash changes nothing");
            world.now = Timestamp(due.0 - 1);
            world.apply(MachineEvent::TimerDue(Timer::Task(TaskSeq(1))));
            assert!(world.attempts.is_empty(), "not a millisecond earlier");
            world.timers.clear();
            world.timers.push((due, Timer::Task(TaskSeq(1))));
            world.fire();
        }
        assert_eq!(world.attempts[0].attempt, 3);
    }
}

#[test]
fn a_step_whose_tool_asks_for_too_long_fails_at_once_and_says_until_when() {
    let steps =
        |retry: Value| json!([act("a", json!({"retry": retry, "on_failure": [act("b", json!({}))]}))]);
    for (retry, timeout, asked, why) in [
        (json!({"give_up_after": "1m"}), None, 61, "longer than `retry.give_up_after` (1m)"),
        (json!({}), None, 3_601, "longer than `retry.give_up_after` (1h)"),
        (
            json!({"give_up_after": "5h"}),
            Some("2h"),
            7_200,
            "the execution may run until 1970-01-01T02:16:40.000Z",
        ),
    ] {
        let mut timed = playbook(steps(retry));
        if let Some(timeout) = timeout {
            timed["timeout"] = json!(timeout);
        }
        let mut world = World::begin(&timed, json!({}));
        let until = Timestamp(world.now.0 + asked * 1_000);
        world.fail("a", left_alone(asked));
        assert_eq!(world.statuses(), ["a:failed", "b:executing"]);
        let error = world.tasks()[0].state.error.clone().unwrap();
        assert_eq!(error.kind, FailureKind::RateLimited);
        assert!(error.message.contains(&until.to_string()) && error.message.contains(why), "{error}");
        assert!(error.message.ends_with(": slow down"), "{error}");
    }
}

#[test]
fn an_attempt_that_was_never_sent_is_cancelled_with_its_execution_not_unknown() {
    let branches = json!([parallel(
        "all",
        [act("a", json!({"at_most_once": true})), act("b", json!({"at_most_once": true}))]
    )]);
    for cancel in [true, false] {
        let mut timed = playbook(branches.clone());
        timed["timeout"] = json!("1m");
        let mut world = World::begin(&timed, json!({}));
        let unsent = world.attempts[0].task;
        world.machine.unsent(unsent);
        if cancel {
            world.apply(MachineEvent::Cancel(None))
        } else {
            world.fire()
        }
        assert_eq!(world.statuses(), ["all:cancelled", "a:cancelled", "b:unknown"]);
    }
}

#[test]
fn a_call_that_was_withdrawn_before_it_was_sent_is_made_by_a_later_life() {
    for at_most_once in [true, false] {
        let more = json!({"at_most_once": at_most_once, "retry": {"attempts": 1}});
        let mut world = World::begin(&playbook(json!([act("a", more)])), json!({}));
        let call = world.attempts[0].clone();
        world.withdraw(call.task);
        assert_eq!(world.statuses(), ["a:retrying"]);
        world.assert_stored_is_current();
        world.end_attempt(&call, Ok(json!("too late")));
        assert_eq!(world.statuses(), ["a:retrying"], "nobody awaits it any more");
        world.crash();
        world.fire();
        assert_eq!((world.attempts.len(), world.attempts[0].attempt), (1, 1), "it did not count");
        world.end("a", Ok(json!(1)));
        assert_eq!((world.statuses(), world.ends.len()), (vec!["a:completed".to_owned()], 1));
    }
}
