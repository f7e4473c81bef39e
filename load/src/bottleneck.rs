//! The bottleneck: which stage limits full load, from what each was measured to use. Guesses nothing that
//! was not measured.

use std::collections::BTreeMap;

use crate::outcome::{PhaseResult, RunOutcome, Trouble};
use crate::process::Thread;
use crate::store_lag;

/// A thread that is busy for this share of its time is the limit of what it does.
const BUSY: f64 = 0.85;
/// The machine has nothing more to give beyond this share of its cores.
const MACHINE: f64 = 0.92;
/// Below this share of what is busy, others took the machine.
const OWN: f64 = 0.75;
/// Executions that take less than this multiple of what their tools take wait for tools, not for the engine.
const TOOLS: f64 = 2.0;
/// The stage that is none of ours.
pub(crate) const OTHERS: &str = "other processes";
/// The stage that is there only for the measuring: it sends, and its tools answer.
const GENERATOR: &str = "load generator";
/// Stages, the names of their threads, and what helps where one limits. Arbiters have one name and are told apart by their
/// order, or not at all; all other threads are those of the load generator.
const STAGES: [(&str, &str, &str); 8] = [
    ("node", "updraft-node", "A faster core: supervision is one thread."),
    (
        "journal",
        "updraft-journal",
        "Smaller inputs and answers, or a faster disk: it copies, sums and syncs all.",
    ),
    ("store writer", "store-write", "Fewer steps per execution, a faster core, or a store elsewhere."),
    ("store readers", "store-read", "Fewer reads: idempotency keys and lists read the store."),
    ("store driver", "updraft-mongo", "A faster core: the driver of the database is one thread."),
    ("timers", "updraft-timer", "Fewer submissions at once: the clock of those who wait is one thread."),
    ("write-behind", "", "A faster core: the coalescer is one thread."),
    (
        GENERATOR,
        "",
        "Nothing of the engine: it takes more than this program can send, or its tools can answer.",
    ),
];
/// The same of shards, which are numbered.
const MORE_SHARDS: &str = "More shards (`--shards`) on more cores, and more tenants to spread over them.";

/// A part of the process, as its threads show it.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Stage {
    pub(crate) name: String,
    /// The share of the time that it computed.
    pub(crate) cpu: f64,
    /// The share that it waited for the disk.
    pub(crate) disk: f64,
    /// How busy the busiest of its threads was, with both: what limits a stage of several.
    busy: f64,
}

/// What limits.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Bottleneck {
    pub(crate) stage: String,
    pub(crate) why: String,
    pub(crate) change: &'static str,
}

/// The stages in the phase that measured full load, busiest first.
pub(crate) fn stages(outcome: &RunOutcome, shards: usize) -> Vec<Stage> {
    let Some(end) = outcome.phases.first() else { return Vec::new() };
    let (threads, seen) = (&end.used.threads, &outcome.seen);
    let arbiters: Vec<u32> =
        threads.iter().filter(|thread| thread.name.starts_with("actix-rt")).map(|t| t.tid).collect();
    let mut stages = BTreeMap::<String, Stage>::new();
    for thread in threads {
        let name = named(thread, &arbiters, shards);
        let stage = stages.entry(name.clone()).or_insert(Stage { name, ..Stage::default() });
        let cpu = end.of_time(thread.cpu_s);
        let on_disk = seen.on_disk.get(&thread.tid).copied().unwrap_or_default();
        let disk = on_disk as f64 / seen.looks.max(1) as f64;
        stage.cpu += cpu;
        stage.disk += disk;
        stage.busy = stage.busy.max((cpu + disk).min(1.0));
    }
    let mut stages: Vec<Stage> = stages.into_values().filter(|stage| stage.busy >= 0.005).collect();
    stages.sort_by(|a, b| b.busy.total_cmp(&a.busy));
    stages
}

/// What a thread does. The engine starts the arbiter of the write-behind first, then those of the shards.
fn named(thread: &Thread, arbiters: &[u32], shards: usize) -> String {
    match arbiters.iter().position(|tid| *tid == thread.tid) {
        Some(_) if arbiters.len() != shards + 1 => "shards and write-behind".to_owned(),
        Some(0) => "write-behind".to_owned(),
        Some(place) => format!("shard {}", place - 1),
        None => {
            let known = STAGES.iter().find(|(_, name, _)| *name == thread.name);
            known.map_or(GENERATOR, |(stage, ..)| *stage).to_owned()
        }
    }
}

/// What limits full load; none where too little was measured.
pub(crate) fn find(outcome: &RunOutcome, stages: &[Stage]) -> Option<Bottleneck> {
    // Of an engine that failed, no load is known to be too much.
    let failed = matches!(outcome.trouble, Some(Trouble::Engine(_)));
    let end = outcome.phases.first().filter(|end| end.counted.get("ended") > 0 && !failed)?;
    behind(outcome)
        .or_else(|| busy(stages))
        .or_else(|| machine(end, stages))
        .or_else(|| tools(end))
        .or_else(|| hand_overs(stages))
}

/// A stage that limits.
fn limit(stage: impl Into<String>, why: String, change: &'static str) -> Option<Bottleneck> {
    Some(Bottleneck { stage: stage.into(), why, change })
}

/// A store that does not keep up.
fn behind(outcome: &RunOutcome) -> Option<Bottleneck> {
    let stalled = (outcome.trouble == Some(Trouble::Store)).then(|| "it took nothing more".to_owned());
    let why = stalled.or_else(|| store_lag::why(outcome, 0))?;
    let stage = if outcome.server { "store server" } else { "store writer" };
    limit(stage, why, "A faster disk or server, or fewer steps per execution.")
}

/// A thread that has no time left: of the engine first, because the others are there only for the measuring.
fn busy(stages: &[Stage]) -> Option<Bottleneck> {
    let engine = stages.iter().filter(|stage| stage.name != GENERATOR);
    let stage = engine.chain(stages).find(|stage| stage.busy >= BUSY)?;
    let change =
        STAGES.iter().find(|(name, ..)| *name == stage.name).map_or(MORE_SHARDS, |(.., change)| change);
    let by = if stage.disk > stage.cpu { "disk" } else { "CPU" };
    let [busy, cpu, disk] = [stage.busy, stage.cpu, stage.disk].map(percent);
    let why = format!(
        "its busiest thread is busy {busy} of the time; all: {cpu} computing, {disk} waiting for the disk"
    );
    limit(format!("{} {by}", stage.name), why, change)
}

/// The machine has nothing more to give, to this process or to others.
fn machine(end: &PhaseResult, stages: &[Stage]) -> Option<Bottleneck> {
    let (busy, all) = end.used.machine?;
    let machine = Some(busy as f64 / all.max(1) as f64).filter(|machine| *machine >= MACHINE)?;
    let cores = std::thread::available_parallelism().map_or(1.0, |cores| usize::from(cores) as f64);
    let own = end.of_time(end.used.cpu_s.unwrap_or_default()) / cores;
    let most = stages.iter().max_by(|a, b| a.cpu.total_cmp(&b.cpu)).map_or("", |stage| &stage.name);
    let (all, ours) = (percent(machine), percent(own));
    let why = format!("{all} of all cores are busy, {ours} with this process, mostly {most}");
    let (stage, change) = if own < machine * OWN {
        (OTHERS, "Measure again when the other processes of the machine are at rest: they took the rest.")
    } else {
        ("machine CPU", "More cores, and `--shards` as many; tools and load generator count here too.")
    };
    limit(stage, why, change)
}

/// Executions that take little more than their tools do.
fn tools(end: &PhaseResult) -> Option<Bottleneck> {
    let (ideal, median) = (end.ideal.as_secs_f64() * 1e3, end.meter.execution.ms(0.5)?);
    let why =
        format!("half of the executions end within {median:.0} ms, of which their tools take {ideal:.0} ms");
    let change = "Raise `--concurrency`: the engine waits for tools and has room for more executions.";
    if ideal > 0.0 && median <= ideal * TOOLS { limit("tool latency", why, change) } else { None }
}

/// Nothing computes, and nothing waits for tools.
fn hand_overs(stages: &[Stage]) -> Option<Bottleneck> {
    let Stage { name, busy, .. } = stages.first()?;
    let why = format!("no stage is busy: the busiest is {name} with {}", percent(*busy));
    limit("hand-overs", why, "Raise `--concurrency`: an execution waits for one step after another.")
}

pub(crate) fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arbiters_are_told_apart_by_their_order_and_only_where_all_are_there() {
        let thread = |tid, name: &str| Thread { tid, name: name.into(), cpu_s: 0.0 };
        let names = |shards| [4, 5, 6].map(|tid| named(&thread(tid, "actix-rt|system"), &[4, 5, 6], shards));
        assert_eq!(names(2), ["write-behind", "shard 0", "shard 1"]);
        assert_eq!(names(3), ["shards and write-behind"; 3]);
        assert_eq!(named(&thread(9, "updraft-journal"), &[4], 1), "journal");
        assert_eq!(named(&thread(9, "tokio-rt-worker"), &[4], 1), GENERATOR);
    }

    #[test]
    fn the_engine_is_named_before_what_only_measures() {
        let stage = |name: &str, cpu, disk| Stage { name: name.into(), cpu, disk, busy: cpu + disk };
        let stages = [stage(GENERATOR, 0.99, 0.0), stage("journal", 0.1, 0.8)];
        assert_eq!(busy(&stages).map(|limit| limit.stage).as_deref(), Some("journal disk"));
        assert_eq!(busy(&stages[..1]).map(|limit| limit.stage).as_deref(), Some("load generator CPU"));
    }
}
