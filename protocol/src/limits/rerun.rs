//! The limits of reruns and of bulk work, with their reasons.

use std::time::Duration;

use super::{COALESCER_DOCUMENTS, INPUT_BYTES, ITEMS, JOURNAL_FRAME_BYTES, LOCAL_LINE_BYTES};

/// Results that a rerun takes over: those of a loop over as many items as one may have, and of the steps around it. They are
/// accepted with the rerun at once, and are in memory until it has begun.
pub const RERUN_RESULTS: usize = ITEMS + 10_000;
/// What is in memory of an execution while its results are looked for: some 600,000 tasks that have done little.
pub const RERUN_READ_BYTES: usize = 512 << 20;
/// Reruns that may follow each other: what has become of the results that each has taken over is looked up where they were made.
pub const RERUN_GENERATIONS: usize = 50;
/// The work of the walk that takes results over, about a second: templates between them are evaluated again. With results beyond
/// it a rerun is refused, as what they were results of would be done again.
pub const RERUN_WORK: u64 = 1_000_000_000;
/// How long a rerun waits until the store has what is known of the first execution; updates reach it within a second or two.
pub const RERUN_STORED: Duration = Duration::from_secs(30);
/// Executions that are counted for bulk work: their ids are in memory until it is done.
pub const BULK_EXECUTIONS: usize = 10_000;
/// How long a rerun in bulk waits, where the engine had no place for it, until it is tried again.
pub const BULK_PAUSE: Duration = Duration::from_millis(200);
/// The size of these results as they are written: they are one append of the journal, so that a crash leaves all of them or no
/// execution. The room beside them is for its input and its variables, and for what begins after them.
pub const RERUN_BYTES: usize = JOURNAL_FRAME_BYTES - (4 << 20);

const _: () = {
    assert!(2 * INPUT_BYTES < JOURNAL_FRAME_BYTES - RERUN_BYTES);
    assert!(RERUN_RESULTS < COALESCER_DOCUMENTS);
    // The ids of a count are one line of the local socket, each with its quotes and a comma.
    assert!(40 * BULK_EXECUTIONS < LOCAL_LINE_BYTES);
};
