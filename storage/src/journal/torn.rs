//! The tail of a segment: whether bytes that are no frame are a torn write or corruption.
//!
//! A power failure in the middle of a write leaves a frame that is short, or whole sectors that were never written and
//! read as zeros. Of one unsynced write any sectors may be missing, so that good frames may follow the hole. Zeros to
//! the end are reserved space. Synced bytes are not torn by a power failure: so a frame that was written after the bad
//! one was durable proves corruption, and so does a good frame after bad bytes without a hole.

use std::io;

use super::frame::{HEADER_BYTES, Header};
use super::reader::{Look, SegmentReader};

/// The smallest piece that a disk writes whole.
const SECTOR_BYTES: u64 = 512;

/// The verdict on the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub(super) enum Verdict {
    /// Zeros that were reserved for frames, never overwritten.
    Unwritten,
    /// The end of an incomplete write: it may be cut off.
    Torn,
    /// A durable part was changed.
    Corrupt,
}

/// Judges the bytes from the reader's position, where frame `expected` should be, to the end of the file.
pub(super) fn judge(reader: &mut SegmentReader, expected: u64) -> io::Result<Verdict> {
    let mut hole = Hole { everything: true, ..Hole::default() };
    loop {
        let bytes = reader.peek(HEADER_BYTES)?;
        let Some(&byte) = bytes.first() else {
            return Ok(if hole.everything { Verdict::Unwritten } else { Verdict::Torn });
        };
        // Most bytes are ruled out by these few, before a payload is checked.
        let likely = Header::parse(bytes).is_some_and(|header| plausible(&header, expected));
        if likely && let Look::Frame(header) = reader.look()? {
            let durable_before = header.lsn - u64::from(header.place);
            if !hole.found || durable_before > expected {
                return Ok(Verdict::Corrupt);
            }
            hole.everything = false;
            reader.advance(header.frame_bytes());
        } else {
            hole.see(reader.offset(), byte);
            reader.advance(1);
        }
    }
}

fn plausible(header: &Header, expected: u64) -> bool {
    let ahead = header.lsn.checked_sub(expected);
    ahead.is_some_and(|ahead| ahead <= u64::from(u32::MAX)) && u64::from(header.place) < header.lsn
}

/// Searches for a sector that was never written.
#[derive(Default)]
struct Hole {
    found: bool,
    /// Whether all bytes were zeros so far.
    everything: bool,
    /// The zeros up to here since the sector began, or since the bad bytes did.
    zeros: u64,
    written: bool,
}

impl Hole {
    fn see(&mut self, offset: u64, byte: u8) {
        if offset.is_multiple_of(SECTOR_BYTES) {
            (self.zeros, self.written) = (0, false);
        }
        if byte == 0 {
            self.zeros += 1;
        } else {
            self.written = true;
            self.everything = false;
        }
        let ends = offset % SECTOR_BYTES == SECTOR_BYTES - 1;
        // A few zeros before the end of a sector may be data; a frame's header is never all zeros, and no frame begins
        // with them.
        let zeros = self.zeros >= HEADER_BYTES as u64 || self.everything;
        self.found |= ends && !self.written && zeros;
    }
}
