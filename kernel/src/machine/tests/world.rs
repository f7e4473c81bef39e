//! A world for one machine: keeps the writes as a store would, and resumes from them after a crash.

mod children;
mod controls;
pub(super) mod files;
mod head;
mod locks;
mod reruns;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Value, json};
use updraft_protocol::{
    ActionSpec, Answer, Asked, Call, Catalogue, Effect, ExecutionDocument, ExecutionHead, ExecutionId,
    ExecutionStatus, Failure, FailureKind, Integration, Json, Name, Parent, Playbook, TaskDocument, TaskId,
    Timestamp, Update,
};

use crate::guardrail::GuardrailSet;
use crate::item_files::ItemFiles;
use crate::machine::{
    Act, DefaultWaits, Effects, Machine, MachineEvent, StartAttempt, StartChild, TaskSeq, Terms, Timer,
};
use crate::plan::{Mistake, Plan};
use head::head;

pub(super) struct World {
    pub(super) machine: Machine,
    pub(super) now: Timestamp,
    pub(super) attempts: Vec<StartAttempt>,
    /// Calls that wait for a permit.
    pub(super) waiting_calls: Vec<TaskId>,
    /// The owners of locks of bodies that were left.
    pub(super) unlocked: Vec<TaskId>,
    /// The calls that have had what they waited for.
    granted: BTreeSet<TaskId>,
    pub(super) timers: Vec<(Timestamp, Timer)>,
    pub(super) ends: Vec<ExecutionStatus>,
    /// The children that were to be started, and the tasks whose child was to be stopped, in order.
    pub(super) started: Vec<StartChild>,
    pub(super) stopped: Vec<TaskId>,
    /// How the children have ended that are there. Outlives a crash.
    pub(super) children: BTreeMap<TaskId, Option<ExecutionStatus>>,
    /// Reports of children on their way.
    pub(super) reports: Vec<TaskId>,
    /// The keys under which tools were called, in order.
    pub(super) called: Vec<(String, TaskId)>,
    execution: Option<ExecutionDocument>,
    tasks: BTreeMap<TaskId, TaskDocument>,
    plan: Arc<Plan>,
    epoch: u64,
    pub(super) guardrails: Arc<GuardrailSet>,
    files: Option<Arc<files::Files>>,
}

/// The declared actions of the tool: `act` changes something, `look` looks something up, `queue` may have to wait for a
/// permit.
struct Declared;

impl Integration for Declared {
    fn actions(&self) -> &[&str] {
        &["act", "look", "queue"]
    }

    fn spec(&self, action: &str) -> ActionSpec {
        ActionSpec { takes_permit: action == "queue", ..ActionSpec::default() }
    }

    fn effect(&self, action: &str, _: &updraft_protocol::Value) -> Effect {
        if action == "look" { Effect::Read } else { Effect::Write }
    }

    fn call(&self, _: Call) -> Answer<'_> {
        Box::pin(std::future::ready(Ok(Json::null())))
    }
}

pub(super) fn plan(playbook: &Value) -> Arc<Plan> {
    Arc::new(checked(playbook).expect("a plan"))
}

/// Whether a playbook has no mistake.
pub(super) fn is_sound(playbook: &Value) -> bool {
    checked(playbook).is_ok()
}

fn checked(playbook: &Value) -> Result<Plan, Vec<Mistake>> {
    let playbook = Playbook::parse(playbook.to_string().as_bytes()).expect("a playbook");
    let mut catalogue = Catalogue::default();
    catalogue.add_integration(Name::new("tool").expect("a name"), Arc::new(Declared));
    Plan::check(&playbook, &catalogue)
}

/// A playbook of these steps.
pub(super) fn playbook(steps: Value) -> Value {
    json!({ "format": 1, "name": "p", "version": 1, "steps": steps })
}

/// An action with these additional fields.
pub(super) fn act(id: &str, more: Value) -> Value {
    let mut step = json!({ "id": id, "integration": "tool", "action": "act" });
    step.as_object_mut().expect("a map").extend(more.as_object().expect("a map").clone());
    step
}

/// A `parallel` of branches of one step each, named like it.
pub(super) fn parallel(id: &str, steps: impl IntoIterator<Item = Value>) -> Value {
    let name = |step: &Value| step["id"].as_str().expect("an id").to_owned();
    let branches: serde_json::Map<String, Value> =
        steps.into_iter().map(|step| (name(&step), json!([step]))).collect();
    json!({ "id": id, "parallel": "all", "branches": branches })
}

impl World {
    pub(super) fn begin(playbook: &Value, input: Value) -> Self {
        Self::begin_as(playbook, input, (DefaultWaits::default(), None))
    }

    /// Begins where steps wait as long that do not say it.
    pub(super) fn begin_with(playbook: &Value, input: Value, waits: DefaultWaits) -> Self {
        Self::begin_as(playbook, input, (waits, None))
    }

    fn begin_as(playbook: &Value, input: Value, (waits, parent): (DefaultWaits, Option<Parent>)) -> Self {
        let plan = plan(playbook);
        let now = Timestamp(1_000_000);
        let peid = ExecutionId::from_bytes([1, 2, 3, 4, 5, 6, 0x70, 8, 0x89, 10, 11, 12, 13, 14, 15, 16]);
        let variables = Json::from(playbook.get("variables").cloned().unwrap_or_else(|| json!({})));
        let head = Arc::new(ExecutionHead { variables, parent, ..head(&plan, Json::from(input), now) });
        let terms = Terms { waits, ..Terms::default() };
        let (machine, effects) = Machine::start(plan.clone(), peid, head, terms, now);
        Self::of(machine, effects, now)
    }

    fn of(machine: Machine, effects: Effects, now: Timestamp) -> Self {
        let plan = machine.plan().clone();
        let mut world = Self {
            machine,
            now,
            attempts: Vec::new(),
            waiting_calls: Vec::new(),
            unlocked: Vec::new(),
            granted: BTreeSet::new(),
            timers: Vec::new(),
            ends: Vec::new(),
            started: Vec::new(),
            stopped: Vec::new(),
            children: BTreeMap::new(),
            reports: Vec::new(),
            called: Vec::new(),
            execution: None,
            tasks: BTreeMap::new(),
            plan,
            epoch: 1,
            guardrails: Arc::default(),
            files: None,
        };
        world.absorb(effects);
        world
    }

    fn absorb(&mut self, effects: Effects) {
        assert_eq!(crate::invariant::nothing_begins_while_paused(&self.machine, &effects), Ok(()));
        for write in effects.writes {
            self.store(write);
        }
        for act in effects.acts {
            match act {
                Act::Start(start) => {
                    self.is_in_its_locks(start.task_id);
                    let step = self.plan.step(start.step).id.to_string();
                    self.called.push((step, start.task_id));
                    self.attempts.push(*start);
                }
                Act::Stop(task) => self.attempts.retain(|attempt| attempt.task != task),
                Act::Acquire(task) => {
                    assert_eq!(self.locks_left_for(task), [], "a lock is asked for that was given back");
                    self.waiting_calls.push(task);
                }
                Act::StopWaiting(task) => self.waiting_calls.retain(|waiting| *waiting != task),
                Act::Unlock(owner) => self.unlocked.push(owner),
                Act::StartChild(start) => {
                    assert_eq!(self.locks_left_for(start.parent.task), []);
                    self.start_child(*start);
                }
                Act::StopChild(task) => self.stop_child(task),
                Act::Arm(timer, at) => self.timers.push((at, timer)),
                Act::End(status) => self.ends.push(status),
            }
        }
        self.machine.forget(self.machine.leaving());
    }

    fn store(&mut self, write: Update) {
        match write {
            Update::Execution(update) => match &mut self.execution {
                Some(document) => {
                    document.state.merge(update.state.clone());
                    (document.epoch, document.seq) = (update.revision.epoch, update.revision.seq);
                }
                None => {
                    self.execution = Some(ExecutionDocument {
                        peid: update.peid,
                        head: update.head.clone().expect("a first update has the head"),
                        state: update.state.clone(),
                        epoch: update.revision.epoch,
                        seq: update.revision.seq,
                    });
                }
            },
            Update::Task(update) => match self.tasks.get_mut(&update.task_id) {
                Some(document) => {
                    assert!(update.head.is_none(), "the head is written once");
                    document.state.merge(update.state.clone());
                    (document.epoch, document.seq) = (update.revision.epoch, update.revision.seq);
                }
                None => {
                    let document = TaskDocument {
                        task_request_id: update.task_id,
                        head: update.head.clone().expect("a first update has the head"),
                        state: update.state.clone(),
                        epoch: update.revision.epoch,
                        seq: update.revision.seq,
                    };
                    self.tasks.insert(update.task_id, document);
                }
            },
        }
    }

    pub(super) fn execution(&self) -> &ExecutionDocument {
        self.execution.as_ref().expect("the start wrote it")
    }

    /// The stored tasks, in order.
    pub(super) fn tasks(&self) -> Vec<TaskDocument> {
        let mut tasks: Vec<TaskDocument> = self.tasks.values().cloned().collect();
        tasks.sort_by_key(|task| task.head.task_seq);
        tasks
    }

    /// The stored tasks as `step:status`.
    pub(super) fn statuses(&self) -> Vec<String> {
        self.tasks().iter().map(|task| format!("{}:{}", task.head.step_id, task.state.status)).collect()
    }

    pub(super) fn apply(&mut self, event: MachineEvent) {
        let effects = self.machine.apply(event, self.now);
        self.absorb(effects);
    }

    /// Ends the oldest attempt of a step.
    pub(super) fn end(&mut self, step: &str, outcome: Result<Value, FailureKind>) {
        let index = self.attempts.iter().position(|a| self.plan.step(a.step).id.as_str() == step);
        let attempt = self.attempts.remove(index.unwrap_or_else(|| panic!("no attempt of {step}")));
        self.end_attempt(&attempt, outcome);
    }

    /// Ends the oldest attempt of a step with a failure.
    pub(super) fn fail(&mut self, step: &str, failure: Failure) {
        let index = self.attempts.iter().position(|a| self.plan.step(a.step).id.as_str() == step);
        let attempt = self.attempts.remove(index.unwrap_or_else(|| panic!("no attempt of {step}")));
        let (task, call) = (attempt.task, attempt.call);
        self.apply(MachineEvent::AttemptEnded { task, call, outcome: Err(failure) });
    }

    pub(super) fn end_attempt(&mut self, attempt: &StartAttempt, outcome: Result<Value, FailureKind>) {
        let outcome = outcome.map(Json::from).map_err(|kind| Failure::new(kind, "as the test says"));
        self.apply(MachineEvent::AttemptEnded { task: attempt.task, call: attempt.call, outcome });
    }

    /// The oldest waiting call has its permit, or was refused it.
    pub(super) fn permit(&mut self, outcome: Result<(), FailureKind>) {
        let task = self.waiting_calls.remove(0);
        self.granted.insert(task);
        let outcome = outcome.map_err(|kind| Failure::new(kind, "as the test says"));
        self.apply(MachineEvent::Acquired { task, outcome });
    }

    /// Shuts down while this attempt is not sent yet.
    pub(super) fn withdraw(&mut self, task: TaskSeq) {
        self.machine.hold();
        let effects = self.machine.withdraw(task, self.now);
        self.attempts.retain(|attempt| attempt.task != task);
        self.absorb(effects);
    }

    /// Goes to the first timer and lets it fire.
    pub(super) fn fire(&mut self) {
        self.timers.sort();
        let (at, timer) = self.timers.remove(0);
        self.now = self.now.max(at);
        self.apply(MachineEvent::TimerDue(timer));
    }

    /// Takes the turns that the machine asks for; returns their number.
    pub(super) fn turns(&mut self) -> usize {
        let mut turns = 0;
        while self.timers.iter().any(|(_, timer)| *timer == Timer::Turn) {
            self.fire();
            turns += 1;
        }
        turns
    }

    /// Forgets everything but the store, and resumes.
    pub(super) fn crash(&mut self) {
        self.epoch += 1;
        self.attempts.clear();
        self.waiting_calls.clear();
        self.unlocked.clear();
        self.granted.clear();
        self.timers.clear();
        self.reports.clear();
        let files = self.files.clone().map(|files| -> Arc<dyn ItemFiles> { files });
        let guardrails = self.guardrails.clone();
        let terms = Terms { epoch: self.epoch, guardrails, files, ..Terms::default() };
        let document = self.execution().clone();
        let resumed = Machine::resume(self.plan.clone(), document, self.tasks(), terms, self.now);
        let (machine, effects) = resumed.expect("documents of a machine can be resumed");
        self.machine = machine;
        self.absorb(effects);
    }

    /// Asserts that the stored documents equal those of the machine. Of the tasks that have left its memory, all have
    /// ended.
    pub(super) fn assert_stored_is_current(&self) {
        assert_eq!(*self.execution(), self.machine.document());
        let held = self.machine.task_documents();
        let seqs: BTreeSet<u32> = held.iter().map(|task| task.head.task_seq).collect();
        let (stored, forgotten): (Vec<_>, Vec<_>) =
            self.tasks().into_iter().partition(|task| seqs.contains(&task.head.task_seq));
        assert_eq!(stored, held);
        for task in forgotten {
            assert!(task.state.status.ended(), "{} in {} is forgotten", task.head.step_id, task.head.scope);
        }
    }
}

/// A person who asks for a control.
pub(super) fn asked() -> Asked {
    Asked { uid: "ana".into(), reason: "the tool is replaced".into() }
}
