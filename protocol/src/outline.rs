//! The outline of a playbook that was translated from another form: what its author called each step, and which native steps
//! the translation made besides. Plain data for who shows a playbook; nothing runs by it, and nothing of it is stored.

use std::collections::BTreeMap;

/// What the author of a playbook wrote, told of its native form.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuthorOutline {
    /// The name of the playbook, for people.
    pub name: String,
    /// Which playbook it is, and which version: `playbook--1c39… · modified 2025-01-21 14:14:23Z`.
    pub version: String,
    /// What the playbook is for.
    pub description: String,
    /// Whether the author wrote where it starts.
    pub has_start: bool,
    /// The native steps, by their ids. One that is not here is shown as it is.
    pub steps: BTreeMap<String, Outlined>,
}

/// What a native step is to the author.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outlined {
    /// A step that the author wrote.
    Step(OutlinedStep),
    /// A start or an end, by this name.
    Mark(String),
    /// A part of the step with this id, which stands in the same list or around it.
    PartOf(String),
    /// Nothing: the path goes on.
    Passed,
}

/// A step as its author wrote it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OutlinedStep {
    /// Its name, for people.
    pub name: String,
    /// What its author says of it.
    pub description: String,
    /// What it does, in the words of its form; none where the native words say it.
    pub does: Option<String>,
    /// The titles of its bodies, in their order.
    pub bodies: Vec<String>,
}
