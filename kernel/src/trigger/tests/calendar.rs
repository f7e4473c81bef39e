//! Calendars beside a walk over every minute of a year, in zones that change their clocks in all ways: by half an hour, by two hours, at
//! midnight, in the south, several times a year.

use std::collections::BTreeSet;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use updraft_protocol::{Timestamp, Trigger};

use super::{MINUTE, PlannedTrigger, at};

const ZONES: [&str; 13] = [
    "Europe/Berlin",
    "Europe/Dublin",
    "America/New_York",
    "America/St_Johns",
    "America/Havana",
    "America/Santiago",
    "America/Asuncion",
    "Africa/Casablanca",
    "Africa/Cairo",
    "Asia/Beirut",
    "Australia/Lord_Howe",
    "Pacific/Chatham",
    "Antarctica/Troll",
];

/// Hours and minutes of a day.
type Times = (&'static [i8], &'static [i8]);

const TIMES: [Times; 4] = [
    (&[0, 2, 4, 23], &[0, 30]),
    (&[1], &[15, 45]),
    (&[0, 1, 2, 3], &[7]),
    (&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23], &[0, 20]),
];

/// The instants by a walk: a local time fires when the clock reaches or passes it for the first time; where every hour is named,
/// when the clock shows it.
fn walked(zone: &TimeZone, (hours, minutes): Times, (from, until): (u64, u64)) -> Vec<u64> {
    let is_named = |local: DateTime| hours.contains(&local.hour()) && minutes.contains(&local.minute());
    let next = |local: DateTime| local.checked_add(jiff::SignedDuration::from_mins(1)).unwrap();
    let local = |at: u64| zone.to_datetime(jiff::Timestamp::from_millisecond(at.cast_signed()).unwrap());
    let (mut found, mut latest) = (Vec::new(), local(from));
    for at in (from + MINUTE..until).step_by(MINUTE as usize) {
        let shown = local(at);
        let fires = match hours.len() {
            24 => is_named(shown),
            _ => std::iter::successors(Some(next(latest)), |last| Some(next(*last)))
                .take_while(|reached| *reached <= shown)
                .any(is_named),
        };
        latest = latest.max(shown);
        found.extend(fires.then_some(at));
    }
    found
}

#[test]
fn a_year_of_instants_is_that_of_a_clock_that_is_watched_each_minute() {
    let year = (at("2026-01-01T00:00:00Z").0, at("2027-01-01T00:00:00Z").0);
    for (number, name) in ZONES.into_iter().enumerate() {
        let times = TIMES[number % TIMES.len()];
        let list = |numbers: &[i8]| numbers.iter().map(i8::to_string).collect::<Vec<_>>().join(",");
        let cron = format!("{} {} * * *", list(times.1), list(times.0));
        let file = format!(
            "{{trigger: t, version: 1, playbook: p, on: {{schedule: {{cron: '{cron}', zone: {name}}}}}}}"
        );
        let planned = PlannedTrigger::checked(Trigger::parse(file.as_bytes()).unwrap()).unwrap();
        let expected = walked(&TimeZone::get(name).unwrap(), times, year);
        let first = planned.next(Timestamp(year.0));
        let found = std::iter::successors(first, |last| planned.next(*last));
        let found: Vec<u64> = found.map(|at| at.0).take_while(|at| *at < year.1).collect();
        let (all, of_walk) = (BTreeSet::from_iter(found), BTreeSet::from_iter(expected));
        let told = |at: &u64| Timestamp(*at).to_string();
        let differ: Vec<String> = all.symmetric_difference(&of_walk).map(told).collect();
        assert!(differ.is_empty(), "{name} {cron}: {differ:?}");
        // From an instant at which nothing fires, such as within an hour that comes twice.
        for from in (year.0..year.1 - 90_000 * MINUTE).step_by(977 * MINUTE as usize) {
            let next = of_walk.range(from + 1..).next().copied();
            assert_eq!(
                planned.next(Timestamp(from)).map(|at| at.0),
                next,
                "{name} {cron} after {}",
                told(&from)
            );
        }
    }
}
