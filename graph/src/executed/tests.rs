//! What is told of steps in an execution.

use std::sync::Arc;

use serde_json::{Value, json};
use updraft_protocol::outline::{AuthorOutline, Outlined, OutlinedStep};
use updraft_protocol::{
    ExecutionDocument, ExecutionHead, ExecutionId, ExecutionState, ExecutionStatus, Failure, FailureKind,
    Json, Name, Playbook, PlaybookId, Priority, StepId, TaskDocument, TaskHead, TaskId, TaskState,
    TaskStatus, TenantCode, Timestamp,
};

use crate::diagram::{Diagram, Step, StepState};
use crate::{Colours, Ruling};

const PLAYBOOK: &str = r#"{"format": 1, "name": "sweep", "version": 3, "steps": [
    {"id": "look", "action": "edr.find", "verify": {"action": "edr.state", "until": "result.ok"}},
    {"id": "each", "for_each": "input.hosts", "do": [{"id": "isolate", "action": "edr.isolate"}]},
    {"id": "ask", "approval": "Go on?", "timeout": "1h"},
    {"id": "last", "action": "tickets.close"}
]}"#;

/// 2026-01-01 00:00:00.
const BEGIN: u64 = 1_767_225_600_000;

fn execution(status: ExecutionStatus) -> ExecutionDocument {
    let head = ExecutionHead {
        tenant_code: TenantCode::new("acme").unwrap(),
        pid: PlaybookId::from_bytes([1; 16]),
        playbook_name: Name::new("sweep").unwrap(),
        playbook_version: 3,
        uid: None,
        alert_id: None,
        priority: Priority::Normal,
        createddate: Timestamp(BEGIN),
        input: Json::null(),
        variables: Json::null(),
        idempotency_key: None,
        input_hash: None,
        parent: None,
        rerun_of: None,
        cache: updraft_protocol::CacheMode::Use,
    };
    let mut state = ExecutionState::change(status, Timestamp(BEGIN));
    if status == ExecutionStatus::Failed {
        state.finished_date = Some(Timestamp(BEGIN + 61_000));
        state.playbook_runtime = Some(61_000);
        state.error = Some(Box::new(Failure::new(FailureKind::Status, "503 from <edr>")));
    }
    ExecutionDocument {
        peid: ExecutionId::from_bytes([7; 16]),
        head: Arc::new(head),
        state,
        epoch: 1,
        seq: 1,
    }
}

fn task(step: &str, state: &Value) -> TaskDocument {
    let mut whole =
        json!({"status": "completed", "attempt": 1, "started_date": BEGIN, "updated_date": BEGIN});
    for (field, value) in state.as_object().unwrap() {
        whole[field] = value.clone();
    }
    let state: TaskState = serde_json::from_value(whole).unwrap();
    let head = TaskHead {
        peid: ExecutionId::from_bytes([7; 16]),
        task_seq: 1,
        step_id: StepId::new(step).unwrap(),
        scope: Default::default(),
        tenant_code: TenantCode::new("acme").unwrap(),
        alert_id: None,
        integration: Name::new("edr").unwrap(),
        action: Name::new("find").unwrap(),
        taken_from: None,
    };
    TaskDocument {
        task_request_id: TaskId::from_bytes([2; 16]),
        head: Arc::new(head),
        state,
        epoch: 1,
        seq: 1,
    }
}

fn diagram(status: ExecutionStatus, tasks: &[TaskDocument]) -> Diagram {
    let playbook = Playbook::parse(PLAYBOOK.as_bytes()).unwrap();
    Diagram::of(&playbook).unwrap().executed(&execution(status), tasks)
}

fn told(mut diagram: Diagram, id: &str) -> (Step, StepState) {
    let mut found = None;
    diagram.main.each(&mut |step| {
        if step.id == id {
            found = Some(step.clone());
        }
    });
    let step = found.unwrap();
    (step.clone(), step.state.unwrap())
}

#[test]
fn a_step_tells_how_it_went_how_often_it_was_tried_and_how_long_it_took() {
    let tasks = [
        task("look", &json!({"attempt": 3, "runtime": 1_234})),
        task("verify.look", &json!({"runtime": 10})),
        task("each", &json!({"runtime": 125_000, "response": {"items": 200, "completed": 198, "failed": 2}})),
        task("isolate", &json!({"runtime": 1})),
        task("isolate", &json!({"runtime": 1})),
        task("isolate", &json!({"status": "failed", "error": Failure::new(FailureKind::Status, "409")})),
    ];
    let diagram = diagram(ExecutionStatus::Failed, &tasks);
    let (look, state) = told(diagram.clone(), "look");
    assert_eq!(state.words, "completed · 1.2s · 3 tries");
    assert_eq!(look.notes[0].text, "completed: verify edr.state until result.ok");
    assert_eq!(told(diagram.clone(), "each").1.words, "completed · 2m 05s · 198 of 200");
    let (_, isolate) = told(diagram.clone(), "isolate");
    assert_eq!(isolate.words, "3 runs: 2 completed, 1 failed");
    assert!(isolate.why.contains("409"), "{}", isolate.why);
    assert_eq!(told(diagram.clone(), "last").1.words, "not reached");
    assert_eq!(
        diagram.head[1],
        "submitted 2026-01-01 00:00:00Z · finished 2026-01-01 00:01:01Z · took 1m 01s"
    );
    let svg = diagram.svg(Colours::Preferred).unwrap();
    assert!(svg.contains("503 from &lt;edr&gt;") && svg.contains("198 of 200"));
    let text: Vec<String> = diagram
        .text(100, Ruling::Ascii)
        .iter()
        .map(|line| line.iter().map(|span| span.text.as_str()).collect())
        .collect();
    assert!(text.contains(&"* + look  completed - 1.2s - 3 tries  edr.find".to_owned()), "{text:#?}");
}

#[test]
fn a_step_that_waits_tells_for_what_and_until_when() {
    let wait = json!({"kind": "approval", "subject": "Go on?", "earlier_attempts": 0,
        "since": BEGIN, "until": BEGIN + 3_600_000});
    let tasks = [task("ask", &json!({"status": "waiting", "wait": wait}))];
    let diagram = diagram(ExecutionStatus::Executing, &tasks);
    let (_, ask) = told(diagram.clone(), "ask");
    assert_eq!(ask.words, "waiting · since 2026-01-01 00:00:00Z");
    assert_eq!(ask.why, "waits for approval: Go on?, until 2026-01-01 01:00:00Z");
    assert_eq!(told(diagram, "last").1.words, "not reached yet");
}

#[test]
fn a_step_of_several_native_ones_tells_how_all_of_them_went() {
    let part_of = |of: &str| Outlined::PartOf(of.to_owned());
    let written = OutlinedStep { name: "Look it up".to_owned(), ..OutlinedStep::default() };
    let steps = [("look", Outlined::Step(written)), ("each", part_of("look")), ("isolate", part_of("look"))];
    let steps = steps.map(|(id, step)| (id.to_owned(), step)).into_iter().collect();
    let outline = AuthorOutline { name: "Sweep".to_owned(), steps, ..AuthorOutline::default() };
    let drawn = |status, tasks: &[TaskDocument]| {
        let playbook = Playbook::parse(PLAYBOOK.as_bytes()).unwrap();
        let diagram = Diagram::of(&playbook).unwrap().outlined(&outline);
        told(diagram.executed(&execution(status), tasks), "look").1
    };
    let look = task("look", &json!({"runtime": 1_234}));
    assert_eq!(drawn(ExecutionStatus::Executing, std::slice::from_ref(&look)).words, "completed · 1.2s");
    let failed = json!({"status": "failed", "attempt": 2, "error": Failure::new(FailureKind::Status, "409")});
    let state = drawn(ExecutionStatus::Failed, &[look, task("each", &failed)]);
    assert_eq!((state.status, state.words.as_str()), (Some(TaskStatus::Failed), "failed · 1.2s · 2 tries"));
    assert!(state.why.contains("409"), "{}", state.why);
    // What stands before it has ended, and it has not begun.
    let state = drawn(ExecutionStatus::Executing, &[task("each", &json!({"runtime": 5}))]);
    assert_eq!((state.status, state.words.as_str()), (None, "not reached yet"));
}
