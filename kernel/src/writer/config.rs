//! The configuration of the writer. Owns the defaults; never reads a file or the environment.

use std::time::Duration;

use updraft_protocol::limits::{
    BATCH_BYTES, COALESCER_BYTES, COALESCER_DOCUMENTS, FLUSH_DELAY, WRITE_BACKOFF, WRITE_BACKOFF_MAX,
    WRITE_DRAIN, WRITE_TIMEOUT,
};

use crate::batch_limit::BatchLimit;
use crate::coalescer::Limits;
use crate::event_positions::EventPositions;

/// The configuration of the writer.
#[derive(Debug, Clone, Copy)]
pub struct WriterConfig {
    /// The most operations in a batch; `None` for the number that suits the store.
    pub batch_limit: Option<BatchLimit>,
    /// The most bytes in one batch.
    pub bytes: usize,
    /// How long an update may wait for others to share its batch; three times as long if it will soon be replaced.
    pub delay: Duration,
    /// How long a store call may take before its result counts as unknown; the driver enforces it.
    pub timeout: Duration,
    /// The first pause after a failure.
    pub backoff: Duration,
    /// The longest pause.
    pub backoff_max: Duration,
    /// How long the store may take for the rest once there is no more input.
    pub drain: Duration,
    /// The most that may wait in the writer; at these limits the journal waits.
    pub limits: Limits,
    /// The start of the pauses' jitter: different in each process, so that their retries are spread out.
    pub seed: u64,
    /// The positions of the events that the updates tell.
    pub positions: EventPositions,
}

impl Default for WriterConfig {
    fn default() -> Self {
        Self {
            batch_limit: None,
            bytes: BATCH_BYTES,
            delay: FLUSH_DELAY,
            timeout: WRITE_TIMEOUT,
            backoff: WRITE_BACKOFF,
            backoff_max: WRITE_BACKOFF_MAX,
            drain: WRITE_DRAIN,
            limits: Limits { documents: COALESCER_DOCUMENTS, bytes: COALESCER_BYTES },
            seed: 0,
            positions: EventPositions::default(),
        }
    }
}
