//! Idempotency keys: the scope of a key, and the execution that has it. Owns the equality of keys; its consequences are
//! decided in `updraft_kernel::idempotency`.

use std::fmt;
use std::sync::Arc;

use crate::document::ExecutionHead;
use crate::ids::{ExecutionId, Name, TenantCode};
use crate::input_hash::InputHash;

/// An idempotency key with its scope: the same text of another tenant, or for another playbook, is another key. The
/// version of the playbook is no part of it, so that an alert that is delivered again after an update of the playbook
/// is not handled twice.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IdempotencyKey {
    /// Its tenant.
    pub tenant_code: TenantCode,
    /// The name of the submitted playbook.
    pub playbook_name: Name,
    /// The text of the submission.
    pub text: Arc<str>,
}

impl IdempotencyKey {
    /// The key of an execution's submission.
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
    /// Its id.
    pub peid: ExecutionId,
    /// The hash of its submission; `None` if the document was written without one.
    pub input_hash: Option<InputHash>,
}
