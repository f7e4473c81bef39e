//! Random playbooks, random outcomes, crashes and controls at any point: the invariants hold throughout.

mod controls;

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};
use updraft_protocol::ids::mix;
use updraft_protocol::{ExecutionStatus, FailureKind, TaskId, TaskStatus};

use self::controls::{answer, crash, extend, go_on, hold, signal, skip};
use super::world::{World, is_sound, playbook};
use crate::invariant;
use crate::machine::{Machine, MachineEvent};

mod children;
mod loops;
mod people;
mod reruns;

/// Makes playbooks from a seed.
struct Generator {
    seed: u64,
    steps: u64,
    /// Whether steps fail their paths. What follows on a path of which all ways fail cannot be reached.
    fails: bool,
    /// The variable that `set` counts in: each path has its own.
    counter: String,
}

impl Generator {
    fn draw(&mut self, below: u64) -> u64 {
        self.seed = mix(self.seed);
        self.seed % below
    }

    /// A body of up to `length` steps.
    fn body(&mut self, length: u64, depth: u64) -> Value {
        let count = self.draw(length + 1);
        let steps: Vec<Value> = (0..count).map_while(|_| self.step(length / 2, depth)).collect();
        if steps.is_empty() {
            return json!(steps);
        }
        match self.draw(if depth == 0 { 6 } else { 9 }) {
            0 => json!({ "do": steps, "catch": self.body(length / 2, depth) }),
            6 | 7 => match self.cleanup(depth) {
                Some(cleanup) => json!({ "do": steps, "finally": cleanup }),
                None => json!(steps),
            },
            _ => json!(steps),
        }
    }

    /// What runs in any case.
    fn cleanup(&mut self, depth: u64) -> Option<Value> {
        let first = self.step(2, depth.checked_sub(1)?)?;
        let steps: Vec<Value> = [Some(first), self.step(2, depth - 1)].into_iter().flatten().collect();
        let timeout = ["2s", "1m"][self.draw(2) as usize];
        Some(match self.draw(3) {
            0 => json!({ "do": steps, "timeout": timeout }),
            _ => json!(steps),
        })
    }

    fn on_cancel(&mut self, step: &mut Value, depth: u64) {
        if self.draw(5) != 0 {
            return;
        }
        let counter = format!("count_c{}", self.steps);
        let around = std::mem::replace(&mut self.counter, counter);
        if let Some(cleanup) = self.cleanup(depth) {
            step["on_cancel"] = cleanup;
        }
        self.counter = around;
    }

    /// A step, or none where there are enough.
    fn step(&mut self, length: u64, depth: u64) -> Option<Value> {
        if self.steps > 40 {
            return None;
        }
        let mut step = json!({ "id": format!("s{}", self.steps) });
        self.steps += 1;
        match self.draw(if depth == 0 { 12 } else { 18 }) {
            0..=3 => self.action(&mut step, length, depth),
            4 if self.draw(2) == 0 => {
                let instants =
                    ["{{ now|date_add('40s') }}", "{{ now|date_add('2h') }}", "2001-01-01T00:00:00Z"];
                step["wait_until"] = json!(if self.fails && self.draw(6) == 0 {
                    "{{ input.n }}"
                } else {
                    instants[self.draw(3) as usize]
                });
                self.handle(&mut step, "on_failure", length, depth);
            }
            4 => {
                step["delay"] = json!(["10ms", "40s", "2h"][self.draw(3) as usize]);
                self.on_cancel(&mut step, depth);
            }
            5 => {
                let condition = ["1 > 2", "input.n > 5", "input.missing == 1"][self.draw(3) as usize];
                step["if"] = json!(condition);
                step["then"] = self.body(length, depth);
                step["else"] = self.body(length, depth);
                self.lock(&mut step);
                self.handle(&mut step, "on_failure", length, depth);
            }
            6 => {
                step["switch"] = json!("input.n");
                let condition = ["input.n > 7", "input.missing == 1"][self.draw(2) as usize];
                let (few, more) = (self.body(length, depth), self.body(length, depth));
                step["cases"] = json!([{"is": [1, 2, 3], "do": few}, {"when": condition, "do": more}]);
                self.lock(&mut step);
            }
            7 if self.fails && self.draw(3) == 0 => step["fail"] = json!("{{ input.n }}"),
            7 => self.action(&mut step, length, depth),
            8 => {
                step["wait_for"] = json!(SIGNALS[self.draw(2) as usize]);
                step["timeout"] = json!(["20s", "3h"][self.draw(2) as usize]);
                if self.draw(3) == 0 {
                    step["key"] = json!("{{ input.n }}");
                }
                self.handle(&mut step, "on_timeout", length, depth);
                self.on_cancel(&mut step, depth);
            }
            9 => self.approval(&mut step, length, depth),
            10 => {
                let counter = self.counter.clone();
                step["set"] =
                    json!({ counter.clone(): format!("{{{{ variables.{counter}|default(0) + 1 }}}}") });
            }
            11 => self.child(&mut step, length, depth),
            12 | 13 => self.repeat(&mut step, length, depth)?,
            14 | 15 => self.for_each(&mut step, length, depth)?,
            _ => self.parallel(&mut step, length, depth)?,
        }
        Some(step)
    }

    fn parallel(&mut self, step: &mut Value, length: u64, depth: u64) -> Option<()> {
        let id = step["id"].as_str().expect("an id").to_owned();
        let branch = |generator: &mut Self, n: u64| {
            let outer = std::mem::replace(&mut generator.counter, format!("count_{id}_{n}"));
            let steps: Vec<Value> = (0..2).map_while(|_| generator.step(length, depth - 1)).collect();
            generator.counter = outer;
            (!steps.is_empty()).then(|| json!(steps))
        };
        let width = 1 + self.draw(4);
        let branches: BTreeMap<String, Value> =
            (0..width).filter_map(|n| Some((format!("b{n}"), branch(self, n)?))).collect();
        if branches.is_empty() {
            return None;
        }
        let joins = [json!("all"), json!("any"), json!({"at_least": 1 + branches.len() as u64 / 2})];
        step["parallel"] = joins[self.draw(3) as usize].clone();
        step["branches"] = json!(branches);
        self.lock(step);
        self.handle(step, "on_failure", length, depth);
        self.on_cancel(step, depth);
        Some(())
    }

    fn action(&mut self, step: &mut Value, length: u64, depth: u64) {
        step["integration"] = json!("tool");
        step["action"] = json!(["act", "queue"][self.draw(2) as usize]);
        step["arguments"] = json!({"at": "{{ now }}"});
        step["retry"] = json!({ "attempts": 1 + self.draw(3) });
        if self.draw(4) == 0 {
            step["on_last_failure"] = json!("pause");
        }
        if self.draw(3) == 0 {
            step["at_most_once"] = json!(true);
            self.handle(step, "on_unknown", length, depth);
        }
        super::undo::written(self.steps, step);
        if self.draw(4) == 0 {
            step["verify"] = super::verify::written(self.draw(4));
        }
        self.handle(step, "on_failure", length, depth);
        self.handle(step, "on_timeout", length, depth);
        self.on_cancel(step, depth);
    }

    fn handle(&mut self, step: &mut Value, field: &str, length: u64, depth: u64) {
        match self.draw(4) {
            0 => step[field] = self.body(length, depth),
            1 => step[field] = json!("continue"),
            _ => {}
        }
    }
}

/// The names of signals; a playbook may wait for none of them.
const SIGNALS: [&str; 2] = ["opened", "closed"];

/// When the stored task began.
fn began(world: &World, id: TaskId) -> String {
    let tasks = world.tasks();
    let task = tasks.iter().find(|task| task.task_request_id == id);
    task.and_then(|task| task.state.started_date).map(|began| began.to_string()).unwrap_or_default()
}

/// The output of an execution that completed is that of its playbook, if it has one.
fn has_its_outputs(world: &World, seed: u64) -> bool {
    let state = &world.execution().state;
    if !seed.is_multiple_of(2) || state.execution_status != ExecutionStatus::Completed {
        return true;
    }
    let tasks = world.tasks();
    let status = |step: &str| {
        let task = tasks.iter().find(|task| task.head.step_id.as_str() == step);
        task.map(|task| task.state.status)
    };
    // What its `verify` did not show has failed.
    let unverified = status("verify.s0").filter(|verify| *verify != TaskStatus::Completed);
    let first = unverified.or(status("s0")).map_or("none", |status| status.as_str());
    state.output == Some(json!({"n": seed % 10, "first": first}).into())
}

const KINDS: [FailureKind; 4] =
    [FailureKind::Timeout, FailureKind::Unreachable, FailureKind::Status, FailureKind::Panic];

/// Runs a random playbook to its end; `choices` decide on crashes, cancels and late reports.
fn run(seed: u64, choices: &[u8]) -> World {
    let written = |fails| {
        let mut generator = Generator { seed, steps: 0, fails, counter: "count".to_owned() };
        let steps: Vec<Value> = (0..4).map_while(|_| generator.step(4, 2)).collect();
        let mut playbook =
            playbook(json!(if steps.is_empty() { vec![json!({"id": "s0", "end": null})] } else { steps }));
        if generator.draw(3) == 0
            && let Some(cleanup) = generator.cleanup(1)
        {
            playbook["finally"] = cleanup;
        }
        if seed.is_multiple_of(2) {
            playbook["outputs"] =
                json!({"n": "{{ input.n }}", "first": "{{ steps.s0.status|default('none') }}"});
        }
        playbook
    };
    let playbook = Some(written(true)).filter(is_sound).unwrap_or_else(|| written(false));
    let input = json!({ "n": seed % 10, "list": [1, "a", null, {}], "map": {"a": 1, "b": 2} });
    let mut world = World::begin(&playbook, input);
    play(&mut world, choices);
    world
}

/// Lets an execution go on until it has ended.
fn play(world: &mut World, choices: &[u8]) {
    let mut choices = choices.iter().copied().chain(std::iter::repeat(0));
    let (mut turns, mut signals) = (0, Vec::new());
    while !world.machine.ended() {
        turns += 1;
        assert!(turns < 5_000, "the execution does not end");
        let choice = choices.next().unwrap_or(0);
        if go_on(world, choice) {
            continue;
        }
        match choice % 16 {
            15 => crash(world),
            14 if choice > 200 => world.apply(MachineEvent::Cancel(None)),
            14 if choice > 120 => hold(world),
            14 if choice > 60 => extend(world, choice / 16 - 3),
            14 => skip(world, choice / 16),
            10 | 11 => signal(world, choice, &mut signals),
            8 | 9 if answer(world, choice / 16) => {}
            6 | 7 if children::end_one(world, choice / 16) => {}
            // A child that is to stop is asked again and again, so there is always a timer.
            n if !world.reports.is_empty() && (n % 2 == 1 || turns % 4 == 0) => world.report(),
            n if !world.waiting_calls.is_empty() && (n % 2 == 0 || world.attempts.is_empty()) => {
                let task = world.waiting_calls[0];
                world.permit(if n == 12 { Err(FailureKind::Unreachable) } else { Ok(()) });
                // A repeated event changes nothing.
                let before = world.machine.task_documents();
                if !world.waiting_calls.contains(&task) {
                    world.apply(MachineEvent::Acquired { task, outcome: Ok(()) });
                }
                assert_eq!(world.machine.task_documents(), before);
            }
            _ if world.attempts.is_empty() => world.fire(),
            13 if !world.timers.is_empty() => world.fire(),
            n => {
                let index = usize::from(choice / 16) % world.attempts.len();
                let attempt = world.attempts.swap_remove(index);
                // An undo is called with what was registered.
                if attempt.arguments.get("n").is_none() {
                    assert_eq!(attempt.arguments, json!({"at": began(world, attempt.task_id)}));
                }
                let outcome = if n < 8 { Ok(json!({ "n": n })) } else { Err(KINDS[usize::from(n) % 4]) };
                world.end_attempt(&attempt, outcome.clone());
                // A repeated report changes nothing.
                let before = world.machine.document();
                world.end_attempt(&attempt, outcome);
                assert_eq!(world.machine.document(), before);
            }
        }
        world.assert_stored_is_current();
        assert_eq!(invariant::machine(&world.machine), Ok(()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn every_execution_ends_once_in_order_and_acts_as_its_steps_say(
        seed: u64,
        choices in proptest::collection::vec(any::<u8>(), 0..120),
    ) {
        let world = run(seed, &choices);
        prop_assert_eq!(world.ends.len(), 1);
        prop_assert_eq!(invariant::one_end(&world.ends), Ok(()));
        prop_assert!(has_its_outputs(&world, seed), "{:?}", world.execution().state);
        let tasks = world.tasks();
        prop_assert_eq!(invariant::ended_whole(world.execution(), &tasks), Ok(()));
        prop_assert_eq!(invariant::steps_in_order(world.machine.plan(), &tasks), Ok(()));
        prop_assert_eq!(invariant::undo_is_registered(world.machine.plan(), &tasks), Ok(()));
        prop_assert_eq!(invariant::undone_before_the_end(world.machine.plan(), world.execution(), &tasks), Ok(()));
        prop_assert_eq!(invariant::items_are_counted(world.machine.plan(), &tasks), Ok(()));
        prop_assert_eq!(invariant::counters_count_on(world.machine.plan(), &tasks), Ok(()));
        prop_assert_eq!(invariant::cleaned_up(world.machine.plan(), &tasks), Ok(()));
        prop_assert_eq!(invariant::paused_before_it_failed(world.machine.plan(), world.execution(), &tasks), Ok(()));
        let steps: BTreeMap<TaskId, &str> =
            tasks.iter().map(|task| (task.task_request_id, task.head.step_id.as_str())).collect();
        prop_assert_eq!(children::are_heard(&world, &tasks), Ok(()));
        reruns::run_what_is_left(&world, &choices)?;
        for (step, key) in &world.called {
            prop_assert_eq!(steps.get(key), Some(&step.as_str()), "a tool is called under the key of its task");
        }
    }

    #[test]
    fn a_crash_between_any_two_events_leaves_documents_that_resume(
        seed: u64,
        choices in proptest::collection::vec(0u8..240, 0..60),
    ) {
        let crashing: Vec<u8> = choices.iter().flat_map(|choice| [*choice, 15]).collect();
        let world = run(seed, &crashing);
        prop_assert!(world.machine.ended() && has_its_outputs(&world, seed));
        prop_assert_eq!(invariant::counters_count_on(world.machine.plan(), &world.tasks()), Ok(()));
        let undone = invariant::undone_before_the_end(world.machine.plan(), world.execution(), &world.tasks());
        prop_assert_eq!(undone, Ok(()));
        let plan = world.machine.plan().clone();
        let again = Machine::resume(
            plan,
            world.execution().clone(),
            world.tasks(),
            crate::machine::Terms { epoch: 99, ..crate::machine::Terms::default() },
            world.now,
        );
        prop_assert_eq!(again.err(), Some(crate::machine::Unfit::Ended));
    }
}
