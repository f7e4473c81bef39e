//! Parts of playbooks for tests.

use std::collections::BTreeMap;

use updraft_cacao::model::*;
use updraft_protocol::Value;

/// An id of this type.
pub(crate) fn id(word: &str, number: u32) -> CacaoId {
    CacaoId::new(&format!("{word}--00000000-0000-4000-8000-{number:012}")).expect("an id")
}

pub(crate) fn name(text: &str) -> VariableName {
    VariableName::read(text).expect("a name")
}

pub(crate) fn variable(word: &str, value: &str) -> Variable {
    Variable {
        variable_type: VariableType::of(word),
        description: None,
        value: Value::from(value),
        constant: false,
        external: false,
    }
}

pub(crate) fn step(kind: WorkflowStepKind) -> WorkflowStep {
    WorkflowStep {
        kind,
        name: None,
        description: None,
        external_references: Vec::new(),
        delay: None,
        timeout: None,
        variables: BTreeMap::new(),
        owner: None,
        on_completion: None,
        on_success: None,
        on_failure: None,
        extensions: BTreeMap::new(),
    }
}

/// A command of the integration `tool`.
pub(crate) fn command(text: &str) -> CacaoCommand {
    CacaoCommand {
        kind: CommandKind::Other {
            word: "tool".to_owned(),
            script: Some(Script { text: text.to_owned(), encoded: false }),
            properties: BTreeMap::new(),
        },
        description: None,
        version: None,
        playbook_activity: None,
        external_references: Vec::new(),
    }
}

pub(crate) fn agent() -> AgentTarget {
    AgentTarget {
        kind: AgentTargetKind::Group(Contact::default()),
        name: "tool".to_owned(),
        description: None,
        location: None,
        extensions: BTreeMap::new(),
    }
}

/// A playbook without steps.
pub(crate) fn empty(start: CacaoId) -> CacaoPlaybook {
    let time = CacaoTime::read("2026-01-31T11:00:00.000Z").expect("an instant");
    CacaoPlaybook {
        id: id("playbook", 1),
        name: "generated".to_owned(),
        description: None,
        playbook_types: Vec::new(),
        playbook_activities: Vec::new(),
        processing_summary: BTreeMap::new(),
        created_by: id("identity", 1),
        created: time.clone(),
        modified: time,
        revoked: false,
        valid_from: None,
        valid_until: None,
        derived_from: Vec::new(),
        related_to: Vec::new(),
        priority: None,
        severity: None,
        impact: None,
        industry_sectors: Vec::new(),
        labels: Vec::new(),
        external_references: Vec::new(),
        markings: Vec::new(),
        variables: BTreeMap::new(),
        start,
        exception: None,
        steps: BTreeMap::new(),
        extensions: BTreeMap::new(),
        authentications: BTreeMap::new(),
        agents: BTreeMap::new(),
        targets: BTreeMap::new(),
        extension_definitions: BTreeMap::new(),
        marking_definitions: BTreeMap::new(),
        signatures: Vec::new(),
    }
}
