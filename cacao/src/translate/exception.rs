//! What follows a failure that no step handles: `workflow_exception`. Owns that an execution with a failure is told as failed, with
//! the message of the step that failed, whatever runs after it.

use updraft_protocol::Value;
use updraft_protocol::limits::TEMPLATE_SOURCE_BYTES;

use super::Translator;
use super::bodies::{Around, List, PathEnd};
use super::native::{Fields, step};
use super::scope::Scope;

/// The most that the expressions for the messages of steps have together: the rest of a template is for what else is in it.
const LOOKED_AT_BYTES: usize = TEMPLATE_SOURCE_BYTES - (1 << 10);

impl Translator<'_> {
    /// The steps after a failure; `None` where the playbook names none.
    pub(super) fn exception(&mut self, scope: &Scope) -> Option<Vec<Fields>> {
        let id = self.playbook.exception.as_ref()?;
        let Some(entry) = self.graph.number(id) else {
            let message = format!("names `{id}`, and there is no such step");
            let rule = crate::rule::Rule::PointerToNothing;
            let finding =
                crate::finding::CacaoFinding::new(rule, &self.playbook.id, "workflow_exception", message);
            self.findings.push(finding);
            return None;
        };
        let around = Around {
            scope: scope.clone(),
            body: "what follows a failure".to_owned(),
            chain: Vec::new(),
            end: PathEnd::Exception,
            is_branch: false,
            stop: None,
            scopes: 0,
            path: String::new(),
            is_exception: true,
        };
        let List { mut steps, leaves } = self.list(entry, &around);
        let ends = steps.last().is_some_and(|last| last.contains_key("fail"));
        if leaves.is_some() || !ends {
            let id = leaves.unwrap_or_else(|| self.names.step(id.as_str(), "return"));
            let end = self.exception_end(&id);
            steps.push(end);
        }
        Some(steps)
    }

    /// The end of an execution after a failure, with the message of the first step that failed.
    pub(super) fn exception_end(&mut self, id: &str) -> Fields {
        let mut bytes = 0;
        let messages: Vec<String> = self
            .failing
            .iter()
            .map(|id| {
                let message = format!("steps['{id}'].error.message");
                format!("('step \"{id}\": ' ~ {message} if {message} is defined else '')")
            })
            .take_while(|message| {
                bytes += message.len() + ", ".len();
                bytes <= LOOKED_AT_BYTES
            })
            .collect();
        let message = match messages.is_empty() {
            true => "a step failed".to_owned(),
            false => {
                format!(
                    "a step failed: {{{{ [{}]|select|join|default('its task says why', true) }}}}",
                    messages.join(", ")
                )
            }
        };
        step(id, [("fail", Value::from(message))])
    }
}
