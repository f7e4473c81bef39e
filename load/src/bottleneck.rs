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
/// Stages that are there only for the measuring.
const GENERATOR: &str = "load generator";
const TOOL_SERVER: &str = "HTTP tools";
/// Stages of arbiters, whose threads have one name: together where they cannot be told apart.
const WRITE_BEHIND: &str = "write-behind";
const SHARD: &str = "shard ";
const ARBITERS: &str = "shards and write-behind";
/// Threads, and the stage that each is; all others are those who submit.
const THREADS: [(&str, &str); 7] = [
    ("updraft-node", "node"),
    ("updraft-journal", "journal"),
    ("store-write", "store writer"),
    ("store-read", "store readers"),
    ("updraft-mongo", "store driver"),
    ("updraft-timer", "timers"),
    (tools::THREAD, TOOL_SERVER),
];
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
    pub(crate) stage: &'static str,
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
            let known = THREADS.iter().find(|(name, _)| *name == thread.name);
            known.map_or(GENERATOR, |(_, stage)| *stage).to_owned()
        }
    }
}

/// Whether a stage may have this name.
pub(crate) fn is_stage(name: &str) -> bool {
    let shard = name.strip_prefix(SHARD).is_some_and(|number| number.parse::<u16>().is_ok());
    let thread = THREADS.iter().any(|(_, stage)| *stage == name);
    shard || thread || [WRITE_BEHIND, ARBITERS, GENERATOR].contains(&name)
}

/// What limits full load; none where too little was measured.
pub(crate) fn find(outcome: &RunOutcome, options: &LoadOptions, stages: &[Stage]) -> Option<Bottleneck> {
    // Of an engine that failed, no load is known to be too much.
    let failed = matches!(outcome.trouble, Some(Trouble::Engine(_)));
    let end = outcome.phases.first().filter(|end| end.counts.ended() > 0 && !failed)?;
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
        Some(Bottleneck {
            stage: "hand-overs",
            why: format!(
                "no stage is busy: the busiest is {} with {:.0} %",
                busiest.name,
                busiest.busy * 100.0
            ),
            change: "Raise `--concurrency`: each execution waits for one durable step after another.",
        })
    })
}

/// The machine has nothing more to give, to this process or to others.
fn of_machine(end: &PhaseResult, machine: f64, stages: &[Stage]) -> Bottleneck {
    let cores = std::thread::available_parallelism().map_or(1.0, |cores| usize::from(cores) as f64);
    let own = end.cpu_s.unwrap_or_default() / end.lasted.as_secs_f64().max(f64::EPSILON) / cores;
    let most = stages.iter().max_by(|a, b| a.cpu.total_cmp(&b.cpu)).map_or_else(String::new, |stage| {
        format!(", most of it in {} ({:.0} % of one core)", stage.name, stage.cpu * 100.0)
    });
    let why = format!(
        "{:.0} % of all cores are busy, {:.0} % with this process{most}",
        machine * 100.0,
        own * 100.0
    );
    if own < machine * OWN {
        let change = "Measure again when the other processes of the machine are at rest: they took the rest.";
        return Bottleneck { stage: OTHERS, why, change };
    }
    Bottleneck {
        stage: "machine CPU",
        why,
        change: "More cores, and `--shards` as many; tools and load generator count here too.",
    }
}

/// A store that does not keep up.
fn behind(outcome: &RunOutcome, end: &PhaseResult) -> Option<Bottleneck> {
    let pending = most(outcome, |sample| sample.pending_documents);
    let stalled = outcome.trouble == Some(Trouble::Store);
    if !stalled && !store_lag::is_behind(end) && pending < COALESCER_DOCUMENTS as f64 * PENDING {
        return None;
    }
    let (stage, change) = if outcome.server {
        (
            "store server",
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
    Some(Bottleneck { stage, why, change })
}

/// A server that has as many batches to answer as may be on their way, nearly all of the time.
fn server(outcome: &RunOutcome) -> Option<Bottleneck> {
    let waits = outcome.seen.waits.first().filter(|_| outcome.server)?;
    let full = waits.store_full as f64 / waits.looks.max(1) as f64;
    (full >= BUSY).then(|| Bottleneck {
        stage: "store server",
        why: format!(
            "{:.0} % of the time it had as many batches to answer as may be on their way",
            full * 100.0
        ),
        change: "Look at the server's CPU and disk, or at the way to it.",
    })
}

/// Nobody computes: executions wait for places or for tools.
fn waiting(outcome: &RunOutcome, end: &PhaseResult, options: &LoadOptions) -> Option<Bottleneck> {
    let running = mean(outcome, |sample| sample.attempts_running);
    let open = f64::from(options.concurrency);
    if options.tools == Tools::Http && running >= open * TAKEN && options.width > 1 {
        return Some(Bottleneck {
            stage: "permits",
            why: format!("{running:.0} attempts on average ran or waited for one of {open:.0} connections"),
            change: "Raise `--concurrency`, which is also the number of requests at once to the host.",
        });
    }
    let ideal = end.ideal.as_secs_f64() * 1e6;
    let median = end.meter.execution.quantile(0.5)? as f64;
    if ideal == 0.0 || median > ideal * TOOLS {
        return None;
    }
    Some(Bottleneck {
        stage: "tool latency",
        why: format!(
            "half of the executions end within {:.0} ms, of which their tools take {:.0} ms",
            median / 1e3,
            ideal / 1e3
        ),
        change: "Raise `--concurrency`: the engine waits for tools and has room for more executions.",
    })
}

fn of_stage(stage: &Stage) -> Bottleneck {
    let (name, change) = match stage.name.as_str() {
        "store writer" => {
            ("store writer", "Fewer steps per execution, a faster core, or a store on another machine.")
        }
        "journal" if stage.disk > stage.cpu => {
            ("journal fsync", "A faster disk, or `--durability os` where power is never lost.")
        }
        "journal" => ("journal CPU", "Smaller inputs and answers: the journal copies and sums every byte."),
        WRITE_BEHIND => ("write-behind CPU", "A faster core: the coalescer is one thread."),
        "node" => ("node CPU", "A faster core: supervision is one thread."),
        "store readers" => ("store readers", "Fewer reads: idempotency keys and lists read the store."),
        "store driver" => ("store driver CPU", "A faster core: the driver of the database is one thread."),
        "timers" => ("timers", "Fewer submissions at once: the clock of those who wait is one thread."),
        GENERATOR => ("load generator", "Nothing of the engine: it takes more than this program can send."),
        TOOL_SERVER => ("tool server CPU", "Nothing of the engine: the stubbed tools are one thread."),
        _ => ("shard CPU", "More shards (`--shards`) on more cores, and more tenants to spread over them."),
    };
    let one = stage.cpu + stage.disk <= stage.busy + f64::EPSILON;
    let why = format!(
        "{}{} is busy {:.0} % of the time ({}{:.0} % computing, {:.0} % waiting for the disk)",
        if one { "" } else { "the busiest thread of " },
        stage.name,
        stage.busy * 100.0,
        if one { "" } else { "all of them: " },
        stage.cpu * 100.0,
        stage.disk * 100.0
    );
    Bottleneck { stage: name, why, change }
}

fn at_full_load(outcome: &RunOutcome, of: impl Fn(&Sample) -> f64) -> impl Iterator<Item = f64> {
    outcome.seen.samples.iter().filter(|sample| sample.phase == 0).map(of)
}

fn most(outcome: &RunOutcome, of: impl Fn(&Sample) -> f64) -> f64 {
    at_full_load(outcome, of).fold(0.0, f64::max)
}

fn mean(outcome: &RunOutcome, of: impl Fn(&Sample) -> f64) -> f64 {
    let (sum, count) =
        at_full_load(outcome, of).fold((0.0, 0.0), |(sum, count), one| (sum + one, count + 1.0));
    if count > 0.0 { sum / count } else { 0.0 }
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
