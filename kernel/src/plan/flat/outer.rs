//! What is around a list of steps while a playbook is flattened. Owns its fields; numbers nothing.

use super::ScopeIndex;

/// What is around a list.
#[derive(Debug, Clone, Copy)]
pub(super) struct Outer {
    pub(super) scope: ScopeIndex,
    /// The step on whose path the list is.
    pub(super) owner: Option<usize>,
    /// The list that this step is in.
    pub(super) list: Option<usize>,
    /// Whether the list is what a `verify` is read as.
    pub(super) verifies: bool,
    /// Whether the step is what an `already` is read as.
    pub(super) asks: bool,
}
