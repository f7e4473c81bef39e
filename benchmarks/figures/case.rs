//! Cases by name: each is run in a process of its own, whose output has its figures. Measures nothing itself.

use std::process::{Command, Stdio};

use crate::{Options, beside, latency, memory, resume, stored, throughput};

/// What can be asked for.
pub(crate) const NAMES: &str = "durable memory alone makespan flight people fanout restart resume stored reads shards start reference peer";

/// Runs a case in a process of its own, with the options of this one; gives its figures.
pub(crate) fn in_child(name: &str) -> Vec<(String, f64)> {
    let mut child = Command::new(std::env::current_exe().expect("this program"));
    child.args(std::env::args_os().skip(1)).args(["--case", name]);
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

/// Runs a case in this process, on a runtime whose threads have a name, so that they are told apart from the engine's.
pub(crate) fn run(name: &str, options: &Options) {
    let executions = options.executions;
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(2).thread_name("load").enable_all().build().expect("a runtime");
    runtime.block_on(async {
        match name {
            "durable" => throughput::durable(executions).await,
            "memory" => throughput::memory(executions).await,
            "shards" => throughput::shards(executions).await,
            "stored" => stored::throughput(options).await,
            "reads" => stored::reads(options).await,
            "alone" => latency::alone().await,
            "makespan" => latency::makespan().await,
            "fanout" => latency::fanout().await,
            "start" => latency::start().await,
            "flight" => memory::flight().await,
            "people" => memory::people().await,
            "restart" => memory::restart().await,
            "resume" => resume::resume().await,
            "restart-child" => memory::child(options).await,
            "reference" => beside::reference().await,
            "peer" => beside::peer(options).await,
            _ => panic!("no case {name}"),
        }
    });
}
