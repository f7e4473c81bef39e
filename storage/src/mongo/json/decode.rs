//! The bytes of a BSON element to compact JSON text, without recursion. Refuses an element that is no JSON value.

use mongodb::bson::RawBsonRef;
use mongodb::bson::raw::RawIter;
use serde::Serialize;

/// Levels that are read: more than servers store, so that only broken data is refused.
const NESTING: usize = 256;

/// An object or array that is being read.
struct Open<'b> {
    elements: RawIter<'b>,
    object: bool,
    /// Whether it has an element already.
    begun: bool,
}

/// The text of a value; `None` if it has no JSON form or cannot be read.
pub(super) fn text(value: RawBsonRef<'_>) -> Option<String> {
    let mut out = Vec::new();
    let mut open = Vec::new();
    write(&mut out, &mut open, value)?;
    while let Some(level) = open.last_mut() {
        let Some(element) = level.elements.next() else {
            out.push(if level.object { b'}' } else { b']' });
            open.pop();
            continue;
        };
        let element = element.ok()?;
        if std::mem::replace(&mut level.begun, true) {
            out.push(b',');
        }
        if level.object {
            print(&mut out, element.key().as_str())?;
            out.push(b':');
        }
        write(&mut out, &mut open, element.value().ok()?)?;
    }
    String::from_utf8(out).ok()
}

fn write<'b>(out: &mut Vec<u8>, open: &mut Vec<Open<'b>>, value: RawBsonRef<'b>) -> Option<()> {
    let (elements, object) = match value {
        RawBsonRef::Null => return print(out, ()),
        RawBsonRef::Boolean(value) => return print(out, value),
        RawBsonRef::Int32(value) => return print(out, value),
        RawBsonRef::Int64(value) => return print(out, value),
        RawBsonRef::Double(value) if value.is_finite() => return print(out, value),
        RawBsonRef::String(value) => return print(out, value),
        RawBsonRef::Document(document) => (document.iter_elements(), true),
        RawBsonRef::Array(array) => (array.iter_elements(), false),
        _ => return None,
    };
    out.push(if object { b'{' } else { b'[' });
    open.push(Open { elements, object, begun: false });
    (open.len() <= NESTING).then_some(())
}

fn print(out: &mut Vec<u8>, value: impl Serialize) -> Option<()> {
    serde_json::to_writer(out, &value).ok()
}
