//! The fields of one document, read by name. An error names the document and the field, not its content.

use mongodb::bson::raw::RawElement;
use mongodb::bson::spec::BinarySubtype;
use mongodb::bson::{Bson, RawBsonRef, RawDocument};
use serde::de::DeserializeOwned;
use updraft_protocol::{FieldReader, Json};
use uuid::Uuid;

use crate::mongo::json;
use crate::store::{Detail, Error};

/// How much of a text id is shown.
const ID_CHARS: usize = 64;

/// The fields of a document whose id is a UUID.
pub(super) struct Elements<'d> {
    elements: Vec<RawElement<'d>>,
    /// For error messages.
    collection: &'static str,
    /// For error messages.
    pub(super) id: Uuid,
    detail: Detail,
}

impl<'d> Elements<'d> {
    pub(super) fn of(
        collection: &'static str,
        document: &'d RawDocument,
        detail: Detail,
    ) -> Result<Self, Error> {
        let corrupt =
            |why: &str| Error::Corrupt(format!("{collection}, document {}: {why}", shown(document)));
        let elements = document.iter_elements().collect::<Result<_, _>>();
        let elements = elements.map_err(|_| corrupt("its fields cannot be told apart"))?;
        let id = uuid_of(document).ok_or_else(|| corrupt("its _id is no UUID"))?;
        Ok(Self { elements, collection, id, detail })
    }

    /// A field that exists; `null` is a value.
    fn value(&self, name: &'static str) -> Result<Option<RawBsonRef<'d>>, Error> {
        let element = self.elements.iter().find(|element| element.key().as_str() == name);
        element.map(RawElement::value).transpose().map_err(|_| self.corrupt(name, "not readable"))
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
        match self.value(name)? {
            Some(RawBsonRef::Double(number)) => Ok(number),
            Some(RawBsonRef::Int32(number)) => Ok(number.into()),
            Some(RawBsonRef::Int64(number)) => Ok(number as f64),
            _ => Err(self.corrupt(name, "no number")),
        }
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

fn uuid(value: RawBsonRef<'_>) -> Option<Uuid> {
    let RawBsonRef::Binary(binary) = value else { return None };
    (binary.subtype == BinarySubtype::Uuid).then(|| Uuid::from_slice(binary.bytes).ok()).flatten()
}

/// The id of any document, for a message.
fn shown(document: &RawDocument) -> String {
    match document.get("_id") {
        Ok(Some(RawBsonRef::ObjectId(id))) => format!("ObjectId({id})"),
        Ok(Some(RawBsonRef::String(text))) => {
            format!("{:?}", text.chars().take(ID_CHARS).collect::<String>())
        }
        Ok(Some(value)) => match uuid(value) {
            Some(id) => id.to_string(),
            None => format!("with an _id of type {:?}", value.element_type()),
        },
        Ok(None) | Err(_) => "without an _id".to_owned(),
    }
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

/// The same for a value in a tree.
pub(in crate::mongo) fn whole(value: &Bson) -> Option<i64> {
    match value {
        Bson::Int32(number) => Some(i64::from(*number)),
        Bson::Int64(number) => Some(*number),
        Bson::Double(number) => whole_number(RawBsonRef::Double(*number)),
        _ => None,
    }
}
