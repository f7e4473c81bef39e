//! A step while it is being checked: where it leads, and what its texts read. Owns how each text is compiled with the names
//! that it may read; finds no mistake but that of a body without steps.

use std::sync::Arc;

use super::Steps;
use crate::plan::StepIndex;
use crate::plan::exits::Follows;
use crate::plan::graph::{Edge, Field};
use crate::references::References;

/// A step that is being checked.
pub(super) struct Draft {
    pub(super) at: usize,
    /// Where it is written: `steps[3].then[0]`.
    pub(super) place: String,
    pub(super) edges: Vec<Edge>,
    pub(super) references: References,
    /// What is read when a body of the step, or the action itself, has ended.
    pub(super) in_body: References,
    pub(super) reading: &'static str,
    /// The field that reads `in_body`.
    pub(super) reading_in_body: &'static str,
}

impl Draft {
    pub(super) fn edge(&mut self, field: &'static str, follows: Follows) {
        self.edges.extend(follows.step().map(|to| Edge { field: Field::Next(field), to: to.get() }));
    }

    /// Where the body numbered `number` of this step begins. Without steps, or without that body, the path goes on.
    pub(super) fn body(&mut self, steps: &Steps<'_>, number: Option<usize>, field: &'static str) -> Follows {
        let flat = &steps.flat.steps[self.at];
        let start = number.and_then(|number| flat.starts.get(number).copied().flatten());
        let follows = Follows::to(start.or(flat.next));
        self.edge(if start.is_some() { field } else { "next" }, follows);
        follows
    }

    /// Where the repeated body of this step begins; without steps, a mistake.
    pub(super) fn repeated(&mut self, steps: &mut Steps<'_>) -> Option<StepIndex> {
        let start = steps.flat.steps[self.at].starts.first().copied().flatten();
        match start {
            Some(start) => self.edges.push(Edge { field: Field::Repeated, to: start.get() }),
            None => steps.mistakes.step(self.at, "do", "a body that is repeated needs at least one step"),
        }
        start
    }

    /// Where the body numbered `number` of this step begins, which runs in scopes of its own; without steps, a mistake in
    /// `field`.
    pub(super) fn beside(
        &mut self,
        steps: &mut Steps<'_>,
        number: usize,
        field: &'static str,
    ) -> Option<StepIndex> {
        self.own(steps, Some(number), (field, Field::Repeated))
    }

    /// The same, of a body whose one scope is called as the field.
    pub(super) fn alone(
        &mut self,
        steps: &mut Steps<'_>,
        number: Option<usize>,
        field: &'static str,
    ) -> Option<StepIndex> {
        self.own(steps, number, (field, Field::Alone(field)))
    }

    fn own(
        &mut self,
        steps: &mut Steps<'_>,
        number: Option<usize>,
        (field, edge): (&'static str, Field),
    ) -> Option<StepIndex> {
        let starts = &steps.flat.steps[self.at].starts;
        let start = number.and_then(|number| starts.get(number).copied().flatten());
        match start {
            Some(start) => self.edges.push(Edge { field: edge, to: start.get() }),
            None => steps.mistakes.step(self.at, field, "needs at least one step"),
        }
        start
    }

    /// Compiles a text that is read when a body of this step, or the action itself, has ended, and sees what the steps of that
    /// body see.
    pub(super) fn at_end_of_body<T>(
        &mut self,
        steps: &mut Steps<'_>,
        names: &[Arc<str>],
        compile: impl FnOnce(&mut Steps<'_>, &mut Self) -> T,
    ) -> T {
        let (reading, before) = (self.reading, std::mem::take(&mut self.references));
        let compiled = self.with_locals(steps, names, compile);
        self.in_body.merge(std::mem::replace(&mut self.references, before));
        self.reading_in_body = std::mem::replace(&mut self.reading, reading);
        compiled
    }

    /// Compiles a text that reads these names, too.
    pub(super) fn with_locals<T>(
        &mut self,
        steps: &mut Steps<'_>,
        names: &[Arc<str>],
        compile: impl FnOnce(&mut Steps<'_>, &mut Self) -> T,
    ) -> T {
        let around = steps.flat.names_around(self.at);
        steps.budget.set_locals(around.iter().chain(names).cloned().collect());
        let compiled = compile(steps, self);
        steps.budget.set_locals(around);
        compiled
    }

    /// The references of one more text.
    pub(super) fn read(&mut self, field: &'static str, references: &References) {
        self.reading = field;
        self.references.merge(references.clone());
    }
}
