//! Signatures of a playbook: who signed. They are not verified.

use super::CacaoId;

/// A signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// Its id.
    pub id: CacaoId,
    /// Who signed.
    pub signee: String,
    /// The playbook that is signed.
    pub related_to: CacaoId,
}
