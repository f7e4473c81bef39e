//! Cases by name: each is run in a process of its own, whose output has its figures. Measures nothing itself.

use std::process::{Command, Stdio};

use crate::{Options, beside, latency, memory, resume, stored, throughput};

/// What can be asked for.
pub(crate) const NAMES: &str = "durable memory alone makespan flight people fanout restart resume stored reads shards start reference peer";

/// Runs a case in a process of its own; gives its figures.
pub(crate) fn in_child(name: &str, options: &Options) -> Vec<(String, f64)> {
    let own = std::env::current_exe().expect("this program");
    let beside = own.parent().and_then(|deps| deps.parent()).map(|release| release.join("updraft"));
    let program = match name {
        "peer" => options.peer.clone(),
        _ => options.updraft.clone().or(beside.map(|path| path.display().to_string())),
    };
    let mut child = Command::new(&own);
    child.args(["--case", name]).arg(options.executions.to_string()).arg(program.unwrap_or_default());
    let output = child.stderr(Stdio::inherit()).output().expect("a process");
    if !output.status.success() {
        eprintln!("{name}: {}", output.status);
    }
    let figure = |line: &str| {
        let (name, value) = line.strip_prefix("figure ")?.split_once(' ')?;
        Some((name.to_owned(), value.parse().ok()?))
    };
    String::from_utf8_lossy(&output.stdout).lines().filter_map(figure).collect()
}

/// Runs a case in this process, on a runtime whose threads have a name, so that the CPU of the load can be told apart.
pub(crate) fn run(arguments: &[String]) {
    let [name, executions, program] = arguments else { panic!("a case, executions and a program") };
    let executions = executions.parse().expect("a number");
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(2).thread_name("load").enable_all().build().expect("a runtime");
    runtime.block_on(async {
        match name.as_str() {
            "durable" => throughput::durable(executions).await,
            "memory" => throughput::memory(executions).await,
            "shards" => throughput::shards(executions).await,
            "stored" => stored::throughput(executions).await,
            "reads" => stored::reads().await,
            "alone" => latency::alone().await,
            "makespan" => latency::makespan().await,
            "fanout" => latency::fanout().await,
            "start" => latency::start().await,
            "flight" => memory::flight().await,
            "people" => memory::people().await,
            "restart" => memory::restart().await,
            "resume" => resume::resume().await,
            "restart-child" => memory::child(program).await,
            "reference" => beside::reference(program),
            "peer" => beside::peer(executions, program).await,
            _ => panic!("no case {name}"),
        }
    });
}
