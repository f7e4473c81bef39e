//! The bytes of one document, element after element. Keeps what the server could not take from leaving.

use mongodb::bson::RawDocumentBuf;
use serde::Serialize;
use updraft_protocol::Json;
use updraft_protocol::limits::MONGO_DOCUMENT_BYTES;

use crate::mongo::json;

const BINARY: u8 = 0x05;
const STRING: u8 = 0x02;
const INT64: u8 = 0x12;
/// The subtype of binaries that are UUIDs.
const UUID_SUBTYPE: u8 = 0x04;

/// What a document takes beside its values.
const FIXED_BYTES: usize = 640;

/// A document that is being written.
pub(super) struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    /// A document of about so many bytes of values.
    pub(super) fn new(values: usize) -> Self {
        let mut bytes = Vec::with_capacity(FIXED_BYTES + values);
        bytes.extend_from_slice(&[0; 4]);
        Self { bytes }
    }

    pub(super) fn id(&mut self, name: &str, id: &[u8; 16]) {
        self.key(BINARY, name);
        self.bytes.extend_from_slice(&16_u32.to_le_bytes());
        self.bytes.push(UUID_SUBTYPE);
        self.bytes.extend_from_slice(id);
    }

    pub(super) fn text(&mut self, name: &str, text: &str) {
        self.key(STRING, name);
        // Names and keys: far below what the length can say, and the limit of a document follows.
        let length = u32::try_from(text.len() + 1).unwrap_or(u32::MAX);
        self.bytes.extend_from_slice(&length.to_le_bytes());
        self.bytes.extend_from_slice(text.as_bytes());
        self.bytes.push(0);
    }

    pub(super) fn text_if_any(&mut self, name: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.text(name, text);
        }
    }

    /// Always of eight bytes, so that one field has one type.
    pub(super) fn number(&mut self, name: &str, value: u64) -> Result<(), String> {
        let value =
            i64::try_from(value).map_err(|_| format!("{name}: {value} is larger than the store can keep"))?;
        self.key(INT64, name);
        self.bytes.extend_from_slice(&value.to_le_bytes());
        Ok(())
    }

    pub(super) fn number_if_any(&mut self, name: &str, value: Option<u64>) -> Result<(), String> {
        value.map_or(Ok(()), |value| self.number(name, value))
    }

    pub(super) fn json(&mut self, name: &str, value: &Json) {
        json::append(&mut self.bytes, name, value);
    }

    pub(super) fn json_if_any(&mut self, name: &str, value: Option<&Json>) {
        if let Some(value) = value {
            self.json(name, value);
        }
    }

    /// A failure, a wait or a call, as a document.
    pub(super) fn record_if_any(
        &mut self,
        name: &str,
        record: Option<&impl Serialize>,
    ) -> Result<(), String> {
        if let Some(record) = record {
            let text = serde_json::to_string(record).map_err(|error| format!("{name}: {error}"))?;
            json::append_text(&mut self.bytes, name, &text);
        }
        Ok(())
    }

    /// The document; where it is larger than servers take, how large it is.
    pub(super) fn finish(mut self) -> Result<RawDocumentBuf, String> {
        self.bytes.push(0);
        let bytes = self.bytes.len();
        if bytes > MONGO_DOCUMENT_BYTES {
            return Err(format!("the document has {bytes} bytes; at most {MONGO_DOCUMENT_BYTES} are taken"));
        }
        let length = i32::try_from(bytes).map_err(|error| error.to_string())?;
        self.bytes[..4].copy_from_slice(&length.to_le_bytes());
        RawDocumentBuf::from_bytes(self.bytes).map_err(|error| error.to_string())
    }

    fn key(&mut self, kind: u8, name: &str) {
        self.bytes.push(kind);
        self.bytes.extend_from_slice(name.as_bytes());
        self.bytes.push(0);
    }
}
