//! Cases: each measures one or a few figures in a process of its own, and prints them a line each.

mod beside;
mod flight;
mod latency;
mod restart;
mod throughput;

use std::process::{Command, Stdio};

use crate::load;
use crate::options::Options;

/// What can be asked for.
pub(crate) const NAMES: &[&str] = &[
    "durable",
    "memory",
    "alone",
    "ack",
    "makespan",
    "flight",
    "fanout",
    "restart",
    "stored",
    "shards",
    "start",
    "reference",
    "peer",
];

/// Runs a case in a process of its own; gives its figures.
pub(crate) fn in_child(name: &str, options: &Options) -> Vec<(String, f64)> {
    let own = std::env::current_exe().expect("this program");
    let mut child = Command::new(&own);
    child.args(["--case", name]).arg(options.executions.to_string());
    match name {
        "reference" => {
            let beside = own.parent().and_then(|deps| deps.parent()).map(|release| release.join("updraft"));
            let found = beside.map(|path| path.display().to_string()).unwrap_or_default();
            child.arg(options.updraft.clone().unwrap_or(found));
        }
        "peer" => {
            child.arg(options.peer.clone().unwrap_or_default());
        }
        _ => {}
    }
    let output = child.stderr(Stdio::inherit()).output().expect("a process");
    if !output.status.success() {
        eprintln!("{name}: {}", output.status);
    }
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let figure = |line: &str| {
        let (name, value) = line.strip_prefix("figure ")?.split_once(' ')?;
        Some((name.to_owned(), value.parse().ok()?))
    };
    text.lines().filter_map(figure).collect()
}

/// Runs a case in this process.
pub(crate) fn run(name: &str, arguments: &[String]) {
    let executions = arguments.first().and_then(|text| text.parse().ok()).unwrap_or(100_000);
    let program = arguments.get(1).cloned().unwrap_or_default();
    let runtime = load::runtime();
    match name {
        "durable" => runtime.block_on(throughput::durable(executions)),
        "memory" => runtime.block_on(throughput::memory(executions)),
        "shards" => runtime.block_on(throughput::shards(executions)),
        "stored" => runtime.block_on(throughput::stored(executions)),
        "alone" => runtime.block_on(latency::alone()),
        "ack" => runtime.block_on(latency::ack(executions)),
        "makespan" => runtime.block_on(latency::makespan()),
        "fanout" => runtime.block_on(latency::fanout()),
        "start" => runtime.block_on(latency::start()),
        "flight" => runtime.block_on(flight::measure()),
        "restart" => restart::measure(&runtime),
        "restart-child" => runtime.block_on(restart::child(&program)),
        "reference" => beside::reference(&program),
        "peer" => runtime.block_on(beside::peer(executions, &program)),
        _ => panic!("no case {name}"),
    }
}

fn tell(name: &str, value: f64) {
    println!("figure {name} {value}");
}
