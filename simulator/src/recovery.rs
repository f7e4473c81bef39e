//! Recovery of a journal: verifies its segments, cuts a torn tail, and returns its groups. Mirrors
//! `storage/src/journal/recovery.rs`, `storage/src/journal/torn.rs` and `storage/src/journal/replay.rs`.

use std::collections::VecDeque;

use updraft_protocol::{Update, codec};

use crate::disk::{Broken, SimulatedDisk, SimulatedFrame};
use crate::event::NodeId;

/// Why a journal cannot be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unreadable {
    /// A durable part was changed.
    Corrupt(String),
    /// The disk failed.
    Disk(Broken),
}

/// The content of a journal.
#[derive(Debug, Default)]
pub struct Scan {
    /// Segments with frames: first and last number.
    pub sealed: VecDeque<(u64, u64)>,
    /// The number of the next frame.
    pub next: u64,
    /// The groups, oldest first.
    pub groups: VecDeque<(u64, Vec<Update>)>,
    /// Whether an incomplete write was cut off.
    pub torn: bool,
}

/// Verifies all segments, and leaves them without a torn tail, without an empty last one, and durable.
///
/// # Errors
/// The place and kind of corruption; a disk that fails.
pub fn scan(disk: &mut SimulatedDisk, node: NodeId) -> Result<Scan, Unreadable> {
    let firsts: Vec<u64> = disk.segments.keys().copied().collect();
    let mut scan = Scan { next: firsts.first().copied().unwrap_or(1), ..Scan::default() };
    for (index, first) in firsts.iter().copied().enumerate() {
        if first != scan.next {
            return Err(Unreadable::Corrupt(format!("segment {first} stands for {}", scan.next)));
        }
        let last_of_all = index + 1 == firsts.len();
        let frames = disk.segments.get(&first).map(Vec::as_slice).unwrap_or_default();
        let good = prove(frames, first, last_of_all).map_err(Unreadable::Corrupt)?;
        for frame in &frames[..good] {
            let decoded = codec::decode(&frame.payload);
            let updates =
                decoded.map_err(|error| Unreadable::Corrupt(format!("frame {}: {error}", frame.lsn)))?;
            scan.groups.push_back((frame.lsn, updates));
        }
        scan.torn |= good < frames.len();
        mend(disk, node, first, good, last_of_all).map_err(Unreadable::Disk)?;
        scan.next = first + good as u64;
        if good > 0 {
            scan.sealed.push_back((first, scan.next - 1));
        }
    }
    Ok(scan)
}

/// The number of good frames.
fn prove(frames: &[SimulatedFrame], first: u64, last_of_all: bool) -> Result<usize, String> {
    for (index, frame) in frames.iter().enumerate() {
        let expected = first + index as u64;
        if frame.lsn != expected {
            return Err(format!("frame {} stands where {expected} should", frame.lsn));
        }
        if frame.whole {
            continue;
        }
        let durable = |later: &&SimulatedFrame| later.whole && later.lsn - u64::from(later.place) > expected;
        if !last_of_all {
            return Err(format!("frame {expected} is bad, and not in the last segment"));
        }
        return match frames[index..].iter().find(durable) {
            Some(later) => Err(format!("frame {expected} is bad, and was durable before {}", later.lsn)),
            None => Ok(index),
        };
    }
    Ok(frames.len())
}

/// Repairs the last segment, so that another may follow it.
fn mend(
    disk: &mut SimulatedDisk,
    node: NodeId,
    segment: u64,
    good: usize,
    last_of_all: bool,
) -> Result<(), Broken> {
    if good == 0 {
        return disk.remove(node, segment);
    }
    if last_of_all {
        disk.cut(node, segment, good)?;
        disk.sync(node, segment)?;
    }
    Ok(())
}
