//! The limits of reruns, with their reasons.

/// Results that a rerun takes over: they are accepted with it at once, and are in memory until it has begun.
pub const RERUN_RESULTS: usize = 10_000;
/// The size of these results: they are one append of the journal, with room for the rest of it.
pub const RERUN_BYTES: usize = super::JOURNAL_FRAME_BYTES / 2;
