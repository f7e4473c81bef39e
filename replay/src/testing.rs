//! What the tests of this crate share: a tool that is only declared, and playbooks of its actions.

use std::sync::Arc;

use serde_json::{Value, json};
use updraft_kernel::plan::Plan;
use updraft_protocol::playbook::Record;
use updraft_protocol::{
    ActionSpec, Answer, AuthoredNames, Call, CallRecord, Catalogue, Effect, ExecutionDocument, ExecutionHead,
    ExecutionId, ExecutionState, Failure, FailureKind, Integration, Json, Name, Playbook, PlaybookId,
    Priority, TaskDocument, TaskHead, TaskId, TaskState, TenantCode,
};

use crate::file::{AnswerScript, WrittenAnswers};
use crate::plans::RunPlans;
use crate::recorded::Recording;
use crate::start::{Start, TEST_CLOCK};
use crate::trace::{RunTrace, TraceEnd, TracedTask};

/// `act` changes something, `look` looks something up; a dry run never calls either.
struct Declared;

impl Integration for Declared {
    fn actions(&self) -> &[&str] {
        &["act", "look"]
    }

    fn spec(&self, _: &str) -> ActionSpec {
        ActionSpec { takes_secrets: true, takes_permit: true, ..ActionSpec::default() }
    }

    fn effect(&self, action: &str, _: &updraft_protocol::Value) -> Effect {
        if action == "look" { Effect::Read } else { Effect::Write }
    }

    fn call(&self, _: Call) -> Answer<'_> {
        Box::pin(std::future::ready(Err(Failure::new(FailureKind::Panic, "a dry run has called"))))
    }
}

fn checked(playbook: &Value) -> (Playbook, Arc<Plan>) {
    let playbook = Playbook::parse(playbook.to_string().as_bytes()).expect("a playbook");
    let mut catalogue = Catalogue::default();
    catalogue.add_integration(Name::new("tool").expect("a name"), Arc::new(Declared));
    let plan = Plan::check(&playbook, &catalogue).expect("a plan");
    (playbook, Arc::new(plan))
}

/// The first of these playbooks, with the others beside it.
pub(crate) fn plans(playbooks: &[Value]) -> RunPlans {
    let mut all = playbooks.iter().map(checked);
    let (playbook, plan) = all.next().expect("a playbook");
    let mut plans = RunPlans::of(&playbook, plan);
    all.for_each(|(playbook, plan)| plans.add(&playbook, plan));
    plans
}

/// A playbook of these steps with these further fields.
pub(crate) fn playbook(name: &str, steps: Value, more: Value) -> Value {
    let mut playbook = json!({"format": 1, "name": name, "version": 1, "steps": steps});
    playbook.as_object_mut().expect("a map").extend(more.as_object().expect("a map").clone());
    playbook
}

/// An action with these further fields.
pub(crate) fn act(id: &str, more: Value) -> Value {
    let mut step = json!({"id": id, "action": "tool.act"});
    step.as_object_mut().expect("a map").extend(more.as_object().expect("a map").clone());
    step
}

/// Written answers.
pub(crate) fn answers(written: &Value) -> WrittenAnswers {
    WrittenAnswers::read(written.to_string().as_bytes()).expect("answers")
}

/// Runs the first of these playbooks with these answers.
pub(crate) fn run(plans: &RunPlans, input: Value, written: &Value) -> RunTrace {
    let written = answers(written);
    let start = Start::new(tenant(), input.into(), TEST_CLOCK);
    crate::run(plans, &start, &mut AnswerScript::new(&written))
}

/// A tenant.
pub(crate) fn tenant() -> TenantCode {
    TenantCode::new("acme").expect("a tenant")
}

/// The tasks of a trace as `step:status`.
pub(crate) fn statuses(trace: &RunTrace) -> Vec<String> {
    trace.tasks.iter().map(|task| format!("{}:{}", task.place.step, task.status)).collect()
}

/// What an engine would have stored of this run.
pub(crate) fn recording(trace: &RunTrace, input: &Value, variables: Value) -> Recording {
    recording_as(trace, input, variables, AuthoredNames::default())
}

/// The same, told by these names.
pub(crate) fn recording_as(
    trace: &RunTrace,
    input: &Value,
    variables: Value,
    names: AuthoredNames,
) -> Recording {
    let peid = ExecutionId::from_bytes([7; 16]);
    let head = ExecutionHead {
        tenant_code: tenant(),
        pid: PlaybookId::from_bytes([1; 16]),
        playbook_name: Name::new("p").expect("a name"),
        playbook_version: 1,
        uid: None,
        alert_id: None,
        priority: Priority::Normal,
        createddate: trace.clock.0,
        input: Json::from(input.clone()),
        variables: Json::from(variables),
        idempotency_key: None,
        input_hash: None,
        parent: None,
        rerun_of: None,
        cache: updraft_protocol::CacheMode::Use,
    };
    let TraceEnd::Ended(status) = trace.end else { panic!("it has ended: {:?}", trace.unanswered) };
    let state = ExecutionState {
        output: trace.output.clone(),
        error: trace.failure.clone(),
        ..ExecutionState::change(status, trace.clock.1)
    };
    let execution = ExecutionDocument { peid, head: Arc::new(head), state, epoch: 1, seq: 1 };
    let own = trace.tasks.iter().filter(|task| task.place.within.is_empty());
    let tasks = (1..).zip(own).map(|(number, task)| document(trace, task, number)).collect();
    Recording::new(Arc::new(execution), tasks, names)
}

fn document(trace: &RunTrace, task: &TracedTask, number: u32) -> TaskDocument {
    let peid = ExecutionId::from_bytes([7; 16]);
    let head = TaskHead {
        peid,
        task_seq: number,
        step_id: task.place.step.clone(),
        scope: task.place.scope.clone(),
        tenant_code: tenant(),
        alert_id: None,
        integration: task.integration.clone(),
        action: task.action.clone(),
        taken_from: None,
    };
    let made = trace.calls.iter().map(|call| &call.made).find(|made| made.place == task.place);
    let record = |made: &crate::answers::CallMade| {
        Arc::new(CallRecord::of(&tenant(), &made.arguments, &[], (made.effect, Record::Arguments, None)))
    };
    let state = TaskState {
        response: task.output.clone(),
        error: task.error.clone(),
        started_date: Some(task.began),
        runtime: task.ended.map(|ended| ended.since(task.began)),
        wait: task.wait.clone(),
        call: made.map(record),
        ..TaskState::change(task.status, task.attempts, trace.clock.1)
    };
    let id = TaskId::derive(peid, &task.place.scope, &task.place.step);
    TaskDocument { task_request_id: id, head: Arc::new(head), state, epoch: 1, seq: 1 }
}
