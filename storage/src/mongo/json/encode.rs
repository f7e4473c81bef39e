//! JSON text to the bytes of a BSON element, as serde_json reads it. Gives up, rather than change a value, if BSON has
//! no exact form for it.

use std::fmt;

use mongodb::bson::spec::ElementType;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use updraft_protocol::Number;
use updraft_protocol::limits::{MONGO_VALUE_BYTES, MONGO_VALUE_NESTING};

use super::begin;

/// Appends `key: text` as an element; `None` if BSON cannot represent it, and then `out` contains a part of it.
pub(super) fn append(out: &mut Vec<u8>, key: &str, text: &str) -> Option<()> {
    if !numbers_are_exact(text) {
        return None;
    }
    let end = out.len() + MONGO_VALUE_BYTES;
    let type_at = begin(out, ElementType::Null, key);
    let element = Element { out, type_at, levels: MONGO_VALUE_NESTING, end };
    element.deserialize(&mut serde_json::Deserializer::from_str(text)).ok()
}

/// Whether BSON can represent every number of a text; serde_json would round the others silently.
fn numbers_are_exact(text: &str) -> bool {
    let inside = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E');
    let (bytes, mut at, mut quoted) = (text.as_bytes(), 0, false);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => quoted = !quoted,
            b'\\' => at += 1,
            b'-' | b'0'..=b'9' if !quoted => {
                let length = bytes[at..].iter().take_while(|byte| inside(byte)).count();
                if !is_exact(&text[at..at + length]) {
                    return false;
                }
                at += length - 1;
            }
            _ => {}
        }
        at += 1;
    }
    true
}

/// Whether a number has 64 bits, or is a double whose shortest text is the same decimal number.
fn is_exact(number: &str) -> bool {
    number.parse::<i64>().is_ok()
        || Number::parse(number).is_some_and(|number| number.as_exact_f64().is_some())
}

/// An element whose value is being read.
struct Element<'b> {
    out: &'b mut Vec<u8>,
    /// The position of its type.
    type_at: usize,
    /// How many more levels of objects and arrays may be opened.
    levels: usize,
    /// The most bytes of `out`.
    end: usize,
}

impl Element<'_> {
    fn put<E: Error>(self, kind: ElementType, value: &[u8]) -> Result<(), E> {
        self.out[self.type_at] = kind as u8;
        self.out.extend_from_slice(value);
        if self.out.len() > self.end { Err(E::custom("too large")) } else { Ok(()) }
    }

    /// Begins an object or array; returns the position of its length.
    fn open<E: Error>(&mut self) -> Result<usize, E> {
        self.levels = self.levels.checked_sub(1).ok_or_else(|| E::custom("nested too deeply"))?;
        self.out.extend_from_slice(&[0; 4]);
        Ok(self.out.len() - 4)
    }

    /// The next element of the open object or array.
    fn inner(&mut self, key: &str) -> Element<'_> {
        let type_at = begin(self.out, ElementType::Null, key);
        Element { out: self.out, type_at, levels: self.levels, end: self.end }
    }

    fn close<E: Error>(self, kind: ElementType, length_at: usize) -> Result<(), E> {
        let length = i32::try_from(self.out.len() + 1 - length_at).map_err(E::custom)?;
        self.out[length_at..length_at + 4].copy_from_slice(&length.to_le_bytes());
        self.put(kind, &[0])
    }
}

impl<'de> DeserializeSeed<'de> for Element<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Element<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.put(ElementType::Null, &[])
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        self.put(ElementType::Boolean, &[value.into()])
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        match i32::try_from(value) {
            Ok(value) => self.put(ElementType::Int32, &value.to_le_bytes()),
            Err(_) => self.put(ElementType::Int64, &value.to_le_bytes()),
        }
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.visit_i64(i64::try_from(value).map_err(E::custom)?)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        self.put(ElementType::Double, &value.to_le_bytes())
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        let length = i32::try_from(value.len() + 1).map_err(E::custom)?;
        self.out.extend_from_slice(&length.to_le_bytes());
        self.out.extend_from_slice(value.as_bytes());
        self.put(ElementType::String, &[0])
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<(), A::Error> {
        let length_at = self.open()?;
        for index in 0.. {
            let end = self.out.len();
            if items.next_element_seed(self.inner(&index.to_string()))?.is_none() {
                self.out.truncate(end);
                break;
            }
        }
        self.close(ElementType::Array, length_at)
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut fields: A) -> Result<(), A::Error> {
        let (length_at, mut keys) = (self.open()?, Vec::new());
        while let Some(key) = fields.next_key::<String>()? {
            if key.contains('\0') {
                return Err(A::Error::custom("a key ends before its end"));
            }
            fields.next_value_seed(self.inner(&key))?;
            keys.push(key);
        }
        keys.sort_unstable();
        if keys.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(A::Error::custom("a key comes twice"));
        }
        self.close(ElementType::EmbeddedDocument, length_at)
    }
}
