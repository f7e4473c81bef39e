//! How the writer is configured. Owns the defaults; never reads a file or the environment.

use std::time::Duration;

use updraft_protocol::limits::{
    BATCH_BYTES, COALESCER_BYTES, COALESCER_DOCUMENTS, FLUSH_DELAY, WRITE_BACKOFF, WRITE_BACKOFF_MAX,
    WRITE_DRAIN, WRITE_TIMEOUT,
};

use crate::batch_limit::BatchLimit;
use crate::coalescer::Limits;

/// How the writer is configured.
#[derive(Debug, Clone, Copy)]
pub struct WriterConfig {
    /// How much goes to the store at once; none leaves it to what suits the store.
    pub batch_limit: Option<BatchLimit>,
    /// Bytes in one batch.
    pub bytes: usize,
    /// How long an update may wait for company; one that will soon be overtaken, three times as long.
    pub delay: Duration,
    /// How long a call of the store may take before nobody knows what became of it; the driver keeps it.
    pub timeout: Duration,
    /// The first pause after a failure.
    pub backoff: Duration,
    /// The longest.
    pub backoff_max: Duration,
    /// How long the store may take for the rest once nothing more comes.
    pub drain: Duration,
    /// What may wait; beyond it the journal waits.
    pub limits: Limits,
    /// Where the pauses' jitter begins: another number in each process, so that they do not come back together.
    pub seed: u64,
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
        }
    }
}
