//! Limits of snapshots of an engine: what is told of how everything stands.

use std::time::Duration;

/// Tenants of a snapshot: those that have most queued and in flight. More are not read.
pub const SNAPSHOT_TENANTS: usize = 100;
/// Gates of a snapshot: those of which a circuit is not closed, then those at which most calls wait.
pub const SNAPSHOT_GATES: usize = 100;
/// How often the threads are looked at for a snapshot, which takes a third of a millisecond each time.
pub const SNAPSHOT_LOOKS: u32 = 10;
/// The pause between two of these looks: together they are long enough for the ticks in which the machine counts.
pub const SNAPSHOT_LOOK: Duration = Duration::from_millis(25);
