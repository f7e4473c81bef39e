//! The promises of an execution to its driver: nothing is done before its cause is durable, there is one commit at a
//! time, no control is answered early, and a request that was never sent is never reported as sent.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::json;
use updraft_protocol::{
    ActionSpec, Answer, CacheMode, Call, Catalogue, ExecutionHead, ExecutionId, Failure, FailureKind,
    Integration, Json, Name, Playbook, PlaybookId, Priority, TaskId, TaskStatus, TenantCode, Timestamp,
    Update,
};

use super::{ControlOutcome, Execution, ExecutionCommand, ExecutionControl, ExecutionEvent, Exit, Need};
use crate::machine::{Act, Machine, MachineEvent, TaskSeq, Terms, Timer};
use crate::plan::Plan;

const NOW: Timestamp = Timestamp(1_000);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ask {
    Cancel,
    Look,
}

impl ExecutionControl for Ask {
    fn event(&self) -> Option<MachineEvent> {
        (*self == Self::Cancel).then_some(MachineEvent::Cancel(None))
    }
}

type Command = ExecutionCommand<Ask>;

/// The declared action of the tool: a call of `queue` may have to wait for a permit.
struct Declared;

impl Integration for Declared {
    fn actions(&self) -> &[&str] {
        &["act", "queue"]
    }

    fn spec(&self, action: &str) -> ActionSpec {
        ActionSpec { takes_permit: action == "queue", ..ActionSpec::default() }
    }

    fn call(&self, _: Call) -> Answer<'_> {
        Box::pin(std::future::ready(Ok(Json::null())))
    }
}

/// An execution of one step that acts at most once, accepted at position 7, or of a long delay.
fn accepted(step: &serde_json::Value) -> Execution<Ask> {
    of_steps(&json!([step]))
}

fn of_steps(steps: &serde_json::Value) -> Execution<Ask> {
    let mut catalogue = Catalogue::default();
    catalogue.add_integration(Name::new("tool").unwrap(), Arc::new(Declared));
    let text = json!({"format": 1, "name": "p", "version": 1, "steps": steps}).to_string();
    let plan = Arc::new(Plan::check(&Playbook::parse(text.as_bytes()).unwrap(), &catalogue).unwrap());
    let head = Arc::new(ExecutionHead {
        tenant_code: TenantCode::new("acme").unwrap(),
        pid: PlaybookId::from_bytes([9; 16]),
        playbook_name: plan.name.clone(),
        playbook_version: plan.version,
        uid: None,
        alert_id: None,
        priority: Priority::Normal,
        createddate: NOW,
        input: Json::from(json!({})),
        variables: Json::from(json!(BTreeMap::<String, String>::new())),
        idempotency_key: None,
        input_hash: None,
        parent: None,
        rerun_of: None,
        cache: CacheMode::Use,
    });
    let terms = Terms { tasks_at_once: 3, ..Terms::default() };
    let (machine, effects) = Machine::start(plan, ExecutionId::from_bytes([7; 16]), head, terms, NOW);
    Execution::accepted(machine, effects.acts, 7)
}

fn action() -> serde_json::Value {
    json!({"id": "a", "integration": "tool", "action": "act", "at_most_once": true})
}

/// Its commands; attempts are withdrawn as `unsent` says.
fn commands(execution: &mut Execution<Ask>, unsent: &[TaskSeq]) -> Vec<Command> {
    let mut all = Vec::new();
    while let Some(command) = execution.next_command(NOW) {
        if let ExecutionCommand::Withdraw = command {
            let (unsent, not_acted) = (unsent.to_vec(), Vec::new());
            execution.on(ExecutionEvent::Withdrawn { unsent, not_acted }, NOW);
        } else {
            all.push(command);
        }
    }
    all
}

fn called(commands: &[Command]) -> Vec<TaskSeq> {
    let calls = commands.iter().filter_map(|command| match command {
        ExecutionCommand::Perform(Act::Start(start)) => Some(start.task),
        _ => None,
    });
    calls.collect()
}

fn written(commands: &[Command]) -> Vec<&Update> {
    let commits = commands.iter().filter_map(|command| match command {
        ExecutionCommand::Commit { writes, .. } => Some(writes),
        _ => None,
    });
    commits.flatten().collect()
}

fn task_status(commands: &[Command]) -> Option<TaskStatus> {
    written(commands).into_iter().find_map(|update| match update {
        Update::Task(task) => Some(task.state.status),
        Update::Execution(_) => None,
    })
}

fn answered(commands: &[Command]) -> Vec<(Ask, bool)> {
    let answers = commands.iter().filter_map(|command| match command {
        ExecutionCommand::Answer { control, outcome } => {
            Some((*control, *outcome == ControlOutcome::Stopped))
        }
        _ => None,
    });
    answers.collect()
}

fn ended(outcome: Result<Json, Failure>) -> ExecutionEvent<Ask> {
    ExecutionEvent::AttemptEnded { task: TaskSeq(1), call: 1, outcome }
}

#[test]
fn an_act_follows_its_commit_and_there_is_one_commit_at_a_time() {
    let mut execution = accepted(&action());
    assert_eq!(called(&commands(&mut execution, &[])), [TaskSeq(1)], "its intent is durable");
    execution.on(ended(Ok(Json::null())), NOW);
    assert!(matches!(commands(&mut execution, &[])[..], [ExecutionCommand::Commit { .. }]));
    execution.on(ExecutionEvent::Asked(Ask::Look), NOW);
    assert!(commands(&mut execution, &[]).is_empty(), "nobody is answered before it is durable");
    execution.on(ExecutionEvent::Committed(8), NOW);
    let last = commands(&mut execution, &[]);
    assert!(
        matches!(
            last[..],
            [
                ExecutionCommand::Perform(Act::End(_)),
                ExecutionCommand::Answer { control: Ask::Look, outcome: ControlOutcome::Untouched },
                ExecutionCommand::Leave(Exit::Ended)
            ]
        ),
        "{last:?}"
    );
    assert_eq!(execution.lsn(), 8);
}

#[test]
fn what_was_not_sent_when_it_is_cancelled_is_not_unknown() {
    for (unsent, status) in [(vec![], TaskStatus::Unknown), (vec![TaskSeq(1)], TaskStatus::Cancelled)] {
        let mut execution = accepted(&action());
        assert_eq!(called(&commands(&mut execution, &[])), [TaskSeq(1)]);
        execution.on(ExecutionEvent::Asked(Ask::Cancel), NOW);
        execution.on(ExecutionEvent::Asked(Ask::Cancel), NOW);
        assert_eq!(task_status(&commands(&mut execution, &unsent)), Some(status));
        execution.on(ExecutionEvent::Committed(8), NOW);
        let answers = answered(&commands(&mut execution, &[]));
        assert_eq!(answers, [(Ask::Cancel, true), (Ask::Cancel, false)], "one of them has cancelled it");
    }
}

#[test]
fn an_act_that_was_not_handed_out_when_it_is_cancelled_is_neither_done_nor_unknown() {
    let mut execution = accepted(&action());
    execution.on(ExecutionEvent::Asked(Ask::Cancel), NOW);
    let all = commands(&mut execution, &[]);
    assert_eq!((called(&all), task_status(&all)), (vec![], Some(TaskStatus::Cancelled)));
}

#[test]
fn a_drain_waits_for_what_was_sent_and_takes_back_what_was_not() {
    let mut execution = accepted(&action());
    assert_eq!(called(&commands(&mut execution, &[])), [TaskSeq(1)]);
    execution.on(ExecutionEvent::Drain, NOW);
    assert!(commands(&mut execution, &[]).is_empty(), "it was sent, and is waited for");
    execution.on(ended(Err(Failure::new(FailureKind::Unreachable, "no"))), NOW);
    assert!(matches!(commands(&mut execution, &[])[..], [ExecutionCommand::Commit { .. }]));
    execution.on(ExecutionEvent::Committed(8), NOW);
    let last = commands(&mut execution, &[]);
    assert!(matches!(last.last(), Some(ExecutionCommand::Leave(_))), "{last:?}");

    let mut execution = accepted(&action());
    assert_eq!(called(&commands(&mut execution, &[])), [TaskSeq(1)]);
    execution.on(ExecutionEvent::Drain, NOW);
    assert_eq!(task_status(&commands(&mut execution, &[TaskSeq(1)])), Some(TaskStatus::Retrying));
    execution.on(ExecutionEvent::Committed(8), NOW);
    assert!(matches!(commands(&mut execution, &[])[..], [ExecutionCommand::Leave(Exit::Drained)]));
}

#[test]
fn a_long_wait_is_left_for_once_and_a_lost_commit_at_once() {
    let mut execution = accepted(&json!({"id": "a", "delay": "2h"}));
    let first = commands(&mut execution, &[]);
    assert!(matches!(first.last(), Some(ExecutionCommand::Park { lsn: 7, .. })), "{first:?}");
    assert!(commands(&mut execution, &[]).is_empty(), "where it stays, it is not asked again");
    execution.on(ExecutionEvent::Asked(Ask::Cancel), NOW);
    assert!(matches!(commands(&mut execution, &[])[..], [ExecutionCommand::Commit { .. }]));
    execution.on(ExecutionEvent::Refused, NOW);
    assert!(matches!(commands(&mut execution, &[])[..], [ExecutionCommand::Leave(Exit::Lost)]));
}

/// The task whose call must wait for a permit.
fn acquired(commands: &[Command]) -> TaskId {
    match commands {
        [ExecutionCommand::Perform(Act::Acquire(task))] => *task,
        other => panic!("{other:?}"),
    }
}

fn queue() -> serde_json::Value {
    let mut step = action();
    step["action"] = json!("queue");
    step
}

#[test]
fn a_call_that_may_have_to_wait_has_its_place_before_its_intent_is_written() {
    let mut execution = accepted(&queue());
    let task = acquired(&commands(&mut execution, &[]));
    assert!(commands(&mut execution, &[]).is_empty(), "it stands in line, and nothing is written");
    execution.on(ExecutionEvent::Acquired { task, outcome: Ok(()) }, NOW);
    let intent = commands(&mut execution, &[]);
    assert_eq!((called(&intent), task_status(&intent)), (vec![], Some(TaskStatus::Executing)));
    execution.on(ExecutionEvent::Committed(8), NOW);
    assert_eq!(called(&commands(&mut execution, &[])), [TaskSeq(1)]);
}

#[test]
fn a_place_is_asked_for_while_a_commit_is_under_way_and_its_intent_joins_what_is_pending() {
    let mut steps = vec![action(), queue()];
    steps[1]["id"] = json!("b");
    let mut execution = of_steps(&json!(steps));
    assert_eq!(called(&commands(&mut execution, &[])), [TaskSeq(1)]);
    execution.on(ended(Ok(Json::null())), NOW);
    let Some(ExecutionCommand::Perform(Act::Acquire(task))) = execution.next_command(NOW) else {
        panic!("before the end of the first task is written")
    };
    execution.on(ExecutionEvent::Acquired { task, outcome: Ok(()) }, NOW);
    let all = commands(&mut execution, &[]);
    assert_eq!((all.len(), written(&all).len()), (1, 2), "one commit has the end and the intent: {all:?}");
}

#[test]
fn a_stop_and_a_drain_find_a_call_in_line_not_attempted() {
    for asked in [true, false] {
        let mut execution = accepted(&queue());
        // Whether the permit was asked for already makes no difference.
        let task = asked.then(|| acquired(&commands(&mut execution, &[])));
        execution.on(ExecutionEvent::Asked(Ask::Cancel), NOW);
        let all = commands(&mut execution, &[]);
        assert_eq!((called(&all), task_status(&all)), (vec![], None), "of the task nothing is told");
        execution.on(ExecutionEvent::Committed(8), NOW);
        assert_eq!(answered(&commands(&mut execution, &[])), [(Ask::Cancel, true)]);

        let mut execution = accepted(&queue());
        let task = task.map(|_| acquired(&commands(&mut execution, &[])));
        execution.on(ExecutionEvent::Drain, NOW);
        if let Some(task) = task {
            execution.on(ExecutionEvent::Acquired { task, outcome: Ok(()) }, NOW);
        }
        assert!(matches!(commands(&mut execution, &[])[..], [ExecutionCommand::Leave(Exit::Drained)]));
    }
}

fn need(commands: &[Command]) -> Option<Need> {
    commands.iter().find_map(|command| match command {
        ExecutionCommand::Commit { need, .. } => Some(*need),
        _ => None,
    })
}

#[test]
fn intents_ends_and_what_is_told_are_durable_and_what_comes_about_again_may_be_behind() {
    let mut execution = accepted(&json!({
        "id": "a", "integration": "tool", "action": "act",
        "retry": {"attempts": 2, "initial": "1s"},
    }));
    assert_eq!(called(&commands(&mut execution, &[])), [TaskSeq(1)]);
    execution.on(ended(Err(Failure::new(FailureKind::Unreachable, "no"))), NOW);
    assert_eq!(need(&commands(&mut execution, &[])), Some(Need::Behind));
    execution.on(ExecutionEvent::Committed(8), NOW);
    let _ = commands(&mut execution, &[]);
    // No caller gets an answer that a crash may undo.
    execution.on(ExecutionEvent::Asked(Ask::Look), NOW);
    let first = commands(&mut execution, &[]);
    assert_eq!((need(&first), written(&first).len(), answered(&first)), (Some(Need::Durable), 0, vec![]));
    execution.on(ExecutionEvent::Committed(0), NOW);
    assert_eq!(answered(&commands(&mut execution, &[])), [(Ask::Look, false)]);
    assert_eq!(execution.lsn(), 8);
    execution.on(ExecutionEvent::Asked(Ask::Look), NOW);
    assert_eq!(answered(&commands(&mut execution, &[])), [(Ask::Look, false)], "nothing is behind any more");
    execution.on(ExecutionEvent::TimerDue(Timer::Task(TaskSeq(1))), Timestamp(60_000));
    assert_eq!(need(&commands(&mut execution, &[])), Some(Need::Durable), "the intent");
    execution.on(ExecutionEvent::Committed(9), NOW);
    assert_eq!(called(&commands(&mut execution, &[])), [TaskSeq(1)]);
    let outcome = Ok(Json::null());
    execution.on(ExecutionEvent::AttemptEnded { task: TaskSeq(1), call: 2, outcome }, NOW);
    assert_eq!(need(&commands(&mut execution, &[])), Some(Need::Durable), "the end");
}

#[test]
fn the_end_of_a_call_that_is_made_at_most_once_is_durable_whatever_follows() {
    for (at_most_once, wanted) in [(true, Need::Durable), (false, Need::Behind)] {
        let mut steps = vec![action(), json!({"id": "b", "delay": "1h"})];
        steps[0]["at_most_once"] = json!(at_most_once);
        let mut execution = of_steps(&json!(steps));
        assert_eq!(called(&commands(&mut execution, &[])), [TaskSeq(1)]);
        execution.on(ended(Ok(Json::null())), NOW);
        let end = commands(&mut execution, &[]);
        assert_eq!((need(&end), task_status(&end)), (Some(wanted), Some(TaskStatus::Completed)));
        execution.on(ExecutionEvent::Committed(8), NOW);
        let _ = commands(&mut execution, &[]);
        execution.on(ExecutionEvent::TimerDue(Timer::Task(TaskSeq(2))), Timestamp(3_700_000));
        assert_eq!(need(&commands(&mut execution, &[])), Some(Need::Durable), "the execution's end");
    }
}

#[test]
fn what_a_control_changes_is_durable() {
    let mut execution = accepted(&json!({"id": "a", "delay": "1m"}));
    let _ = commands(&mut execution, &[]);
    execution.on(ExecutionEvent::Asked(Ask::Cancel), NOW);
    assert_eq!(need(&commands(&mut execution, &[])), Some(Need::Durable));
}
