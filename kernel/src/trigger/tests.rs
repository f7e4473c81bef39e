//! Schedules: over a year with both changes of the clock, missed and overlapping instants, crashes, ten thousand in an hour.

mod calendar;

use std::collections::BTreeMap;

use updraft_protocol::limits::TRIGGER_CAUGHT_UP;
use updraft_protocol::{ExecutionId, Timestamp, Trigger, TriggerHistory};

use super::{Agenda, PlannedTrigger, TriggerStep, filtered, fired, refused};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn trigger(cron: &str, rest: &str) -> PlannedTrigger {
    let file = format!(
        "{{trigger: t, version: 1, playbook: p, on: {{schedule: {{cron: '{cron}', zone: Europe/Berlin{rest}}}}}}}"
    );
    PlannedTrigger::checked(Trigger::parse(file.as_bytes()).unwrap()).unwrap()
}

/// All instants after `from` up to `until`.
fn instants(trigger: &PlannedTrigger, from: &str, until: &str) -> Vec<String> {
    let (mut found, mut last) = (Vec::new(), at(from));
    while let Some(next) = trigger.next(last).filter(|next| *next <= at(until)) {
        assert!(next > last, "time goes on");
        found.push(next.to_string());
        last = next;
    }
    found
}

const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

#[test]
fn a_time_of_the_day_fires_each_day_of_a_year_through_both_changes_of_the_clock() {
    // 2026: forward on March 29 at 02:00 (01:00 UTC), back on October 25 at 03:00 (01:00 UTC).
    for (cron, spring, autumn) in [
        ("0 7 * * *", "2026-03-29T05:00:00.000Z", "2026-10-25T06:00:00.000Z"),
        // Skipped: at the end of the gap. Twice: the first.
        ("30 2 * * *", "2026-03-29T01:00:00.000Z", "2026-10-25T00:30:00.000Z"),
        ("0 2 * * *", "2026-03-29T01:00:00.000Z", "2026-10-25T00:00:00.000Z"),
        ("0 3 * * *", "2026-03-29T01:00:00.000Z", "2026-10-25T02:00:00.000Z"),
        ("59 1 * * *", "2026-03-29T00:59:00.000Z", "2026-10-24T23:59:00.000Z"),
    ] {
        let year = instants(&trigger(cron, ""), "2025-12-31T22:59:59Z", "2026-12-31T22:59:59Z");
        assert_eq!(year.len(), 365, "{cron}: once each day");
        assert!(year.contains(&spring.to_owned()), "{cron}: {spring}");
        assert!(year.contains(&autumn.to_owned()), "{cron}: {autumn}");
    }
}

#[test]
fn several_times_that_a_gap_skips_fire_once_and_those_that_come_twice_the_first_time() {
    let few = trigger("15,45 2 * * *", "");
    let spring = instants(&few, "2026-03-28T12:00:00Z", "2026-03-30T00:00:00Z");
    assert_eq!(spring, ["2026-03-29T01:00:00.000Z"]);
    let autumn = instants(&few, "2026-10-24T12:00:00Z", "2026-10-26T00:00:00Z");
    assert_eq!(autumn, ["2026-10-25T00:15:00.000Z", "2026-10-25T00:45:00.000Z"]);
    // Asked in the hour that comes the second time: what it repeats has been.
    assert_eq!(few.next(at("2026-10-25T01:10:00Z")), Some(at("2026-10-26T01:15:00Z")));
    let hours = trigger("0 1-4 * * *", "");
    let spring = instants(&hours, "2026-03-28T23:00:00Z", "2026-03-29T12:00:00Z");
    assert_eq!(spring, ["2026-03-29T00:00:00.000Z", "2026-03-29T01:00:00.000Z", "2026-03-29T02:00:00.000Z"]);
}

#[test]
fn a_pattern_of_every_hour_goes_by_the_time_that_passes() {
    for (cron, pause) in [("*/15 * * * *", 15 * MINUTE), ("0 * * * *", HOUR), ("* * * * *", MINUTE)] {
        let every = trigger(cron, "");
        for day in ["2026-03-29T00:00:00Z", "2026-10-25T00:00:00Z"] {
            let mut last = at(day);
            while last < Timestamp(at(day).0 + 5 * HOUR) {
                let next = every.next(last).unwrap();
                assert_eq!(next.since(last), pause, "{cron} after {last}");
                last = next;
            }
        }
    }
}

#[test]
fn a_zone_whose_clock_skips_a_whole_day_fires_at_its_end() {
    let file =
        "{trigger: t, version: 1, playbook: p, on: {schedule: {cron: '0 12 30 12 *', zone: Pacific/Apia}}}";
    let planned = PlannedTrigger::checked(Trigger::parse(file.as_bytes()).unwrap()).unwrap();
    // Samoa had no December 30 in 2011.
    assert_eq!(planned.next(at("2011-12-01T00:00:00Z")), Some(at("2011-12-30T10:00:00Z")));
    assert_eq!(planned.next(at("2011-12-30T10:00:00Z")), Some(at("2012-12-29T22:00:00Z")));
}

/// A driver without a store: what fires from a history until nothing is due.
fn drive(planned: &PlannedTrigger, history: &mut TriggerHistory, now: Timestamp, runs: bool) -> Vec<String> {
    let mut submitted = Vec::new();
    loop {
        match planned.step(Timestamp(0), history, now, runs) {
            TriggerStep::Rest(_) | TriggerStep::AwaitEnd => return submitted,
            TriggerStep::Keep(next) => *history = next,
            TriggerStep::Fire { at, .. } => {
                submitted.push(planned.key(at));
                *history = fired(history, at, ExecutionId::from_bytes([1; 16]));
            }
        }
    }
}

fn history(until: &str) -> TriggerHistory {
    TriggerHistory { until: at(until), ..TriggerHistory::default() }
}

#[test]
fn a_trigger_goes_on_after_a_clock_that_was_far_ahead() {
    let daily = trigger("0 7 * * *", "");
    // It fired a year ahead, and was put there, too.
    for (since, mut history) in [
        (at("2026-01-01T00:00:00Z"), history("2027-03-01T06:00:00Z")),
        (at("2027-02-28T00:00:00Z"), history("2027-03-01T06:00:00Z")),
        (at("2027-02-28T00:00:00Z"), TriggerHistory::default()),
    ] {
        let step = |history: &TriggerHistory, now: &str| daily.step(since, history, at(now), false);
        let TriggerStep::Keep(kept) = step(&history, "2026-03-01T12:00:00Z") else {
            panic!("it stands still")
        };
        assert_eq!(kept, TriggerHistory { until: at("2026-03-01T12:00:00Z"), ..history });
        history = kept;
        let next = TriggerStep::Rest(Some(at("2026-03-02T06:00:00Z")));
        assert_eq!(step(&history, "2026-03-01T12:00:00Z"), next);
        let TriggerStep::Keep(kept) = step(&history, "2026-03-02T06:00:00Z") else {
            panic!("it does not fire")
        };
        assert_eq!(kept.pending, Some(at("2026-03-02T06:00:00Z")));
    }
    // A clock that is put back by seconds fires nothing again.
    let just_fired = history("2026-03-02T06:00:00Z");
    let step = daily.step(at("2026-01-01T00:00:00Z"), &just_fired, at("2026-03-02T05:59:30Z"), false);
    assert_eq!(step, TriggerStep::Rest(Some(at("2026-03-03T06:00:00Z"))));
}

#[test]
fn missed_instants_are_skipped_or_the_newest_fires_or_all_do() {
    let now = at("2026-06-05T09:00:30Z");
    for (missed, hours, counted) in
        [("skip", vec![9], 3), ("once", vec![8, 9], 2), ("all", vec![6, 7, 8, 9], 0)]
    {
        let hourly = trigger("0 * * * *", &format!(", missed: {missed}"));
        let mut history = history("2026-06-05T05:30:00Z");
        let expected: Vec<String> =
            hours.iter().map(|hour| format!("trigger/t/2026-06-05T{hour:02}:00:00.000Z")).collect();
        assert_eq!(drive(&hourly, &mut history, now, false), expected, "{missed}");
        assert_eq!((history.missed, history.fired), (counted, expected.len() as u64), "{missed}");
        assert_eq!(drive(&hourly, &mut history, now, false), [""; 0], "{missed}: once");
    }
}

#[test]
fn after_a_long_time_the_newest_hundred_fire_and_no_step_looks_at_all() {
    let every = trigger("* * * * *", ", missed: all");
    let mut history = history("2026-01-01T00:00:00Z");
    let now = Timestamp(at("2026-01-31T00:00:00Z").0 + 10 * 1_000);
    let submitted = drive(&every, &mut history, now, false);
    assert_eq!(submitted.len(), TRIGGER_CAUGHT_UP + 1, "those that are late, and the one that is not");
    assert_eq!(submitted.last().unwrap(), "trigger/t/2026-01-31T00:00:00.000Z");
    assert_eq!(history.missed + history.fired, 30 * 24 * 60);
    let monthly = trigger("0 7 1 * *", "");
    let mut history = self::history("2026-01-02T00:00:00Z");
    assert_eq!(drive(&monthly, &mut history, now, false), [""; 0]);
    let later = at("2026-02-14T00:00:00Z");
    assert_eq!(drive(&monthly, &mut history, later, false), ["trigger/t/2026-02-01T06:00:00.000Z"]);
}

#[test]
fn an_instant_at_which_the_execution_before_runs_does_what_overlap_says() {
    let now = at("2026-06-05T08:00:01Z");
    for (overlap, submitted, overlapped) in
        [("allow", 1, 0), ("skip", 0, 1), ("queue", 0, 0), ("replace", 1, 0)]
    {
        let hourly = trigger("0 * * * *", &format!(", overlap: {overlap}"));
        let mut history = history("2026-06-05T07:30:00Z");
        assert_eq!(drive(&hourly, &mut history, now, true).len(), submitted, "{overlap}");
        assert_eq!(history.overlapped, overlapped, "{overlap}");
        let at_end = drive(&hourly, &mut history, Timestamp(now.0 + HOUR / 2), false);
        assert_eq!(at_end.len(), usize::from(overlap == "queue"), "{overlap}: when that has ended");
    }
    let replacing = trigger("0 * * * *", ", overlap: replace");
    let pending = TriggerHistory { pending: Some(now), ..history("2026-06-05T07:30:00Z") };
    let step = replacing.step(Timestamp(0), &pending, now, true);
    assert_eq!(step, TriggerStep::Fire { at: now, replaces: true });
}

#[test]
fn what_was_to_fire_before_a_crash_fires_under_the_same_key_however_late() {
    let daily = trigger("0 7 * * *", ", missed: skip");
    let before = history("2026-06-04T07:00:00Z");
    let now = at("2026-06-05T05:00:01Z");
    let TriggerStep::Keep(kept) = daily.step(Timestamp(0), &before, now, false) else { panic!("it is due") };
    assert_eq!(kept.pending, Some(at("2026-06-05T05:00:00Z")));
    // The crash: submitted or not, the history says that it was not.
    let mut after = kept;
    let late = Timestamp(now.0 + 3 * DAY + HOUR);
    let keys = drive(&daily, &mut after, late, false);
    assert_eq!(keys, ["trigger/t/2026-06-05T05:00:00.000Z"]);
    assert_eq!((after.fired, after.missed), (1, 3));
}

#[test]
fn what_started_nothing_is_counted_and_told() {
    let pending = TriggerHistory { pending: Some(at("2026-06-05T05:00:00Z")), ..TriggerHistory::default() };
    let left = filtered(&pending);
    assert_eq!((left.pending, left.filtered, left.fired), (None, 1, 0));
    let none = refused(&pending, &"ü".repeat(2_000));
    assert_eq!((none.pending, none.refused, none.trouble.unwrap().len()), (None, 1, 1 << 10));
}

#[test]
fn ten_thousand_schedules_of_one_hour_fire_once_each_at_their_instant() {
    let hour = at("2026-06-05T08:00:00Z");
    let minutes: Vec<PlannedTrigger> =
        (0..60).map(|minute| trigger(&format!("{minute} 10 * * *"), "")).collect();
    let (mut agenda, mut histories) = (Agenda::default(), BTreeMap::new());
    for number in 0..10_000_usize {
        histories.insert(number, history("2026-06-05T07:00:00Z"));
        agenda.note(number, minutes[number % 60].next(at("2026-06-05T07:00:00Z")));
    }
    let (mut now, mut count, mut looked) = (hour, 0, 0);
    // The driver's loop: it sleeps until the next instant, and looks at what is due alone.
    while let Some(next) = agenda.next().filter(|next| next.since(hour) < HOUR) {
        now = now.max(next);
        while let Some(number) = agenda.take_due(now) {
            looked += 1;
            let history = histories.get_mut(&number).unwrap();
            let planned = &minutes[number % 60];
            let expected = Timestamp(hour.0 + (number as u64 % 60) * MINUTE);
            assert_eq!(drive(planned, history, now, false), [planned.key(expected)]);
            assert_eq!(now, expected);
            count += 1;
            agenda.note(number, planned.next(now));
        }
    }
    assert_eq!((count, looked), (10_000, 10_000));
    assert!(agenda.next().unwrap().since(hour) >= DAY - HOUR);
}

#[test]
fn an_event_decides_by_when_and_gives_the_input() {
    let file = "
trigger: morning
version: 1
playbook: report
on: {schedule: {cron: '0 7 * * *', zone: Europe/Berlin}}
when: event.weekday != 'saturday'
input: {day: '{{ event.date }}', said: 'it is {{ event.time }} in {{ event.zone }}'}
";
    let planned = PlannedTrigger::checked(Trigger::parse(file.as_bytes()).unwrap()).unwrap();
    let friday = at("2026-06-05T05:00:00Z");
    let input = planned.input(&planned.event(friday), friday).unwrap().unwrap();
    assert_eq!(input.to_string(), r#"{"day":"2026-06-05","said":"it is 07:00 in Europe/Berlin"}"#);
    let saturday = Timestamp(friday.0 + DAY);
    assert_eq!(planned.input(&planned.event(saturday), saturday).unwrap(), None);
    let bare = trigger("0 7 * * *", "");
    let event = bare.input(&bare.event(friday), friday).unwrap().unwrap();
    assert_eq!(event.get("weekday").and_then(|day| day.as_str()), Some("friday"));
}

#[test]
fn the_example_makes_sense() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/scheduled-report/trigger.yaml");
    let planned = PlannedTrigger::checked(Trigger::parse(&std::fs::read(path).unwrap()).unwrap()).unwrap();
    // A Friday: the next is on Monday.
    assert_eq!(planned.next(at("2026-06-05T05:00:00Z")), Some(at("2026-06-08T05:00:00Z")));
}

#[test]
fn each_mistake_is_told_with_its_place() {
    let wrong = "
trigger: t
version: 0
playbook: p
playbook_version: 0
on: {schedule: {cron: '61 7 * *', zone: Europe/Berlinn, overlap: queue, missed: skip}}
when: evnt.x
input: {a: '{{ input.x }}'}
";
    let mistakes = PlannedTrigger::checked(Trigger::parse(wrong.as_bytes()).unwrap()).unwrap_err();
    let told: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
    let places: Vec<&str> = mistakes.iter().map(|mistake| mistake.path.as_str()).collect();
    let expected = [
        "version",
        "playbook_version",
        "on.schedule.missed",
        "on.schedule.zone",
        "on.schedule.cron",
        "when",
        "input.a",
    ];
    assert_eq!(places, expected, "{told:#?}");
    for (cron, says) in [
        ("0 0 30 2 *", "no time is like that"),
        ("0 7 * *", "has 5 fields, this one has 4"),
        ("0 0 7 * * *", "has 5 fields, this one has 6"),
        ("61 7 * * *", "number out of bounds; write minute"),
        ("@never", "minute, hour"),
    ] {
        let file = format!("{{trigger: t, version: 1, playbook: p, on: {{schedule: {{cron: '{cron}'}}}}}}");
        let mistakes = PlannedTrigger::checked(Trigger::parse(file.as_bytes()).unwrap()).unwrap_err();
        assert!(mistakes[0].message.contains(says), "{cron}: {mistakes:?}");
    }
}
