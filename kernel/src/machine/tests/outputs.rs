//! Outputs by example: the part of an answer that is kept, also of one over the limit, and what later steps read of it.

use serde_json::{Value, json};
use updraft_protocol::limits::{EXECUTION_OUTPUT_BYTES, FAILURE_ANSWER_BYTES, RESPONSE_BYTES};
use updraft_protocol::{ExecutionStatus, Failure, FailureKind, TaskStatus};

use super::world::{World, act, parallel, playbook};

#[test]
fn steps_read_what_the_tool_answered_to_a_call_that_failed() {
    let seen = json!({
        "status": "{{ steps.a.error.status }}", "after": "{{ steps.a.error.headers['x-limit'] }}",
        "code": "{{ steps.a.error.body.code }}", "none": "{{ steps.a.error.body.more | default('-') }}",
    });
    for (at_most_once, way, status) in [(false, "on_failure", "failed"), (true, "on_unknown", "unknown")] {
        let steps = json!([act(
            "a",
            json!({"at_most_once": at_most_once, way: [act("b", json!({"arguments": seen}))]})
        ),]);
        let answer =
            json!({"status": 500, "headers": {"x-limit": "7"}, "body": {"code": 12345678901234567_u64}});
        let mut world = World::begin(&playbook(steps), json!({}));
        let failure =
            Failure::new(FailureKind::Status, "500").with_may_have_acted(true).with_answer(answer.into());
        world.fail("a", failure);
        world.crash();
        assert_eq!(world.statuses()[0], format!("a:{status}"));
        let seen = json!({"status": 500, "after": "7", "code": 12345678901234567_u64, "none": "-"});
        assert_eq!(world.attempts[0].arguments, seen);
    }
}

#[test]
fn an_answer_that_is_not_there_is_undefined() {
    let arguments = json!({ "status": "{{ steps.a.error.status is defined }}", "body": "{{ steps.a.error.body | default('none') }}" });
    let steps = json!([
        act("a", json!({"on_failure": "continue"})),
        act("b", json!({"arguments": arguments})),
        act("c", json!({"arguments": {"x": "{{ steps.a.error.status }}"}}))
    ]);
    let mut world = World::begin(&playbook(steps), json!({}));
    world.end("a", Err(FailureKind::Forbidden));
    assert_eq!(world.attempts[0].arguments, json!({"status": false, "body": "none"}));
    world.end("b", Ok(json!(1)));
    assert_eq!(world.tasks()[2].state.error.as_ref().unwrap().kind, FailureKind::Template);
}

#[test]
fn the_outputs_of_the_playbook_are_those_of_an_execution_that_completes() {
    let begin = |outputs: Value, schema: Value| {
        let mut playbook = playbook(json!([act("a", json!({})), {"id": "b", "end": "of the step"}]));
        playbook["outputs"] = outputs;
        playbook["output_schema"] = schema;
        World::begin(&playbook, json!({"host": "pc-7"}))
    };
    let outputs = json!({"host": "{{ input.host }}", "score": "{{ steps.a.output.score }}", "n": 5});
    let schema = json!({"type": "object", "properties": {"score": {"type": "integer"}}});
    for (score, output, error) in [
        (json!(7), Some(json!({"host": "pc-7", "score": 7, "n": 5})), None),
        (json!("x"), None, Some("outputs.score: a whole number is needed")),
        (json!({}), None, Some("outputs.score: a whole number is needed")),
    ] {
        let mut world = begin(outputs.clone(), schema.clone());
        world.end("a", Ok(json!({ "score": score })));
        let state = world.execution().state.clone();
        assert_eq!((state.output, world.tasks().len()), (output.map(Into::into), 2));
        assert_eq!(state.error.as_ref().map(|error| error.message.as_str()), error);
        assert_eq!(state.error.map(|error| error.kind), error.map(|_| FailureKind::Template));
    }
    let mut world = begin(outputs, Value::Null);
    world.end("a", Ok(json!({})));
    let state = &world.execution().state;
    assert_eq!(state.execution_status, ExecutionStatus::Failed);
    assert_eq!(state.error.as_ref().unwrap().message, "outputs.score: `steps.a.output.score` is undefined");
    let mut failing = playbook(json!([{"id": "f", "fail": "so", "output": 1}]));
    failing["outputs"] = json!({"n": 5});
    assert_eq!(World::begin(&failing, json!({})).execution().state.output, Some(json!(1).into()));
}

/// Runs twenty branches of an action, each with a sixteenth of what an execution keeps.
fn branches_beyond(action: &str) -> World {
    let steps = [parallel("all", (0..20).map(|n| act(&format!("b{n}"), json!({"action": action}))))];
    let mut world = World::begin(&playbook(json!(steps)), json!({}));
    let large = "x".repeat(EXECUTION_OUTPUT_BYTES / 16);
    while let Some(attempt) = world.attempts.first().cloned() {
        world.attempts.remove(0);
        world.end_attempt(&attempt, Ok(json!({ "status": 201, "body": large })));
        if !world.machine.ended() {
            world.crash();
        }
    }
    world
}

#[test]
fn outputs_beyond_what_an_execution_keeps_fail_a_task_that_looked_something_up() {
    let world = branches_beyond("look");
    let failed: Vec<_> = world.tasks().into_iter().filter(|t| t.state.status == TaskStatus::Failed).collect();
    assert_eq!(failed.len(), 6, "five branches and their join");
    assert!(failed[1..].iter().all(|task| task.state.error.as_ref().unwrap().kind == FailureKind::TooLarge));
    assert_eq!(world.ends, [ExecutionStatus::Failed]);
}

#[test]
fn outputs_beyond_what_an_execution_keeps_leave_a_task_that_acted_completed() {
    let world = branches_beyond("act");
    assert_eq!(world.ends, [ExecutionStatus::Completed]);
    let outputs: Vec<Value> = world
        .tasks()
        .iter()
        .filter_map(|task| task.state.response.as_ref())
        .map(|json| json.value().try_into().unwrap())
        .collect();
    let cut: Vec<_> = outputs.iter().filter(|output| output["body"].is_null()).collect();
    assert_eq!((outputs.len(), cut.len()), (20, 5));
    let note = format!("an execution keeps at most {EXECUTION_OUTPUT_BYTES} bytes of answers");
    assert!(cut.iter().all(|output| **output == json!({ "status": 201, "body": null, "note": note })));
}

#[test]
fn one_output_that_is_too_large_leaves_a_task_that_acted_completed_before_and_after_a_crash() {
    let steps = json!([act("a", json!({})), act("b", json!({"arguments": {"a": "{{ steps.a.output }}"}}))]);
    let mut world = World::begin(&playbook(steps), json!({}));
    world.end("a", Ok(json!({ "status": 200, "body": "x".repeat(RESPONSE_BYTES) })));
    let seen = world.attempts[0].arguments.clone();
    assert_eq!((seen["a"]["status"].as_u64(), seen["a"]["body"].is_null()), (Some(200), true));
    assert!(seen["a"]["note"].as_str().unwrap().contains("bytes; at most"), "{seen}");
    world.crash();
    assert_eq!(world.attempts[0].arguments, seen);
}

#[test]
fn a_step_that_came_through_has_no_error_of_an_earlier_attempt() {
    let steps = json!([
        act("a", json!({"retry": {"attempts": 2, "initial": "1ms", "max": "1ms"}})),
        act("b", json!({"arguments": {"a": "{{ steps.a.error is defined }} {{ steps.a.status }}"}})),
    ]);
    let mut world = World::begin(&playbook(steps), json!({}));
    world.end("a", Err(FailureKind::RateLimited));
    world.fire();
    world.end("a", Ok(json!(1)));
    assert_eq!(world.attempts[0].arguments["a"].as_str(), Some("false completed"));
}

#[test]
fn answers_of_failures_are_bounded_and_count() {
    let steps = json!([act("a", json!({"retry": {"attempts": 100, "initial": "1ms", "max": "1ms"}}))]);
    let mut world = World::begin(&playbook(steps), json!({}));
    let answer = |bytes: usize| json!({ "status": 503, "body": "x".repeat(bytes) });
    let fail = |world: &mut World, bytes: usize| {
        let failure = Failure::new(FailureKind::RateLimited, "slow down").with_answer(answer(bytes).into());
        world.fail("a", failure);
        let error = world.tasks()[0].state.error.clone().unwrap();
        world.fire();
        error
    };
    // More than an execution keeps, had each answer not replaced the one before.
    for _ in 0..EXECUTION_OUTPUT_BYTES / (60 << 10) / 3 {
        assert_eq!(fail(&mut world, 60 << 10).answer, Some(answer(60 << 10).into()));
    }
    let error = fail(&mut world, FAILURE_ANSWER_BYTES);
    assert_eq!(error.answer, Some(json!({ "status": 503 }).into()));
    assert!(error.message.starts_with("slow down (its answer of 65"), "{error}");
}
