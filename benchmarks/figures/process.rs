//! What the system says of this process: CPU by thread, memory, context switches.

use std::fs;

/// CPU of the threads at one moment, in microseconds.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Cpu {
    pub(crate) all: f64,
    /// Of the embedded store.
    pub(crate) store: f64,
    /// Of the runtime that submits and waits.
    pub(crate) load: f64,
}

impl Cpu {
    /// Up to now; of the threads that are still there.
    pub(crate) fn now() -> Self {
        let mut cpu = Self::default();
        for thread in fs::read_dir("/proc/self/task").expect("/proc").flatten() {
            let read = |file: &str| fs::read_to_string(thread.path().join(file)).unwrap_or_default();
            let nanoseconds: f64 =
                read("schedstat").split(' ').next().and_then(|text| text.parse().ok()).unwrap_or(0.0);
            let used = nanoseconds / 1e3;
            cpu.all += used;
            let name = read("comm");
            if name.starts_with("store-") {
                cpu.store += used;
            } else if name.starts_with("load") || name.starts_with("figures") {
                cpu.load += used;
            }
        }
        cpu
    }

    pub(crate) fn since(self, before: Self) -> Self {
        Self { all: self.all - before.all, store: self.store - before.store, load: self.load - before.load }
    }
}

/// Resident bytes.
pub(crate) fn resident() -> u64 {
    status("VmRSS:") << 10
}

/// Times that a thread gave its core away or lost it.
pub(crate) fn switches() -> u64 {
    let folders = fs::read_dir("/proc/self/task").expect("/proc").flatten();
    let of = |path: std::path::PathBuf| {
        let text = fs::read_to_string(path.join("status")).unwrap_or_default();
        value(&text, "voluntary_ctxt_switches:") + value(&text, "nonvoluntary_ctxt_switches:")
    };
    folders.map(|thread| of(thread.path())).sum()
}

fn status(name: &str) -> u64 {
    value(&fs::read_to_string("/proc/self/status").expect("/proc"), name)
}

fn value(text: &str, name: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
    line.split_whitespace().next().and_then(|text| text.parse().ok()).unwrap_or(0)
}
