//! JSON values as BSON and back, exactly: a value that BSON cannot represent is stored as its text. Looks into no value
//! further than its form.

#[cfg(test)]
mod tests;

use std::fmt;

use mongodb::bson::raw::CStr;
use mongodb::bson::spec::BinarySubtype;
use mongodb::bson::{Binary, RawArrayBuf, RawBson, RawBsonRef, RawDocumentBuf};
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde::ser::{Error as _, Serialize, SerializeMap, SerializeSeq, Serializer};
use updraft_protocol::limits::{MONGO_VALUE_BYTES, MONGO_VALUE_NESTING};
use updraft_protocol::{Json, Number};

/// The subtype of a binary that holds JSON text; in the range that BSON leaves to its users.
const TEXT: BinarySubtype = BinarySubtype::UserDefined(0x80);
/// Levels that are read: more than servers store, so that only broken data is refused.
const READ_NESTING: usize = 256;

/// JSON text as a value.
pub(super) fn value(text: &str) -> RawBson {
    let exact = || {
        let json = &mut serde_json::Deserializer::from_str(text);
        let value = Exact { levels: MONGO_VALUE_NESTING }.deserialize(json).ok()?;
        (bytes(&value) < MONGO_VALUE_BYTES).then_some(value)
    };
    let exact = if numbers_are_exact(text) { exact() } else { None };
    exact.unwrap_or_else(|| Binary { subtype: TEXT, bytes: text.as_bytes().to_vec() }.into())
}

/// The value of an element; `None` if [`value`] did not make it.
pub(super) fn read(value: RawBsonRef<'_>) -> Option<Json> {
    if let RawBsonRef::Binary(binary) = value {
        let text = (binary.subtype == TEXT).then_some(binary.bytes)?;
        return Json::parse(std::str::from_utf8(text).ok()?).ok();
    }
    Json::parse(&serde_json::to_string(&Shown { value, levels: READ_NESTING }).ok()?).ok()
}

/// The bytes of a value that may be large.
fn bytes(value: &RawBson) -> usize {
    match value {
        RawBson::String(text) => text.len(),
        RawBson::Document(document) => document.as_bytes().len(),
        RawBson::Array(array) => array.as_bytes().len(),
        _ => 0,
    }
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

/// Reads a value as serde_json does. Gives up, rather than change it, if BSON has no exact form for it.
#[derive(Clone, Copy)]
struct Exact {
    /// How many more levels of objects and arrays may be opened.
    levels: usize,
}

impl Exact {
    fn inner<E: serde::de::Error>(self) -> Result<Self, E> {
        let levels = self.levels.checked_sub(1).ok_or_else(|| E::custom("nested too deeply"))?;
        Ok(Self { levels })
    }
}

impl<'de> DeserializeSeed<'de> for Exact {
    type Value = RawBson;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<RawBson, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Exact {
    type Value = RawBson;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<RawBson, E> {
        Ok(RawBson::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<RawBson, E> {
        Ok(RawBson::Boolean(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<RawBson, E> {
        Ok(i32::try_from(value).map_or(RawBson::Int64(value), RawBson::Int32))
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<RawBson, E> {
        self.visit_i64(i64::try_from(value).map_err(E::custom)?)
    }

    fn visit_f64<E>(self, value: f64) -> Result<RawBson, E> {
        Ok(RawBson::Double(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<RawBson, E> {
        Ok(RawBson::String(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<RawBson, A::Error> {
        let (inner, mut array) = (self.inner()?, RawArrayBuf::new());
        while let Some(item) = items.next_element_seed(inner)? {
            array.push(item);
        }
        Ok(RawBson::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<RawBson, A::Error> {
        let (inner, mut keys, mut document) = (self.inner()?, Vec::new(), RawDocumentBuf::new());
        while let Some(key) = fields.next_key::<String>()? {
            let name = <&CStr>::try_from(key.as_str()).map_err(A::Error::custom)?;
            document.append(name, fields.next_value_seed(inner)?);
            keys.push(key);
        }
        keys.sort_unstable();
        if keys.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(A::Error::custom("a key comes twice"));
        }
        Ok(RawBson::Document(document))
    }
}

/// A value as serde_json writes it. Refuses what is no JSON value.
struct Shown<'b> {
    value: RawBsonRef<'b>,
    /// How many more levels are read.
    levels: usize,
}

impl Serialize for Shown<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let levels = self.levels.checked_sub(1).ok_or_else(|| S::Error::custom("nested too deeply"))?;
        match self.value {
            RawBsonRef::Null => to.serialize_unit(),
            RawBsonRef::Boolean(value) => to.serialize_bool(value),
            RawBsonRef::Int32(value) => to.serialize_i32(value),
            RawBsonRef::Int64(value) => to.serialize_i64(value),
            RawBsonRef::Double(value) if value.is_finite() => to.serialize_f64(value),
            RawBsonRef::String(value) => to.serialize_str(value),
            RawBsonRef::Array(array) => {
                let mut items = to.serialize_seq(None)?;
                for value in array {
                    items.serialize_element(&Self { value: value.map_err(S::Error::custom)?, levels })?;
                }
                items.end()
            }
            RawBsonRef::Document(document) => {
                let mut fields = to.serialize_map(None)?;
                for field in document {
                    let (key, value) = field.map_err(S::Error::custom)?;
                    fields.serialize_entry(key.as_str(), &Self { value, levels })?;
                }
                fields.end()
            }
            _ => Err(S::Error::custom("no JSON value")),
        }
    }
}
