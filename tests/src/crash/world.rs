//! The lives of a process that is killed again and again, and all that was heard and read of it meanwhile. The
//! judge is in the file beside.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use futures_util::StreamExt;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use updraft::invariant::never_back;
use updraft::{
    Detail, ExecutionDocument, ExecutionId, ExecutionQuery, ExecutionStatus, ExecutionsOf, Revision,
    TaskDocument,
};

use super::{Said, TENANTS};
use crate::lab::tenant;
use crate::patience::{PATIENCE, soon};
use crate::server::Server;

/// Sets the seed, to try the moments of a failed run again.
const SEED: &str = "UPDRAFT_CRASH_SEED";
/// How long a life may do nothing of what its death waits for.
const IDLE: Duration = Duration::from_millis(60);

/// When a life ends.
#[derive(Debug, Clone, Copy)]
pub enum Death {
    /// While it recovers: so many microseconds after it began.
    Opening(u64),
    /// After so many acts of the tool.
    Acts(usize),
    /// So many microseconds after it was told to shut down, which is after so many acts.
    ShutDown(usize, u64),
}

/// All that a test knows of the lives.
pub struct World {
    data: TempDir,
    /// The process.
    program: PathBuf,
    /// The address of its store.
    store: String,
    /// How long a start takes at most, in microseconds, as deaths are drawn.
    opening_us: u64,
    /// The tool.
    pub(super) server: Server,
    random: StdRng,
    /// Executions that were accepted, by number.
    pub(super) accepted: BTreeMap<usize, ExecutionId>,
    /// Those of which a life said that they had ended.
    ended: HashMap<ExecutionId, ExecutionStatus>,
    /// What was read of each document between lives.
    seen: HashMap<String, Vec<Revision>>,
    pub(super) resumed: u64,
    pub(super) killed_opening: usize,
}

pub(super) struct Life {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl World {
    /// Before the first life of a program whose store has this address.
    pub async fn new(program: &str, store: &str, opening: Duration) -> Self {
        let seed = std::env::var_os(SEED).and_then(|seed| seed.to_str()?.parse().ok());
        let seed = seed.unwrap_or_else(rand::random::<u64>);
        println!("{SEED}={seed}");
        Self {
            data: tempfile::tempdir().unwrap(),
            program: program.into(),
            store: store.to_owned(),
            opening_us: u64::try_from(opening.as_micros()).unwrap(),
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

    /// A number below this one.
    pub fn random(&mut self, below: u64) -> u64 {
        self.random.random_range(0..below)
    }

    fn begin(&self, life: usize, numbers: &[usize], then: &str) -> Life {
        let numbers: Vec<String> = numbers.iter().map(usize::to_string).collect();
        let durability = if life.is_multiple_of(2) { "fsync" } else { "os" };
        let mut child = Command::new(&self.program)
            .args([self.data(), &self.server.address().to_string(), &self.store])
            .args([durability, &numbers.join(","), then])
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

    /// A life that submits these numbers and ends in this way.
    pub async fn live_and_die(&mut self, number: usize, submit: &[usize], death: Death) {
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
    pub async fn finish(&mut self, submit: &[usize]) {
        let mut life = self.begin(0, submit, "finish");
        self.hear_until(&mut life, |said| *said == Said::Down).await;
        drop(life.child.stdin.take());
        assert!(soon(life.child.wait()).await.unwrap().success());
    }

    /// All that is stored, read without running anything; it is never older than what was read before.
    pub async fn read(&mut self) -> Vec<(ExecutionDocument, Vec<TaskDocument>)> {
        let engine = super::builder(self.data(), self.server.address(), &self.store)
            .resume(false)
            .start()
            .await
            .unwrap();
        let mut stored = Vec::new();
        for code in TENANTS {
            let query = ExecutionQuery {
                tenant: tenant(code),
                of: ExecutionsOf::Any,
                after: None,
                limit: 1_000,
                detail: Detail::Whole,
            };
            let executions: Vec<_> = engine.executions_stream(query).map(Result::unwrap).collect().await;
            for execution in executions {
                let tasks = engine.tasks(&tenant(code), execution.peid, 0, 1_000).await.unwrap();
                stored.push((execution, tasks));
            }
        }
        let _ = engine.shutdown(PATIENCE).await;
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

    /// So many lives with so many executions in all, then the last one, and what is stored after it.
    pub async fn live(
        &mut self,
        lives: usize,
        executions: usize,
    ) -> Vec<(ExecutionDocument, Vec<TaskDocument>)> {
        for life in 0..lives {
            let submit = self.missing((life + 1) * executions / lives);
            let death = self.random_death();
            self.live_and_die(life, &submit, death).await;
            if life % 40 == 39 {
                self.read().await;
            }
        }
        let rest = self.missing(executions);
        self.finish(&rest).await;
        self.read().await
    }

    fn random_death(&mut self) -> Death {
        match self.random.random_range(0..10) {
            0..3 => Death::Opening(self.random.random_range(0..self.opening_us)),
            3..8 => Death::Acts(self.random.random_range(1..60)),
            _ => Death::ShutDown(self.random.random_range(1..20), self.random.random_range(0..8_000)),
        }
    }

    /// The numbers to be submitted in this life: what is not accepted of the first `upto`.
    pub fn missing(&self, upto: usize) -> Vec<usize> {
        (0..upto).filter(|number| !self.accepted.contains_key(number)).collect()
    }
}
