//! Commands.

use super::data::EXTERNAL_REFERENCE;
use super::words::ACTIVITIES;
use super::{Kind, Property, Shape, may, must};

static COMMON: &[Property] = &[
    must("type", &Kind::Text),
    may("description", &Kind::Text),
    may("version", &Kind::Text),
    may("playbook_activity", &Kind::Open(ACTIVITIES)),
    may("external_references", &Kind::List(&EXTERNAL_REFERENCE, 0)),
];

static SCRIPT: &[Property] = &[may("command", &Kind::Text), may("command_b64", &Kind::Text)];

static HEADERS: Kind = Kind::Map(&Kind::List(&Kind::Text, 0), 0);

static REQUEST: &[Property] = &[
    may("command", &Kind::Text),
    may("headers", &HEADERS),
    may("content", &Kind::Text),
    may("content_b64", &Kind::Text),
];

static SHAPES: &[(&str, Shape)] = &[
    ("manual", &[COMMON, SCRIPT]),
    ("bash", &[COMMON, SCRIPT]),
    ("caldera-cmd", &[COMMON, SCRIPT]),
    ("elastic", &[COMMON, SCRIPT]),
    ("http-api", &[COMMON, REQUEST]),
    ("jupyter", &[COMMON, SCRIPT]),
    ("kestrel", &[COMMON, SCRIPT]),
    ("openc2-http", &[COMMON, REQUEST]),
    ("powershell", &[COMMON, SCRIPT]),
    ("sigma", &[COMMON, SCRIPT]),
    ("ssh", &[COMMON, SCRIPT]),
    ("yara", &[COMMON, SCRIPT]),
];

/// Commands, at least one. What each type needs besides is told by the checks of commands.
pub(super) static COMMANDS: Kind = Kind::List(&Kind::ByType(SHAPES, Some(&[COMMON, SCRIPT])), 1);
