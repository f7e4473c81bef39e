//! Reruns: of which execution another one is the rerun, and what people declare of tasks that may have acted. Owns the form;
//! decides nothing.

use serde::{Deserialize, Serialize};

use crate::ids::{ExecutionId, StepId};
use crate::pause::Asked;

/// The execution that another one is the rerun of, in the head of the rerun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RerunOf {
    /// The execution that has ended.
    pub peid: ExecutionId,
    /// The first step that runs again; without one, what had failed.
    pub from: Option<StepId>,
    /// Who asked for it, and why.
    pub asked: Asked,
}

impl RerunOf {
    /// The approximate number of bytes of its texts.
    pub(crate) fn text_bytes(&self) -> usize {
        let from = self.from.as_ref().map_or(0, |from| from.as_str().len());
        from + self.asked.uid.len() + self.asked.reason.len()
    }
}

/// What a person declares of a task of which nobody knows whether it acted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Declaration {
    /// It acted: it counts as completed, without an output.
    Acted,
    /// It did not act: it runs again.
    NotActed,
}
