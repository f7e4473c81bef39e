//! The fields of one document, read by name. An error names the document and the field, not its content.

use std::fmt;

use mongodb::bson::spec::BinarySubtype;
use mongodb::bson::{RawBsonRef, RawDocument};
use serde::de::DeserializeOwned;
use updraft_protocol::{FieldReader, Json};
use uuid::Uuid;

use crate::mongo::json;
use crate::store::{Detail, Error};

/// The fields of a document.
pub(in crate::mongo) struct Elements<'d> {
    pub(super) document: &'d RawDocument,
    /// For error messages.
    pub(super) collection: &'static str,
    /// For error messages.
    pub(super) id: &'d dyn fmt::Display,
    pub(super) detail: Detail,
}

impl<'d> Elements<'d> {
    /// A field that exists; `null` is a value.
    fn value(&self, name: &'static str) -> Result<Option<RawBsonRef<'d>>, Error> {
        self.document.get(name).map_err(|_| self.corrupt(name, "not readable"))
    }

    /// A field that exists and is not `null`, which some writers use for a missing field.
    fn read_as<T>(
        &self,
        name: &'static str,
        otherwise: &str,
        read: impl FnOnce(RawBsonRef<'d>) -> Option<T>,
    ) -> Result<Option<T>, Error> {
        let value = self.value(name)?.filter(|value| *value != RawBsonRef::Null);
        value.map(|value| read(value).ok_or_else(|| self.corrupt(name, otherwise))).transpose()
    }

    /// A number that need not be whole.
    pub(super) fn real(&self, name: &'static str) -> Result<f64, Error> {
        let real = |value: RawBsonRef<'_>| value.as_f64().or_else(|| Some(whole_number(value)? as f64));
        self.read_as(name, "no number", real)?.ok_or_else(|| self.corrupt(name, "missing"))
    }
}

impl FieldReader for Elements<'_> {
    type Error = Error;

    fn id(&mut self, name: &'static str) -> Result<Option<[u8; 16]>, Error> {
        self.read_as(name, "no UUID", |value| uuid(value).map(Uuid::into_bytes))
    }

    fn text(&mut self, name: &'static str) -> Result<Option<&str>, Error> {
        self.read_as(name, "no text", |value| value.as_str())
    }

    fn number(&mut self, name: &'static str) -> Result<Option<i64>, Error> {
        self.read_as(name, "no number", whole_number)
    }

    /// Here `null` is an ordinary value.
    fn json(&mut self, name: &'static str) -> Result<Option<Json>, Error> {
        if self.summary() {
            return Ok(None);
        }
        let value = self.value(name)?;
        value.map(|value| json::read(value).ok_or_else(|| self.corrupt(name, "no JSON"))).transpose()
    }

    /// It is stored as a document.
    fn record<T: DeserializeOwned>(&mut self, name: &'static str) -> Result<Option<T>, Error> {
        let record = |value| serde_json::from_str(json::read(value)?.as_str()).ok();
        self.read_as(name, "not what it should be", record)
    }

    fn corrupt(&self, name: &'static str, why: &str) -> Error {
        Error::Corrupt(format!("{}, document {}, {name}: {why}", self.collection, self.id))
    }

    fn summary(&self) -> bool {
        self.detail == Detail::Summary
    }
}

/// The id of a document, if it is one of ours.
pub(in crate::mongo) fn uuid_of(document: &RawDocument) -> Option<Uuid> {
    document.get("_id").ok().flatten().and_then(uuid)
}

/// The value as an id.
fn uuid(value: RawBsonRef<'_>) -> Option<Uuid> {
    let RawBsonRef::Binary(binary) = value else { return None };
    (binary.subtype == BinarySubtype::Uuid).then(|| Uuid::from_slice(binary.bytes).ok()).flatten()
}

/// A whole number, in any type that another writer may have used.
pub(in crate::mongo) fn whole_number(value: RawBsonRef<'_>) -> Option<i64> {
    // Above 2^53 doubles skip numbers, so the value is ambiguous.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match value {
        RawBsonRef::Int32(number) => Some(i64::from(number)),
        RawBsonRef::Int64(number) => Some(number),
        RawBsonRef::Double(number) => {
            (number.fract() == 0.0 && number.abs() <= EXACT).then_some(number as i64)
        }
        _ => None,
    }
}
