//! What limits an engine at this moment: watches its threads for a while, and hands what it saw to the judgement that also judges
//! runs of the load generator. Judges nothing.

use std::collections::HashMap;

use tokio::time::Instant;
use updraft_actors::EngineContext;
use updraft_protocol::limits::{SNAPSHOT_LOOK, SNAPSHOT_LOOKS};
use updraft_storage::write_behind::WriterFigures;

use super::form::{EngineSnapshot, IntegrationLoad};
use crate::bottleneck::{self, Bottleneck, Evidence, MachineUse, ProgramStage, Stage};
use crate::process::{self, Used};
use crate::store_watch::StoreWatch;

/// The threads that are none of the engine's.
const PROGRAM: ProgramStage = ProgramStage {
    name: "the program",
    change: "Nothing of the engine: it is what the program does beside it.",
};
/// Fewer documents than one batch are no backlog, however few were written in so short a time.
const BATCH: usize = 1_000;
const MORE_IN_FLIGHT: &str =
    "More executions in flight (`executions_in_flight`), or tools that answer sooner.";

/// What the threads did for a while.
pub(super) struct Watched {
    pub(super) seconds: f64,
    pub(super) stages: Vec<Stage>,
    machine: Option<MachineUse>,
    /// The figures of the writer before.
    before: WriterFigures,
}

impl Watched {
    /// Watches them.
    pub(super) async fn new(context: &EngineContext, writing: &StoreWatch) -> Self {
        let (began, used, before) = (Instant::now(), Used::now(), *writing.figures.borrow());
        let mut on_disk = HashMap::<u32, u32>::new();
        for _ in 0..SNAPSHOT_LOOKS {
            context.timer.pause(SNAPSHOT_LOOK).await;
            for tid in process::on_disk() {
                *on_disk.entry(tid).or_default() += 1;
            }
        }
        let (used, seconds) = (Used::since(&used), began.elapsed().as_secs_f64());
        let of_disk =
            |tid| f64::from(on_disk.get(&tid).copied().unwrap_or_default()) / f64::from(SNAPSHOT_LOOKS);
        let shards = context.router.count();
        let stages = bottleneck::stages(&used.threads, seconds, of_disk, (shards, PROGRAM));
        let machine = used.machine.filter(|(_, all)| *all > 0).map(|(busy, all)| {
            let cores = std::thread::available_parallelism().map_or(1.0, |cores| usize::from(cores) as f64);
            let own = used.cpu_s.unwrap_or_default() / seconds.max(f64::EPSILON) / cores;
            MachineUse { busy: busy as f64 / all as f64, own }
        });
        Self { seconds, stages, machine, before }
    }

    /// What limits, of an engine that stands so.
    pub(super) fn limit(&self, now: &EngineSnapshot) -> Option<Bottleneck> {
        let executions = &now.executions;
        let is_full = executions.in_flight as u64 >= executions.permits;
        bottleneck::find(&Evidence {
            stages: &self.stages,
            program: PROGRAM,
            store_behind: self.store_behind(now),
            machine: self.machine,
            held: at_tool(now).or_else(|| by_quota(now)),
            tools: by_tools(now),
            idle: (is_full || executions.queued > 0).then_some(MORE_IN_FLIGHT),
        })
    }

    fn store_behind(&self, now: &EngineSnapshot) -> Option<(&'static str, String)> {
        let store = &now.store;
        let is_embedded = self.stages.iter().any(|stage| stage.name == "store writer");
        let (before, after) = (self.before.documents as f64, store.documents as f64);
        let written = store.written.saturating_sub(self.before.totals.written) as f64;
        let growing = || bottleneck::growing((before, after), written / self.seconds.max(f64::EPSILON));
        let why = store.failing.as_ref().map(|cause| format!("it takes no updates: {cause}"));
        let why = why.or_else(|| bottleneck::full(after, store.documents_most as f64));
        let why = why.or_else(|| (store.documents >= BATCH).then(growing).flatten())?;
        Some((if is_embedded { "store writer" } else { "store server" }, why))
    }
}

/// A tool at whose limits at least half as many calls wait as executions are in flight.
fn at_tool(now: &EngineSnapshot) -> Option<Bottleneck> {
    let tool = now.integrations.iter().max_by_key(|tool| tool.waiting)?;
    let IntegrationLoad { integration, waiting, running, circuits, .. } = tool;
    if *waiting == 0 || waiting * 2 < now.executions.in_flight as u64 {
        return None;
    }
    let why = format!("{waiting} calls stand in line for it, {running} are under way");
    Some(if let Some((state, number)) = circuits.last_key_value() {
        let why = format!("{why}; {number} of its circuits are {}", state.replace('_', " "));
        let change = "A tool that works: `updraft top` and the log say how its calls fail.".to_owned();
        Bottleneck { stage: format!("circuit of {integration}"), why, change }
    } else {
        let change = "Higher limits, where the tool allows them, or fewer calls of it.".to_owned();
        Bottleneck { stage: format!("limits of {integration}"), why, change }
    })
}

/// Executions that are queued though there are permits.
fn by_quota(now: &EngineSnapshot) -> Option<Bottleneck> {
    let executions = &now.executions;
    let free = executions.permits.saturating_sub(executions.in_flight as u64);
    (executions.queued > 0 && free * 10 > executions.permits).then(|| Bottleneck {
        stage: "quotas".to_owned(),
        why: format!(
            "{} executions are queued though {free} permits are free: their tenants have as many in flight as they may, or are paused",
            executions.queued
        ),
        change: "Higher quotas (`in_flight`) of the tenants whose executions are queued.".to_owned(),
    })
}

/// By Little's law, the share of the time that executions spend in attempts is that of the executions that are in one now.
fn by_tools(now: &EngineSnapshot) -> Option<(f64, String, &'static str)> {
    let running: u64 = now.integrations.iter().map(|tool| tool.running).sum();
    let most = now.integrations.iter().max_by_key(|tool| tool.running)?;
    let in_flight = now.executions.in_flight;
    let why = format!(
        "{running} calls are under way for {in_flight} executions in flight, {} of them at {}",
        most.running, most.integration
    );
    (in_flight > 0).then(|| (running as f64 / in_flight as f64, why, MORE_IN_FLIGHT))
}
