//! Data types that several objects have: references, contacts, locations, variables, extensions.

use super::words::REGIONS;
use super::{Kind, Property, may, must};
use crate::model::VariableType;

/// A reference to what is written elsewhere.
pub(super) static EXTERNAL_REFERENCE: Kind = Kind::Object(&[&[
    must("name", &Kind::Text),
    may("description", &Kind::Text),
    may("source", &Kind::Text),
    may("url", &Kind::Text),
    may("external_id", &Kind::Text),
    may("reference_id", &Kind::Text),
]]);

/// References, at least one.
pub(super) static EXTERNAL_REFERENCES: Kind = Kind::List(&EXTERNAL_REFERENCE, 1);

/// How people are reached.
pub(super) static CONTACT: Kind = Kind::Object(&[&[
    may("email", &Kind::Map(&Kind::Text, 0)),
    may("phone", &Kind::Map(&Kind::Text, 0)),
    may("contact_details", &Kind::Text),
]]);

/// A place on the earth.
pub(super) static LOCATION: Kind = Kind::Object(&[&[
    may("name", &Kind::Text),
    may("description", &Kind::Text),
    may("building_details", &Kind::Text),
    may("network_details", &Kind::Text),
    may("region", &Kind::Word(REGIONS)),
    may("country", &Kind::Text),
    may("administrative_area", &Kind::Text),
    may("city", &Kind::Text),
    may("street_address", &Kind::Text),
    may("postal_code", &Kind::Text),
    may("latitude", &Kind::Text),
    may("longitude", &Kind::Text),
    may("precision", &Kind::Text),
]]);

/// What extensions say of an object.
pub(super) static EXTENSIONS: Kind = Kind::Ids(&Kind::AnyMap, 1);

/// A variable.
static VARIABLE: &[Property] = &[
    must("type", &Kind::Open(&VariableType::WORDS)),
    may("description", &Kind::Text),
    may("value", &Kind::VariableValue),
    may("constant", &Kind::Flag),
    may("external", &Kind::Flag),
];

/// Variables by their names.
pub(super) static VARIABLES: Kind = Kind::Map(&Kind::Object(&[VARIABLE]), 0);
