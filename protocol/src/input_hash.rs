//! `InputHash`: whether two submissions are the same, or two values equal. Owns the canonical form of an input and its
//! variables, and its hash; decides nothing by it.
//!
//! The canonical form is based on RFC 8785 (JSON Canonicalization Scheme): members are sorted by name, and each text
//! and number has one form. Unlike there, a number never becomes an `f64`: it is normalised exactly, as a decimal, so
//! that integers with different last digits differ. The hashed bytes are not JSON text: each value begins with a letter
//! for its kind, each text and number with its length in bytes, each list and map with its count (both as LEB128, seven
//! bits a byte), so that no two inputs give the same bytes.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::ids::TenantCode;
use crate::value::Value;

/// The bytes of a hash: those of SHA-256.
const BYTES: usize = 32;

/// The hash of an input with its variables, as submitted: SHA-256 of their canonical form. Its text is 64 hexadecimal
/// digits.
///
/// The order of keys, white space and the notation of numbers make no difference: `1`, `1.0` and `10e-1` are one
/// number, and so are `0` and `-0`. Only numbers whose exponent is beyond 64 bits differ by their notation.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct InputHash([u8; BYTES]);

/// A text is no hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("64 hexadecimal digits are needed")]
pub struct NotAHash;

impl NotAHash {
    /// Whether the same text can be valid another time: never.
    pub fn retryable(self) -> bool {
        false
    }
}

impl InputHash {
    /// The hash of the input and the variables of a submission.
    pub fn of(input: &Value, variables: &BTreeMap<String, Value>) -> Self {
        let mut hash = Sha256::new();
        put(input, &mut hash);
        put_map(variables, &mut hash);
        Self(hash.finalize().into())
    }

    /// The hash of a value alone: the same for equal values, however their numbers are spelled.
    pub fn of_value(value: &Value) -> Self {
        let mut hash = Sha256::new();
        put(value, &mut hash);
        Self(hash.finalize().into())
    }

    /// The hash of a call's arguments, keyed by the tenant: hashes of two tenants cannot be compared.
    pub fn of_arguments(tenant: &TenantCode, arguments: &Value) -> Self {
        let mut hash = Sha256::new();
        put_text(b'k', tenant.as_str(), &mut hash);
        put(arguments, &mut hash);
        Self(hash.finalize().into())
    }

    /// The first half of it, for an id.
    pub(crate) fn leading_bytes(&self) -> [u8; 16] {
        let mut leading = [0; 16];
        leading.iter_mut().zip(self.0).for_each(|(to, byte)| *to = byte);
        leading
    }
}

/// Adds a value. Its depth was bounded by the parser.
fn put(value: &Value, hash: &mut Sha256) {
    match value {
        Value::Null => hash.update(b"n"),
        Value::Bool(true) => hash.update(b"t"),
        Value::Bool(false) => hash.update(b"f"),
        Value::Number(number) => put_text(b'd', &number.normal_form(), hash),
        Value::String(text) => put_text(b's', text, hash),
        Value::Array(items) => {
            put_count(b'l', items.len(), hash);
            items.iter().for_each(|item| put(item, hash));
        }
        Value::Object(fields) => put_map(fields, hash),
    }
}

fn put_map(fields: &BTreeMap<String, Value>, hash: &mut Sha256) {
    put_count(b'm', fields.len(), hash);
    for (name, value) in fields {
        put_text(b's', name, hash);
        put(value, hash);
    }
}

fn put_text(kind: u8, text: &str, hash: &mut Sha256) {
    put_count(kind, text.len(), hash);
    hash.update(text.as_bytes());
}

fn put_count(kind: u8, count: usize, hash: &mut Sha256) {
    hash.update([kind]);
    let mut rest = count;
    while rest > 0x7f {
        hash.update([(rest & 0x7f) as u8 | 0x80]);
        rest >>= 7;
    }
    // Most are short: the arguments of a small call then fit into one block of the hash.
    hash.update([(rest & 0x7f) as u8]);
}

impl fmt::Display for InputHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DIGITS: [u8; 16] = *b"0123456789abcdef";
        // Written at once, since each task's document contains one.
        let mut text = [0; 2 * BYTES];
        for (pair, byte) in text.as_chunks_mut().0.iter_mut().zip(self.0) {
            *pair = [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 0xf)]];
        }
        f.write_str(std::str::from_utf8(&text).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for InputHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for InputHash {
    type Err = NotAHash;

    fn from_str(text: &str) -> Result<Self, NotAHash> {
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        if pairs.len() != BYTES || !rest.is_empty() {
            return Err(NotAHash);
        }
        let mut bytes = [0; BYTES];
        for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
            *byte = digit(*high)? << 4 | digit(*low)?;
        }
        Ok(Self(bytes))
    }
}

fn digit(byte: u8) -> Result<u8, NotAHash> {
    let digit = char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    digit.ok_or(NotAHash)
}

impl Serialize for InputHash {
    /// Text in readable formats; bytes in bincode.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            self.0.serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for InputHash {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let text = String::deserialize(deserializer)?;
            text.parse().map_err(serde::de::Error::custom)
        } else {
            <[u8; BYTES]>::deserialize(deserializer).map(Self)
        }
    }
}

#[cfg(test)]
mod tests;
