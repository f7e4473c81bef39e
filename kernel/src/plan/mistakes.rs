//! The mistakes of one playbook, collected: a bounded number, in the order of the fields. Owns that order; finds no
//! mistake itself.

use updraft_protocol::limits::MISTAKES;

use crate::mistake::Mistake;

/// The fields of a playbook and of its steps, in the order in which mistakes are reported.
const FIELDS: [&str; 23] = [
    "format",
    "version",
    "variables",
    "tasks_at_once",
    "start",
    "steps",
    "id",
    "integration",
    "action",
    "condition",
    "arguments",
    "output",
    "duration",
    "timeout",
    "retry",
    "at_most_once",
    "branches",
    "then",
    "else",
    "on_success",
    "on_failure",
    "on_unknown",
    "",
];

/// The mistakes found so far: a bounded number, reported in the order of their places.
#[derive(Debug, Default)]
pub(super) struct Mistakes(Vec<(usize, usize, Mistake)>);

impl Mistakes {
    /// Adds a mistake in a field of the playbook itself.
    pub(super) fn header(&mut self, field: &str, message: impl Into<String>) {
        self.push(0, field, Mistake::new(field, message));
    }

    /// Adds a mistake in a field of the step numbered `step`.
    pub(super) fn step(&mut self, step: usize, field: &str, message: impl Into<String>) {
        self.push(step + 1, field, Mistake::new(format!("steps[{step}].{field}"), message));
    }

    /// Adds a mistake of the step numbered `step` that knows its own place.
    pub(super) fn inside(&mut self, step: usize, field: &str, mistake: Mistake) {
        self.push(step + 1, field, mistake);
    }

    /// Adds a mistake of the step numbered `step` as a whole.
    pub(super) fn whole(&mut self, step: usize, message: impl Into<String>) {
        self.push(step + 1, "", Mistake::new(format!("steps[{step}]"), message));
    }

    /// Whether no more are taken.
    pub(super) fn full(&self) -> bool {
        self.0.len() >= MISTAKES
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The mistakes in the order of their places.
    pub(super) fn into_vec(mut self) -> Vec<Mistake> {
        self.0.sort_by_key(|(step, field, _)| (*step, *field));
        self.0.into_iter().map(|(_, _, mistake)| mistake).collect()
    }

    fn push(&mut self, step: usize, field: &str, mistake: Mistake) {
        if !self.full() {
            let name = field.split(['.', '[']).next().unwrap_or_default();
            let rank = FIELDS.iter().position(|known| *known == name).unwrap_or(FIELDS.len());
            self.0.push((step, rank, mistake));
        }
    }
}
