//! The bottleneck of a run: hands what was measured of full load to the engine's judgement. Judges nothing.

use updraft::bottleneck::{Bottleneck, Evidence, MachineUse, ProgramStage, Stage};

use crate::outcome::{PhaseResult, RunOutcome, Trouble};
use crate::store_lag;

/// What sends the load, and answers as tools: it is there only for the measuring.
const GENERATOR: ProgramStage = ProgramStage {
    name: "load generator",
    change: "Nothing of the engine: it takes more than this program can send, or its tools can answer.",
};
/// What helps where the engine waits for tools, or for what submits.
const MORE_TOOLS: &str =
    "Raise `--concurrency`: the engine waits for tools and has room for more executions.";
const MORE_AT_ONCE: &str = "Raise `--concurrency`: an execution waits for one step after another.";

/// The stages in the phase that measured full load, busiest first.
pub(crate) fn stages(outcome: &RunOutcome, shards: usize) -> Vec<Stage> {
    let Some(end) = outcome.phases.first() else { return Vec::new() };
    let seen = &outcome.seen;
    let on_disk = |tid| {
        let looks = seen.on_disk.get(&tid).copied().unwrap_or_default();
        looks as f64 / seen.looks.max(1) as f64
    };
    let seconds = end.lasted.as_secs_f64();
    updraft::bottleneck::stages(&end.used.threads, seconds, on_disk, (shards, GENERATOR))
}

/// What limits full load; none where too little was measured.
pub(crate) fn find(outcome: &RunOutcome, stages: &[Stage]) -> Option<Bottleneck> {
    // Of an engine that failed, no load is known to be too much.
    let failed = matches!(outcome.trouble, Some(Trouble::Engine(_)));
    let end = outcome.phases.first().filter(|end| end.counted.get("ended") > 0 && !failed)?;
    updraft::bottleneck::find(&Evidence {
        stages,
        program: GENERATOR,
        store_behind: behind(outcome),
        machine: machine(end),
        held: None,
        tools: tools(end),
        idle: Some(MORE_AT_ONCE),
    })
}

/// A store that does not keep up.
fn behind(outcome: &RunOutcome) -> Option<(&'static str, String)> {
    let stalled = (outcome.trouble == Some(Trouble::Store)).then(|| "it took nothing more".to_owned());
    let why = stalled.or_else(|| store_lag::why(outcome, 0))?;
    Some((if outcome.server { "store server" } else { "store writer" }, why))
}

fn machine(end: &PhaseResult) -> Option<MachineUse> {
    let (busy, all) = end.used.machine?;
    let cores = std::thread::available_parallelism().map_or(1.0, |cores| usize::from(cores) as f64);
    let own = end.of_time(end.used.cpu_s.unwrap_or_default()) / cores;
    Some(MachineUse { busy: busy as f64 / all.max(1) as f64, own })
}

/// The share of the time of executions that their tools take.
fn tools(end: &PhaseResult) -> Option<(f64, String, &'static str)> {
    let (ideal, median) = (end.ideal.as_secs_f64() * 1e3, end.meter.execution.ms(0.5)?);
    let why =
        format!("half of the executions end within {median:.0} ms, of which their tools take {ideal:.0} ms");
    Some((ideal / median.max(f64::EPSILON), why, MORE_TOOLS))
}
