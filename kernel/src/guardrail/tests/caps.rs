//! Caps by example, and against an oracle that counts from the list of all calls that were ever let pass.

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;
use serde_json::json;
use updraft_protocol::{Cap, ContainmentId, TaskId, Timestamp};

use crate::guardrail::{CapAsk, CapCount, CapLine, CapVerdict};

fn cap(written: serde_json::Value) -> Cap {
    serde_json::from_value(written).unwrap()
}

fn task(number: u8) -> TaskId {
    TaskId::from_bytes([number; 16])
}

fn target(number: u8) -> ContainmentId {
    ContainmentId::from_bytes([number; 16])
}

fn call(number: u8, since: u64) -> CapAsk {
    CapAsk {
        tenant: super::tenant("acme"),
        task: task(number),
        since: Timestamp(since),
        containment: None,
        is_approved: false,
    }
}

const FIRST: CapVerdict = CapVerdict::Taken { is_first: true };
const AGAIN: CapVerdict = CapVerdict::Taken { is_first: false };

#[test]
fn a_window_lets_so_many_tasks_pass_and_each_once() {
    let cap = cap(json!({"calls": 2, "per": "1h", "over": "refuse"}));
    let (mut count, mut line) = (CapCount::default(), CapLine::default());
    let mut ask = |number, now| count.ask(&cap, &mut line, call(number, now), Timestamp(now));
    assert_eq!([ask(1, 0), ask(1, 10), ask(2, 20), ask(3, 30)], [FIRST, AGAIN, FIRST, CapVerdict::Refuse]);
    assert_eq!(ask(3, 3_600_009), CapVerdict::Refuse, "the second attempt of the first was at 10 ms");
    assert_eq!([ask(3, 3_600_010), ask(4, 3_600_011)], [FIRST, CapVerdict::Refuse]);
}

#[test]
fn what_is_stored_is_what_was_counted() {
    let cap = cap(json!({"calls": 1, "per": "1h", "active": 1, "over": "ask"}));
    let (mut count, mut line) = (CapCount::default(), CapLine::default());
    let contains = |number| CapAsk { containment: Some(target(number)), ..call(number, 0) };
    assert_eq!(count.ask(&cap, &mut line, contains(1), Timestamp(0)), FIRST);
    let stored = serde_json::to_string(&count).unwrap();
    let mut read: CapCount = serde_json::from_str(&stored).unwrap();
    assert_eq!(read, count);
    assert_eq!(read.ask(&cap, &mut CapLine::default(), contains(2), Timestamp(1)), CapVerdict::Ask);
    let approved = CapAsk { is_approved: true, ..contains(2) };
    assert_eq!(read.ask(&cap, &mut CapLine::default(), approved, Timestamp(2)), FIRST);
    assert_eq!(read.used(), (2, 2), "what people let pass is counted");
}

#[test]
fn those_that_wait_go_on_in_the_order_in_which_they_came() {
    let cap = cap(json!({"calls": 1, "per": "10s"}));
    let (mut count, mut line) = (CapCount::default(), CapLine::default());
    let mut ask = |number, since, now| count.ask(&cap, &mut line, call(number, since), Timestamp(now));
    assert_eq!(ask(1, 0, 0), FIRST);
    assert_eq!(ask(2, 100, 100), CapVerdict::Wait(Timestamp(10_000)));
    assert_eq!(ask(3, 200, 200), CapVerdict::Wait(Timestamp(10_200)), "one after the other");
    assert_eq!(ask(4, 10_001, 10_001), CapVerdict::Wait(Timestamp(20_001)), "nobody overtakes");
    assert!(matches!(ask(3, 200, 10_200), CapVerdict::Wait(_)));
    assert_eq!(ask(2, 100, 10_300), FIRST);
    assert!(matches!(ask(3, 200, 10_400), CapVerdict::Wait(_)));
    assert_eq!(ask(3, 200, 20_300), FIRST);
}

#[test]
fn who_does_not_look_again_loses_its_place() {
    let cap = cap(json!({"calls": 1, "per": "10s"}));
    let (mut count, mut line) = (CapCount::default(), CapLine::default());
    let mut ask = |number, since, now| count.ask(&cap, &mut line, call(number, since), Timestamp(now));
    assert_eq!(ask(1, 0, 0), FIRST);
    assert!(matches!(ask(2, 1, 1), CapVerdict::Wait(_)));
    assert!(matches!(ask(3, 30_000, 30_000), CapVerdict::Wait(_)), "the second is late, and is waited for");
    assert_eq!(ask(3, 30_000, 41_000), FIRST);
}

#[test]
fn contained_targets_count_until_they_are_undone_each_once() {
    let cap = cap(json!({"active": 2, "over": "refuse"}));
    let (mut count, mut line) = (CapCount::default(), CapLine::default());
    let ask = |count: &mut CapCount, line: &mut CapLine, number: u8, of: u8, now: u64| {
        let ask = CapAsk { containment: Some(target(of)), ..call(number, now) };
        count.ask(&cap, line, ask, Timestamp(now))
    };
    assert_eq!(ask(&mut count, &mut line, 1, 1, 0), FIRST);
    assert_eq!(ask(&mut count, &mut line, 2, 1, 1), FIRST, "the same target");
    assert_eq!(ask(&mut count, &mut line, 3, 2, 2), FIRST);
    assert_eq!(ask(&mut count, &mut line, 4, 3, 3), CapVerdict::Refuse);
    assert_eq!(ask(&mut count, &mut line, 5, 2, 4), FIRST, "it is contained already");
    count.learn(target(1), Some((false, Timestamp(5))), Timestamp(6));
    assert_eq!(count.used().1, 2, "it has not ended");
    count.learn(target(2), Some((true, Timestamp(3))), Timestamp(6));
    assert_eq!(count.used().1, 2, "what ended before the newest call says nothing of it");
    count.learn(target(1), Some((true, Timestamp(5))), Timestamp(6));
    assert_eq!(ask(&mut count, &mut line, 4, 3, 7), FIRST);
    count.learn(target(3), None, Timestamp(8));
    assert_eq!(count.used().1, 2, "it may not be registered yet");
    count.learn(target(3), None, Timestamp(7).after(Duration::from_secs(24 * 3600)));
    assert_eq!(count.used().1, 1);
    let refused = count.ask(&cap, &mut line, call(9, 9), Timestamp(9));
    assert_eq!(refused, CapVerdict::RefuseUncontained);
}

#[test]
fn a_call_that_was_not_made_is_given_back() {
    let cap = cap(json!({"calls": 1, "per": "1h", "over": "refuse"}));
    let (mut count, mut line) = (CapCount::default(), CapLine::default());
    assert_eq!(count.ask(&cap, &mut line, call(1, 0), Timestamp(0)), FIRST);
    count.give_back(task(1));
    assert_eq!(count.ask(&cap, &mut line, call(2, 1), Timestamp(1)), FIRST);
}

proptest! {
    /// The oracle: at no instant have more tasks passed in the window before it than the cap says, counted from the history of
    /// all that passed; and who is refused would have been one too many.
    #[test]
    fn no_window_has_more_calls_than_the_cap_and_no_call_is_refused_for_nothing(
        calls in 1_u32..5, per in 1_u64..20, steps in proptest::collection::vec((0_u64..4, 0_u8..12, any::<bool>()), 1..80),
    ) {
        let cap = cap(json!({"calls": calls, "per": format!("{per}s"), "over": "refuse"}));
        let (mut count, mut line) = (CapCount::default(), CapLine::default());
        let mut history: Vec<(u64, u8)> = Vec::new();
        let mut now = 0;
        for (pause, number, crashes) in steps {
            now += pause * 1_000;
            let within = |history: &[(u64, u8)]| -> BTreeSet<u8> {
                history.iter().filter(|(at, _)| at + per * 1_000 > now).map(|(_, number)| *number).collect()
            };
            let before = within(&history);
            match count.ask(&cap, &mut line, call(number, now), Timestamp(now)) {
                CapVerdict::Taken { is_first } => {
                    prop_assert_eq!(is_first, !before.contains(&number));
                    history.push((now, number));
                    prop_assert!(within(&history).len() <= calls as usize);
                }
                _ => prop_assert!(!before.contains(&number) && before.len() >= calls as usize),
            }
            prop_assert!(count.is_sound());
            if crashes {
                count = serde_json::from_str(&serde_json::to_string(&count).unwrap()).unwrap();
                line = CapLine::default();
            }
        }
    }

    /// Whoever waits and looks when it is told to goes on in the order of arrival, and the window holds.
    #[test]
    fn a_line_is_served_in_order_and_each_in_its_time(
        calls in 1_u32..4, per in 1_u64..90, arrivals in proptest::collection::vec(0_u64..5_000, 1..25),
    ) {
        let cap = cap(json!({"calls": calls, "per": format!("{per}s")}));
        let (mut count, mut line) = (CapCount::default(), CapLine::default());
        let mut at = 0;
        let mut due: BTreeSet<(u64, u64, u8)> = BTreeSet::new();
        for (number, pause) in arrivals.iter().enumerate() {
            at += pause;
            due.insert((at, at, number as u8));
        }
        let (all, mut passed) = (due.len(), Vec::new());
        for _ in 0..100_000 {
            let Some((now, since, number)) = due.pop_first() else { break };
            match count.ask(&cap, &mut line, call(number, since), Timestamp(now)) {
                CapVerdict::Taken { .. } => passed.push((now, number)),
                CapVerdict::Wait(look) => {
                    prop_assert!(look.0 > now);
                    due.insert((look.0, since, number));
                }
                other => prop_assert!(false, "{:?}", other),
            }
        }
        prop_assert_eq!(passed.len(), all);
        prop_assert!(line.is_empty());
        // With several places at once, two that both have one may take theirs in either order.
        if calls == 1 {
            prop_assert!(passed.is_sorted_by_key(|(_, number)| *number), "{:?}", passed);
        }
        for pair in passed.windows(calls as usize + 1) {
            prop_assert!(pair[calls as usize].0 - pair[0].0 >= per * 1_000);
        }
    }
}
