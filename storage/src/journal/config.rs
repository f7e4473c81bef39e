//! How a journal is configured. Owns the defaults; never reads a file or the environment.

use std::time::Duration;

use updraft_protocol::limits::{DISK_FULL_CHECK, JOURNAL_SEGMENT_BYTES, JOURNAL_SEGMENTS};
use uuid::Uuid;

/// What an acknowledged append survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// The end of the process, of the system, and of power: the disk has confirmed it, with one sync for all
    /// the appends of a window.
    #[default]
    Fsync,
    /// The end of the process (a panic, kill -9, no memory left), as the operating system has the bytes. Not the
    /// end of the system or of power: what the system had not written by then, usually the last half a minute
    /// of acknowledged appends, is missing.
    Os,
}

/// How a journal is configured.
#[derive(Debug, Clone, Copy)]
pub struct Config {
    /// The id of a journal that is made. One that is there has its own.
    pub id: Uuid,
    /// What an acknowledged append survives.
    pub durability: Durability,
    /// A segment that has grown to this is followed by a new one.
    pub segment_bytes: u64,
    /// Segments that may wait for the store; beyond it the journal waits.
    pub segments: usize,
    /// How often a full disk is looked at again.
    pub full_check: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            id: Uuid::now_v7(),
            durability: Durability::Fsync,
            segment_bytes: JOURNAL_SEGMENT_BYTES,
            segments: JOURNAL_SEGMENTS,
            full_check: DISK_FULL_CHECK,
        }
    }
}
