//! Pauses: who holds an execution, since when and why, and who asks for a control. Owns the form of both; decides nothing.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::limits::{COMMENT_BYTES, KEY_BYTES};
use crate::time::Timestamp;

/// Who asks for a control, and why. The person is what the caller knows, never what the person says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// The person or service.
    pub uid: Arc<str>,
    /// The reason.
    pub reason: Arc<str>,
}

impl Asked {
    /// Whether it names a person, and its texts are not too long to be stored.
    pub fn is_sound(&self) -> bool {
        (1..=KEY_BYTES).contains(&self.uid.len()) && self.reason.len() <= COMMENT_BYTES
    }
}

/// The pause of an execution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// When it began.
    pub since: Timestamp,
    /// Who asked for it, and why.
    pub asked: Asked,
}

impl Pause {
    /// The approximate number of bytes of its texts.
    pub(crate) fn text_bytes(&self) -> usize {
        self.asked.uid.len() + self.asked.reason.len()
    }
}
