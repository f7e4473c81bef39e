//! The step `playbook`: its planned form, and the checks of its fields. Whether there is such a playbook is known when
//! the step begins: it may be stored later than the one that names it, and each may name the other.

use std::str::FromStr;
use std::time::Duration;

use updraft_protocol::playbook::{SubPlaybook, SubVersion};
use updraft_protocol::{PlaybookChoice, PlaybookId, Value};

use super::end::{is_literal, template};
use super::{Draft, Steps};
use crate::template::Template;

/// Another playbook, which runs as an execution of its own.
#[derive(Debug)]
pub struct PlannedSubPlaybook {
    /// The playbook.
    pub playbook: PlaybookChoice,
    /// The input of its execution.
    pub input: Option<Template>,
    /// Whether the step waits for its end.
    pub waits: bool,
    /// How long the step waits; as long as the engine says where there is none.
    pub timeout: Option<Duration>,
    /// What it acts on.
    pub target: Option<Template>,
}

impl PlannedSubPlaybook {
    pub(super) fn texts(&self) -> impl Iterator<Item = &Template> {
        self.input.iter().chain(&self.target)
    }

    /// Checks the fields of the step.
    pub(super) fn check(steps: &mut Steps<'_>, draft: &mut Draft, child: &SubPlaybook) -> Option<Self> {
        if let Some(timeout) = child.timeout {
            steps.span(draft.at, "timeout", timeout, false);
        }
        let version = match child.version {
            Some(SubVersion::Number(version)) => Some(version),
            Some(SubVersion::Newest) | None => None,
        };
        let playbook = match PlaybookId::from_str(child.playbook.as_str()) {
            Ok(pid) => {
                if child.version.is_some() {
                    let message = "the id of a playbook says its version already";
                    steps.mistakes.step(draft.at, "version", message);
                }
                PlaybookChoice::Id(pid)
            }
            Err(_) => PlaybookChoice::Named(child.playbook.clone(), version),
        };
        let is_input = match &child.input {
            Some(Value::Number(_) | Value::Bool(_)) => false,
            Some(Value::String(text)) => !is_literal(text),
            _ => true,
        };
        if !is_input {
            let message = "a map is needed, with the inputs of the playbook by their names";
            steps.mistakes.step(draft.at, "with", message);
        }
        let mut optional = |field, value: &Option<_>| match value {
            Some(value) => template(steps, draft, field, value).map(Some),
            None => Some(None),
        };
        let (input, target) = (optional("with", &child.input), optional("target", &child.target));
        Some(Self {
            playbook,
            input: input?,
            waits: child.wait.unwrap_or(true),
            timeout: child.timeout.map(|timeout| timeout.0),
            target: target?,
        })
    }
}
