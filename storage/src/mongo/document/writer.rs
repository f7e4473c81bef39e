//! The bytes of one document, element after element. Refuses a value that the server could not store.

use mongodb::bson::RawDocumentBuf;
use mongodb::bson::spec::{BinarySubtype, ElementType};
use serde::Serialize;
use updraft_protocol::limits::MONGO_DOCUMENT_BYTES;
use updraft_protocol::{FieldWriter, Json};

use crate::mongo::json;

/// The size of a document beside its values.
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

    /// The document, or its size if it is larger than servers accept.
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
}

impl FieldWriter for Writer {
    type Error = String;

    fn id(&mut self, name: &'static str, id: &[u8; 16]) -> Result<(), String> {
        json::begin(&mut self.bytes, ElementType::Binary, name);
        self.bytes.extend_from_slice(&16_u32.to_le_bytes());
        self.bytes.push(BinarySubtype::Uuid.into());
        self.bytes.extend_from_slice(id);
        Ok(())
    }

    fn text(&mut self, name: &'static str, text: &str) -> Result<(), String> {
        json::begin(&mut self.bytes, ElementType::String, name);
        // Names and keys are short, and the size of the document is checked later.
        let length = u32::try_from(text.len() + 1).unwrap_or(u32::MAX);
        self.bytes.extend_from_slice(&length.to_le_bytes());
        self.bytes.extend_from_slice(text.as_bytes());
        self.bytes.push(0);
        Ok(())
    }

    /// Always of eight bytes, so that one field has one type.
    fn number(&mut self, name: &'static str, number: u64) -> Result<(), String> {
        let number = i64::try_from(number)
            .map_err(|_| format!("{name}: {number} is larger than the store can keep"))?;
        json::begin(&mut self.bytes, ElementType::Int64, name);
        self.bytes.extend_from_slice(&number.to_le_bytes());
        Ok(())
    }

    fn json(&mut self, name: &'static str, json: &Json) -> Result<(), String> {
        json::append(&mut self.bytes, name, json.as_str());
        Ok(())
    }

    /// It is stored as a document.
    fn record(&mut self, name: &'static str, record: &impl Serialize) -> Result<(), String> {
        let text = serde_json::to_string(record).map_err(|error| format!("{name}: {error}"))?;
        json::append(&mut self.bytes, name, &text);
        Ok(())
    }

    /// In a change, a field without a value stays as it is.
    fn missing(&mut self, _: &'static str) -> Result<(), String> {
        Ok(())
    }
}
