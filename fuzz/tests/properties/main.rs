//! Properties that hold of anything that has the right form: the functions of the fuzz targets, given what is made
//! after a grammar instead of what libFuzzer thinks of. Bytes without form are the corpus's.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

mod controls;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use controls::{controls, pause, signals};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use updraft_fuzz::{condition, frames, journal, template};
use updraft_protocol::playbook::{Retry, UndoOn};
use updraft_protocol::{
    ExecutionEnding, ExecutionHead, ExecutionId, ExecutionState, ExecutionStatus, ExecutionUpdate, Failure,
    FailureKind, Hold, InputHash, Json, Name, PlaybookId, Priority, Revision, SecretReference, Span,
    TaskHead, TaskId, TaskState, TaskStatus, TaskUpdate, Timestamp, UndoCall, UndoRecord, UndoStatus, Update,
    codec,
};

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

/// A JSON value whose texts have any characters, as `Json` keeps it.
fn json() -> impl Strategy<Value = Json> {
    let text = "\\PC{0,12}".prop_map(|text| Json::from(serde_json::Value::from(text)));
    let number = any::<i64>().prop_map(|number| Json::from(serde_json::Value::from(number)));
    prop_oneof![Just(Json::null()), text, number]
}

fn failure() -> impl Strategy<Value = Failure> {
    const KINDS: &[FailureKind] =
        &[FailureKind::Unreachable, FailureKind::Status, FailureKind::UnknownOutcome, FailureKind::Store];
    let answer = || serde_json::json!({ "status": 409, "headers": {}, "body": "taken" }).into();
    (select(KINDS), "\\PC{0,20}", option::of(any::<u32>()), any::<bool>(), any::<bool>()).prop_map(
        move |(kind, message, after, retryable, answered)| {
            let failure = Failure::new(kind, message).with_retryable(retryable).with_may_have_acted(answered);
            let failure = if answered { failure.with_answer(answer()) } else { failure };
            after
                .into_iter()
                .fold(failure, |failure, ms| failure.with_retry_after(Duration::from_millis(ms.into())))
        },
    )
}

fn revision() -> impl Strategy<Value = Revision> {
    (any::<u64>(), any::<u64>()).prop_map(|(epoch, seq)| Revision { epoch, seq })
}

fn text() -> impl Strategy<Value = Option<Arc<str>>> {
    option::of("\\PC{0,8}".prop_map(Arc::from))
}

fn date() -> impl Strategy<Value = Option<Timestamp>> {
    option::of(any::<u64>().prop_map(Timestamp))
}

fn execution() -> impl Strategy<Value = Update> {
    let names = (
        "[A-Za-z0-9_.-]{1,12}",
        any::<[u8; 16]>(),
        any::<u32>(),
        select(Priority::ALL.to_vec()),
        any::<u64>(),
    );
    let key = option::of((
        "\\PC{0,8}".prop_map(Arc::from),
        json().prop_map(|input| InputHash::of(&input.tree().unwrap(), &BTreeMap::new())),
    ));
    let head = (names, text(), text(), key, json(), json()).prop_map(
        |((name, pid, playbook_version, priority, created), uid, alert_id, key, input, variables)| {
            let (idempotency_key, input_hash) = key.unzip();
            Arc::new(ExecutionHead {
                tenant_code: name.parse().unwrap(),
                pid: PlaybookId::from_bytes(pid),
                playbook_name: name.parse().unwrap(),
                playbook_version,
                uid,
                alert_id,
                priority,
                createddate: Timestamp(created),
                input,
                variables,
                idempotency_key,
                input_hash,
                parent: None,
                rerun_of: None,
                cache: updraft_protocol::CacheMode::Use,
            })
        },
    );
    (any::<[u8; 16]>(), revision(), option::of(head), execution_state()).prop_map(
        |(id, revision, head, state)| {
            Update::from(ExecutionUpdate {
                peid: ExecutionId::from_bytes(id),
                revision,
                head,
                state,
                positions: Default::default(),
            })
        },
    )
}

fn execution_state() -> impl Strategy<Value = ExecutionState> {
    let dates = (date(), any::<u64>(), date(), option::of(any::<u64>()));
    (
        select(ExecutionStatus::ALL),
        dates,
        option::of(json()),
        option::of(failure().prop_map(Box::new)),
        (signals(), ending(), pause(), controls()),
        (date(), option::of(select(Priority::ALL.to_vec()))),
    )
        .prop_map(
            |(
                execution_status,
                (started_date, updated, finished_date, playbook_runtime),
                output,
                error,
                (signals, ending, pause, controls),
                (queue_position, reprioritised),
            )| {
                let updated_date = Timestamp(updated);
                ExecutionState {
                    execution_status,
                    started_date,
                    updated_date,
                    finished_date,
                    playbook_runtime,
                    output,
                    error,
                    signals,
                    ending,
                    pause,
                    controls,
                    queue_position,
                    reprioritised,
                }
            },
        )
}

fn ending() -> impl Strategy<Value = Option<Box<ExecutionEnding>>> {
    let ending = (select(ExecutionStatus::ALL), option::of(failure()), any::<bool>(), date()).prop_map(
        |(status, error, stopped, since)| {
            Box::new(ExecutionEnding { status, error, stopped, since: since.unwrap_or_default() })
        },
    );
    option::of(ending)
}

fn task() -> impl Strategy<Value = Update> {
    let head = ("[A-Za-z0-9_.-]{1,12}", any::<u32>(), "([a-z]{1,4}:[0-9a-z]{1,4})?", text()).prop_map(
        |(name, task_seq, scope, alert_id)| {
            Arc::new(TaskHead {
                peid: ExecutionId::from_bytes([9; 16]),
                task_seq,
                step_id: name.parse().unwrap(),
                scope: scope.parse().unwrap(),
                tenant_code: name.parse().unwrap(),
                alert_id,
                integration: name.parse().unwrap(),
                action: name.parse().unwrap(),
                taken_from: None,
            })
        },
    );
    let dates = (date(), any::<u64>(), option::of(any::<u64>()));
    let state = (
        select(TaskStatus::ALL),
        any::<u32>(),
        option::of(json()),
        option::of(failure().prop_map(Box::new)),
        dates,
        (undo(), date()),
    )
        .prop_map(|(status, attempt, response, error, dates, (undo, registration_due))| {
            let (started_date, updated, runtime) = dates;
            TaskState {
                status,
                attempt,
                response,
                error,
                started_date,
                updated_date: Timestamp(updated),
                runtime,
                wait: None,
                call: None,
                undo,
                registration_due,
            }
        });
    (any::<[u8; 16]>(), revision(), option::of(head), state).prop_map(|(id, revision, head, state)| {
        let (task_id, peid) = (TaskId::from_bytes(id), ExecutionId::from_bytes([9; 16]));
        Update::from(TaskUpdate { task_id, peid, revision, head, state, positions: Default::default() })
    })
}

fn undo() -> impl Strategy<Value = Option<Arc<UndoRecord>>> {
    let call =
        ("[A-Za-z0-9_.-]{1,12}", option::of(json()), any::<bool>()).prop_map(|(name, arguments, all)| {
            let name: Name = name.parse().unwrap();
            let secret = SecretReference { place: "/a".into(), name: name.clone(), prefix: "".into() };
            UndoCall {
                integration: name.clone(),
                action: name,
                arguments,
                secrets: if all { vec![secret] } else { vec![] },
                within: Span::secs(600),
                timeout: all.then_some(Span::secs(5)),
                retry: all.then(Retry::default),
            }
        });
    let hold = option::of(("\\PC{1,8}", any::<u64>()))
        .prop_map(|hold| hold.map(|(target, until)| Hold { target: target.into(), until: Timestamp(until) }));
    let record = (call, text(), hold).prop_map(|(call, reason, hold)| {
        Arc::new(UndoRecord {
            status: UndoStatus::Registered,
            number: 7,
            of: Some(TaskId::from_bytes([8; 16])),
            on: UndoOn::ALL.to_vec(),
            was_so: hold.is_some(),
            call,
            reason,
            hold,
        })
    });
    option::of(record)
}

fn updates() -> impl Strategy<Value = Vec<Update>> {
    vec(prop_oneof![execution(), task()], 0..5)
}

fn encoded(updates: &[Update]) -> Vec<u8> {
    let mut payload = Vec::new();
    codec::encode_into(&updates, &mut payload).unwrap();
    payload
}

/// A segment of these payloads, as the target of the journal takes it: everything in it is to be mended.
fn segment(payloads: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = vec![journal::MEND_ALL];
    bytes.extend([0; 40]);
    for payload in payloads {
        bytes.extend(u32::try_from(payload.len()).unwrap().to_le_bytes());
        bytes.extend([0; 16]);
        bytes.extend(payload);
    }
    bytes
}

proptest! {
    #![proptest_config(config(256))]

    #[test]
    fn any_updates_are_read_as_they_were_written(updates in updates()) {
        let payload = encoded(&updates);
        prop_assert_eq!(codec::decode::<Vec<Update>>(&payload), Ok(updates));
        frames::run(&payload);
    }

    #[test]
    fn updates_with_a_byte_changed_are_other_updates_or_are_refused(
        updates in updates(), at in any::<prop::sample::Index>(), byte: u8,
    ) {
        let mut payload = encoded(&updates);
        let at = at.index(payload.len());
        payload[at] = byte;
        frames::run(&payload);
    }

    #[test]
    fn a_journal_of_any_updates_is_recovered_whole(groups in vec(updates(), 0..4)) {
        let payloads: Vec<_> = groups.iter().map(|updates| encoded(updates)).collect();
        prop_assert_eq!(journal::recovered(&segment(&payloads)), Some(groups));
    }

    #[test]
    fn a_journal_that_was_cut_gives_what_is_whole_before(
        groups in vec(updates(), 1..4), cut in any::<prop::sample::Index>(),
    ) {
        let payloads: Vec<_> = groups.iter().map(|updates| encoded(updates)).collect();
        let whole = journal::mended(&segment(&payloads));
        let cut = cut.index(whole.len());
        let recovered = journal::recovered(&journal::as_it_is(&whole[..cut])).unwrap();
        prop_assert!(recovered.len() < groups.len());
        prop_assert_eq!(&recovered[..], &groups[..recovered.len()]);
        journal::run(&journal::as_it_is(&whole[..cut]));
    }

    #[test]
    fn a_journal_with_a_byte_changed_never_gives_other_updates(
        groups in vec(updates(), 1..4), at in any::<prop::sample::Index>(), flip in 1_u8..,
    ) {
        let payloads: Vec<_> = groups.iter().map(|updates| encoded(updates)).collect();
        let mut bytes = journal::mended(&segment(&payloads));
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        let input = journal::as_it_is(&bytes);
        if let Some(recovered) = journal::recovered(&input) {
            prop_assert!(recovered.len() < groups.len(), "a change at {} was not seen", at);
            prop_assert_eq!(&recovered[..], &groups[..recovered.len()]);
        }
        journal::run(&input);
    }
}

/// A piece of a template or condition, of both languages as far as they agree.
fn operand() -> impl Strategy<Value = &'static str> {
    select(
        &[
            "input",
            "input.secret",
            "input.number",
            "input.list",
            "input.data",
            "input.data.a",
            "input.missing",
            "variables.secret",
            "variables.limit",
            "steps.lookup.output.secret",
            "steps.lookup.output",
            "steps.block.error.message",
            "steps.block.status",
            "'s'",
            "'7'",
            "1",
            "2.5",
            "-1",
            "[1, 'x']",
            "{'a': 1}",
            "true",
        ][..],
    )
}

fn expression(
    operators: &'static [&'static str],
    calls: &'static [&'static str],
) -> impl Strategy<Value = String> {
    operand().prop_map(str::to_owned).prop_recursive(4, 24, 3, move |inner| {
        prop_oneof![
            (inner.clone(), select(operators), inner.clone()).prop_map(|(a, o, b)| format!("({a} {o} {b})")),
            (select(calls), inner.clone(), inner.clone())
                .prop_map(|(call, a, b)| call.replace("$a", &a).replace("$b", &b)),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a}[{b}]")),
            (inner.clone(), inner).prop_map(|(a, b)| format!("[{a}, {b}]")),
        ]
    })
}

const DATA: &str = "\n---\n{\"a\": [1, \"x\", {\"b\": null}], \"n\": 18446744073709551615}";

proptest! {
    #![proptest_config(config(1_000))]

    #[test]
    fn any_template_gives_a_value_or_a_failure_that_shows_no_data(
        expression in expression(
            &["+", "-", "*", "/", "//", "%", "~", "==", "<", ">=", "in", "and", "or"],
            &[
                "$a|join($b)", "$a|replace($b, 'x')", "$a|round($b)", "$a|int", "$a|float", "$a|tojson|fromjson",
                "$a|map('upper')|list", "$a|select('eq', $b)|list", "$a|sort", "$a|split($b)", "$a|default($b)",
                "$a|length", "$a|first", "$a|dictsort", "$a|urlencode", "$a|sum", "$a|batch($b)", "$a|abs",
                "($a if $b else $a)", "$a[$b:]", "$a is divisibleby($b)", "not $a", "-$a", "$a|unique|list",
            ],
        ),
        around in select(&["{{ $ }}", "a{{ $ }}b", "{% for x in $ %}{{ x }}{% endfor %}", "{% if $ %}x{% endif %}", "{% set y = $ %}{{ y ~ y }}"][..]),
    ) {
        template::run(format!("{}{DATA}", around.replace('$', &expression)).as_bytes());
    }

    #[test]
    fn any_condition_is_decided_or_fails_without_data(
        expression in expression(
            &["+", "-", "*", "/", "//", "%", "~", "==", "!=", "<", ">=", "in", "not in", "and", "or"],
            &[
                "$a|int", "$a|float", "$a|string", "$a|bool", "$a|length", "$a is startingwith($b)", "$a is endingwith($b)",
                "$a is matching('^7')", "$a is matching('(a|aa)+\\\\b')", "$a|select('eq', $b)|length", "$a|map(attribute=$b)",
                "$a|rejectattr($b)|list", "$a|sort(attribute=$b)", "$a|select('matching', 'x')|first", "input.data.a is defined",
                "($a if $b else $a)", "not $a", "-$a", "{'k': $a}.k", "$a.b", "$a[$b:]", "$a|default($b)",
            ],
        ),
    ) {
        condition::run(format!("{expression}{DATA}").as_bytes());
    }
}
