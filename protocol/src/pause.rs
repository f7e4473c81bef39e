//! Pauses: who or what holds an execution, since when and why, and who asks for a control. Owns the form of both; decides
//! nothing.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::ids::{self, Name, StepId, TaskId, TenantCode};
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
    /// Whether it names a person and a reason, and they are not too long to be stored. Blanks say nothing.
    pub fn is_sound(&self) -> bool {
        let says = |text: &str, bytes: usize| !text.trim().is_empty() && text.len() <= bytes;
        says(&self.uid, KEY_BYTES) && says(&self.reason, COMMENT_BYTES)
    }
}

/// Executions that are paused together: all of a tenant, or of one of its playbooks in every version. As text `acme`, or
/// `acme/isolate`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PauseScope {
    /// The tenant.
    pub tenant: TenantCode,
    /// The name of the playbook; `None` for all.
    pub playbook: Option<Name>,
}

impl fmt::Display for PauseScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.playbook {
            None => self.tenant.fmt(f),
            Some(playbook) => write!(f, "{}/{playbook}", self.tenant),
        }
    }
}

impl FromStr for PauseScope {
    type Err = ids::Error;

    fn from_str(text: &str) -> Result<Self, ids::Error> {
        let (tenant, playbook) =
            text.split_once('/').map_or((text, None), |(tenant, name)| (tenant, Some(name)));
        Ok(Self { tenant: tenant.parse()?, playbook: playbook.map(str::parse).transpose()? })
    }
}

/// The pause of an execution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// When it began.
    pub since: Timestamp,
    /// Why.
    pub cause: PauseCause,
}

/// Why an execution is paused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PauseCause {
    /// A person or a service asked for it.
    Asked(Asked),
    /// The last attempt of a step has failed, and the step waits for a person who mends the cause.
    LastFailure {
        /// The task of the step.
        task: TaskId,
        /// The step.
        step: StepId,
        /// The failure, in words.
        message: Arc<str>,
    },
}

impl PauseCause {
    /// The person who asked for it, if one did.
    pub fn asked(&self) -> Option<&Asked> {
        match self {
            Self::Asked(asked) => Some(asked),
            Self::LastFailure { .. } => None,
        }
    }
}

impl Pause {
    /// The approximate number of bytes of its texts.
    pub(crate) fn text_bytes(&self) -> usize {
        match &self.cause {
            PauseCause::Asked(asked) => asked.uid.len() + asked.reason.len(),
            PauseCause::LastFailure { step, message, .. } => step.as_str().len() + message.len(),
        }
    }
}
