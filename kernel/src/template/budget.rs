//! The budget of a check: how much one playbook's templates, conditions and patterns may together cost to compile and
//! keep in memory. Owns the names, too, that loops around the text being compiled give.

use std::sync::Arc;

use updraft_protocol::limits::{PLAYBOOK_COMPILE_WORK, PLAYBOOK_COMPILED_BYTES};

/// The rest of the budget.
#[derive(Debug)]
pub(crate) struct Budget {
    work: u64,
    bytes: usize,
    /// Whether it was reported that nothing is left.
    told: bool,
    /// The names that can be read beside the roots of every text.
    locals: Vec<Arc<str>>,
    /// The roots of every text.
    roots: &'static [&'static str],
    /// Whether a field is left out whose text is one expression that gives `null`.
    pub(super) leaves_out: bool,
}

/// The data of every template of a playbook.
const ROOTS: [&str; 5] = ["input", "variables", "constants", "steps", "now"];

/// The data of every template of another document.
const OTHER_ROOTS: [&str; 1] = ["constants"];

impl Budget {
    /// The budget of one playbook.
    pub(crate) fn new() -> Self {
        let (work, bytes) = (PLAYBOOK_COMPILE_WORK, PLAYBOOK_COMPILED_BYTES);
        Self { work, bytes, told: false, locals: Vec::new(), roots: &ROOTS, leaves_out: false }
    }

    /// The budget of one document that is no playbook: of the roots its texts have `constants` alone.
    pub(super) fn of_other() -> Self {
        Self { roots: &OTHER_ROOTS, ..Self::new() }
    }

    /// The roots of every text.
    pub(super) fn roots(&self) -> &'static [&'static str] {
        self.roots
    }

    /// From here on, texts are inside of loops that give these names.
    pub(crate) fn set_locals(&mut self, names: Vec<Arc<str>>) {
        self.locals = names;
    }

    /// Whether a loop around the text gives this name.
    pub(super) fn has_local(&self, name: &str) -> bool {
        self.locals.iter().any(|known| **known == *name)
    }

    /// The names that loops around the text give.
    pub(super) fn locals(&self) -> impl Iterator<Item = &str> {
        self.locals.iter().map(|name| &**name)
    }

    /// Charges time, about a nanosecond each; after a refusal nothing is left.
    pub(super) fn work(&mut self, units: u64) -> Result<(), String> {
        let left = self.work.checked_sub(units);
        self.work = left.unwrap_or(0);
        left.map(|_| ()).ok_or_else(|| {
            "the playbook takes too long to check: its templates, conditions and patterns are too many, or too long"
                .to_owned()
        })
    }

    /// Charges memory that the plan keeps; after a refusal nothing is left.
    pub(super) fn keep(&mut self, bytes: usize) -> Result<(), String> {
        let left = self.bytes.checked_sub(bytes);
        self.bytes = left.unwrap_or(0);
        left.map(|_| ()).ok_or_else(|| {
            format!(
                "the playbook is too large: its templates, conditions and patterns take more than \
                 {PLAYBOOK_COMPILED_BYTES} bytes of memory"
            )
        })
    }

    /// Whether to report a mistake: of those that a spent budget causes, only the first.
    pub(crate) fn tells(&mut self) -> bool {
        let empty = self.work == 0 || self.bytes == 0;
        !(empty && std::mem::replace(&mut self.told, true))
    }

    /// The rest of the memory.
    pub(super) fn left(&self) -> usize {
        self.bytes
    }
}
