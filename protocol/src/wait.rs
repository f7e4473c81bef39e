//! Waits: the reason why a task does not run. One record for all kinds; decides nothing.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::approval::Gate;
use crate::json::Json;
use crate::time::Timestamp;

/// The current or last wait of a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wait {
    /// The kind of the wait.
    pub kind: WaitKind,
    /// The subject, if there are several: the integration that lacks something, the name of a signal, a
    /// question, the execution of a sub-playbook.
    pub subject: Option<Arc<str>>,
    /// The key of a signal.
    pub key: Option<Arc<str>>,
    /// Of an approval: who may answer, and who has.
    pub gate: Option<Box<Gate>>,
    /// Of a loop: how far it has come.
    pub progress: Option<Box<Progress>>,
    /// Of a call: its attempts before a person let it begin again. They no longer count.
    pub earlier_attempts: u32,
    /// When it began.
    pub since: Timestamp,
    /// When it ends: then a `delay` or a `retry` continues, and the other waits fail the task.
    pub until: Option<Timestamp>,
}

/// How far a `while` or `until` has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// The rounds that have ended.
    pub rounds: u32,
    /// The variables that these have set, by their names. `None` if its rounds set none.
    pub set: Option<Json>,
    /// Whether an `end` in a round has ended the path that the loop is on.
    pub ended_path: bool,
}

/// The kind of a wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WaitKind {
    /// The instant at which a `delay` is over.
    Delay,
    /// The instant of the next attempt.
    Retry,
    /// A secret, a permission or an integration that the engine lacks.
    Configuration,
    /// A signal.
    Signal,
    /// The answers of people.
    Approval,
    /// The calls of branches whose outcome no longer counts, and that may act at most once.
    Branches,
    /// The end of a sub-playbook; the subject is the id of its execution.
    Child,
    /// The instant of the next round of a `while` or `until`; the subject is the number of that round.
    Round,
    /// The steps that run when a body has ended, or once the task was cancelled.
    Cleanup,
    /// A person who mends what made the last attempt fail: the execution is paused.
    LastFailure,
    /// Room at the cap of a guardrail, which is the subject.
    Guardrail,
    /// The instant from which a tool may be called again that does not work, or has asked to be left alone; the subject is
    /// the tool.
    Cooldown,
}

impl Wait {
    /// The approximate number of bytes of its texts.
    pub(crate) fn text_bytes(&self) -> usize {
        let length = |text: &Option<Arc<str>>| text.as_ref().map_or(0, |text| text.len());
        let set = self.progress.as_ref().and_then(|progress| progress.set.as_ref());
        let set = set.map_or(0, |set| set.as_str().len());
        length(&self.subject) + length(&self.key) + set + self.gate.as_deref().map_or(0, Gate::text_bytes)
    }

    /// A wait for an instant.
    pub fn until(kind: WaitKind, since: Timestamp, until: Timestamp) -> Self {
        Self {
            kind,
            subject: None,
            key: None,
            gate: None,
            progress: None,
            earlier_attempts: 0,
            since,
            until: Some(until),
        }
    }
}

impl WaitKind {
    /// Whether the wait is ended from outside of the execution.
    pub const fn is_answered(self) -> bool {
        matches!(self, Self::Signal | Self::Approval | Self::Child | Self::LastFailure)
    }

    /// Whether a person may change when the wait ends.
    pub const fn is_extendable(self) -> bool {
        matches!(self, Self::Delay | Self::Signal | Self::Approval | Self::LastFailure)
    }

    /// The stored text.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Delay => "delay",
            Self::Retry => "retry",
            Self::Configuration => "configuration",
            Self::Signal => "signal",
            Self::Approval => "approval",
            Self::Branches => "branches",
            Self::Child => "child",
            Self::Round => "round",
            Self::Cleanup => "cleanup",
            Self::LastFailure => "last_failure",
            Self::Guardrail => "guardrail",
            Self::Cooldown => "cooldown",
        }
    }
}
