//! Data markings.

use super::Properties;
use crate::model::{DataMarking, MarkingKind};

/// The properties that are common to all markings.
const COMMON: [&str; 9] = [
    "type",
    "id",
    "created_by",
    "created",
    "revoked",
    "valid_from",
    "valid_until",
    "labels",
    "marking_extensions",
];

/// A marking with these properties, if its type is known.
pub(super) fn read(fields: Properties<'_>) -> Option<DataMarking> {
    let kind = match fields.text_or_empty("type").as_str() {
        "marking-tlp" => MarkingKind::Tlp(fields.text_or_empty("tlpv2_level")),
        "marking-statement" => MarkingKind::Statement(fields.text_or_empty("statement")),
        "marking-iep" => MarkingKind::Iep(fields.others(&COMMON)),
        _ => return None,
    };
    Some(DataMarking {
        kind,
        id: fields.id_or_stand_in("id"),
        name: fields.text("name"),
        description: fields.text("description"),
        created_by: fields.id_or_stand_in("created_by"),
        created: fields.time_or_stand_in("created"),
        revoked: fields.flag("revoked"),
        valid_from: fields.time("valid_from"),
        valid_until: fields.time("valid_until"),
        labels: fields.texts("labels"),
        external_references: fields.external_references(),
    })
}
