//! Limits of files of CACAO. One of them is as large as a playbook at most.

use super::{MISTAKES, PLAYBOOK_BYTES, PLAYBOOK_STEPS};

/// Findings of one file that are kept; those beyond are counted. A file may have one in every few bytes.
pub const CACAO_FINDINGS: usize = 1_000;
/// Entries of one list or map of a file, steps among them: a playbook with more steps is refused anyway.
pub const CACAO_ITEMS: usize = PLAYBOOK_STEPS;
/// The text of a condition.
pub const CACAO_CONDITION_BYTES: usize = 8 << 10;
/// The brackets of a condition in each other.
pub const CACAO_CONDITION_NESTING: usize = 32;
/// The comparisons of a condition.
pub const CACAO_CONDITION_TESTS: usize = 200;
/// The bodies of a workflow in each other; each becomes up to two bodies of a playbook.
pub const CACAO_NESTING: usize = 20;
/// The variables of a translation that are typed: the types of a playbook are one schema, each of a few values.
pub const CACAO_TYPES: usize = 300;

const _: () = {
    assert!(CACAO_FINDINGS >= MISTAKES);
    assert!(CACAO_ITEMS < PLAYBOOK_BYTES);
};
