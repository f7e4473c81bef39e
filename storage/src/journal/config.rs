//! The configuration of a journal. Owns the defaults; never reads a file or the environment.

use std::time::Duration;

use updraft_protocol::limits::{DISK_FULL_CHECK, JOURNAL_SEGMENT_BYTES, JOURNAL_SEGMENTS};
use uuid::Uuid;

/// The faults that an acknowledged append survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// The end of the process, of the system, and of power: the disk has confirmed it, with one sync for all appends of
    /// a window.
    #[default]
    Fsync,
    /// The end of the process (a panic, kill -9, out of memory), as the operating system has the bytes. Not the end of
    /// the system or of power: acknowledged appends that the system had not written by then, usually of the last half a
    /// minute, are lost.
    Os,
}

/// The configuration of a journal.
#[derive(Debug, Clone, Copy)]
pub struct Config {
    /// The id of a new journal. An existing one keeps its own.
    pub id: Uuid,
    /// The faults that an acknowledged append survives.
    pub durability: Durability,
    /// A segment of this size is followed by a new one.
    pub segment_bytes: u64,
    /// Segments that may wait for the store; with more, the journal waits.
    pub segments: usize,
    /// How often a full disk is checked again.
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
