//! The limits of reruns and of bulk work, with their reasons.

use std::time::Duration;

/// Results that a rerun takes over: they are accepted with it at once, and are in memory until it has begun.
pub const RERUN_RESULTS: usize = 10_000;
/// Reruns that may follow each other: what has become of the results that each has taken over is looked up where they were made.
pub const RERUN_GENERATIONS: usize = 50;
/// The work of the walk that takes results over, about a second: templates between them are evaluated again. Results beyond it
/// are not taken over.
pub const RERUN_WORK: u64 = 1_000_000_000;
/// How long a rerun waits until the store has what is known of the first execution; updates reach it within a second or two.
pub const RERUN_STORED: Duration = Duration::from_secs(30);
/// Executions that are counted for bulk work: their ids are in memory until it is done.
pub const BULK_EXECUTIONS: usize = 10_000;
/// How long a rerun in bulk waits, where the engine had no place for it, until it is tried again.
pub const BULK_PAUSE: Duration = Duration::from_millis(200);
/// The size of these results: they are one append of the journal, with room for the rest of it.
pub const RERUN_BYTES: usize = super::JOURNAL_FRAME_BYTES / 2;
