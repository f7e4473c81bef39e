//! The runs of a process that is killed again and again, and all that was heard and read of it meanwhile. The
//! judge is in the file beside.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::time::Duration;

use futures_util::StreamExt;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use updraft::invariant::never_back;
use updraft::{
    Detail, ExecutionDocument, ExecutionId, ExecutionQuery, ExecutionStatus, ExecutionsOf, Revision,
    TaskDocument,
};

use super::environment::Disk;
use super::process_run::{ProcessRun, ProcessStart};
use super::trouble::Trouble;
use super::{ChildMessage, Count, Environment, TENANTS};
use crate::harness::tenant;
use crate::timeouts::{TEST_TIMEOUT, soon};
use crate::tool_server::ToolServer;

/// Sets the seed, to try the moments of a failed run again.
const SEED: &str = "UPDRAFT_CRASH_SEED";
/// How long a run may do nothing of what its death waits for.
pub(super) const IDLE: Duration = Duration::from_millis(60);
/// Lives between two looks at all that is stored.
const LOOK: usize = 40;

/// When a run ends.
#[derive(Debug, Clone, Copy)]
pub enum Death {
    /// While it recovers: so many microseconds after it began.
    Opening(u64),
    /// After so many acts of the tool.
    Acts(usize),
    /// So many microseconds after it was told to shut down, which is after so many acts.
    ShutDown(usize, u64),
}

/// All that a test knows of the runs.
pub struct CrashTest {
    pub(super) environment: Environment,
    /// The process.
    program: PathBuf,
    /// How long a start takes at most, in microseconds, as deaths are drawn.
    opening_us: u64,
    /// The tool.
    pub(super) server: ToolServer,
    pub(super) random: StdRng,
    /// Executions that were accepted, by number.
    pub(super) accepted: BTreeMap<usize, ExecutionId>,
    /// The statuses of each execution as they were told and read, without those that say the same again.
    pub(super) told: HashMap<ExecutionId, Vec<ExecutionStatus>>,
    /// What was read of each document between runs.
    pub(super) seen: HashMap<String, Vec<Revision>>,
    /// Whether a disk or a store fails in this run: then it may refuse.
    pub(super) in_trouble: bool,
    /// Whether all that was accepted is on the disk: power may fail.
    synced: bool,
    /// What happened.
    pub count: Count,
}

/// The seed that the environment names, or a new one.
pub fn seed() -> u64 {
    let seed = std::env::var_os(SEED).and_then(|seed| seed.to_str()?.parse().ok());
    seed.unwrap_or_else(rand::random::<u64>)
}

impl CrashTest {
    /// Before the first run of a program on this environment, whose starts take so long.
    pub async fn new(
        program: impl Into<PathBuf>,
        environment: Environment,
        opening: Duration,
        seed: u64,
    ) -> Self {
        println!("{SEED}={seed}");
        Self {
            environment,
            program: program.into(),
            opening_us: u64::try_from(opening.as_micros()).unwrap(),
            server: ToolServer::start().await,
            random: StdRng::seed_from_u64(seed),
            accepted: BTreeMap::new(),
            told: HashMap::new(),
            seen: HashMap::new(),
            in_trouble: false,
            synced: true,
            count: Count::default(),
        }
    }

    /// A number below this one.
    pub fn random(&mut self, below: u64) -> u64 {
        self.random.random_range(0..below)
    }

    pub(super) fn begin(&mut self, durability: &str, submit: &[usize], then: &str) -> ProcessRun {
        self.synced &= durability == "fsync";
        ProcessRun::begin(&ProcessStart {
            program: &self.program,
            data: self.environment.data().to_str().unwrap(),
            tools: self.server.address().to_string(),
            store: &self.environment.store,
            durability,
            submit,
            then,
        })
    }

    fn hear(&mut self, said: &ChildMessage) {
        match said {
            ChildMessage::Accepted(number, peid) => {
                let first = self.accepted.entry(*number).or_insert(*peid);
                assert_eq!(first, peid, "one key gives one execution, whatever died in between");
            }
            ChildMessage::Ended(peid, status) => self.tell(*peid, *status),
            ChildMessage::Started(resumed) => self.count.resumed += resumed,
            ChildMessage::Refused(reason) => {
                assert!(self.in_trouble, "nothing was wrong: {reason}");
                self.count.refused += 1;
            }
            ChildMessage::Opening | ChildMessage::Submitted | ChildMessage::Down(_) => {}
        }
    }

    fn tell(&mut self, peid: ExecutionId, status: ExecutionStatus) {
        let told = self.told.entry(peid).or_default();
        if told.last() != Some(&status) {
            assert!(!told.last().is_some_and(|last| last.ended()), "{peid} was {told:?} and is {status}");
            told.push(status);
        }
    }

    /// Hears what is said until something is as wanted.
    pub(super) async fn hear_until(
        &mut self,
        run: &mut ProcessRun,
        wanted: impl Fn(&ChildMessage) -> bool,
    ) -> ChildMessage {
        loop {
            let said = soon(run.says()).await.expect("the process ended by itself");
            self.hear(&said);
            if wanted(&said) {
                return said;
            }
        }
    }

    /// Hears what is said while the tool comes to so many acts, or nothing happens any more.
    pub(super) async fn hear_while_acting(&mut self, run: &mut ProcessRun, acts: usize, idle: Duration) {
        let target = self.server.count() + acts;
        loop {
            let said = tokio::select! {
                () = self.server.reached(target) => return,
                said = tokio::time::timeout(idle, run.says()) => said,
            };
            match said {
                Ok(said) => self.hear(&said.expect("the process ended by itself")),
                Err(_) => return,
            }
        }
    }

    /// Kills a run, hears what it had said before, and has power fail or not.
    async fn kill(&mut self, run: ProcessRun) {
        self.end_life(run).await;
        let fails = self.environment.can_lose_power() && self.synced && self.random.random();
        if fails { self.lose_power() } else { self.environment.sweep() }
    }

    /// Kills a run, and hears what it had said before.
    pub(super) async fn end_life(&mut self, mut run: ProcessRun) {
        run.kill();
        while !run.silent {
            if let Some(said) = soon(run.says()).await {
                self.hear(&said);
            }
        }
        self.count.kills += 1;
        self.count.gave_up += usize::from(!run.started && run.refused);
        self.count.opening += usize::from(!run.started && !run.refused);
        self.count.closing += usize::from(run.told && !run.down);
        self.synced |= run.started && run.synced;
        assert!(!run.gone().await, "it was killed");
    }

    /// Power fails, where there is a disk that knows it.
    pub(super) fn lose_power(&mut self) {
        if let Disk::PowerLossDisk(power_loss_disk) = &mut self.environment.disk {
            power_loss_disk.lose_power();
            self.count.power += 1;
        }
    }

    /// A run that submits these numbers and ends in this way.
    pub async fn live_and_die(&mut self, submit: &[usize], death: Death) {
        let durability = if self.random.random() { "fsync" } else { "os" };
        let mut run = self.begin(durability, submit, "stay");
        self.hear_until(&mut run, |said| *said == ChildMessage::Opening).await;
        match death {
            Death::Opening(micros) => tokio::time::sleep(Duration::from_micros(micros)).await,
            Death::Acts(acts) => {
                self.hear_until(&mut run, |said| matches!(said, ChildMessage::Started(_))).await;
                self.hear_while_acting(&mut run, acts, IDLE).await;
            }
            Death::ShutDown(acts, micros) => {
                self.hear_until(&mut run, |said| *said == ChildMessage::Submitted).await;
                self.hear_while_acting(&mut run, acts, IDLE).await;
                run.shut_down(Duration::from_micros(micros)).await;
            }
        }
        self.kill(run).await;
    }

    /// A run in which a disk or a store fails, and perhaps comes back. The first one on a disk of a test's own takes
    /// nothing.
    async fn live_in_trouble(&mut self, submit: &[usize], first: bool) {
        let trouble = Trouble::draw(&self.environment, &mut self.random);
        let refusing = first && self.environment.can_lose_power();
        let trouble = if refusing { Trouble::NO_JOURNAL } else { trouble };
        *self.count.troubles.entry(trouble.name()).or_default() += 1;
        self.in_trouble = true;
        let met = self.met();
        let idle = Duration::from_millis(self.random.random_range(60..400));
        // While it starts, or while it works.
        let early = refusing || self.random.random_range(0..4) == 0;
        if early {
            trouble.begin(&self.environment);
        }
        let mut run = self.begin("fsync", submit, "stay");
        if refusing {
            self.hear_until(&mut run, |said| matches!(said, ChildMessage::Refused(_))).await;
        } else if early {
            let _ = tokio::time::timeout(idle, self.hear_until(&mut run, ChildMessage::is_of_start)).await;
        } else {
            self.hear_until(&mut run, ChildMessage::is_of_start).await;
            let acts = self.random.random_range(1..40);
            self.hear_while_acting(&mut run, acts, idle).await;
            trouble.begin(&self.environment);
        }
        let acts = self.random.random_range(1..40);
        self.hear_while_acting(&mut run, acts, idle).await;
        if self.random.random() {
            self.environment.mend();
            let acts = self.random.random_range(1..40);
            self.hear_while_acting(&mut run, acts, idle).await;
        }
        if self.random.random_range(0..4) == 0 {
            run.shut_down(Duration::from_micros(self.random.random_range(0..8_000))).await;
        }
        self.count.met += self.met() - met;
        self.kill(run).await;
        self.environment.mend();
        self.in_trouble = false;
    }

    /// How many faults were met so far.
    pub(super) fn met(&self) -> usize {
        let disk = match &self.environment.disk {
            Disk::PowerLossDisk(power_loss_disk) => power_loss_disk.met(),
            Disk::Folder(_) => 0,
        };
        disk + self.environment.proxy.as_ref().map_or(0, |proxy| proxy.strikes())
    }

    /// The last run: submits what is left and runs to the end of everything.
    pub async fn finish(&mut self, submit: &[usize]) {
        let mut run = self.begin("fsync", submit, "finish");
        let down = self.hear_until(&mut run, |said| matches!(said, ChildMessage::Down(_))).await;
        assert_eq!(down, ChildMessage::Down(true), "a shutdown with time leaves nothing to the journal");
        assert!(run.gone().await);
    }

    /// All that is stored, read without running anything; it is never older than what was read before. Says too how
    /// many groups the journal still had for the store.
    pub async fn read(&mut self) -> (Vec<(ExecutionDocument, Vec<TaskDocument>)>, u64) {
        let data = self.environment.data();
        let engine = super::builder(data.to_str().unwrap(), self.server.address(), &self.environment.store)
            .resume(updraft::Resume::Nothing);
        let engine = engine.start().await.unwrap();
        let mut stored = Vec::new();
        for code in TENANTS {
            let query = ExecutionQuery {
                tenant: tenant(code),
                of: ExecutionsOf::Any,
                after: None,
                limit: 1_000,
                detail: Detail::Whole,
            };
            let executions: Vec<_> =
                engine.reader().executions_stream(query).map(Result::unwrap).collect().await;
            for execution in executions {
                let tasks = engine.reader().tasks(&tenant(code), execution.peid, 0, 1_000).await.unwrap();
                stored.push((execution, tasks));
            }
        }
        let replayed = engine.recovered().replayed;
        let _ = engine.shutdown(TEST_TIMEOUT).await;
        for (execution, tasks) in &stored {
            let revision = Revision { epoch: execution.epoch, seq: execution.seq };
            self.seen.entry(execution.peid.to_string()).or_default().push(revision);
            for task in tasks {
                let revision = Revision { epoch: task.epoch, seq: task.seq };
                self.seen.entry(task.task_request_id.to_string()).or_default().push(revision);
            }
            self.tell(execution.peid, execution.state.execution_status);
        }
        self.seen.values().try_for_each(|seen| never_back(seen)).unwrap();
        (stored, replayed)
    }

    /// So many runs with so many executions in all, every `trouble`-th with a disk or a store that fails; then the
    /// last one, and what is stored after it.
    pub async fn live(
        &mut self,
        runs: usize,
        executions: usize,
        trouble: Option<usize>,
    ) -> Vec<(ExecutionDocument, Vec<TaskDocument>)> {
        for run in 1..=runs {
            let submit = self.missing(run * executions / runs);
            if trouble.is_some_and(|trouble| run.is_multiple_of(trouble)) {
                let first = trouble == Some(run);
                self.live_in_trouble(&submit, first).await;
            } else {
                let death = self.random_death();
                self.live_and_die(&submit, death).await;
            }
            if run % LOOK == 0 {
                self.read().await;
                println!("{} accepted after {}", self.accepted.len(), self.count);
            }
        }
        self.end(executions).await
    }

    /// The last run, for as many executions in all, and what is stored after it.
    pub async fn end(&mut self, executions: usize) -> Vec<(ExecutionDocument, Vec<TaskDocument>)> {
        let rest = self.missing(executions);
        self.finish(&rest).await;
        let (stored, replayed) = self.read().await;
        assert_eq!(replayed, 0, "the store has everything");
        stored
    }

    fn random_death(&mut self) -> Death {
        match self.random.random_range(0..10) {
            0..3 => Death::Opening(self.random.random_range(0..self.opening_us)),
            3..8 => Death::Acts(self.random.random_range(1..60)),
            _ => Death::ShutDown(self.random.random_range(1..20), self.random.random_range(0..8_000)),
        }
    }

    /// The numbers to be submitted in this run: what is not accepted of the first `upto`.
    pub fn missing(&self, upto: usize) -> Vec<usize> {
        (0..upto).filter(|number| !self.accepted.contains_key(number)).collect()
    }
}
