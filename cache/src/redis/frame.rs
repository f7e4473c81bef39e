//! Frames: an entry as it stands in Redis. Owns the layout, and that nothing is believed that is not whole: a mark, versions, the
//! stamps of its load, the value, and a seal over all of it and its key.
//!
//! `updc`, the version of the layout, whether the value is compressed, the schema version of the kind, how long it is fresh and kept
//! (milliseconds), the number of stamps and the stamps, the bytes of the value before compression, the value, the seal.
//! Numbers are little-endian.

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use updraft_protocol::codec;
use updraft_protocol::limits::{CACHE_COMPRESS_BYTES, CACHE_VALUE_BYTES};

use super::Stamp;
use super::seal::{SEAL_BYTES, Seal};

const MARK: &[u8; 4] = b"updc";
const LAYOUT: u8 = 1;
/// zstd's fastest level but one: Redis is on the way, not on a disk.
const LEVEL: i32 = 1;

/// What a frame says of a value, which is not decoded yet.
#[derive(Debug)]
pub(super) struct Frame<'a> {
    pub(super) fresh: Duration,
    pub(super) kept: Duration,
    pub(super) stamps: Vec<Stamp>,
    is_compressed: bool,
    bytes: usize,
    value: &'a [u8],
}

/// It is not a frame of ours, of this version, for this key; or a value has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rejected;

impl Frame<'_> {
    /// The frame of a value.
    ///
    /// # Errors
    /// The value cannot be encoded, or is too large.
    pub(super) fn encode<V: Serialize>(
        (seal, key): (&Seal, &str),
        schema: u32,
        (fresh, kept): (Duration, Duration),
        stamps: &[Stamp],
        value: &Option<&V>,
    ) -> Result<Vec<u8>, Rejected> {
        let mut plain = Vec::new();
        codec::encode_into(value, &mut plain).map_err(|_| Rejected)?;
        if plain.len() > CACHE_VALUE_BYTES {
            return Err(Rejected);
        }
        let compressed = (plain.len() > CACHE_COMPRESS_BYTES)
            .then(|| zstd::bulk::compress(&plain, LEVEL).ok())
            .flatten()
            .filter(|compressed| compressed.len() < plain.len());
        let mut frame = Vec::with_capacity(64 + stamps.len() * 16 + plain.len());
        frame.extend_from_slice(MARK);
        frame.extend([LAYOUT, u8::from(compressed.is_some())]);
        frame.extend(schema.to_le_bytes());
        for time in [fresh, kept] {
            frame.extend(super::millis(time).to_le_bytes());
        }
        frame.push(u8::try_from(stamps.len()).map_err(|_| Rejected)?);
        stamps.iter().for_each(|stamp| frame.extend(stamp));
        frame.extend(u32::try_from(plain.len()).map_err(|_| Rejected)?.to_le_bytes());
        frame.extend(compressed.as_ref().unwrap_or(&plain));
        frame.extend(seal.seal(key, &frame).ok_or(Rejected)?);
        Ok(frame)
    }
}

impl<'a> Frame<'a> {
    /// The frame in these bytes, found under this key.
    ///
    /// # Errors
    /// There is none, or one of another version.
    pub(super) fn decode(bytes: &'a [u8], (seal, key): (&Seal, &str), schema: u32) -> Result<Self, Rejected> {
        let (body, sealed) = bytes.split_last_chunk::<SEAL_BYTES>().ok_or(Rejected)?;
        if !seal.is_sealed(key, body, sealed) {
            return Err(Rejected);
        }
        let mut rest = body;
        let [m, a, r, k, layout, compressed] = take::<6>(&mut rest)?;
        if [m, a, r, k] != *MARK || layout != LAYOUT || u32::from_le_bytes(take(&mut rest)?) != schema {
            return Err(Rejected);
        }
        let fresh = Duration::from_millis(u64::from_le_bytes(take(&mut rest)?));
        let kept = Duration::from_millis(u64::from_le_bytes(take(&mut rest)?));
        let [count] = take::<1>(&mut rest)?;
        let stamps = (0..count).map(|_| take::<16>(&mut rest)).collect::<Result<Vec<_>, _>>()?;
        let bytes = usize::try_from(u32::from_le_bytes(take(&mut rest)?)).map_err(|_| Rejected)?;
        if bytes > CACHE_VALUE_BYTES || compressed > 1 {
            return Err(Rejected);
        }
        Ok(Self { fresh, kept, stamps, is_compressed: compressed == 1, bytes, value: rest })
    }

    /// The value.
    ///
    /// # Errors
    /// It is not of this type.
    pub(super) fn value<V: DeserializeOwned>(&self) -> Result<V, Rejected> {
        let plain = match self.is_compressed {
            true => zstd::bulk::decompress(self.value, self.bytes).map_err(|_| Rejected)?,
            false => self.value.to_vec(),
        };
        if plain.len() != self.bytes {
            return Err(Rejected);
        }
        codec::decode(&plain).map_err(|_| Rejected)
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], Rejected> {
    let (first, others) = rest.split_first_chunk::<N>().ok_or(Rejected)?;
    *rest = others;
    Ok(*first)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIVES: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(90));

    fn seal() -> Seal {
        Seal::new("updraft", b"of the store")
    }

    fn frame(value: &str) -> Vec<u8> {
        Frame::encode((&seal(), "key"), 3, LIVES, &[[1; 16], [2; 16]], &Some(&value.to_owned())).unwrap()
    }

    fn read(bytes: &[u8]) -> Result<Option<String>, Rejected> {
        Frame::decode(bytes, (&seal(), "key"), 3)?.value()
    }

    #[test]
    fn a_value_comes_back_compressed_or_not() {
        for length in [0, 10, 1_000, 2_000, 900_000] {
            let value = "abc ".repeat(length / 4);
            let bytes = frame(&value);
            assert!(length < 2_000 || bytes.len() < length / 4, "what is large is compressed");
            let seal = seal();
            let decoded = Frame::decode(&bytes, (&seal, "key"), 3).unwrap();
            assert_eq!((decoded.fresh, decoded.kept), LIVES);
            assert_eq!(decoded.stamps, [[1; 16], [2; 16]]);
            assert_eq!(read(&bytes), Ok(Some(value)));
        }
    }

    #[test]
    fn nothing_is_believed_that_is_not_whole_of_this_version_and_of_this_key() {
        let bytes = frame("value");
        let other = Seal::new("updraft", b"of another store");
        assert_eq!(Frame::decode(&bytes, (&seal(), "other"), 3).unwrap_err(), Rejected);
        assert_eq!(Frame::decode(&bytes, (&seal(), "key"), 4).unwrap_err(), Rejected);
        assert_eq!(Frame::decode(&bytes, (&other, "key"), 3).unwrap_err(), Rejected);
        for length in 0..bytes.len() {
            assert_eq!(read(&bytes[..length]), Err(Rejected));
        }
        for place in 0..bytes.len() {
            let mut other = bytes.clone();
            other[place] ^= 1;
            assert_eq!(read(&other), Err(Rejected), "a bit of byte {place}");
        }
        assert_eq!(read(b"garbage"), Err(Rejected));
    }

    #[test]
    fn a_value_that_claims_to_be_larger_or_smaller_than_it_is_is_rejected() {
        let large = frame(&"abc ".repeat(5_000));
        let at = 6 + 4 + 16 + 1 + 32;
        for claimed in [0_u32, 100, 1_000_000, u32::MAX] {
            let mut body = large[..large.len() - SEAL_BYTES].to_vec();
            body[at..at + 4].copy_from_slice(&claimed.to_le_bytes());
            let sealed = seal().seal("key", &body).unwrap();
            body.extend(sealed);
            assert_eq!(read(&body), Err(Rejected), "{claimed}");
        }
        let too_large = "x".repeat(CACHE_VALUE_BYTES + 1);
        assert!(Frame::encode((&seal(), "key"), 3, LIVES, &[], &Some(&too_large)).is_err());
    }
}
