//! One frame: the bytes of one append, with their checksum. Owns the layout; never touches a file.
//!
//! ```text
//! length u32 │ crc u32 │ lsn u64 │ place u32 │ payload (protocol::codec: version byte, Vec<Update>)
//! ```
//!
//! Numbers are little-endian. `length` counts the payload. The CRC-32C runs over the payload, then lsn, place and
//! length, in this order, so that the caller's thread does the long part before the lsn is known. `place` counts the
//! frames since the last sync: from it recovery infers which frames were durable before this one was written.

use updraft_protocol::limits::JOURNAL_FRAME_BYTES;
use updraft_protocol::{Update, codec};

use crate::log::Error;

/// Bytes before the payload.
pub(super) const HEADER_BYTES: usize = 20;
/// Space reserved for each update at first: enough for one with little data.
const UPDATE_BYTES: usize = 160;

/// The encoded updates of one append, made by the caller's thread.
pub(super) struct Frame {
    payload: Vec<u8>,
    /// CRC-32C of the payload alone.
    crc: u32,
}

impl Frame {
    /// Encodes the updates.
    ///
    /// # Errors
    /// [`Error::Encode`] if they are too large for a frame or cannot be encoded.
    pub(super) fn encode(updates: &[Update]) -> Result<Self, Error> {
        let mut payload = Vec::with_capacity(updates.len() * UPDATE_BYTES);
        codec::encode_into(&updates, &mut payload).map_err(Error::Encode)?;
        let crc = crc32c::crc32c(&payload);
        Ok(Self { payload, crc })
    }

    /// Its size in the journal.
    pub(super) fn bytes(&self) -> usize {
        HEADER_BYTES + self.payload.len()
    }

    /// Appends the frame to `buffer` as number `lsn`, `place` frames after the last sync.
    pub(super) fn seal(&self, lsn: u64, place: u32, buffer: &mut Vec<u8>) {
        // A payload is at most JOURNAL_FRAME_BYTES: the codec refuses more.
        let length = self.payload.len() as u32;
        buffer.extend_from_slice(&length.to_le_bytes());
        buffer.extend_from_slice(&checksum(self.crc, lsn, place, length).to_le_bytes());
        buffer.extend_from_slice(&lsn.to_le_bytes());
        buffer.extend_from_slice(&place.to_le_bytes());
        buffer.extend_from_slice(&self.payload);
    }
}

/// A frame's header as read, not verified yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    /// Bytes of payload.
    pub(super) length: usize,
    crc: u32,
    /// The frame's number.
    pub(super) lsn: u64,
    /// Frames before it since the last sync.
    pub(super) place: u32,
}

impl Header {
    /// The header in the first bytes; `None` if its length is not valid.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let (length, rest) = bytes.split_first_chunk()?;
        let (crc, rest) = rest.split_first_chunk()?;
        let (lsn, rest) = rest.split_first_chunk()?;
        let (place, _) = rest.split_first_chunk()?;
        let length = u32::from_le_bytes(*length) as usize;
        let (crc, place) = (u32::from_le_bytes(*crc), u32::from_le_bytes(*place));
        let allowed = 1..=JOURNAL_FRAME_BYTES;
        allowed.contains(&length).then(|| Self { length, crc, lsn: u64::from_le_bytes(*lsn), place })
    }

    /// Bytes of the whole frame.
    pub(super) fn frame_bytes(&self) -> usize {
        HEADER_BYTES + self.length
    }

    /// Whether the payload and this header have the right checksum.
    pub(super) fn proves(&self, payload: &[u8]) -> bool {
        payload.len() == self.length
            && checksum(crc32c::crc32c(payload), self.lsn, self.place, self.length as u32) == self.crc
    }
}

fn checksum(payload: u32, lsn: u64, place: u32, length: u32) -> u32 {
    let mut rest = [0; 16];
    rest[..8].copy_from_slice(&lsn.to_le_bytes());
    rest[8..12].copy_from_slice(&place.to_le_bytes());
    rest[12..].copy_from_slice(&length.to_le_bytes());
    crc32c::crc32c_append(payload, &rest)
}

#[cfg(test)]
mod tests {
    use super::super::testing::update;
    use super::*;
    use proptest::prelude::*;

    fn sealed(lsn: u64, place: u32) -> Vec<u8> {
        let mut bytes = Vec::new();
        Frame::encode(&[update(1, lsn)]).unwrap().seal(lsn, place, &mut bytes);
        bytes
    }

    #[test]
    fn a_sealed_frame_proves_itself_and_gives_its_updates() {
        let bytes = sealed(7, 3);
        let header = Header::parse(&bytes).unwrap();
        assert_eq!((header.lsn, header.place, header.frame_bytes()), (7, 3, bytes.len()));
        assert!(header.proves(&bytes[HEADER_BYTES..]));
        let updates: Vec<Update> = codec::decode(&bytes[HEADER_BYTES..]).unwrap();
        assert_eq!(updates, [update(1, 7)]);
    }

    #[test]
    fn whatever_fits_a_frame_can_be_read_again() {
        let mut updates: Vec<_> = (0..50_000).map(|document| update(document, 1)).collect();
        let bytes = Frame::encode(&updates).unwrap().bytes() - HEADER_BYTES;
        let fit = JOURNAL_FRAME_BYTES * 50_000 / bytes - 2_000;
        updates.extend((50_000..fit as u64).map(|document| update(document, 1)));
        let frame = Frame::encode(&updates).unwrap();
        assert!(frame.bytes() > JOURNAL_FRAME_BYTES / 10 * 9);
        assert_eq!(codec::decode::<Vec<Update>>(&frame.payload).unwrap().len(), fit);
    }

    #[test]
    fn zeros_are_no_header() {
        assert_eq!(Header::parse(&[0; HEADER_BYTES]), None);
        assert_eq!(Header::parse(&[1; HEADER_BYTES - 1]), None);
    }

    proptest! {
        #[test]
        fn any_flipped_bit_is_seen(lsn in 1..u64::MAX, place in 0..100_u32, at in any::<prop::sample::Index>()) {
            let mut bytes = sealed(lsn, place);
            let bit = at.index(bytes.len() * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
            let proven = Header::parse(&bytes).is_some_and(|header| {
                bytes.get(HEADER_BYTES..header.frame_bytes()).is_some_and(|payload| header.proves(payload))
            });
            prop_assert!(!proven);
        }
    }
}
