//! The playbook: its metadata, its workflow, and its definitions.

use std::collections::BTreeMap;

use updraft_protocol::Value;

use super::{
    AgentTarget, AuthenticationInfo, CacaoId, CacaoTime, DataMarking, Signature, Variable, VariableName,
    WorkflowStep,
};

/// A playbook.
#[derive(Debug, Clone, PartialEq)]
pub struct CacaoPlaybook {
    /// Its id.
    pub id: CacaoId,
    /// Its name, for people.
    pub name: String,
    /// For people.
    pub description: Option<String>,
    /// What it is for: `investigation`.
    pub playbook_types: Vec<String>,
    /// What it does: `identify-indicators`.
    pub playbook_activities: Vec<String>,
    /// What it says of its own features.
    pub processing_summary: BTreeMap<String, bool>,
    /// Who made it.
    pub created_by: CacaoId,
    /// When it was made.
    pub created: CacaoTime,
    /// When it was changed last: its version.
    pub modified: CacaoTime,
    /// Whether it is taken back.
    pub revoked: bool,
    /// From when on it counts.
    pub valid_from: Option<CacaoTime>,
    /// Until when it counts.
    pub valid_until: Option<CacaoTime>,
    /// Playbooks that it was made from.
    pub derived_from: Vec<CacaoId>,
    /// What it has to do with.
    pub related_to: Vec<CacaoId>,
    /// 1, the highest, to 100; 0 is not known.
    pub priority: Option<u8>,
    /// 1, the lowest, to 100; 0 is not known.
    pub severity: Option<u8>,
    /// 1, the lowest, to 100; 0 is not known.
    pub impact: Option<u8>,
    /// For whom it is.
    pub industry_sectors: Vec<String>,
    /// For people.
    pub labels: Vec<String>,
    /// What is written elsewhere.
    pub external_references: Vec<ExternalReference>,
    /// The ids of its markings.
    pub markings: Vec<CacaoId>,
    /// Its variables.
    pub variables: BTreeMap<VariableName, Variable>,
    /// The first step.
    pub start: CacaoId,
    /// The first step of what follows a failure that no step handles.
    pub exception: Option<CacaoId>,
    /// Its steps.
    pub steps: BTreeMap<CacaoId, WorkflowStep>,
    /// What extensions say of it, by their id.
    pub extensions: BTreeMap<CacaoId, Value>,
    /// How to authenticate to agents and targets.
    pub authentications: BTreeMap<CacaoId, AuthenticationInfo>,
    /// Who executes commands.
    pub agents: BTreeMap<CacaoId, AgentTarget>,
    /// What commands act on.
    pub targets: BTreeMap<CacaoId, AgentTarget>,
    /// The extensions that are used.
    pub extension_definitions: BTreeMap<CacaoId, ExtensionDefinition>,
    /// The markings that are used.
    pub marking_definitions: BTreeMap<CacaoId, DataMarking>,
    /// Signatures.
    pub signatures: Vec<Signature>,
}

/// What is written elsewhere.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExternalReference {
    /// Its name.
    pub name: String,
    /// For people.
    pub description: Option<String>,
    /// Where it was published.
    pub source: Option<String>,
    /// Where it is.
    pub url: Option<String>,
    /// Its id there.
    pub external_id: Option<String>,
    /// The object that it is about.
    pub reference_id: Option<String>,
}

/// What an extension is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtensionDefinition {
    /// Its name.
    pub name: String,
    /// For people.
    pub description: Option<String>,
    /// Who made it.
    pub created_by: CacaoId,
    /// Where its schema is.
    pub schema: String,
    /// Its version.
    pub version: String,
    /// What is written elsewhere.
    pub external_references: Vec<ExternalReference>,
}
