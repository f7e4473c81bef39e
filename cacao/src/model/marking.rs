//! Data markings: who may see a playbook, and what may be done with it.

use updraft_protocol::Value;

use std::collections::BTreeMap;

use super::{CacaoId, CacaoTime, ExternalReference};

/// A marking.
#[derive(Debug, Clone, PartialEq)]
pub struct DataMarking {
    /// What it says.
    pub kind: MarkingKind,
    /// Its id.
    pub id: CacaoId,
    /// For people.
    pub name: Option<String>,
    /// For people.
    pub description: Option<String>,
    /// Who made it.
    pub created_by: CacaoId,
    /// When it was made.
    pub created: CacaoTime,
    /// Whether it is taken back.
    pub revoked: bool,
    /// From when on it counts.
    pub valid_from: Option<CacaoTime>,
    /// Until when it counts.
    pub valid_until: Option<CacaoTime>,
    /// For people.
    pub labels: Vec<String>,
    /// What is written elsewhere.
    pub external_references: Vec<ExternalReference>,
}

/// What a marking says.
#[derive(Debug, Clone, PartialEq)]
pub enum MarkingKind {
    /// A level of the Traffic Light Protocol 2.0: `TLP:AMBER`.
    Tlp(String),
    /// A text.
    Statement(String),
    /// By the Information Exchange Policy, its fields as they are.
    Iep(BTreeMap<String, Value>),
}
