//! Data markings.

use super::data::{EXTENSIONS, EXTERNAL_REFERENCES};
use super::{Kind, Property, Shape, may, must};

static COMMON: &[Property] = &[
    must("type", &Kind::Text),
    must("id", &Kind::Id),
    must("created_by", &Kind::Id),
    must("created", &Kind::Time),
    may("revoked", &Kind::Flag),
    may("valid_from", &Kind::Time),
    may("valid_until", &Kind::Time),
    may("labels", &Kind::List(&Kind::Text, 1)),
    may("marking_extensions", &EXTENSIONS),
];

static NAMED: &[Property] = &[
    may("name", &Kind::Text),
    may("description", &Kind::Text),
    may("external_references", &EXTERNAL_REFERENCES),
];

static LEVELS: &[&str] = &["TLP:RED", "TLP:AMBER", "TLP:AMBER+STRICT", "TLP:GREEN", "TLP:CLEAR"];

static POLICY: &[Property] = &[
    must("name", &Kind::Text),
    must("description", &Kind::Text),
    must("tlp", &Kind::Text),
    must("iep_version", &Kind::Whole(i64::MIN, i64::MAX)),
    must("start_date", &Kind::Time),
    must("end_date", &Kind::TimeOrNull),
    must("encrypt_in_transit", &Kind::Text),
    must("permitted_actions", &Kind::Text),
    must("affected_party_notifications", &Kind::Text),
    must("attribution", &Kind::Text),
    must("unmodified_resale", &Kind::Text),
    must("external_references", &Kind::List(&Kind::Text, 0)),
];

static SHAPES: &[(&str, Shape)] = &[
    ("marking-tlp", &[COMMON, NAMED, &[must("tlpv2_level", &Kind::Word(LEVELS))]]),
    ("marking-statement", &[COMMON, NAMED, &[must("statement", &Kind::Text)]]),
    ("marking-iep", &[COMMON, POLICY]),
];

/// Markings by their ids.
pub(super) static MARKINGS: Kind = Kind::Ids(&Kind::ByType(SHAPES, None), 0);
