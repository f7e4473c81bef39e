//! One document, field after field. Refuses a value that the server could not store.

use mongodb::bson::raw::{BindRawBsonRef, CStr};
use mongodb::bson::spec::BinarySubtype;
use mongodb::bson::{RawBinaryRef, RawDocumentBuf};
use serde::Serialize;
use updraft_protocol::limits::MONGO_DOCUMENT_BYTES;
use updraft_protocol::{FieldWriter, Json};

use crate::mongo::json;

/// The size of a document beside its values.
const FIXED_BYTES: usize = 640;

/// A document that is being written.
pub(super) struct Writer(RawDocumentBuf);

impl Writer {
    /// An empty document, with space for about so many bytes of values.
    pub(super) fn new(values: usize) -> Result<Self, String> {
        let mut empty = Vec::with_capacity(FIXED_BYTES + values);
        empty.extend_from_slice(RawDocumentBuf::new().as_bytes());
        RawDocumentBuf::from_bytes(empty).map(Self).map_err(|error| error.to_string())
    }

    fn put(&mut self, name: &'static str, value: impl BindRawBsonRef) -> Result<(), String> {
        self.0.append(<&CStr>::try_from(name).map_err(|error| error.to_string())?, value);
        Ok(())
    }

    /// The document, or its size if it is larger than servers accept.
    pub(super) fn finish(self) -> Result<RawDocumentBuf, String> {
        let bytes = self.0.as_bytes().len();
        if bytes > MONGO_DOCUMENT_BYTES {
            return Err(format!("the document has {bytes} bytes; at most {MONGO_DOCUMENT_BYTES} are taken"));
        }
        Ok(self.0)
    }
}

impl FieldWriter for Writer {
    type Error = String;

    fn id(&mut self, name: &'static str, id: &[u8; 16]) -> Result<(), String> {
        self.put(name, RawBinaryRef { subtype: BinarySubtype::Uuid, bytes: id })
    }

    fn text(&mut self, name: &'static str, text: &str) -> Result<(), String> {
        self.put(name, text)
    }

    /// Always of eight bytes, so that one field has one type.
    fn number(&mut self, name: &'static str, number: u64) -> Result<(), String> {
        let number = i64::try_from(number)
            .map_err(|_| format!("{name}: {number} is larger than the store can keep"))?;
        self.put(name, number)
    }

    fn json(&mut self, name: &'static str, json: &Json) -> Result<(), String> {
        self.put(name, json::value(json.as_str()))
    }

    /// It is stored as a document.
    fn record(&mut self, name: &'static str, record: &impl Serialize) -> Result<(), String> {
        let text = serde_json::to_string(record).map_err(|error| format!("{name}: {error}"))?;
        self.put(name, json::value(&text))
    }

    /// In a change, a field without a value stays as it is.
    fn missing(&mut self, _: &'static str) -> Result<(), String> {
        Ok(())
    }
}
