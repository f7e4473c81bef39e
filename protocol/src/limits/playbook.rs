//! The limits of what an author writes in a playbook, with their reasons.

/// A playbook's text: the largest published ones are under 200 KiB.
pub const PLAYBOOK_BYTES: usize = 1 << 20;
/// Values in a YAML text after its aliases are expanded: a text of 800 bytes may expand to a million.
pub const PLAYBOOK_UNFOLDED_VALUES: usize = 10_000;
/// Bytes of all texts in a YAML text after its aliases are expanded.
pub const PLAYBOOK_UNFOLDED_BYTES: usize = 4 << 20;
/// Steps of a playbook: a larger graph is unreadable for people.
pub const PLAYBOOK_STEPS: usize = 1_000;
/// Branches of one `parallel` step.
pub const PARALLEL_BRANCHES: usize = 1_000;
/// Cases of one `switch` step.
pub const SWITCH_CASES: usize = 1_000;
/// Bodies with a scope of their own inside each other: each level is a join that a person must follow.
pub const SCOPE_DEPTH: usize = 8;
/// A name or an id in a playbook.
pub const NAME_BYTES: usize = 128;
/// Mistakes reported for one playbook: a person corrects the first of them first.
pub const MISTAKES: usize = 100;
/// Markings of a playbook: a level of sharing, and a statement of each whom it concerns.
pub const MARKINGS: usize = 20;
/// One marking: a level, or a statement of a few sentences.
pub const MARKING_BYTES: usize = 1 << 10;
