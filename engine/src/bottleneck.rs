//! The bottleneck: which stage limits an engine, from what each was measured to use. The load generator judges a run by it, and
//! [`Engine::snapshot`](crate::Engine::snapshot) an engine at work. Measures nothing, and guesses nothing that was not measured.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::process::Thread;

/// A thread that is busy for this share of its time is the limit of what it does.
const BUSY: f64 = 0.85;
/// The machine has nothing more to give beyond this share of its cores.
const MACHINE: f64 = 0.92;
/// Below this share of what is busy, others took the machine.
const OWN: f64 = 0.75;
/// Where tools take this share of the time of executions, these wait for tools, not for the engine.
const TOOLS: f64 = 0.5;
/// A buffer counts as full from this part of its limit.
const FULL: f64 = 0.95;
/// Seconds of writing that may wait for a store.
const BACKLOG_SECONDS: f64 = 1.0;
/// The stage that is none of ours.
pub const OTHER_PROCESSES: &str = "other processes";
/// Stages, the names of their threads, and what helps where one limits. Arbiters have one name and are told apart by their
/// order, or not at all; all other threads are those of the program.
const STAGES: [(&str, &str, &str); 7] = [
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
];
/// The same of shards, which are numbered.
const MORE_SHARDS: &str = "More shards on more cores, and more tenants to spread over them.";

/// A part of the process, as its threads show it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Stage {
    /// Its name.
    pub name: String,
    /// The share of the time that it computed, of one core: with several threads it may be more than one.
    pub cpu: f64,
    /// The share that it waited for the disk.
    pub disk: f64,
    /// How busy the busiest of its threads was, with both: what limits a stage of several.
    pub busy: f64,
}

/// What limits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bottleneck {
    /// Which stage.
    pub stage: String,
    /// What was measured.
    pub why: String,
    /// What helps.
    pub change: String,
}

/// The threads that are none of the engine's: those of the program that embeds it, or of what loads it.
#[derive(Debug, Clone, Copy)]
pub struct ProgramStage {
    /// Its name.
    pub name: &'static str,
    /// What helps where it limits.
    pub change: &'static str,
}

/// How busy the cores of the machine are, as shares of all of them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MachineUse {
    /// With all that runs on it.
    pub busy: f64,
    /// With this process.
    pub own: f64,
}

/// What was measured of an engine.
#[derive(Debug)]
pub struct Evidence<'a> {
    /// The stages of the process, busiest first.
    pub stages: &'a [Stage],
    /// The threads that are none of the engine's.
    pub program: ProgramStage,
    /// Where the store does not keep up: which stage that is, and what shows it.
    pub store_behind: Option<(&'static str, String)>,
    /// The cores of the machine, where the system tells.
    pub machine: Option<MachineUse>,
    /// A limit that somebody has set, and at which work waits.
    pub held: Option<Bottleneck>,
    /// The share of the time of executions that their tools take, what shows it, and what helps.
    pub tools: Option<(f64, String, &'static str)>,
    /// What helps where work waits and nothing is busy; `None` where no work waits.
    pub idle: Option<&'static str>,
}

/// The stages of a process: its threads with what they computed in `seconds`, and the share of the time in which each waited
/// for the disk. The busiest is first.
pub fn stages(
    threads: &[Thread],
    seconds: f64,
    on_disk: impl Fn(u32) -> f64,
    (shards, program): (usize, ProgramStage),
) -> Vec<Stage> {
    let arbiters: Vec<u32> =
        threads.iter().filter(|thread| thread.name.starts_with("actix-rt")).map(|t| t.tid).collect();
    let mut stages = BTreeMap::<String, Stage>::new();
    for thread in threads {
        let name = named(thread, &arbiters, (shards, program));
        let stage = stages.entry(name.clone()).or_insert(Stage { name, ..Stage::default() });
        let (cpu, disk) = (thread.cpu_s / seconds.max(f64::EPSILON), on_disk(thread.tid));
        stage.cpu += cpu;
        stage.disk += disk;
        stage.busy = stage.busy.max((cpu + disk).min(1.0));
    }
    let mut stages: Vec<Stage> = stages.into_values().filter(|stage| stage.busy >= 0.005).collect();
    stages.sort_by(|a, b| b.busy.total_cmp(&a.busy));
    stages
}

/// What a thread does. The engine starts the arbiter of the write-behind first, then those of the shards.
fn named(thread: &Thread, arbiters: &[u32], (shards, program): (usize, ProgramStage)) -> String {
    match arbiters.iter().position(|tid| *tid == thread.tid) {
        Some(_) if arbiters.len() != shards + 1 => "shards and write-behind".to_owned(),
        Some(0) => "write-behind".to_owned(),
        Some(place) => format!("shard {}", place - 1),
        None => {
            let known = STAGES.iter().find(|(_, name, _)| *name == thread.name);
            known.map_or(program.name, |(stage, ..)| *stage).to_owned()
        }
    }
}

/// What limits; none where too little was measured, or nothing waits.
pub fn find(evidence: &Evidence<'_>) -> Option<Bottleneck> {
    let behind = evidence.store_behind.clone();
    behind
        .and_then(|(stage, why)| limit(stage, why, "A faster disk or server, or fewer steps per execution."))
        .or_else(|| busy(evidence))
        .or_else(|| machine(evidence))
        .or_else(|| evidence.held.clone())
        .or_else(|| tools(evidence))
        .or_else(|| hand_overs(evidence))
}

/// Why the store does not keep up where so many documents wait for it, and more may not.
pub fn full(documents: f64, most: f64) -> Option<String> {
    (documents >= most * FULL).then(|| {
        format!("{documents:.0} documents waited for it, as many as may; the journal, and with it submissions, waited too")
    })
}

/// Why the store does not keep up where what waits for it became more, and is more than it writes in a second.
pub fn growing((before, after): (f64, f64), written_per_s: f64) -> Option<String> {
    let seconds = after / written_per_s.max(1.0);
    (after > before && seconds > BACKLOG_SECONDS)
        .then(|| format!("{after:.0} documents waited for it at the end, {seconds:.1} s of its work"))
}

/// A stage that limits.
fn limit(stage: impl Into<String>, why: String, change: &str) -> Option<Bottleneck> {
    Some(Bottleneck { stage: stage.into(), why, change: change.to_owned() })
}

/// A thread that has no time left: of the engine first, because the others only give it work.
fn busy(evidence: &Evidence<'_>) -> Option<Bottleneck> {
    let (stages, program) = (evidence.stages, evidence.program);
    let engine = stages.iter().filter(|stage| stage.name != program.name);
    let stage = engine.chain(stages).find(|stage| stage.busy >= BUSY)?;
    let known = STAGES.iter().find(|(name, ..)| *name == stage.name).map(|(.., change)| *change);
    let of_program = (stage.name == program.name).then_some(program.change);
    let change = known.or(of_program).unwrap_or(MORE_SHARDS);
    let by = if stage.disk > stage.cpu { "disk" } else { "CPU" };
    let [busy, cpu, disk] = [stage.busy, stage.cpu, stage.disk].map(percent);
    let why = format!(
        "its busiest thread is busy {busy} of the time; all: {cpu} computing, {disk} waiting for the disk"
    );
    limit(format!("{} {by}", stage.name), why, change)
}

/// The machine has nothing more to give, to this process or to others.
fn machine(evidence: &Evidence<'_>) -> Option<Bottleneck> {
    let MachineUse { busy, own } = evidence.machine.filter(|machine| machine.busy >= MACHINE)?;
    let most = evidence.stages.iter().max_by(|a, b| a.cpu.total_cmp(&b.cpu));
    let (all, ours) = (percent(busy), percent(own));
    let most = most.map_or("", |stage| &stage.name);
    let why = format!("{all} of all cores are busy, {ours} with this process, mostly {most}");
    let (stage, change) = if own < busy * OWN {
        (
            OTHER_PROCESSES,
            "Other processes took the rest: cores that are the engine's own, or another look when they are at rest.",
        )
    } else {
        (
            "machine CPU",
            "More cores, and as many shards; all that the program does beside the engine counts too.",
        )
    };
    limit(stage, why, change)
}

/// Executions that take little more than their tools do.
fn tools(evidence: &Evidence<'_>) -> Option<Bottleneck> {
    let (share, why, change) = evidence.tools.as_ref()?;
    if *share >= TOOLS { limit("tool latency", why.clone(), change) } else { None }
}

/// Nothing computes, and nothing waits for tools, though work waits.
fn hand_overs(evidence: &Evidence<'_>) -> Option<Bottleneck> {
    let (change, Stage { name, busy, .. }) = (evidence.idle?, evidence.stages.first()?);
    let why = format!("no stage is busy: the busiest is {name} with {}", percent(*busy));
    limit("hand-overs", why, change)
}

/// A share, for people.
pub fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROGRAM: ProgramStage = ProgramStage { name: "load generator", change: "Nothing of the engine." };

    fn evidence(stages: &[Stage]) -> Evidence<'_> {
        Evidence {
            stages,
            program: PROGRAM,
            store_behind: None,
            machine: None,
            held: None,
            tools: None,
            idle: None,
        }
    }

    fn stage(name: &str, cpu: f64, disk: f64) -> Stage {
        Stage { name: name.into(), cpu, disk, busy: cpu + disk }
    }

    fn limited_by(evidence: &Evidence<'_>) -> Option<String> {
        find(evidence).map(|limit| limit.stage)
    }

    #[test]
    fn arbiters_are_told_apart_by_their_order_and_only_where_all_are_there() {
        let thread = |tid, name: &str| Thread { tid, name: name.into(), cpu_s: 0.0 };
        let named = |thread, arbiters: &[u32], shards| named(&thread, arbiters, (shards, PROGRAM));
        let names = |shards| [4, 5, 6].map(|tid| named(thread(tid, "actix-rt|system"), &[4, 5, 6], shards));
        assert_eq!(names(2), ["write-behind", "shard 0", "shard 1"]);
        assert_eq!(names(3), ["shards and write-behind"; 3]);
        assert_eq!(named(thread(9, "updraft-journal"), &[4], 1), "journal");
        assert_eq!(named(thread(9, "tokio-rt-worker"), &[4], 1), PROGRAM.name);
    }

    #[test]
    fn the_engine_is_named_before_what_only_loads_it() {
        let stages = [stage(PROGRAM.name, 0.99, 0.0), stage("journal", 0.1, 0.8)];
        assert_eq!(limited_by(&evidence(&stages)).as_deref(), Some("journal disk"));
        let found = find(&evidence(&stages[..1])).unwrap();
        assert_eq!((found.stage.as_str(), found.change.as_str()), ("load generator CPU", PROGRAM.change));
    }

    #[test]
    fn what_is_certain_is_told_before_what_is_likely_and_an_engine_at_rest_has_no_limit() {
        let stages = [stage("shard 0", 0.3, 0.0)];
        let mut all = evidence(&stages);
        assert_eq!(limited_by(&all), None);
        all.idle = Some("More at once.");
        assert_eq!(limited_by(&all).as_deref(), Some("hand-overs"));
        all.tools = Some((0.4, String::new(), ""));
        assert_eq!(limited_by(&all).as_deref(), Some("hand-overs"), "tools take the smaller part");
        all.tools = Some((0.6, String::new(), ""));
        assert_eq!(limited_by(&all).as_deref(), Some("tool latency"));
        all.held = limit("limits of intel", String::new(), "");
        assert_eq!(limited_by(&all).as_deref(), Some("limits of intel"));
        all.machine = Some(MachineUse { busy: 0.95, own: 0.9 });
        assert_eq!(limited_by(&all).as_deref(), Some("machine CPU"));
        all.machine = Some(MachineUse { busy: 0.95, own: 0.5 });
        assert_eq!(limited_by(&all).as_deref(), Some(OTHER_PROCESSES));
        let busy = [stage("shard 0", 0.9, 0.0)];
        all.stages = &busy;
        assert_eq!(limited_by(&all).as_deref(), Some("shard 0 CPU"));
        all.store_behind = Some(("store writer", String::new()));
        assert_eq!(limited_by(&all).as_deref(), Some("store writer"));
    }

    #[test]
    fn a_store_is_behind_where_its_buffer_is_full_or_it_has_more_than_a_second_of_work() {
        assert_eq!(full(94.0, 100.0), None);
        assert!(full(95.0, 100.0).is_some_and(|said| said.contains("as many")));
        assert!(growing((0.0, 600.0), 500.0).is_some_and(|said| said.contains("1.2 s")));
        assert_eq!(growing((700.0, 600.0), 500.0), None, "it catches up");
        assert_eq!(growing((0.0, 400.0), 500.0), None);
    }
}
