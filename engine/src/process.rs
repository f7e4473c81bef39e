//! What the system says of a process and its threads. Where it says nothing, figures are absent.

/// A thread at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Thread {
    /// Its number; threads made later have higher ones.
    pub tid: u32,
    /// The name that it was given.
    pub name: String,
    /// What it has computed, in seconds.
    pub cpu_s: f64,
}

/// Memory and handles of this process.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Usage {
    /// Resident bytes.
    pub resident_bytes: u64,
    /// The most resident bytes that there were.
    pub resident_peak_bytes: u64,
    /// Open files and connections.
    pub files: usize,
    /// Threads.
    pub threads: usize,
}

/// CPU seconds of this process, user and system together.
#[cfg(unix)]
pub fn cpu_s() -> Option<f64> {
    use rustix::time::{ClockId, clock_gettime};

    let time = clock_gettime(ClockId::ProcessCPUTime);
    Some(time.tv_sec as f64 + time.tv_nsec as f64 / 1e9).filter(|seconds| *seconds > 0.0)
}

#[cfg(target_os = "linux")]
mod linux {
    use procfs::process::{Process, Task};
    use procfs::{CurrentSI, KernelStats};

    use super::{Thread, Usage};

    fn tasks() -> impl Iterator<Item = Task> {
        Process::myself().and_then(|process| process.tasks()).into_iter().flatten().flatten()
    }

    /// The threads of this process, oldest first.
    pub fn threads() -> Vec<Thread> {
        let thread = |task: Task| {
            let stat = task.stat().ok()?;
            let ticks = (stat.utime + stat.stime) as f64 / procfs::ticks_per_second() as f64;
            // In nanoseconds, where the kernel counts them.
            let nanos = task.schedstat().ok().map(|times| times.sum_exec_runtime).filter(|nanos| *nanos > 0);
            Some(Thread {
                tid: u32::try_from(task.tid).ok()?,
                name: stat.comm,
                cpu_s: nanos.map_or(ticks, |nanos| nanos as f64 / 1e9),
            })
        };
        let mut threads: Vec<Thread> = tasks().filter_map(thread).collect();
        threads.sort_by_key(|thread| thread.tid);
        threads
    }

    /// The threads of this process that wait for the disk.
    pub fn on_disk() -> Vec<u32> {
        let waits = |task: Task| task.stat().is_ok_and(|stat| stat.state == 'D').then_some(task.tid);
        tasks().filter_map(waits).filter_map(|tid| u32::try_from(tid).ok()).collect()
    }

    /// What this process has.
    pub fn usage() -> Option<Usage> {
        let process = Process::myself().ok()?;
        let status = process.status().ok()?;
        Some(Usage {
            resident_bytes: status.vmrss? << 10,
            resident_peak_bytes: status.vmhwm? << 10,
            files: process.fd_count().ok()?,
            threads: usize::try_from(status.threads).ok()?,
        })
    }

    /// Busy and all time of the machine's cores, in ticks.
    pub fn machine() -> Option<(u64, u64)> {
        let times = KernelStats::current().ok()?.total;
        // Guests are counted in user already.
        let more = [times.irq, times.softirq, times.steal].into_iter().flatten().sum::<u64>();
        let busy = times.user + times.nice + times.system + more;
        Some((busy, busy + times.idle + times.iowait.unwrap_or_default()))
    }
}

#[cfg(not(target_os = "linux"))]
mod linux {
    use super::{Thread, Usage};

    /// Nothing is known of threads.
    pub fn threads() -> Vec<Thread> {
        Vec::new()
    }

    /// Nothing is known of threads.
    pub fn on_disk() -> Vec<u32> {
        Vec::new()
    }

    /// Nothing is known of memory.
    pub fn usage() -> Option<Usage> {
        None
    }

    /// Nothing is known of the cores.
    pub fn machine() -> Option<(u64, u64)> {
        None
    }
}

pub use linux::{machine, on_disk, threads, usage};

/// What this process and the machine had used at one moment, or used between two.
#[derive(Debug, Default)]
pub struct Used {
    /// CPU seconds of this process.
    pub cpu_s: Option<f64>,
    /// Of the machine's cores: busy time and all, in ticks.
    pub machine: Option<(u64, u64)>,
    /// With the CPU seconds of each.
    pub threads: Vec<Thread>,
}

impl Used {
    /// What is used until now.
    pub fn now() -> Self {
        Self { cpu_s: cpu_s(), machine: machine(), threads: threads() }
    }

    /// What was used since `then`.
    pub fn since(then: &Self) -> Self {
        let now = Self::now();
        let of =
            |tid| then.threads.iter().find(|thread| thread.tid == tid).map_or(0.0, |thread| thread.cpu_s);
        let since = |thread: Thread| Thread { cpu_s: thread.cpu_s - of(thread.tid), ..thread };
        Self {
            cpu_s: now.cpu_s.zip(then.cpu_s).map(|(now, then)| now - then),
            machine: now
                .machine
                .zip(then.machine)
                .map(|(now, then)| (now.0.saturating_sub(then.0), now.1.saturating_sub(then.1))),
            threads: now.threads.into_iter().map(since).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_has_threads_memory_and_a_machine() {
        assert!(cpu_s().is_some());
        assert!(threads().iter().any(|thread| thread.cpu_s > 0.0), "finer than a tick");
        let usage = usage().unwrap();
        assert!(usage.resident_bytes > 0 && usage.resident_bytes <= usage.resident_peak_bytes);
        assert!(usage.files > 0 && usage.threads > 0);
        let (busy, all) = machine().unwrap();
        assert!(busy <= all);
    }
}
