//! What the system says of this process and its threads. Where it says nothing, figures are absent.

use std::path::Path;

/// Ticks of the processor clock in a second: what Linux tells every program.
const TICKS_PER_S: f64 = 100.0;

/// A thread at one moment.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Thread {
    /// Its number; threads made later have higher ones.
    pub(crate) tid: u32,
    pub(crate) name: String,
    pub(crate) cpu_s: f64,
}

/// The threads of this process, oldest first.
pub(crate) fn threads() -> Vec<Thread> {
    let mut threads = of_each(|tid, folder| {
        let (stat, schedstat) = (folder.join("stat"), folder.join("schedstat"));
        let mut thread = stat_of(tid, &std::fs::read_to_string(stat).ok()?)?.0;
        // In nanoseconds, where the kernel counts them.
        let nanos =
            std::fs::read_to_string(schedstat).ok().and_then(|text| first(&text)).filter(|ns| *ns > 0.0);
        thread.cpu_s = nanos.map_or(thread.cpu_s, |nanos| nanos / 1e9);
        Some(thread)
    });
    threads.sort_by_key(|thread| thread.tid);
    threads
}

/// Those of them that wait for the disk.
pub(crate) fn on_disk() -> Vec<u32> {
    of_each(|tid, folder| {
        let (_, on_disk) = stat_of(tid, &std::fs::read_to_string(folder.join("stat")).ok()?)?;
        on_disk.then_some(tid)
    })
}

fn of_each<T>(of: impl Fn(u32, &Path) -> Option<T>) -> Vec<T> {
    let Ok(folder) = std::fs::read_dir("/proc/self/task") else { return Vec::new() };
    folder
        .flatten()
        .filter_map(|entry| of(entry.file_name().to_str()?.parse().ok()?, &entry.path()))
        .collect()
}

/// CPU seconds of the process, user and system together.
#[cfg(unix)]
pub(crate) fn cpu_s() -> Option<f64> {
    use rustix::time::{ClockId, clock_gettime};

    let time = clock_gettime(ClockId::ProcessCPUTime);
    Some(time.tv_sec as f64 + time.tv_nsec as f64 / 1e9).filter(|seconds| *seconds > 0.0)
}

#[cfg(not(unix))]
pub(crate) fn cpu_s() -> Option<f64> {
    None
}

/// Resident bytes now, and the most that there were.
pub(crate) fn resident_bytes() -> Option<(u64, u64)> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let of = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        Some(line.split_whitespace().next()?.parse::<u64>().ok()? << 10)
    };
    Some((of("VmRSS:")?, of("VmHWM:")?))
}

/// Busy and all time of the machine's cores, in ticks.
pub(crate) fn machine() -> Option<(u64, u64)> {
    let stat = std::fs::read_to_string("/proc/stat").ok()?;
    let fields: Vec<u64> =
        stat.lines().next()?.split_whitespace().skip(1).filter_map(|field| field.parse().ok()).collect();
    // user, nice, system, idle, iowait, irq, softirq, steal; guests are counted in user already.
    let all: u64 = fields.iter().take(8).sum();
    let idle = fields.get(3)? + fields.get(4)?;
    Some((all - idle, all))
}

fn first(text: &str) -> Option<f64> {
    text.split_whitespace().next()?.parse().ok()
}

/// A line of `stat`, and whether the thread waits for the disk. The name stands in parentheses and may hold any
/// character.
fn stat_of(tid: u32, line: &str) -> Option<(Thread, bool)> {
    let (before, after) = line.rsplit_once(')')?;
    let name = before.split_once('(')?.1.to_owned();
    let fields: Vec<&str> = after.split_whitespace().collect();
    let ticks = |index: usize| fields.get(index)?.parse::<f64>().ok();
    let cpu_s = (ticks(11)? + ticks(12)?) / TICKS_PER_S;
    Some((Thread { tid, name, cpu_s }, fields.first() == Some(&"D")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_stat_is_read_whatever_the_name_holds() {
        let line = "7 (a) b (c) D 1 2 3 4 5 6 7 8 9 10 250 50 0 0 20 0 1";
        let thread = Thread { tid: 7, name: "a) b (c".into(), cpu_s: 3.0 };
        assert_eq!(stat_of(7, line), Some((thread, true)));
        assert_eq!(stat_of(1, "nonsense"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_has_threads_memory_and_a_machine() {
        assert!(cpu_s().is_some());
        assert!(threads().iter().any(|thread| thread.cpu_s > 0.0), "finer than a tick");
        let (now, most) = resident_bytes().unwrap();
        assert!(now > 0 && now <= most);
        let (busy, all) = machine().unwrap();
        assert!(busy <= all);
    }
}
