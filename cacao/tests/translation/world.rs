//! A world for the machine of the engine: calls end in an order of the seed, as it says, and timers fire when nothing else is to be
//! done.

use std::collections::BTreeMap;
use std::sync::Arc;

use updraft_cacao::model::*;
use updraft_kernel::machine::{Act, Effects, Machine, MachineEvent, StartAttempt, Terms, Timer};
use updraft_kernel::plan::{Mistake, Plan};
use updraft_protocol::ids::mix;
use updraft_protocol::{
    ActionSpec, Answer, Call, Catalogue, Effect, ExecutionHead, ExecutionId, ExecutionStatus, Failure,
    FailureKind, Integration, Json, Name, Playbook, PlaybookId, Priority, TenantCode, Timestamp, Update,
    Value,
};

use super::Outcome;
use super::generated::{Generated, given};

/// The integration that the commands are for.
struct Tool;

impl Integration for Tool {
    fn actions(&self) -> &[&str] {
        &["run"]
    }

    fn spec(&self, _: &str) -> ActionSpec {
        ActionSpec::default()
    }

    fn effect(&self, _: &str, _: &Value) -> Effect {
        Effect::Write
    }

    fn call(&self, _: Call) -> Answer<'_> {
        Box::pin(std::future::ready(Ok(Json::null())))
    }
}

pub(crate) fn plan(playbook: &Playbook) -> Result<Plan, Vec<Mistake>> {
    let mut catalogue = Catalogue::default();
    catalogue.add_integration(Name::new("tool").expect("a name"), Arc::new(Tool));
    Plan::check(playbook, &catalogue)
}

/// A playbook for people.
pub(crate) fn printed(playbook: &Playbook) -> String {
    serde_json::to_string_pretty(playbook).expect("a playbook is JSON")
}

pub(crate) struct World<'g> {
    machine: Machine,
    generated: &'g Generated,
    seed: u64,
    now: Timestamp,
    attempts: Vec<StartAttempt>,
    timers: Vec<(Timestamp, Timer)>,
    ended: Option<ExecutionStatus>,
    output: Option<Value>,
    /// Why it failed.
    message: String,
    calls: BTreeMap<usize, Vec<super::Called>>,
    visits: BTreeMap<String, usize>,
}

impl<'g> World<'g> {
    /// Runs a playbook to its end.
    pub(crate) fn run(playbook: &Playbook, generated: &'g Generated, seed: u64) -> Outcome {
        let plan = Arc::new(plan(playbook).expect("a plan"));
        let now = Timestamp(1_000_000);
        let variables = Value::Object(playbook.variables.clone());
        let head = Arc::new(ExecutionHead {
            tenant_code: TenantCode::new("acme").expect("a tenant"),
            pid: PlaybookId::from_bytes([9; 16]),
            playbook_name: plan.name.clone(),
            playbook_version: plan.version,
            uid: None,
            alert_id: None,
            priority: Priority::Normal,
            createddate: now,
            input: Json::from(serde_json::json!({})),
            variables: Json::from(&variables),
            idempotency_key: None,
            input_hash: None,
            parent: None,
            rerun_of: None,
            cache: updraft_protocol::CacheMode::Use,
        });
        let peid = ExecutionId::from_bytes([1, 2, 3, 4, 5, 6, 0x70, 8, 0x89, 10, 11, 12, 13, 14, 15, 16]);
        let (machine, effects) = Machine::start(plan, peid, head, Terms::default(), now);
        let mut world = Self {
            machine,
            generated,
            seed,
            now,
            attempts: Vec::new(),
            timers: Vec::new(),
            ended: None,
            output: None,
            message: String::new(),
            calls: BTreeMap::new(),
            visits: BTreeMap::new(),
        };
        world.absorb(effects);
        world.go_on();
        if playbook.catch.is_some() && world.ended == Some(ExecutionStatus::Failed) {
            // By an end after the failure with its message, or since what follows the failure failed itself.
            let told = world.message.split_once(": a step failed: ").map(|(_, message)| message);
            let ends = world.message.starts_with("step \"end--");
            assert!(!ends || told.is_some_and(|message| !message.is_empty()), "{}", world.message);
        }
        let completed = world.ended == Some(ExecutionStatus::Completed);
        Outcome { calls: world.calls, completed, variables: world.output.filter(|_| completed) }
    }

    fn absorb(&mut self, effects: Effects) {
        for write in effects.writes {
            let Update::Execution(update) = write else { continue };
            if let Some(output) = &update.state.output {
                self.output = Value::parse(output.as_str()).ok();
            }
            if let Some(error) = &update.state.error {
                self.message = error.message.to_string();
            }
        }
        for act in effects.acts {
            match act {
                Act::Start(start) => {
                    self.told(&start);
                    self.attempts.push(*start);
                }
                Act::Stop(task) => self.attempts.retain(|attempt| attempt.task != task),
                Act::Arm(timer, at) => self.timers.push((at, timer)),
                Act::End(status) => self.ended = Some(status),
                other => unreachable!("{other:?}"),
            }
        }
        self.machine.forget(self.machine.leaving());
    }

    /// Remembers a call.
    fn told(&mut self, start: &StartAttempt) {
        let command = start.arguments["command"].as_str().expect("a command").to_owned();
        let id = CacaoId::new(command.split('#').next().expect("an id")).expect("an id");
        let values = match &start.arguments["variables"] {
            Value::Null => Value::Object(BTreeMap::new()),
            values => values.clone(),
        };
        self.calls.entry(self.generated.paths[&id]).or_default().push((command, values.to_string()));
    }

    fn go_on(&mut self) {
        for round in 0..10_000_u64 {
            if self.ended.is_some() {
                return;
            }
            if let Some(at) = self.timers.iter().position(|(_, timer)| *timer == Timer::Turn) {
                self.fire(at);
            } else if !self.attempts.is_empty() {
                let at = (mix(self.seed ^ round) >> 33) as usize % self.attempts.len();
                let attempt = self.attempts.remove(at);
                self.end(&attempt);
            } else {
                let first = self.timers.iter().enumerate().min_by_key(|(_, (at, _))| *at).map(|(at, _)| at);
                self.fire(first.expect("something goes on"));
            }
        }
        panic!("it does not end");
    }

    fn fire(&mut self, at: usize) {
        let (due, timer) = self.timers.remove(at);
        self.now = self.now.max(due);
        let effects = self.machine.apply(MachineEvent::TimerDue(timer), self.now);
        self.absorb(effects);
    }

    fn end(&mut self, attempt: &StartAttempt) {
        let command = attempt.arguments["command"].as_str().expect("a command").to_owned();
        let id = CacaoId::new(command.split('#').next().expect("an id")).expect("an id");
        let WorkflowStepKind::Action(action) = &self.generated.playbook.steps[&id].kind else {
            unreachable!()
        };
        let visit = self.visits.entry(command.clone()).or_default();
        let given = given(self.seed, &command, *visit, &action.out_args);
        *visit += 1;
        let outcome = match given {
            Some(fields) => Ok(Json::from(&Value::Object(fields))),
            None => Err(Failure::new(FailureKind::Forbidden, "as the seed says")),
        };
        let event = MachineEvent::AttemptEnded { task: attempt.task, call: attempt.call, outcome };
        let effects = self.machine.apply(event, self.now);
        self.absorb(effects);
    }
}
