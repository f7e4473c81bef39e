//! Agents and targets.

use super::data::{CONTACT, EXTENSIONS, LOCATION};
use super::words::{CATEGORIES, SECTORS};
use super::{Kind, Property, Shape, may, must};

static COMMON: &[Property] = &[
    must("type", &Kind::Text),
    must("name", &Kind::Text),
    may("description", &Kind::Text),
    may("location", &LOCATION),
    may("agent_target_extensions", &EXTENSIONS),
];

static PEOPLE: &[Property] = &[may("contact", &CONTACT)];

static ADDRESS: Kind = Kind::Object(&[&[
    may("url", &Kind::List(&Kind::Text, 0)),
    may("dname", &Kind::List(&Kind::Text, 0)),
    may("ipv4", &Kind::List(&Kind::Text, 0)),
    may("ipv6", &Kind::List(&Kind::Text, 0)),
    may("l2mac", &Kind::List(&Kind::Text, 0)),
    may("vlan", &Kind::List(&Kind::Whole(0, 4_095), 0)),
]]);

static CATEGORY: Kind = Kind::List(&Kind::Open(CATEGORIES), 1);

static MACHINE: &[Property] =
    &[must("address", &ADDRESS), may("authentication_info", &Kind::Id), may("category", &CATEGORY)];

static PORT: &[Property] = &[may("port", &Kind::Text)];

static SHAPES: &[(&str, Shape)] = &[
    ("group", &[COMMON, PEOPLE]),
    ("individual", &[COMMON, PEOPLE]),
    ("organization", &[COMMON, PEOPLE]),
    ("location", &[COMMON, &[may("logical", &Kind::List(&Kind::Text, 1))]]),
    ("sector", &[COMMON, &[must("sector", &Kind::Open(SECTORS))]]),
    ("security-category", &[COMMON, &[must("category", &CATEGORY)]]),
    ("http-api", &[COMMON, MACHINE, PORT]),
    ("linux", &[COMMON, MACHINE, PORT]),
    // The standard gives it no port, and published playbooks do.
    ("net-address", &[COMMON, MACHINE, PORT]),
    ("ssh", &[COMMON, MACHINE, PORT]),
];

/// Agents or targets by their ids.
pub(super) static AGENT_TARGETS: Kind = Kind::Ids(&Kind::ByType(SHAPES, Some(&[COMMON])), 1);
