//! Dry runs of every kind of step: what is asked, in which order and at which time, and where a run ends.

use std::time::Duration;

use serde_json::json;
use updraft_kernel::machine::ChildReport;
use updraft_protocol::{Asked, ExecutionStatus, Json};

use crate::answers::{
    Answers, CallMade, ChildMade, GivenOutcome, QuestionAsked, Reaction, ReadCall, SignalAwaited, SignalGiven,
};
use crate::file::AnswerScript;
use crate::start::{Start, TEST_CLOCK};
use crate::testing::{act, answers, plans, playbook, run, statuses, tenant};
use crate::trace::{RunTrace, TraceEnd};

fn completed() -> TraceEnd {
    TraceEnd::Ended(ExecutionStatus::Completed)
}

/// How long a run took by its own clock.
fn took(trace: &RunTrace) -> Duration {
    Duration::from_millis(trace.clock.1.since(trace.clock.0))
}

#[test]
fn calls_are_answered_and_the_output_comes_of_them() {
    let steps = json!([
        act("look", json!({"action": "tool.look", "arguments": {"ip": "{{ input.ip }}", "key": {"$secret": "token"}}})),
        {"if": "steps.look.output.score > 5", "then": [act("block", json!({"arguments": {"ip": "{{ input.ip }}"}}))]},
        {"end": "{{ steps.look.output.score }}"},
    ]);
    let plans = plans(&[playbook("p", steps, json!({}))]);
    let written = json!({"answers": [
        {"step": "look", "output": {"score": 7}}, {"action": "tool.act", "arguments": {"ip": "203.0.113.9"}, "output": null},
    ]});
    let trace = run(&plans, json!({"ip": "203.0.113.9"}), &written);
    assert_eq!((&trace.end, trace.output), (&completed(), Some(Json::from(json!(7)))));
    let calls: Vec<String> = trace.calls.iter().map(|call| call.made.arguments.to_string()).collect();
    assert_eq!(
        calls,
        [r#"{"ip":"203.0.113.9","key":{"$secret":"token"}}"#, r#"{"ip":"203.0.113.9"}"#],
        "a secret is told by its name"
    );
}

#[test]
fn attempts_delays_and_waits_take_their_time_by_the_clock_of_the_run() {
    let steps = json!([
        act("busy", json!({"retry": {"attempts": 3, "initial": "1s", "max": "1s"}})),
        {"delay": "2h"},
        {"wait_until": "2026-01-03T00:00:00Z"},
        act("slow", json!({"timeout": "30s", "retry": {"attempts": 1}, "on_timeout": "continue"})),
        {"end": "{{ now }}"},
    ]);
    let plans = plans(&[playbook("p", steps, json!({}))]);
    let written = json!({"answers": [
        {"step": "busy", "attempt": 1, "failure": {"kind": "rate_limited", "retry_after": "10m"}},
        {"step": "busy", "attempt": 2, "failure": {"kind": "unreachable"}},
        {"step": "busy", "output": 1},
        {"step": "slow", "after": "31s", "output": 1},
    ]});
    let trace = run(&plans, json!(null), &written);
    assert_eq!(trace.end, completed(), "{:?}", trace.failure);
    assert_eq!(trace.output, Some(Json::from(json!("2026-01-03T00:00:30.000Z"))));
    assert_eq!((trace.tasks[0].attempts, trace.calls.len()), (3, 4));
    assert_eq!(trace.tasks[3].error.as_ref().unwrap().message, "no answer within 30s");
}

#[test]
fn a_path_stops_where_an_answer_is_missing_and_the_others_go_on() {
    let branches = json!({"a": [act("a1", json!({"arguments": {"x": 1}})), act("a2", json!({}))], "b": [act("b1", json!({})), {"id": "b2", "delay": "3h"}]});
    let steps = json!([{"id": "both", "parallel": "all", "branches": branches}]);
    let plans = plans(&[playbook("p", steps, json!({"timeout": "1h"}))]);
    let trace = run(&plans, json!(null), &json!({"answers": [{"step": "b1", "output": 1}]}));
    assert_eq!(trace.end, TraceEnd::NeedsAnswer);
    assert_eq!(statuses(&trace), ["both:executing", "a1:executing", "b1:completed", "b2:completed"]);
    let asked: Vec<(&str, &str)> =
        trace.unanswered.iter().map(|asked| (&*asked.step, &*asked.asked)).collect();
    assert_eq!(asked, [("both:a/a1", r#"tool.act {"x":1}"#)]);
}

#[test]
fn what_is_decided_without_an_answer_ends_the_run_before_what_follows() {
    let branches = json!({"a": [act("a1", json!({}))], "b": [{"id": "b1", "delay": "1h"}]});
    let steps = json!([{"id": "any", "parallel": "any", "branches": branches}, act("after", json!({}))]);
    let plans = plans(&[playbook("p", steps, json!({}))]);
    let trace = run(&plans, json!(null), &json!({}));
    assert_eq!(trace.end, TraceEnd::NeedsAnswer);
    assert!(trace.calls.iter().all(|call| call.made.place.step.as_str() == "a1"));
}

#[test]
fn people_and_signals_are_as_they_are_written() {
    let steps = json!([
        {"id": "ask", "approval": "Isolate {{ input.host }}?", "assignees": ["ana"], "timeout": "1h", "on_timeout": "continue"},
        {"id": "closed", "wait_for": "closed", "key": "{{ input.host }}"},
        {"end": ["{{ steps.ask.status }}", "{{ steps.closed.output }}"]},
    ]);
    let plans = plans(&[playbook("p", steps, json!({}))]);
    let signals = json!([{"signal": "closed", "key": "h", "payload": {"by": "bo"}, "after": "5m"}]);
    let ends = |approvals| {
        let trace = run(&plans, json!({"host": "h"}), &json!({"approvals": approvals, "signals": signals}));
        (
            took(&trace).as_secs(),
            trace.output.map(|output| output.to_string()),
            trace.questions.len(),
            trace.notes,
        )
    };
    let output = |status: &str| Some(format!(r#"["{status}",{{"by":"bo"}}]"#));
    let given = json!([{"step": "ask", "choice": "approve", "after": "10m"}]);
    assert_eq!(ends(given), (900, output("completed"), 1, vec![]));
    assert_eq!(ends(json!([{"step": "ask", "expires": true}])), (3_900, output("failed"), 1, vec![]));
    let (_, _, _, notes) = ends(json!([{"step": "ask", "choice": "approve", "uid": "eve"}]));
    assert_eq!(notes.len(), 1, "who is not asked does not answer: {notes:?}");
    let trace = run(&plans, json!({"host": "h"}), &json!({"signals": signals}));
    assert_eq!(trace.unanswered[0].asked, "approval \"Isolate h?\"");
}

#[test]
fn loops_undo_and_what_runs_in_any_case_are_those_of_the_machine() {
    let body = json!([act(
        "block",
        json!({
            "arguments": {"ip": "{{ item }}"}, "undo": {"action": "tool.act", "arguments": {"lift": "{{ output.id }}"}}
        })
    )]);
    let steps = json!([{"id": "each", "for_each": "input", "at_once": 1, "do": body}, {"id": "no", "fail": "not so"}]);
    let last = json!({"finally": {"do": [act("tell", json!({}))]}});
    let plans = plans(&[playbook("p", steps, last)]);
    let written = json!({"answers": [
        {"step": "block", "scope": "each:0", "output": {"id": 10}}, {"step": "block", "output": {"id": 11}},
        {"step": "tell", "output": null}, {"step": "undo.block", "output": null},
    ]});
    let trace = run(&plans, json!(["a", "b"]), &written);
    assert_eq!(trace.end, TraceEnd::Ended(ExecutionStatus::Failed));
    let calls: Vec<String> = trace.calls.iter().map(|call| call.made.arguments.to_string()).collect();
    assert_eq!(calls, [r#"{"ip":"a"}"#, r#"{"ip":"b"}"#, "{}", r#"{"lift":11}"#, r#"{"lift":10}"#]);
}

#[test]
fn a_cancel_comes_when_it_is_said_to() {
    let steps = json!([{"id": "wait", "delay": "2h", "on_cancel": [act("clean", json!({}))]}]);
    let plans = plans(&[playbook("p", steps, json!({}))]);
    let written = answers(&json!({"answers": [{"step": "clean", "output": null}]}));
    let mut start = Start::new(tenant(), json!(null).into(), TEST_CLOCK);
    let asked = Asked { uid: "ana".into(), reason: "a false alarm".into() };
    start.cancel = Some((Duration::from_secs(60), asked));
    let trace = crate::run(&plans, &start, &mut AnswerScript::new(&written));
    assert_eq!(trace.end, TraceEnd::Ended(ExecutionStatus::Cancelled));
    assert_eq!(statuses(&trace), ["wait:cancelled", "clean:completed"]);
}

#[test]
fn sub_playbooks_run_as_machines_of_their_own_or_are_answered() {
    let parent = playbook(
        "p",
        json!([{"id": "sub", "playbook": "q", "with": {"host": "{{ input.host }}"}}]),
        json!({}),
    );
    let child = playbook("q", json!([act("isolate", json!({})), {"end": "{{ input.host }}"}]), json!({}));
    let both = plans(&[parent.clone(), child]);
    let trace = run(
        &both,
        json!({"host": "h"}),
        &json!({"answers": [{"step": "isolate", "within": "sub", "output": 1}]}),
    );
    assert_eq!((trace.end, trace.output), (completed(), Some(Json::from(json!("h")))));
    assert_eq!(trace.tasks[1].place.to_string(), "sub > isolate");
    let alone = plans(&[parent]);
    let trace = run(&alone, json!({"host": "h"}), &json!({}));
    assert_eq!(trace.unanswered[0].asked, r#"playbook q {"host":"h"}"#);
    let trace = run(&alone, json!({"host": "h"}), &json!({"answers": [{"step": "sub", "output": 3}]}));
    assert_eq!((trace.end, trace.output), (completed(), Some(Json::from(json!(3)))));
}

#[test]
fn playbooks_that_run_themselves_end_at_the_depth_at_which_an_engine_ends_them() {
    let plans = plans(&[playbook("p", json!([{"id": "again", "playbook": "p"}]), json!({}))]);
    let trace = run(&plans, json!(null), &json!({}));
    assert_eq!(trace.end, TraceEnd::Ended(ExecutionStatus::Failed));
    assert!(trace.tasks.len() < 20, "{}", trace.tasks.len());
}

#[test]
fn a_run_goes_no_further_than_its_bounds() {
    let rounds = json!([{"id": "poll", "while": "true", "pause": "30d", "at_most": 100_000, "do": [{"set": {"a": 1}}]}]);
    let trace = run(&plans(&[playbook("p", rounds, json!({}))]), json!(null), &json!({}));
    assert_eq!(trace.end, TraceEnd::Beyond("it waits longer than 400 days"));
}

#[test]
fn what_the_playbook_asks_of_its_alert_and_variables_is_held_against_it() {
    let inputs = json!({"type": "object", "required": ["ip"], "properties": {"ip": {"type": "string"}}});
    let more = json!({"inputs": inputs, "variables": {"days": 3}, "types": {"days": "integer"}});
    let plans = plans(&[playbook("p", json!([{"end": "{{ variables.days }}"}]), more)]);
    let mut start = Start::new(tenant(), json!({}).into(), TEST_CLOCK);
    start.variables = [("dais".to_owned(), json!(1).into()), ("days".to_owned(), json!("x").into())].into();
    let TraceEnd::Refused(mistakes) =
        crate::run(&plans, &start, &mut AnswerScript::new(&answers(&json!({})))).end
    else {
        panic!("it is refused")
    };
    let told = mistakes.join("\n");
    assert!(told.contains("input.ip: is needed") && told.contains("did you mean \"days\"?"), "{told}");
}

/// Makes reads for real, and keeps what it was asked.
#[derive(Default)]
struct Reads(Vec<String>);

impl Answers for Reads {
    fn call(&mut self, _: &CallMade) -> Option<GivenOutcome> {
        None
    }

    fn read(&mut self, call: ReadCall) -> Option<GivenOutcome> {
        self.0.push(format!("{} {}", call.made().action, call.arguments()));
        Some(GivenOutcome { outcome: Ok(Json::null()), after: Duration::ZERO, from: "read".into() })
    }

    fn question(&mut self, _: &QuestionAsked) -> Option<Reaction> {
        None
    }

    fn signal(&mut self, _: &SignalAwaited) -> Option<SignalGiven> {
        None
    }

    fn child(&mut self, _: &ChildMade) -> Option<(ChildReport, Duration)> {
        None
    }
}

#[test]
fn only_what_looks_something_up_can_be_made_for_real() {
    let secret = json!({"action": "tool.look", "arguments": {"key": {"$secret": "token"}}});
    let plans = plans(&[playbook("p", json!([act("look", secret), act("block", json!({}))]), json!({}))]);
    let mut reads = Reads::default();
    let trace = crate::run(&plans, &Start::new(tenant(), json!(null).into(), TEST_CLOCK), &mut reads);
    assert_eq!(reads.0, [r#"look {"key":null}"#]);
    assert_eq!(trace.end, TraceEnd::NeedsAnswer);
    assert_eq!(trace.unanswered[0].step, "block");
}
