//! The budget of a check: what one playbook's templates, conditions and patterns may cost to compile and may keep
//! in memory, all together.

use updraft_protocol::limits::{PLAYBOOK_COMPILE_WORK, PLAYBOOK_COMPILED_BYTES};

/// What is left of it.
#[derive(Debug)]
pub(crate) struct Budget {
    work: u64,
    bytes: usize,
    /// Whether it was told that nothing is left.
    told: bool,
}

impl Budget {
    /// That of one playbook.
    pub(crate) fn new() -> Self {
        Self { work: PLAYBOOK_COMPILE_WORK, bytes: PLAYBOOK_COMPILED_BYTES, told: false }
    }

    /// Takes time, about a nanosecond each; after a refusal nothing is left.
    pub(super) fn work(&mut self, units: u64) -> Result<(), String> {
        let left = self.work.checked_sub(units);
        self.work = left.unwrap_or(0);
        left.map(|_| ()).ok_or_else(|| {
            "the playbook takes too long to check: its templates, conditions and patterns are too many, or too long"
                .to_owned()
        })
    }

    /// Takes memory that the plan keeps; after a refusal nothing is left.
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

    /// Whether a mistake is to be told: of those that a spent budget makes, the first.
    pub(crate) fn tells(&mut self) -> bool {
        let empty = self.work == 0 || self.bytes == 0;
        !(empty && std::mem::replace(&mut self.told, true))
    }

    /// What is left of the memory.
    pub(super) fn left(&self) -> usize {
        self.bytes
    }
}
