//! Idempotency keys: whose a key is, and which execution has it. Owns what two keys must share to be one; never says
//! what follows from it (`updraft_kernel::idempotency`).

use std::fmt;
use std::sync::Arc;

use crate::document::ExecutionHead;
use crate::ids::{ExecutionId, Name, TenantCode};
use crate::input_hash::InputHash;

/// An idempotency key with all that it belongs to: the same text of another tenant, or for another playbook, is another
/// key. The version of the playbook is no part of it, so that an alert that is delivered again after the playbook was
/// updated is not acted on twice.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IdempotencyKey {
    /// Whose it is.
    pub tenant_code: TenantCode,
    /// The name of the playbook that was submitted under it.
    pub playbook_name: Name,
    /// The text that the submission chose.
    pub text: Arc<str>,
}

impl IdempotencyKey {
    /// The key that an execution was submitted under.
    pub fn of(head: &ExecutionHead) -> Option<Self> {
        Some(Self {
            tenant_code: head.tenant_code.clone(),
            playbook_name: head.playbook_name.clone(),
            text: head.idempotency_key.clone()?,
        })
    }
}

impl fmt::Display for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "key {:?} of playbook {}, tenant {}", self.text, self.playbook_name, self.tenant_code)
    }
}

/// The execution that was submitted first under a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyHolder {
    /// Which.
    pub peid: ExecutionId,
    /// The hash of what was submitted with it; none where the document was written without one.
    pub input_hash: Option<InputHash>,
}
