//! The bottleneck: which stage limits full load, from what each was measured to use. Guesses nothing that
//! was not measured.

use std::collections::BTreeMap;

use updraft::limits::COALESCER_DOCUMENTS;

use crate::options::LoadOptions;
use crate::outcome::{PhaseResult, RunOutcome, Sample, Trouble};
use crate::process::Thread;
use crate::store_lag;
use crate::tools::{self, Tools};

/// A thread that is busy for this share of its time is the limit of what it does.
const BUSY: f64 = 0.85;
/// The machine has nothing more to give beyond this share of its cores.
const MACHINE: f64 = 0.92;
/// Below this share of what is busy, others took the machine.
const OWN: f64 = 0.75;
/// The stage that is none of ours.
pub(crate) const OTHERS: &str = "other processes";
/// A store that others load too.
const SERVER: &str = "store server";
/// Stages that are there only for the measuring.
const GENERATOR: &str = "load generator";
const TOOL_SERVER: &str = "HTTP tools";
/// Stages of arbiters, whose threads have one name: together where they cannot be told apart.
const WRITE_BEHIND: &str = "write-behind";
const SHARD: &str = "shard ";
const ARBITERS: &str = "shards and write-behind";
/// Stages, the names of their threads where they have some of their own, and what helps where one limits. All other threads
/// are those who submit.
const STAGES: [(&str, &str, &str); 9] = [
    ("node", "updraft-node", "A faster core: supervision is one thread."),
    ("journal", "updraft-journal", "Smaller inputs and answers: the journal copies and sums every byte."),
    (
        "store writer",
        "store-write",
        "Fewer steps per execution, a faster core, or a store on another machine.",
    ),
    ("store readers", "store-read", "Fewer reads: idempotency keys and lists read the store."),
    ("store driver", "updraft-mongo", "A faster core: the driver of the database is one thread."),
    ("timers", "updraft-timer", "Fewer submissions at once: the clock of those who wait is one thread."),
    (TOOL_SERVER, tools::THREAD, "Nothing of the engine: the stubbed tools are one thread."),
    (WRITE_BEHIND, "", "A faster core: the coalescer is one thread."),
    (GENERATOR, "", "Nothing of the engine: it takes more than this program can send."),
];
/// The same of shards, and of a journal that waits for its disk.
const MORE_SHARDS: &str = "More shards (`--shards`) on more cores, and more tenants to spread over them.";
const FASTER_DISK: &str = "A faster disk, or `--durability os` where power is never lost.";
/// A store for which this share of the documents that may wait does wait cannot take the load.
const PENDING: f64 = 0.5;
/// Places that are taken to this share are the limit.
const TAKEN: f64 = 0.95;
/// Executions that take less than this multiple of what their tools take wait for tools, not for the engine.
const TOOLS: f64 = 2.0;

/// A part of the process, as its threads show it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Stage {
    pub(crate) name: String,
    /// The share of the time that it computed.
    pub(crate) cpu: f64,
    /// The share that it waited for the disk.
    pub(crate) disk: f64,
    /// How busy the busiest of its threads was, with both: what limits a stage of several.
    pub(crate) busy: f64,
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
    let Some((end, waits)) = outcome.phases.first().zip(outcome.seen.waits.first()) else {
        return Vec::new();
    };
    let arbiters: Vec<u32> =
        end.threads.iter().filter(|thread| thread.name.starts_with("actix-rt")).map(|t| t.tid).collect();
    let mut stages = BTreeMap::<String, Stage>::new();
    for thread in &end.threads {
        let name = named(thread, &arbiters, shards);
        let stage = Stage { name: name.clone(), cpu: 0.0, disk: 0.0, busy: 0.0 };
        let stage = stages.entry(name).or_insert(stage);
        let cpu = thread.cpu_s / end.lasted.as_secs_f64().max(f64::EPSILON);
        let disk = waits.on_disk.get(&thread.tid).map_or(0.0, |on_disk| *on_disk as f64 / waits.looks as f64);
        stage.cpu += cpu;
        stage.disk += disk;
        stage.busy = stage.busy.max((cpu + disk).min(1.0));
    }
    let mut stages: Vec<Stage> = stages.into_values().filter(|stage| stage.busy >= 0.005).collect();
    stages.sort_by(|a, b| b.busy.total_cmp(&a.busy));
    stages
}

/// What a thread does. Arbiters have one name: the engine starts that of the write-behind first, then
/// those of the shards.
fn named(thread: &Thread, arbiters: &[u32], shards: usize) -> String {
    match arbiters.iter().position(|tid| *tid == thread.tid) {
        Some(0) if arbiters.len() == shards + 1 => WRITE_BEHIND.to_owned(),
        Some(place) if arbiters.len() == shards + 1 => format!("{SHARD}{}", place - 1),
        Some(_) => ARBITERS.to_owned(),
        None => {
            let known = STAGES.iter().find(|(_, name, _)| *name == thread.name);
            known.map_or(GENERATOR, |(stage, ..)| *stage).to_owned()
        }
    }
}

/// Whether a stage may have this name.
pub(crate) fn is_stage(name: &str) -> bool {
    let shard = name.strip_prefix(SHARD).is_some_and(|number| number.parse::<u16>().is_ok());
    shard || name == ARBITERS || STAGES.iter().any(|(stage, ..)| *stage == name)
}

/// What limits full load; none where too little was measured.
pub(crate) fn find(outcome: &RunOutcome, options: &LoadOptions, stages: &[Stage]) -> Option<Bottleneck> {
    // Of an engine that failed, no load is known to be too much.
    let failed = matches!(outcome.trouble, Some(Trouble::Engine(_)));
    let end = outcome.phases.first().filter(|end| end.counted.get("ended") > 0 && !failed)?;
    if let Some(found) = behind(outcome, end) {
        return Some(found);
    }
    // Those of the engine first: the others are there only for the measuring.
    let engine = stages.iter().filter(|stage| stage.name != GENERATOR && stage.name != TOOL_SERVER);
    if let Some(stage) = engine.chain(stages).find(|stage| stage.busy >= BUSY) {
        return Some(of_stage(stage));
    }
    if let Some(found) = server(outcome) {
        return Some(found);
    }
    if let Some(machine) = end.machine.filter(|machine| *machine >= MACHINE) {
        return Some(of_machine(end, machine, stages));
    }
    waiting(outcome, end, options).or_else(|| {
        let busiest = stages.first()?;
        let why = format!("no stage is busy: the busiest is {} with {}", busiest.name, percent(busiest.busy));
        let change = "Raise `--concurrency`: each execution waits for one durable step after another.";
        Some(Bottleneck { stage: "hand-overs".to_owned(), why, change })
    })
}

/// The machine has nothing more to give, to this process or to others.
fn of_machine(end: &PhaseResult, machine: f64, stages: &[Stage]) -> Bottleneck {
    let cores = std::thread::available_parallelism().map_or(1.0, |cores| usize::from(cores) as f64);
    let own = end.cpu_s.unwrap_or_default() / end.lasted.as_secs_f64().max(f64::EPSILON) / cores;
    let most = stages.iter().max_by(|a, b| a.cpu.total_cmp(&b.cpu)).map_or_else(String::new, |stage| {
        format!(", most of it in {} ({} of one core)", stage.name, percent(stage.cpu))
    });
    let why = format!("{} of all cores are busy, {} with this process{most}", percent(machine), percent(own));
    let (stage, change) = if own < machine * OWN {
        (OTHERS, "Measure again when the other processes of the machine are at rest: they took the rest.")
    } else {
        ("machine CPU", "More cores, and `--shards` as many; tools and load generator count here too.")
    };
    Bottleneck { stage: stage.to_owned(), why, change }
}

/// A store that does not keep up.
fn behind(outcome: &RunOutcome, end: &PhaseResult) -> Option<Bottleneck> {
    let pending = at_full_load(outcome, |sample| sample.pending_documents).fold(0.0, f64::max);
    let stalled = outcome.trouble == Some(Trouble::Store);
    if !stalled && !store_lag::is_behind(end) && pending < COALESCER_DOCUMENTS as f64 * PENDING {
        return None;
    }
    let (stage, change) = if outcome.server {
        (
            SERVER,
            "The server cannot take this load: look at its CPU and disk, or take fewer steps per execution.",
        )
    } else {
        (
            "store writer",
            "The store cannot take this load: a faster disk or store, or fewer steps per execution.",
        )
    };
    let behind = match end.behind {
        Some(behind) => format!("was {:.1} s behind when the last execution had ended", behind.as_secs_f64()),
        None => "did not get all".to_owned(),
    };
    let why = format!("the store {behind}; up to {pending:.0} documents waited");
    Some(Bottleneck { stage: stage.to_owned(), why, change })
}

/// A server that has as many batches to answer as may be on their way, nearly all of the time.
fn server(outcome: &RunOutcome) -> Option<Bottleneck> {
    let waits = outcome.seen.waits.first().filter(|_| outcome.server)?;
    let full = waits.store_full as f64 / waits.looks.max(1) as f64;
    let why =
        format!("{} of the time it had as many batches to answer as may be on their way", percent(full));
    let change = "Look at the server's CPU and disk, or at the way to it.";
    (full >= BUSY).then(|| Bottleneck { stage: SERVER.to_owned(), why, change })
}

/// Nobody computes: executions wait for places or for tools.
fn waiting(outcome: &RunOutcome, end: &PhaseResult, options: &LoadOptions) -> Option<Bottleneck> {
    let running = mean(outcome, |sample| sample.attempts_running);
    let open = f64::from(options.concurrency);
    if options.tools == Tools::Http && running >= open * TAKEN && options.width > 1 {
        let why = format!("{running:.0} attempts on average ran or waited for one of {open:.0} connections");
        let change = "Raise `--concurrency`, which is also the number of requests at once to the host.";
        return Some(Bottleneck { stage: "permits".to_owned(), why, change });
    }
    let (ideal, median) = (end.ideal.as_secs_f64() * 1e3, end.meter.execution.ms(0.5)?);
    let why =
        format!("half of the executions end within {median:.0} ms, of which their tools take {ideal:.0} ms");
    let change = "Raise `--concurrency`: the engine waits for tools and has room for more executions.";
    let waits = ideal > 0.0 && median <= ideal * TOOLS;
    waits.then(|| Bottleneck { stage: "tool latency".to_owned(), why, change })
}

fn of_stage(stage: &Stage) -> Bottleneck {
    let waits = stage.name == "journal" && stage.disk > stage.cpu;
    let known = STAGES.iter().find(|(name, ..)| *name == stage.name);
    let change = if waits { FASTER_DISK } else { known.map_or(MORE_SHARDS, |(.., change)| change) };
    let (cpu, disk) = (percent(stage.cpu), percent(stage.disk));
    let uses = format!("{cpu} computing, {disk} waiting for the disk");
    let one = stage.cpu + stage.disk <= stage.busy + f64::EPSILON;
    let (of, all) = if one { ("", "") } else { ("the busiest thread of ", "all of them: ") };
    let why = format!("{of}{} is busy {} of the time ({all}{uses})", stage.name, percent(stage.busy));
    let by = if waits { "fsync" } else { "CPU" };
    Bottleneck { stage: format!("{} {by}", stage.name), why, change }
}

pub(crate) fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

fn at_full_load(outcome: &RunOutcome, of: fn(&Sample) -> f64) -> impl Iterator<Item = f64> {
    outcome.seen.samples.iter().filter(|sample| sample.phase == 0).map(of)
}

fn mean(outcome: &RunOutcome, of: fn(&Sample) -> f64) -> f64 {
    at_full_load(outcome, of).sum::<f64>() / at_full_load(outcome, of).count().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn thread(tid: u32, name: &str) -> Thread {
        Thread { tid, name: name.into(), cpu_s: 0.0, switches: 0 }
    }

    #[test]
    fn arbiters_are_told_apart_by_their_order_and_only_where_all_are_there() {
        let names = |shards| -> Vec<String> {
            let of = |tid| named(&thread(tid, "actix-rt|system"), &[4, 5, 6], shards);
            vec![of(4), of(5), of(6)]
        };
        assert_eq!(names(2), ["write-behind", "shard 0", "shard 1"]);
        assert_eq!(names(3), ["shards and write-behind"; 3]);
        assert_eq!(named(&thread(9, "updraft-journal"), &[4], 1), "journal");
        assert_eq!(named(&thread(9, "updraft-mongo"), &[4], 1), "store driver");
        assert_eq!(named(&thread(9, "tokio-rt-worker"), &[4], 1), GENERATOR);
    }

    #[test]
    fn a_busy_journal_is_told_by_what_it_waits_for() {
        let stage = |cpu, disk| Stage { name: "journal".into(), cpu, disk, busy: cpu + disk };
        assert_eq!(of_stage(&stage(0.1, 0.8)).stage, "journal fsync");
        assert_eq!(of_stage(&stage(0.8, 0.1)).stage, "journal CPU");
    }
}
