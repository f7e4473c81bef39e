//! The fields of one document, read by name. What cannot be read names its document and field, not its content.

use std::str::FromStr;
use std::sync::Arc;

use mongodb::bson::raw::RawElement;
use mongodb::bson::spec::BinarySubtype;
use mongodb::bson::{RawBsonRef, RawDocument};
use serde::de::DeserializeOwned;
use updraft_protocol::{Json, Timestamp};
use uuid::Uuid;

use crate::mongo::json;
use crate::store::Error;

/// How much of an id that is a text is told.
const ID_CHARS: usize = 64;

/// The fields of a document whose id is a UUID.
pub(in crate::mongo) struct Fields<'d> {
    elements: Vec<RawElement<'d>>,
    /// For the message where a field cannot be read.
    collection: &'static str,
    /// The same.
    id: Uuid,
}

impl<'d> Fields<'d> {
    pub(in crate::mongo) fn of(collection: &'static str, document: &'d RawDocument) -> Result<Self, Error> {
        let corrupt =
            |why: &str| Error::Corrupt(format!("{collection}, document {}: {why}", shown(document)));
        let elements = document.iter_elements().collect::<Result<_, _>>();
        let elements = elements.map_err(|_| corrupt("its fields cannot be told apart"))?;
        let id = uuid_of(document).ok_or_else(|| corrupt("its _id is no UUID"))?;
        Ok(Self { elements, collection, id })
    }

    /// The document's own id.
    pub(in crate::mongo) fn own_id(&self) -> Uuid {
        self.id
    }

    fn corrupt(&self, name: &str, why: &str) -> Error {
        Error::Corrupt(format!("{}, document {}, {name}: {why}", self.collection, self.id))
    }

    /// A field that is there; `null` is a value.
    fn value(&self, name: &str) -> Result<Option<RawBsonRef<'d>>, Error> {
        let element = self.elements.iter().find(|element| element.key().as_str() == name);
        element.map(RawElement::value).transpose().map_err(|_| self.corrupt(name, "not readable"))
    }

    /// A field that is there and not `null`, which other writers mean by a field that is not there.
    fn value_if_any(&self, name: &str) -> Result<Option<RawBsonRef<'d>>, Error> {
        Ok(self.value(name)?.filter(|value| *value != RawBsonRef::Null))
    }

    fn needed<T>(&self, name: &str, value: Option<T>) -> Result<T, Error> {
        value.ok_or_else(|| self.corrupt(name, "missing"))
    }

    pub(super) fn uuid(&self, name: &str) -> Result<Uuid, Error> {
        self.value(name)?.and_then(uuid).ok_or_else(|| self.corrupt(name, "no UUID"))
    }

    pub(in crate::mongo) fn text_if_any(&self, name: &str) -> Result<Option<&'d str>, Error> {
        let value = self.value_if_any(name)?;
        value.map(|value| value.as_str().ok_or_else(|| self.corrupt(name, "no text"))).transpose()
    }

    pub(super) fn shared_text_if_any(&self, name: &str) -> Result<Option<Arc<str>>, Error> {
        Ok(self.text_if_any(name)?.map(Arc::from))
    }

    /// A name, a status or a hash.
    pub(super) fn word_if_any<T: FromStr>(&self, name: &str) -> Result<Option<T>, Error> {
        let text = self.text_if_any(name)?;
        text.map(str::parse)
            .transpose()
            .map_err(|_| self.corrupt(name, "not a value that this version knows"))
    }

    pub(super) fn word<T: FromStr>(&self, name: &str) -> Result<T, Error> {
        let word = self.word_if_any(name)?;
        self.needed(name, word)
    }

    pub(super) fn number_if_any<T: TryFrom<i64>>(&self, name: &str) -> Result<Option<T>, Error> {
        let Some(value) = self.value_if_any(name)? else { return Ok(None) };
        let number = whole_number(value).ok_or_else(|| self.corrupt(name, "no number"))?;
        T::try_from(number).map(Some).map_err(|_| self.corrupt(name, "out of range"))
    }

    pub(super) fn number<T: TryFrom<i64>>(&self, name: &str) -> Result<T, Error> {
        let number = self.number_if_any(name)?;
        self.needed(name, number)
    }

    /// A number that need not be whole.
    pub(super) fn real(&self, name: &str) -> Result<f64, Error> {
        match self.value(name)? {
            Some(RawBsonRef::Double(number)) => Ok(number),
            Some(RawBsonRef::Int32(number)) => Ok(number.into()),
            Some(RawBsonRef::Int64(number)) => Ok(number as f64),
            _ => Err(self.corrupt(name, "no number")),
        }
    }

    pub(super) fn date_if_any(&self, name: &str) -> Result<Option<Timestamp>, Error> {
        Ok(self.number_if_any(name)?.map(Timestamp))
    }

    pub(super) fn date(&self, name: &str) -> Result<Timestamp, Error> {
        Ok(Timestamp(self.number(name)?))
    }

    /// Here `null` is a value like others.
    pub(super) fn json_if_any(&self, name: &str) -> Result<Option<Json>, Error> {
        let value = self.value(name)?;
        value.map(|value| json::read(value).ok_or_else(|| self.corrupt(name, "no JSON"))).transpose()
    }

    pub(super) fn json(&self, name: &str) -> Result<Json, Error> {
        let value = self.json_if_any(name)?;
        self.needed(name, value)
    }

    /// A failure, a wait or a call, which stand as documents.
    pub(super) fn record_if_any<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, Error> {
        let Some(value) = self.value_if_any(name)? else { return Ok(None) };
        let record = json::read(value).and_then(|json| serde_json::from_str(json.as_str()).ok());
        record.map(Some).ok_or_else(|| self.corrupt(name, "not what it should be"))
    }
}

/// The id of a document, where it is one of ours.
pub(in crate::mongo) fn uuid_of(document: &RawDocument) -> Option<Uuid> {
    document.get("_id").ok().flatten().and_then(uuid)
}

fn uuid(value: RawBsonRef<'_>) -> Option<Uuid> {
    let RawBsonRef::Binary(binary) = value else { return None };
    (binary.subtype == BinarySubtype::Uuid).then(|| Uuid::from_slice(binary.bytes).ok()).flatten()
}

/// The id of whatever document, for a message.
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

/// A whole number, in whichever type another writer may have put it.
pub(in crate::mongo) fn whole_number(value: RawBsonRef<'_>) -> Option<i64> {
    // Beyond 2^53 doubles skip numbers: what was meant cannot be told.
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
