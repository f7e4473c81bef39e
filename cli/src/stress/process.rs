//! What the system says of this process and its threads. Where it says nothing, figures are absent.

/// Ticks of the processor clock in a second: what Linux tells every program.
const TICKS_PER_S: f64 = 100.0;

/// A thread at one moment.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Thread {
    /// Its number; threads made later have higher ones.
    pub(crate) tid: u32,
    pub(crate) name: String,
    pub(crate) cpu_s: f64,
    /// Whether it waits for the disk.
    pub(crate) on_disk: bool,
}

/// The threads of this process, oldest first.
pub(crate) fn threads() -> Vec<Thread> {
    let Ok(folder) = std::fs::read_dir("/proc/self/task") else { return Vec::new() };
    let mut threads: Vec<Thread> = folder
        .flatten()
        .filter_map(|entry| {
            let tid = entry.file_name().to_str()?.parse().ok()?;
            stat(tid, &std::fs::read_to_string(entry.path().join("stat")).ok()?)
        })
        .collect();
    threads.sort_by_key(|thread| thread.tid);
    threads
}

/// CPU seconds of the process, user and system together.
pub(crate) fn cpu_s() -> Option<f64> {
    stat(0, &std::fs::read_to_string("/proc/self/stat").ok()?).map(|thread| thread.cpu_s)
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

/// A line of `stat`: the name stands in parentheses and may hold any character.
fn stat(tid: u32, line: &str) -> Option<Thread> {
    let (before, after) = line.rsplit_once(')')?;
    let name = before.split_once('(')?.1.to_owned();
    let fields: Vec<&str> = after.split_whitespace().collect();
    let ticks = |index: usize| fields.get(index)?.parse::<f64>().ok();
    Some(Thread {
        tid,
        name,
        cpu_s: (ticks(11)? + ticks(12)?) / TICKS_PER_S,
        on_disk: fields.first() == Some(&"D"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_stat_is_read_whatever_the_name_holds() {
        let line = "7 (a) b (c) D 1 2 3 4 5 6 7 8 9 10 250 50 0 0 20 0 1";
        let thread = stat(7, line).unwrap();
        assert_eq!(thread, Thread { tid: 7, name: "a) b (c".into(), cpu_s: 3.0, on_disk: true });
        assert_eq!(stat(1, "nonsense"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_has_threads_memory_and_a_machine() {
        assert!(!threads().is_empty() && cpu_s().is_some());
        let (now, most) = resident_bytes().unwrap();
        assert!(now > 0 && now <= most);
        let (busy, all) = machine().unwrap();
        assert!(busy <= all);
    }
}
