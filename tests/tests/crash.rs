//! The crash test: a process that runs a thousand executions is killed without warning two hundred times, while it
//! works, recovers, submits and shuts down. In the end every execution that was accepted has ended once, in
//! order, and every tool has acted as often as its step allows.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "these are tests"
)]

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::process::Stdio;
use std::time::Duration;

use futures_util::StreamExt;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use updraft::invariant::{acted_as_asked, ended_whole, never_back, steps_in_order};
use updraft::playbook::StepKind;
use updraft::{
    Engine, ExecutionDocument, ExecutionId, ExecutionQuery, ExecutionStatus, ExecutionsOf, Plan, Revision,
    TaskDocument, TaskId, TaskStatus,
};
use updraft_tests::crash::{self, ORDER, Said, TENANTS};
use updraft_tests::{Act, Server, soon, tenant};

/// Sets the seed, to try the moments of a failed run again.
const SEED: &str = "UPDRAFT_CRASH_SEED";
/// How long a life may do nothing of what its death waits for.
const IDLE: Duration = Duration::from_millis(60);

/// When a life ends.
#[derive(Debug, Clone, Copy)]
enum Death {
    /// While it recovers: so many microseconds after it began.
    Opening(u64),
    /// After so many acts of the tool.
    Acts(usize),
    /// So many microseconds after it was told to shut down, which is after so many acts.
    ShutDown(usize, u64),
}

/// All that a test knows of the lives.
struct World {
    data: TempDir,
    server: Server,
    random: StdRng,
    /// Executions that were accepted, by number.
    accepted: BTreeMap<usize, ExecutionId>,
    /// Those of which a life said that they had ended.
    ended: HashMap<ExecutionId, ExecutionStatus>,
    /// What was read of each document between lives.
    seen: HashMap<String, Vec<Revision>>,
    resumed: u64,
    killed_opening: usize,
}

struct Life {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl World {
    async fn new() -> Self {
        let seed = std::env::var_os(SEED).and_then(|seed| seed.to_str()?.parse().ok());
        let seed = seed.unwrap_or_else(rand::random::<u64>);
        println!("{SEED}={seed}");
        Self {
            data: tempfile::tempdir().unwrap(),
            server: Server::start().await,
            random: StdRng::seed_from_u64(seed),
            accepted: BTreeMap::new(),
            ended: HashMap::new(),
            seen: HashMap::new(),
            resumed: 0,
            killed_opening: 0,
        }
    }

    fn data(&self) -> &str {
        self.data.path().to_str().unwrap()
    }

    fn begin(&self, life: usize, numbers: &[usize], then: &str) -> Life {
        let numbers: Vec<String> = numbers.iter().map(usize::to_string).collect();
        let durability = if life.is_multiple_of(2) { "fsync" } else { "os" };
        let mut child = Command::new(env!("CARGO_BIN_EXE_crash-child"))
            .args([self.data(), &self.server.address().to_string(), durability, &numbers.join(","), then])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Life { child, lines }
    }

    fn hear(&mut self, said: &Said) {
        match said {
            Said::Accepted(number, peid) => {
                let first = self.accepted.entry(*number).or_insert(*peid);
                assert_eq!(first, peid, "one key gives one execution, whatever died in between");
            }
            Said::Ended(peid, status) => {
                let first = self.ended.entry(*peid).or_insert(*status);
                assert_eq!(first, status, "{peid} ended a second time");
            }
            Said::Started(resumed) => self.resumed += resumed,
            Said::Opening | Said::Submitted | Said::Down => {}
        }
    }

    /// Hears lines until one is as wanted.
    async fn hear_until(&mut self, life: &mut Life, wanted: impl Fn(&Said) -> bool) {
        loop {
            let line = soon(life.lines.next_line()).await.unwrap().expect("the process ended by itself");
            let said = Said::parse(&line).unwrap_or_else(|| panic!("{line}"));
            self.hear(&said);
            if wanted(&said) {
                return;
            }
        }
    }

    /// Hears lines while the tool comes to so many acts, or nothing happens any more.
    async fn hear_while_acting(&mut self, life: &mut Life, acts: usize) {
        let target = self.server.count() + acts;
        loop {
            let line = tokio::select! {
                () = self.server.reached(target) => return,
                line = tokio::time::timeout(IDLE, life.lines.next_line()) => line,
            };
            match line {
                Ok(line) => {
                    let line = line.unwrap().expect("the process ended by itself");
                    self.hear(&Said::parse(&line).unwrap_or_else(|| panic!("{line}")));
                }
                Err(_) => return,
            }
        }
    }

    /// Kills a life and hears what it had said before.
    async fn kill(&mut self, mut life: Life) {
        life.child.start_kill().unwrap();
        while let Some(line) = soon(life.lines.next_line()).await.unwrap() {
            // The last line may be cut.
            if let Some(said) = Said::parse(&line) {
                self.hear(&said);
            }
        }
        assert!(!soon(life.child.wait()).await.unwrap().success(), "it was killed");
    }

    async fn live_and_die(&mut self, number: usize, submit: &[usize], death: Death) {
        let mut life = self.begin(number, submit, "stay");
        self.hear_until(&mut life, |said| *said == Said::Opening).await;
        match death {
            Death::Opening(micros) => {
                tokio::time::sleep(Duration::from_micros(micros)).await;
                self.killed_opening += 1;
            }
            Death::Acts(acts) => self.hear_while_acting(&mut life, acts).await,
            Death::ShutDown(acts, micros) => {
                self.hear_until(&mut life, |said| *said == Said::Submitted).await;
                self.hear_while_acting(&mut life, acts).await;
                life.child.stdin.as_mut().unwrap().write_all(b"shut down\n").await.unwrap();
                tokio::time::sleep(Duration::from_micros(micros)).await;
            }
        }
        self.kill(life).await;
    }

    /// The last life: submits what is left and runs to the end of everything.
    async fn finish(&mut self, submit: &[usize]) {
        let mut life = self.begin(0, submit, "finish");
        self.hear_until(&mut life, |said| *said == Said::Down).await;
        drop(life.child.stdin.take());
        assert!(soon(life.child.wait()).await.unwrap().success());
    }

    /// All that is stored, read without running anything; it is never older than what was read before.
    async fn read(&mut self) -> Vec<(ExecutionDocument, Vec<TaskDocument>)> {
        let engine = crash::builder(self.data(), self.server.address()).resume(false).start().await.unwrap();
        let mut stored = Vec::new();
        for code in TENANTS {
            let query =
                ExecutionQuery { tenant: tenant(code), of: ExecutionsOf::Any, after: None, limit: 1_000 };
            let executions: Vec<_> = engine.executions_stream(query).map(Result::unwrap).collect().await;
            for execution in executions {
                let tasks = engine.tasks(&tenant(code), execution.peid, 0, 1_000).await.unwrap();
                stored.push((execution, tasks));
            }
        }
        let _ = engine.shutdown(updraft_tests::patience::PATIENCE).await;
        for (execution, tasks) in &stored {
            let revision = Revision { epoch: execution.epoch, seq: execution.seq };
            self.seen.entry(execution.peid.to_string()).or_default().push(revision);
            for task in tasks {
                let revision = Revision { epoch: task.epoch, seq: task.seq };
                self.seen.entry(task.task_request_id.to_string()).or_default().push(revision);
            }
            let told = self.ended.get(&execution.peid).copied();
            assert!(told.is_none_or(|told| told == execution.state.execution_status), "an end is for ever");
        }
        self.seen.values().try_for_each(|seen| never_back(seen)).unwrap();
        stored
    }

    fn random_death(&mut self) -> Death {
        match self.random.random_range(0..10) {
            0..3 => Death::Opening(self.random.random_range(0..12_000)),
            3..8 => Death::Acts(self.random.random_range(1..60)),
            _ => Death::ShutDown(self.random.random_range(1..20), self.random.random_range(0..8_000)),
        }
    }

    /// The numbers to be submitted in this life: what is not accepted of the first `upto`.
    fn missing(&self, upto: usize) -> Vec<usize> {
        (0..upto).filter(|number| !self.accepted.contains_key(number)).collect()
    }
}

/// Judges what is left in the end.
fn judge(world: &World, executions: usize, stored: &[(ExecutionDocument, Vec<TaskDocument>)]) {
    let playbook = crash::playbook(world.server.address());
    let catalogue = Engine::builder().integration("http", crash::http(world.server.address())).catalogue();
    let plan = Plan::check(&playbook, &catalogue.unwrap()).unwrap();
    let once: BTreeSet<&str> = playbook
        .steps
        .iter()
        .filter(|step| matches!(&step.kind, StepKind::Action(action) if action.at_most_once))
        .map(|step| step.id.as_str())
        .collect();
    let acts = world.server.acts();
    let mut by_key: HashMap<TaskId, Vec<(usize, &Act)>> = HashMap::new();
    for (at, act) in acts.iter().enumerate() {
        by_key.entry(act.key).or_default().push((at, act));
    }

    assert_eq!(world.accepted.len(), executions);
    let peids: BTreeSet<_> = stored.iter().map(|(execution, _)| execution.peid).collect();
    assert_eq!((peids.len(), stored.len()), (executions, executions), "one execution for one submission");
    assert!(world.accepted.values().all(|peid| peids.contains(peid)), "what was accepted is there");
    let mut unknown = 0;
    for (execution, tasks) in stored {
        assert_eq!(execution.state.execution_status, ExecutionStatus::Completed, "{execution:?}");
        ended_whole(execution, tasks).unwrap();
        steps_in_order(&plan, tasks).unwrap();
        let mut first_act: HashMap<&str, usize> = HashMap::new();
        for task in tasks.iter().filter(|task| task.head.integration.as_str() == "http") {
            let step = task.head.step_id.as_str();
            let of_task = by_key.remove(&task.task_request_id).unwrap_or_default();
            let keys: Vec<TaskId> = of_task.iter().map(|(_, act)| act.key).collect();
            acted_as_asked(once.contains(step), task.task_request_id, &keys).unwrap();
            for (_, act) in &of_task {
                assert_eq!(
                    (act.step.as_str(), act.tenant.as_str()),
                    (step, execution.head.tenant_code.as_str())
                );
            }
            match task.state.status {
                TaskStatus::Completed => assert!(!keys.is_empty(), "{step} completed and never acted"),
                TaskStatus::Unknown => unknown += 1,
                status => panic!("{step} of {} is {status}", execution.peid),
            }
            first_act.extend(of_task.first().map(|(at, _)| (step, *at)));
        }
        for (before, after) in ORDER {
            if let (Some(before_at), Some(after_at)) = (first_act.get(before), first_act.get(after)) {
                assert!(before_at < after_at, "{after} acted before {before}");
            }
        }
    }
    assert!(by_key.is_empty(), "every act belongs to a task that is stored: {by_key:?}");
    println!(
        "{} acts, {} executions resumed, {unknown} steps of unknown outcome, {} lives killed while they recovered",
        acts.len(),
        world.resumed,
        world.killed_opening
    );
    assert!(world.resumed > 0 && unknown > 0, "the lives ended in the middle of work");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_is_killed_two_hundred_times_loses_nothing_and_acts_as_its_steps_say() {
    const LIVES: usize = 200;
    const EXECUTIONS: usize = 1_000;
    let mut world = World::new().await;
    for life in 0..LIVES {
        let submit = world.missing((life + 1) * EXECUTIONS / LIVES);
        let death = world.random_death();
        world.live_and_die(life, &submit, death).await;
        if life % 40 == 39 {
            world.read().await;
        }
    }
    let rest = world.missing(EXECUTIONS);
    world.finish(&rest).await;
    let stored = world.read().await;
    judge(&world, EXECUTIONS, &stored);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_is_killed_while_it_shuts_down_loses_nothing() {
    const LIVES: usize = 20;
    const EXECUTIONS: usize = 200;
    let mut world = World::new().await;
    for life in 0..LIVES {
        let submit = world.missing((life + 1) * EXECUTIONS / LIVES);
        let death = Death::ShutDown(world.random.random_range(1..30), world.random.random_range(0..15_000));
        world.live_and_die(life, &submit, death).await;
    }
    let rest = world.missing(EXECUTIONS);
    world.finish(&rest).await;
    let stored = world.read().await;
    judge(&world, EXECUTIONS, &stored);
}
