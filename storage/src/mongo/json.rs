//! JSON values as BSON and back, exactly: a value that BSON cannot represent is stored as its text. Builds no tree, and
//! looks into no value further than its form.

mod decode;
mod encode;

#[cfg(test)]
mod tests;

use mongodb::bson::RawBsonRef;
use mongodb::bson::spec::ElementType;
use updraft_protocol::Json;

/// The subtype of a binary that holds JSON text; in the range that BSON leaves to its users.
const TEXT_SUBTYPE: u8 = 0x80;

/// Appends the element `key: value` to the elements of a document; the value is JSON text. `key` has no NUL.
pub(super) fn append(elements: &mut Vec<u8>, key: &str, text: &str) {
    let start = elements.len();
    if encode::append(elements, key, text).is_none() {
        elements.truncate(start);
        append_binary(elements, key, text);
    }
}

/// The value of an element; `None` if [`append`] did not write it.
pub(super) fn read(value: RawBsonRef<'_>) -> Option<Json> {
    if let RawBsonRef::Binary(binary) = value {
        let text = (u8::from(binary.subtype) == TEXT_SUBTYPE).then_some(binary.bytes)?;
        return Json::parse(std::str::from_utf8(text).ok()?).ok();
    }
    Json::parse(&decode::text(value)?).ok()
}

fn append_binary(elements: &mut Vec<u8>, key: &str, text: &str) {
    begin(elements, ElementType::Binary, key);
    // A value is a part of a journal's frame, far shorter than the largest length.
    elements.extend_from_slice(&u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes());
    elements.push(TEXT_SUBTYPE);
    elements.extend_from_slice(text.as_bytes());
}

/// Appends the type and the key of an element; returns the position of the type.
pub(super) fn begin(elements: &mut Vec<u8>, kind: ElementType, key: &str) -> usize {
    let type_at = elements.len();
    elements.push(kind as u8);
    elements.extend_from_slice(key.as_bytes());
    elements.push(0);
    type_at
}
