//! What the examples that measure have in common: a tool and a playbook that do nothing, and what the process has used.

use std::time::Instant;

use updraft::{Answer, Call, Integration, Json, Playbook};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What ends an example.
pub(crate) type Failed = Box<dyn std::error::Error + Send + Sync>;

/// Steps of the playbook.
pub(crate) const STEPS: usize = 5;

/// Answers at once.
pub(crate) struct Nothing;

impl Integration for Nothing {
    fn actions(&self) -> &[&str] {
        &["nothing"]
    }

    fn call(&self, _: Call) -> Answer<'_> {
        Box::pin(std::future::ready(Ok(Json::null())))
    }
}

/// The playbook of the figures.
pub(crate) fn playbook() -> Result<Playbook, updraft::parse::Error> {
    let mut text = "format: 1\nname: nothing\nversion: 1\nsteps:\n".to_owned();
    for step in 0..STEPS {
        text += &format!("  - {{id: s{step}, action: tool.nothing}}\n");
    }
    Playbook::parse(text.as_bytes())
}

/// The time.
#[allow(clippy::disallowed_methods, reason = "a benchmark measures time")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Prints a figure.
#[allow(clippy::print_stdout, reason = "a benchmark prints its figures")]
pub(crate) fn print(line: &str) {
    println!("{line}");
}

/// Memory of a process, by its number or as `self`.
pub(crate) fn resident_bytes(process: &str) -> usize {
    let statm = std::fs::read_to_string(format!("/proc/{process}/statm")).unwrap_or_default();
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).unwrap_or(0) * 4096
}

/// CPU that the process has used, with that of its children that were waited for.
pub(crate) fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after = stat.rsplit(')').next().unwrap_or_default();
    let fields: Vec<&str> = after.split_whitespace().collect();
    let ticks = |index: usize| fields.get(index).and_then(|f| f.parse::<f64>().ok()).unwrap_or(0.0);
    (11..=14).map(ticks).sum::<f64>() / 100.0
}
