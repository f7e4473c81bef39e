//! The mistakes of one playbook, collected: a bounded number, in the order of the fields. Owns that order; finds no
//! mistake itself.

use updraft_protocol::limits::MISTAKES;

use crate::mistake::Mistake;

/// The fields of a playbook and of its steps, in the order in which mistakes are told.
const FIELDS: &[&str] = &[
    "format",
    "version",
    "markings",
    "variables",
    "types",
    "constants",
    "inputs",
    "tasks_at_once",
    "steps",
    "outputs",
    "output_schema",
    "id",
    "integration",
    "action",
    "if",
    "switch",
    "cases",
    "for_each",
    "while",
    "until",
    "as",
    "do",
    "at_once",
    "at_most",
    "pause",
    "carry",
    "collect",
    "arguments",
    "cache",
    "cache.ttl",
    "cache.stale",
    "cache.negative_ttl",
    "cache.key",
    "cache.scope",
    "end",
    "fail",
    "output",
    "set",
    "delay",
    "wait_until",
    "zone",
    "wait_for",
    "key",
    "playbook",
    "with",
    "wait",
    "approval",
    "assignees",
    "group",
    "quorum",
    "choices",
    "form",
    "timeout",
    "on_open",
    "on_reminder",
    "on_escalation",
    "retry",
    "at_most_once",
    "within",
    "already",
    "undo",
    "expires",
    "target",
    "verify",
    "parallel",
    "branches",
    "then",
    "else",
    "default",
    "do",
    "finally",
    "next",
    "on_failure",
    "on_timeout",
    "on_unknown",
    "on_cancel",
    "",
];

/// The mistakes found so far: a bounded number, reported in the order of their places.
#[derive(Debug, Default)]
pub(super) struct Mistakes {
    found: Vec<(usize, usize, Mistake)>,
    /// Where each step is written: `steps[3].then[0]`.
    places: Vec<String>,
}

impl Mistakes {
    /// Adds a mistake in a field of the playbook itself.
    pub(super) fn header(&mut self, field: &str, message: impl Into<String>) {
        self.push(0, field, Mistake::new(field, message));
    }

    /// From here on steps are known by their numbers.
    pub(super) fn set_places(&mut self, places: Vec<String>) {
        self.places = places;
    }

    /// Where the step numbered `step` is written.
    pub(super) fn place(&self, step: usize) -> &str {
        self.places.get(step).map_or("", String::as_str)
    }

    /// Adds a mistake in a field of the step numbered `step`.
    pub(super) fn step(&mut self, step: usize, field: &str, message: impl Into<String>) {
        self.push(step + 1, field, Mistake::new(format!("{}.{field}", self.place(step)), message));
    }

    /// Adds a mistake of the step numbered `step`, which is written at `place`, as a whole.
    pub(super) fn at(&mut self, step: usize, place: &str, message: impl Into<String>) {
        self.push(step + 1, "", Mistake::new(place, message));
    }

    /// Adds a mistake of the step numbered `step` that knows its own place.
    pub(super) fn inside(&mut self, step: usize, field: &str, mistake: Mistake) {
        self.push(step + 1, field, mistake);
    }

    /// Adds a mistake of the step numbered `step` as a whole.
    pub(super) fn whole(&mut self, step: usize, message: impl Into<String>) {
        self.push(step + 1, "", Mistake::new(self.place(step), message));
    }

    /// Whether no more are taken.
    pub(super) fn full(&self) -> bool {
        self.found.len() >= MISTAKES
    }

    pub(super) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// The mistakes in the order of their places.
    pub(super) fn into_vec(mut self) -> Vec<Mistake> {
        self.found.sort_by_key(|(step, field, _)| (*step, *field));
        self.found.into_iter().map(|(_, _, mistake)| mistake).collect()
    }

    fn push(&mut self, step: usize, field: &str, mistake: Mistake) {
        if !self.full() {
            let name = field.split(['.', '[']).next().unwrap_or_default();
            let rank = FIELDS.iter().position(|known| *known == name).unwrap_or(FIELDS.len());
            self.found.push((step, rank, mistake));
        }
    }
}
