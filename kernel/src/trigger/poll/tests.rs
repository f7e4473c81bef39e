//! Polls as values: their form, what of answers is new, what moves the cursor; and that each item starts one execution, whatever
//! comes between.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use updraft_protocol::limits::{POLL_CURSOR_BYTES, POLL_ITEM_BYTES};
use updraft_protocol::{ActionSpec, Answer, Argument, Call, Effect, Integration, Trigger};

use super::*;

const HOUR: Duration = Duration::from_secs(3_600);

const POLL: &str = "{every: 30s, action: siem.list, arguments: {since: '{{ cursor }}'}, items: '{{ answer.alerts }}', \
                    id: '{{ item.id }}', cursor: '{{ item.at }}', first: 7}";

fn checked(said: &str) -> Result<PlannedTrigger, Vec<Mistake>> {
    let file = format!("{{trigger: alerts, version: 1, playbook: p, on: {{poll: {said}}}}}");
    PlannedTrigger::checked(Trigger::parse(file.as_bytes()).unwrap_or_else(|error| panic!("{error}")))
}

fn planned(said: &str) -> PlannedTrigger {
    checked(said).unwrap_or_else(|mistakes| panic!("{mistakes:?}"))
}

fn answer(text: &str) -> Json {
    Json::parse(text).unwrap()
}

/// A tool that lists, and one action that changes something.
struct Siem;

impl Integration for Siem {
    fn actions(&self) -> &[&str] {
        &["list", "close"]
    }

    fn spec(&self, action: &str) -> ActionSpec {
        let effect = if action == "list" { Effect::Read } else { Effect::Write };
        let schema = r#"{"type": "object", "properties": {"since": {}, "most": {"type": "integer", "default": 50}, "url": {}},
                         "additionalProperties": false}"#;
        let arguments = &[("url", Argument::Url)];
        ActionSpec { effect, arguments, schema: Some(answer(schema)), ..ActionSpec::default() }
    }

    fn call(&self, _: Call) -> Answer<'_> {
        Box::pin(async { Ok(Json::null()) })
    }
}

fn catalogue() -> Catalogue {
    let mut catalogue = Catalogue::default();
    catalogue.add_integration(Name::new("siem").unwrap(), Arc::new(Siem));
    catalogue
}

#[test]
fn what_makes_no_sense_is_told_with_its_place() {
    for (wrong, right, place) in [
        ("every: 30s, cron: '* * * * *'", "every: 30s", "on.poll"),
        ("zone: UTC", "every: 30s", "on.poll"),
        ("every: 10ms", "every: 30s", "on.poll.every"),
        ("cron: '* *'", "every: 30s", "on.poll.cron"),
        ("zone: Nowhere, every: 30s", "every: 30s", "on.poll.zone"),
        ("action: list", "action: siem.list", "on.poll.action"),
        ("items: '{{ reply }}'", "items: '{{ answer.alerts }}'", "on.poll.items"),
        ("id: 'the same'", "id: '{{ item.id }}'", "on.poll.id"),
        ("id: '{{ answer.id }}'", "id: '{{ item.id }}'", "on.poll.id"),
        ("cursor: '{{ now }}'", "cursor: '{{ item.at }}'", "on.poll.cursor"),
        ("more: answer.more", "cursor: '{{ item.at }}'", "on.poll.more"),
        ("first: '{{ cursor }}'", "first: 7", "on.poll.first"),
    ] {
        assert!(POLL.contains(right), "{right}");
        let mistakes = checked(&POLL.replacen(right, wrong, 1)).unwrap_err();
        assert!(mistakes.iter().any(|mistake| mistake.path == place), "{wrong}: {mistakes:?}");
    }
    assert!(checked(POLL).is_ok());
}

#[test]
fn a_call_is_checked_against_its_tool_and_only_reads() {
    let call = |said: &str| {
        let planned = planned(said);
        planned.poll_call(planned.poll().unwrap(), &catalogue()).map(|call| (planned, call))
    };
    for (wrong, right, told) in [
        ("sime.list", "siem.list", "on.poll.action: no integration \"sime\""),
        ("siem.lst", "siem.list", "on.poll.action: \"siem\" has no action \"lst\""),
        ("siem.close", "siem.list", "on.poll.action: it changes something"),
        ("most: some", "since: '{{ cursor }}'", "on.poll.arguments.most: "),
        ("sinc: 1", "since: '{{ cursor }}'", "on.poll.arguments.sinc: "),
        ("since: '{{ item }}'", "since: '{{ cursor }}'", "on.poll.arguments.since: "),
        ("url: '{{ cursor }}'", "since: '{{ cursor }}'", "on.poll.arguments"),
    ] {
        let mistakes = call(&POLL.replacen(right, wrong, 1)).unwrap_err();
        assert!(
            mistakes.iter().any(|mistake| mistake.to_string().starts_with(told)),
            "{wrong}: {mistakes:?}"
        );
    }
    let (planned, call) = call(POLL).unwrap();
    let state = planned.poll_from(None, Timestamp(1_000)).unwrap();
    let arguments = planned.poll_arguments(&call, &state, Timestamp(1_000)).unwrap();
    assert_eq!(arguments.to_string(), r#"{"most":50,"since":7}"#);
    let none = PollState { cursor: Value::Null, ..state };
    let arguments = planned.poll_arguments(&call, &none, Timestamp(1_000)).unwrap();
    assert_eq!(arguments.to_string(), r#"{"most":50}"#, "what is not there is not asked");
}

#[test]
fn an_answer_gives_what_is_new_of_it_and_moves_the_cursor_to_its_last_item() {
    let planned = planned(POLL);
    let begins = planned.poll_from(None, Timestamp(1_000)).unwrap();
    assert_eq!((begins.next, begins.cursor.to_string()), (Some(Timestamp(1_000)), "7".to_owned()));
    let first = answer(
        r#"{"alerts": [{"id": "a", "at": 12345678901234567890123}, {"id": 2, "at": 9}, {"id": "a", "at": 9}]}"#,
    );
    let polled = planned.polled(&begins, &first, Timestamp(2_000)).unwrap();
    let items: Vec<&PolledItem> = polled.items.iter().map(|item| item.as_ref().unwrap()).collect();
    assert_eq!(items.iter().map(|item| item.index).collect::<Vec<_>>(), [0, 1], "the same comes once");
    let expected = r#"{"at":"1970-01-01T00:00:02.000Z","id":"a","item":{"at":12345678901234567890123,"id":"a"},"kind":"poll","trigger":"alerts"}"#;
    assert_eq!(items[0].event.as_str(), expected);
    assert!(items[0].key.starts_with("trigger/alerts/item/") && items[0].key.len() == 52, "{}", items[0].key);
    assert_eq!((polled.next.cursor.to_string(), polled.next.next), ("9".to_owned(), Some(Timestamp(32_000))));
    assert_eq!(polled.next.answered, Some(Timestamp(2_000)));

    let again = answer(r#"{"alerts": [{"id": 2, "at": 9}, {"id": "2", "at": 10}]}"#);
    let polled = planned.polled(&polled.next, &again, Timestamp(40_000)).unwrap();
    assert_eq!(polled.items.len(), 1, "a number and a text are two");
    let none = planned.polled(&polled.next, &answer(r#"{"alerts": null}"#), Timestamp(80_000)).unwrap();
    assert_eq!((none.next.cursor.to_string(), none.next.seen.len()), ("10".to_owned(), 2), "both stay");
}

#[test]
fn an_item_that_is_none_is_told_by_its_place_and_never_by_its_value() {
    let planned = planned(POLL);
    let begins = planned.poll_from(None, Timestamp(0)).unwrap();
    let large = "x".repeat(POLL_ITEM_BYTES);
    let all = format!(
        r#"{{"alerts": [{{"at": 1}}, {{"id": "", "at": 1}}, {{"id": ["secret"], "at": 1}}, {{"id": 1, "x": "{large}"}}, {{"id": 2, "at": 3}}]}}"#
    );
    let polled = planned.polled(&begins, &answer(&all), Timestamp(0)).unwrap();
    let told: Vec<String> = polled
        .items
        .iter()
        .map(|item| match item {
            Ok(item) => format!("item {} is one", item.index),
            Err(error) => error.to_string(),
        })
        .collect();
    assert!(told[0].starts_with("trigger alerts, item 0: "), "{told:?}");
    assert_eq!(told[1], "trigger alerts, item 1: its id is empty");
    assert_eq!(told[2], "trigger alerts, item 2: its id is no text and no number");
    assert!(told[3].starts_with("trigger alerts, item 3: has 5"), "{told:?}");
    assert_eq!(told[4], "item 4 is one");
    let again = planned.polled(&polled.next, &answer(&all), Timestamp(0)).unwrap();
    assert!(again.items.is_empty(), "each is told once");
}

#[test]
fn an_answer_that_cannot_be_used_as_a_whole_is_a_failure() {
    let poll = planned(POLL);
    let state = poll.poll_from(None, Timestamp(0)).unwrap();
    let many = format!(r#"{{"alerts": [{}0]}}"#, "0,".repeat(POLL_ITEMS));
    let large = format!(r#"{{"alerts": [{{"id": 1, "at": "{}"}}]}}"#, "x".repeat(POLL_CURSOR_BYTES));
    for (given, kind) in [
        (r#"{"alerts": {"id": 1}}"#, FailureKind::InvalidResponse),
        (r#"{"other": []}"#, FailureKind::Template),
        (r#"{"alerts": [{"id": 1}]}"#, FailureKind::Template),
        (&many, FailureKind::TooLarge),
        (&large, FailureKind::Template),
    ] {
        let failure = poll.polled(&state, &answer(given), Timestamp(0)).unwrap_err();
        assert_eq!(failure.kind, kind, "{failure}");
    }
}

#[test]
fn a_poll_that_fails_is_made_later_and_later_from_the_same_cursor_on() {
    let failure = Failure::new(FailureKind::Unreachable, "nobody there");
    for (said, pauses) in [
        (POLL.to_owned(), [30, 60, 120, 240, 480, 900, 900]),
        (POLL.replace("every: 30s", "every: 1h"), [3600; 7]),
        (POLL.replace("every: 30s", "cron: '0 7 * * *'"), [30, 60, 120, 240, 480, 900, 900]),
    ] {
        let planned = planned(&said);
        let mut state = planned.poll_from(None, Timestamp(0)).unwrap();
        for (times, pause) in (1..).zip(pauses) {
            state = planned.poll_failed(&state, &failure, Timestamp(0));
            let failing = state.failing.as_ref().unwrap();
            assert_eq!((state.next, failing.times), (Some(Timestamp(pause * 1_000)), times), "{said}");
        }
        assert_eq!(state.cursor.to_string(), "7");
        let asked = failure.clone().with_retry_after(Duration::from_secs(7_200));
        assert_eq!(planned.poll_failed(&state, &asked, Timestamp(0)).next, Some(Timestamp(7_200_000)));
    }
}

#[test]
fn more_is_asked_at_once_while_the_cursor_moves_and_another_question_begins_anew() {
    let said = POLL.replace("first: 7", "first: '{{ since }}', more: answer.more");
    let poll = planned(&said);
    let begins = poll.poll_from(None, Timestamp(0)).unwrap();
    assert_eq!(begins.cursor.to_string(), "\"1970-01-01T00:00:00.000Z\"");
    let given = answer(r#"{"alerts": [{"id": 1, "at": 1}], "more": true}"#);
    let polled = poll.polled(&begins, &given, Timestamp(5)).unwrap();
    assert_eq!(polled.next.next, Some(Timestamp(5)));
    let same = poll.polled(&polled.next, &given, Timestamp(6)).unwrap();
    assert_eq!(same.next.next, Some(Timestamp(30_006)));
    let kept = poll.poll_from(Some(same.next.clone()), Timestamp(9)).unwrap();
    assert_eq!(kept, same.next);
    let sooner =
        planned(&said.replace("30s", "10s")).poll_from(Some(same.next.clone()), Timestamp(9)).unwrap();
    assert_eq!((sooner.next, sooner.cursor), (Some(Timestamp(10_006)), same.next.cursor.clone()));
    let other = planned(&said.replace("'{{ item.at }}'", "'{{ item.id }}'"));
    let anew = other.poll_from(Some(same.next), Timestamp(9)).unwrap();
    assert_eq!((anew.next, anew.answered), (Some(Timestamp(9)), None));
}

/// What happens next to a poll.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// The tool has so many more items; those of one instant have the same `at`.
    More(usize),
    /// It is asked, and all goes well.
    Poll,
    /// It is asked, and the engine is killed when so many items are submitted.
    Crash(usize),
    /// It does not answer.
    Fail,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0_usize..5).prop_map(Step::More),
        Just(Step::Poll),
        (0_usize..6).prop_map(Step::Crash),
        Just(Step::Fail),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn each_item_starts_one_execution_over_crashes_failures_and_overlaps(
        steps in prop::collection::vec(step(), 0..40),
        most in 5_usize..9,
    ) {
        let planned = planned(&POLL.replace("first: 7", "first: 0"));
        // What is durable: the state, and the executions by their keys.
        let (mut stored, mut started) = (None::<PollState>, BTreeMap::<String, u64>::new());
        let (mut items, mut instant) = (Vec::<(u64, u64)>::new(), 0);
        // In the end all is asked for that the tool still has.
        let drain = std::iter::repeat_n(Step::Poll, 200);
        for step in steps.into_iter().chain(drain) {
            let state = planned.poll_from(stored.clone(), Timestamp(0)).unwrap();
            let cursor = state.cursor.as_u64().unwrap();
            match step {
                Step::More(more) => {
                    instant += 1;
                    items.extend((0..more).map(|_| instant).scan(items.len() as u64, |id, at| {
                        *id += 1;
                        Some((*id, at))
                    }).collect::<Vec<_>>());
                }
                Step::Fail => {
                    let failure = Failure::new(FailureKind::Timeout, "late");
                    stored = Some(planned.poll_failed(&state, &failure, Timestamp(0)));
                }
                Step::Poll | Step::Crash(_) => {
                    // From that instant on, what has it included: windows overlap. At most so many, the oldest first.
                    let given = items.iter().filter(|(_, at)| *at >= cursor).take(most);
                    let given: Vec<String> =
                        given.map(|(id, at)| format!(r#"{{"id": {id}, "at": {at}}}"#)).collect();
                    let given = answer(&format!(r#"{{"alerts": [{}]}}"#, given.join(",")));
                    let polled = planned.polled(&state, &given, Timestamp(0)).unwrap();
                    let submitted = match step {
                        Step::Crash(after) => after.min(polled.items.len()),
                        _ => polled.items.len(),
                    };
                    for item in polled.items.into_iter().take(submitted) {
                        *started.entry(item.unwrap().key).or_default() += 1;
                    }
                    if !matches!(step, Step::Crash(_)) {
                        stored = Some(polled.next);
                    }
                }
            }
        }
        // Keys make of several submissions one execution: no item has none, and none has two keys.
        prop_assert_eq!(started.len(), items.len());
        prop_assert_eq!(started.keys().collect::<BTreeSet<_>>().len(), items.len());
    }
}

#[test]
fn a_poll_goes_on_after_a_clock_that_was_far_ahead() {
    const YEAR: u64 = 365 * 24 * 3_600_000;
    let now = Timestamp(YEAR);
    let at = |cron: &str| planned(&POLL.replacen("every: 30s", &format!("cron: '{cron}'"), 1));
    let half_a_minute = now.after(Duration::from_secs(30));
    for (poll, first, next) in
        [(planned(POLL), now, half_a_minute), (at("0 * * * *"), now.after(HOUR), now.after(HOUR))]
    {
        let due = |state: &PollState| poll.poll_due(state, now).unwrap();
        // It was put, it was answered, and it failed a year ahead.
        let put = poll.poll_from(None, Timestamp(2 * YEAR)).unwrap();
        assert_eq!(due(&put), first);
        let answered = poll.polled(&put, &answer(r#"{"alerts": []}"#), Timestamp(2 * YEAR)).unwrap().next;
        assert_eq!(due(&answered), next);
        let failed = poll.poll_failed(&put, &Failure::new(FailureKind::Timeout, "late"), Timestamp(2 * YEAR));
        assert_eq!(due(&failed), next);
        // It had failed before, too.
        let before = poll.poll_failed(&put, &Failure::new(FailureKind::Timeout, "late"), now);
        let failed =
            poll.poll_failed(&before, &Failure::new(FailureKind::Timeout, "late"), Timestamp(2 * YEAR));
        assert_eq!((before.next, due(&failed)), (Some(due(&before)), next));
        // What is of now holds.
        let of_now = poll.polled(&put, &answer(r#"{"alerts": []}"#), now).unwrap().next;
        assert_eq!(Some(due(&of_now)), of_now.next);
    }
}
