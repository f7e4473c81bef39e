//! Figures: what each round gave under each name, and their medians. Knows nothing of what they mean.

use std::time::{Duration, Instant};

/// Rounds of named figures, in the order in which the names first came.
#[derive(Default)]
pub(crate) struct Figures {
    rows: Vec<(String, Vec<f64>)>,
}

impl Figures {
    /// Takes one round's figure.
    pub(crate) fn add(&mut self, name: &str, figure: f64) {
        match self.rows.iter_mut().find(|(row, _)| row == name) {
            Some((_, figures)) => figures.push(figure),
            None => self.rows.push((name.to_owned(), vec![figure])),
        }
    }

    /// Every name with its rounds.
    pub(crate) fn rows(&self) -> impl Iterator<Item = (&str, &[f64])> {
        self.rows.iter().map(|(name, figures)| (name.as_str(), figures.as_slice()))
    }
}

/// The middle one, or the mean of the two in the middle.
pub(crate) fn median(figures: &[f64]) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => f64::NAN,
        odd if odd % 2 == 1 => sorted[middle],
        _ => f64::midpoint(sorted[middle - 1], sorted[middle]),
    }
}

/// Time and CPU since it began: of this process, and of the server.
pub(crate) struct Watch {
    began: Instant,
    client: f64,
    server: Option<(u32, f64)>,
}

impl Watch {
    /// Of the server's CPU nothing is known where it is not the program's own.
    #[allow(clippy::disallowed_methods, reason = "a benchmark measures time")]
    pub(crate) fn start(server: Option<u32>) -> Self {
        let server = server.map(|process| (process, cpu_seconds(process)));
        Self { began: Instant::now(), client: cpu_seconds(std::process::id()), server }
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// Per second, of so many.
    pub(crate) fn rate(&self, count: usize) -> f64 {
        count as f64 / self.elapsed().as_secs_f64()
    }

    /// Microseconds of this process's CPU for each of so many.
    pub(crate) fn client_us(&self, count: usize) -> f64 {
        (cpu_seconds(std::process::id()) - self.client) * 1e6 / count as f64
    }

    /// Microseconds of the server's CPU for each of so many.
    pub(crate) fn server_us(&self, count: usize) -> Option<f64> {
        self.server.map(|(process, before)| (cpu_seconds(process) - before) * 1e6 / count as f64)
    }
}

/// CPU that a process has used, in seconds.
pub(crate) fn cpu_seconds(process: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let after = stat.rsplit(')').next().unwrap_or_default();
    let ticks: Vec<f64> = after.split_whitespace().map(|field| field.parse().unwrap_or(0.0)).collect();
    ticks.get(11..13).map_or(0.0, |both| both.iter().sum::<f64>() / 100.0)
}

/// Memory of this process that is in use, in bytes.
pub(crate) fn resident_bytes() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).unwrap_or(0) * 4096
}
