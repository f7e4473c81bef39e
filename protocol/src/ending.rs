//! The decided end of an execution that still cleans up. Owns its form; decides nothing.

use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::field::Field as _;
use crate::status::ExecutionStatus;
use crate::time::Timestamp;

/// How an execution will end. What is left of it is the `finally` and `on_cancel` steps of what was stopped.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExecutionEnding {
    /// The status that it will have.
    pub status: ExecutionStatus,
    /// Why it failed, if it did.
    pub error: Option<Failure>,
    /// Whether it was stopped, by a person, by its time, or since it could not continue. Otherwise its main line has ended.
    pub stopped: bool,
    /// When this was decided.
    pub since: Timestamp,
}

impl ExecutionEnding {
    /// The approximate number of bytes of its texts.
    pub(crate) fn text_bytes(&self) -> usize {
        let error = self.error.as_ref();
        error.map_or(0, |error| error.message.len() + error.answer.bytes())
    }
}
