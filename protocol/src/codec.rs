//! The codec: values to bytes and back, after a version byte. The only file that names bincode.
//!
//! bincode 2 has had no maintainer since 2025; its format is frozen, and a replacement would get another version byte
//! here.

use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

use crate::limits::JOURNAL_FRAME_BYTES;

/// The version that is written, and the only one that is read: none was released before it.
pub const VERSION: u8 = 23;

/// Why bytes cannot be decoded, or a value cannot be encoded.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Error {
    /// There are no bytes at all.
    #[error("empty")]
    Empty,
    /// Another version wrote the bytes.
    #[error("written in version {found} of the codec; version {VERSION} is known")]
    Version {
        /// The version byte.
        found: u8,
    },
    /// The bytes are not of this type.
    #[error("not decodable: {0}")]
    Decode(String),
    /// The value cannot be encoded.
    #[error("not encodable: {0}")]
    Encode(String),
    /// The value is too large for a frame.
    #[error("{bytes} bytes encoded; at most {JOURNAL_FRAME_BYTES} are allowed")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
}

impl Error {
    /// Whether trying again can help: never.
    pub fn retryable(&self) -> bool {
        false
    }
}

fn config() -> impl bincode::config::Config {
    bincode::config::standard().with_limit::<{ JOURNAL_FRAME_BYTES }>()
}

/// The most that a value may claim while it is decoded. bincode counts a number at its largest size, eight bytes even
/// if one was written, so that the limit of a frame would refuse frames that fit.
const DECODE_BYTES: usize = JOURNAL_FRAME_BYTES * 8;

fn decode_config() -> impl bincode::config::Config {
    bincode::config::standard().with_limit::<DECODE_BYTES>()
}

/// Appends the version byte and the value to `bytes`; on an error `bytes` is as it was.
///
/// # Errors
/// A value that is too large or that serde cannot describe.
pub fn encode_into<T: Serialize>(value: &T, bytes: &mut Vec<u8>) -> Result<(), Error> {
    let start = bytes.len();
    bytes.push(VERSION);
    if let Err(error) = bincode::serde::encode_into_std_write(value, bytes, config()) {
        bytes.truncate(start);
        return Err(Error::Encode(error.to_string()));
    }
    let length = bytes.len() - start;
    if length > JOURNAL_FRAME_BYTES {
        bytes.truncate(start);
        return Err(Error::TooLarge { bytes: length });
    }
    Ok(())
}

/// The size of a value as it is encoded, without a version.
///
/// # Errors
/// A value that is too large or that serde cannot describe.
pub fn encoded_bytes<T: Serialize>(value: &T) -> Result<usize, Error> {
    bincode::serde::encode_into_std_write(value, &mut std::io::sink(), config())
        .map_err(|error| Error::Encode(error.to_string()))
}

/// Checks that `bytes` have the version that is read; returns the bytes after the version byte.
///
/// # Errors
/// [`Error::Version`] or [`Error::Empty`].
fn readable(bytes: &[u8]) -> Result<&[u8], Error> {
    match bytes.split_first() {
        None => Err(Error::Empty),
        Some((&VERSION, body)) => Ok(body),
        Some((&found, _)) => Err(Error::Version { found }),
    }
}

/// The value in `bytes`, which must have no bytes left over.
///
/// # Errors
/// Bytes of another version, of another type, or too many of them.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    let body = readable(bytes)?;
    let (value, read) = bincode::serde::decode_from_slice(body, decode_config())
        .map_err(|error| Error::Decode(error.to_string()))?;
    if read != body.len() {
        return Err(Error::Decode(format!("{} bytes left over", body.len() - read)));
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Json;

    #[test]
    fn a_value_comes_back() {
        let value = (String::from("a"), Some(Json::from(serde_json::json!({"b": [1.5, null]}))));
        let mut bytes = vec![9];
        encode_into(&value, &mut bytes).unwrap();
        assert_eq!(encoded_bytes(&value), Ok(bytes.len() - 2), "beside what was there, and the version");
        assert_eq!(decode::<(String, Option<Json>)>(&bytes[1..]), Ok(value));
    }

    #[test]
    fn other_versions_and_other_bytes_are_refused() {
        assert_eq!(decode::<u32>(&[]), Err(Error::Empty));
        for found in [0, 1, VERSION + 1, 255] {
            assert_eq!(decode::<u32>(&[found, 0]), Err(Error::Version { found }));
        }
        assert!(matches!(decode::<String>(&[VERSION, 200, 1]), Err(Error::Decode(_))));
        assert!(matches!(decode::<u8>(&[VERSION, 1, 1]), Err(Error::Decode(_))));
    }
}
