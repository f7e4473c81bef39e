//! Steps: which kind is translated where, and what all kinds have in common: a delay, and variables of their own.

use updraft_protocol::Value;
use updraft_protocol::limits::{CACAO_NESTING, SCOPE_DEPTH, SPAN};

use crate::described::joined;
use crate::model::WorkflowStepKind;
use crate::rule::Rule;

use super::Translator;
use super::bodies::{After, Around, PathEnd};
use super::native::{Fields, map, once, set, span, step};

impl Translator<'_> {
    /// Whether a step has variables that are set before it.
    pub(super) fn has_first_values(&self, number: usize) -> bool {
        let variables = &self.graph.step(number).variables;
        variables.iter().any(|(name, variable)| !variable.constant && self.written.contains(name))
    }

    /// The native steps of a step: what its id stands for, and what is before and behind it.
    pub(super) fn group(
        &mut self,
        number: usize,
        (id, first): (&str, &str),
        after: &After,
        around: &Around,
    ) -> Vec<Fields> {
        let workflow = self.graph.step(number);
        let mut steps = Vec::new();
        let (own, values) = self.step_variables(number);
        if let Some(delay) = workflow.delay.filter(|delay| *delay > 0) {
            steps.push(step(first, [("delay", span(self.bounded(number, "delay", delay)))]));
        }
        if !values.is_empty() {
            let id = if steps.is_empty() { first.to_owned() } else { self.names.step(id, "variables") };
            steps.push(step(&id, [("set", Value::Object(values))]));
        }
        let around = Around { scope: around.scope.with(own), ..around.clone() };
        self.check_arguments(number, &around.scope);
        let mut own = match &workflow.kind {
            WorkflowStepKind::Start => vec![self.start_step(number, id)],
            WorkflowStepKind::End => vec![self.end(number, id, &around)],
            WorkflowStepKind::Action(action) => self.action(number, action, id, after, &around),
            WorkflowStepKind::PlaybookAction(action) => {
                self.playbook_action(number, action, id, after, &around)
            }
            WorkflowStepKind::Parallel(_) => self.parallel(number, id, after, &around),
            WorkflowStepKind::If(choice) => self.choice(number, choice, id, after, &around),
            WorkflowStepKind::Switch(switch) => self.switch(number, switch, id, after, &around),
            WorkflowStepKind::While(repeat) => self.repeat(number, repeat, id, after, &around),
        };
        if let (Some(step), false) = (own.first_mut(), own_is_silent(&workflow.kind)) {
            set(step, "description", joined(workflow.name.as_deref(), workflow.description.as_deref()));
        }
        if after.failure.is_none()
            && around.scopes == 0
            && !around.is_exception
            && !own_is_silent(&workflow.kind)
        {
            self.failing.push(id.to_owned());
        }
        steps.append(&mut own);
        steps
    }

    /// The step `start`, which takes external variables where the playbook begins with it.
    fn start_step(&mut self, number: usize, id: &str) -> Fields {
        if *self.graph.id(number) == self.playbook.start {
            return self.start(id);
        }
        step(id, [("set", Value::Object(map([])))])
    }

    /// A time of a step in milliseconds, which has a bound.
    pub(super) fn bounded(&mut self, number: usize, property: &str, millis: u64) -> u64 {
        let most = u64::try_from(SPAN.as_millis()).unwrap_or(u64::MAX);
        if millis > most {
            self.found(Rule::TimeLimit, number, property, "is longer than 366 days, which no step waits");
        }
        millis.min(most)
    }

    /// The timeout of a step in milliseconds.
    pub(super) fn timeout(&mut self, number: usize) -> Option<u64> {
        let timeout = self.graph.step(number).timeout.filter(|timeout| *timeout > 0)?;
        Some(self.bounded(number, "timeout", timeout))
    }

    /// What is around a body that a step opens, or `None` where bodies are nested too deep. A body with a scope of its own can
    /// not end the path around it.
    pub(super) fn inside(
        &mut self,
        number: usize,
        property: &str,
        around: &Around,
        opens_scope: bool,
    ) -> Option<Around> {
        let id = self.graph.id(number);
        let mut chain = around.chain.clone();
        chain.push(id.as_str().to_owned());
        let scopes = around.scopes + usize::from(opens_scope);
        if chain.len() > CACAO_NESTING || scopes > SCOPE_DEPTH {
            let message = format!(
                "bodies are nested too deep: at most {CACAO_NESTING}, of which {SCOPE_DEPTH} may be of a `parallel`, a \
                 `while-condition` or a step with a timeout, an on_failure or several commands: {}",
                chain.join(" → ")
            );
            self.found(Rule::Nesting, number, property, message);
            return None;
        }
        // An `end` in it is that of the path around it where nothing else follows.
        let is_last = self.graph.success(number).is_none_or(|next| self.graph.is_end(next));
        let end = if is_last && !opens_scope { around.end } else { PathEnd::Nested };
        let body = format!("{property} of `{id}`");
        Some(Around { body, chain, end, scopes, is_branch: true, stop: None, ..around.clone() })
    }

    /// A step in a loop of one round, which handles its failure and its timeout.
    pub(super) fn wrapped(
        &mut self,
        id: &str,
        body: Vec<Fields>,
        timeout: Option<u64>,
        after: &After,
    ) -> Fields {
        self.names.wraps(id);
        let mut step = once(id, body);
        set(&mut step, "timeout", timeout.map(span));
        set(&mut step, "on_failure", after.failure.clone());
        step
    }
}

/// Whether a step does nothing that may fail.
const fn own_is_silent(kind: &WorkflowStepKind) -> bool {
    matches!(kind, WorkflowStepKind::End)
}
