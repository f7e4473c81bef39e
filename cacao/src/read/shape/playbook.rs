//! The playbook itself, the definitions of extensions, and signatures.

use super::agent_target::AGENT_TARGETS;
use super::authentication::AUTHENTICATIONS;
use super::data::{EXTENSIONS, EXTERNAL_REFERENCE, EXTERNAL_REFERENCES, VARIABLES};
use super::marking::MARKINGS;
use super::step::STEPS;
use super::words::{ACTIVITIES, PLAYBOOK_TYPES, SECTORS, SIGNATURE_ALGORITHMS};
use super::{Kind, Property, may, must};

static IDS: Kind = Kind::List(&Kind::Id, 1);

static PERCENT: Kind = Kind::Whole(0, 100);

static SUMMARY: Kind = Kind::Object(&[&[
    may("manual_playbook", &Kind::Flag),
    may("external_playbooks", &Kind::Flag),
    may("parallel_processing", &Kind::Flag),
    may("if_logic", &Kind::Flag),
    may("while_logic", &Kind::Flag),
    may("switch_logic", &Kind::Flag),
    may("temporal_logic", &Kind::Flag),
    may("data_markings", &Kind::Flag),
    may("digital_signatures", &Kind::Flag),
    may("countersigned_signatures", &Kind::Flag),
    may("extensions", &Kind::Flag),
]]);

static EXTENSION_DEFINITION: &[Property] = &[
    must("type", &Kind::Word(&["extension-definition"])),
    must("name", &Kind::Text),
    may("description", &Kind::Text),
    must("created_by", &Kind::Id),
    must("schema", &Kind::Text),
    must("version", &Kind::Text),
    may("external_references", &Kind::List(&EXTERNAL_REFERENCE, 0)),
];

static SIGNATURE: Kind = Kind::OneOf(
    &[&[
        must("type", &Kind::Word(&["jss"])),
        must("id", &Kind::Id),
        may("created_by", &Kind::Id),
        must("created", &Kind::Time),
        must("modified", &Kind::Time),
        may("revoked", &Kind::Flag),
        must("signee", &Kind::Text),
        may("valid_from", &Kind::Time),
        may("valid_until", &Kind::Time),
        must("related_to", &Kind::Id),
        must("related_version", &Kind::Time),
        must("hash_algorithm", &Kind::Text),
        must("algorithm", &Kind::Open(SIGNATURE_ALGORITHMS)),
        may("public_key", &Kind::Text),
        may("public_cert_chain", &Kind::List(&Kind::Text, 1)),
        may("cert_url", &Kind::Text),
        may("thumbprint", &Kind::Text),
        must("value", &Kind::Text),
        may("signature", &SIGNATURE),
    ]],
    &["public_key", "public_cert_chain", "cert_url", "thumbprint"],
);

/// A playbook.
pub(super) static PLAYBOOK: Kind = Kind::Object(&[&[
    must("type", &Kind::Word(&["playbook"])),
    must("spec_version", &Kind::Word(&["cacao-2.0"])),
    must("id", &Kind::Id),
    must("name", &Kind::Text),
    may("description", &Kind::Text),
    may("playbook_types", &Kind::List(&Kind::Open(PLAYBOOK_TYPES), 0)),
    may("playbook_activities", &Kind::List(&Kind::Open(ACTIVITIES), 1)),
    may("playbook_processing_summary", &SUMMARY),
    must("created_by", &Kind::Id),
    must("created", &Kind::Time),
    must("modified", &Kind::Time),
    may("revoked", &Kind::Flag),
    may("valid_from", &Kind::Time),
    may("valid_until", &Kind::Time),
    may("derived_from", &IDS),
    may("related_to", &IDS),
    may("priority", &PERCENT),
    may("severity", &PERCENT),
    may("impact", &PERCENT),
    may("industry_sectors", &Kind::List(&Kind::Open(SECTORS), 1)),
    may("labels", &Kind::List(&Kind::Text, 1)),
    may("external_references", &EXTERNAL_REFERENCES),
    may("markings", &IDS),
    may("playbook_variables", &VARIABLES),
    must("workflow_start", &Kind::Id),
    may("workflow_exception", &Kind::Id),
    must("workflow", &STEPS),
    may("playbook_extensions", &EXTENSIONS),
    may("authentication_info_definitions", &AUTHENTICATIONS),
    may("agent_definitions", &AGENT_TARGETS),
    may("target_definitions", &AGENT_TARGETS),
    may("extension_definitions", &Kind::Ids(&Kind::Object(&[EXTENSION_DEFINITION]), 0)),
    may("data_marking_definitions", &MARKINGS),
    may("signatures", &Kind::List(&SIGNATURE, 1)),
]]);
