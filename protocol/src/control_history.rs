//! The history of controls: what people have asked of an execution, when and why. Owns its form and its bound; decides nothing.

use serde::{Deserialize, Serialize};

use crate::ids::{ExecutionId, TaskId};
use crate::limits::CONTROLS_RECORDED;
use crate::pause::Asked;
use crate::time::Timestamp;

/// A control that a person has asked for, and that was applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ControlRecord {
    /// The control.
    pub kind: ControlKind,
    /// When it was applied.
    pub at: Timestamp,
    /// Who asked for it, and why.
    pub asked: Asked,
    /// The task, of a control that is about one.
    pub task: Option<TaskId>,
    /// The new end of the wait, of one that changes it.
    pub until: Option<Timestamp>,
    /// The execution that began, of a rerun.
    pub execution: Option<ExecutionId>,
}

/// The kind of a recorded control.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ControlKind {
    /// The execution was cancelled.
    Cancel,
    /// The execution was paused.
    Pause,
    /// The execution went on.
    Resume,
    /// The wait of a task was ended.
    Skip,
    /// The end of the wait of a task was changed.
    ExtendWait,
    /// The execution was run again, after its end.
    Rerun,
}

/// The controls of an execution, the newest of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ControlHistory {
    /// How many more there were before these.
    pub earlier: u32,
    /// The controls, the oldest first.
    pub newest: Vec<ControlRecord>,
}

impl ControlHistory {
    /// The history with one control more.
    #[must_use]
    pub fn with(mut self, record: ControlRecord) -> Self {
        if self.newest.len() >= CONTROLS_RECORDED {
            self.newest.remove(0);
            self.earlier = self.earlier.saturating_add(1);
        }
        self.newest.push(record);
        self
    }

    /// The approximate number of its bytes.
    pub(crate) fn bytes(&self) -> usize {
        let texts = |record: &ControlRecord| record.asked.uid.len() + record.asked.reason.len();
        self.newest.iter().map(|record| size_of::<ControlRecord>() + texts(record)).sum()
    }
}

impl ControlKind {
    /// The stored text.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cancel => "cancel",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Skip => "skip",
            Self::ExtendWait => "extend_wait",
            Self::Rerun => "rerun",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_controls_are_kept_and_the_others_counted() {
        let record = |at: u64| ControlRecord {
            kind: ControlKind::Pause,
            at: Timestamp(at),
            asked: Asked { uid: "ana".into(), reason: "why".into() },
            task: None,
            until: None,
            execution: None,
        };
        let all = CONTROLS_RECORDED as u64 + 3;
        let history = (0..all).fold(ControlHistory::default(), |history, at| history.with(record(at)));
        assert_eq!((history.earlier, history.newest.len()), (3, CONTROLS_RECORDED));
        assert_eq!(history.newest.first().map(|first| first.at), Some(Timestamp(3)));
        assert_eq!(history.newest.last().map(|last| last.at), Some(Timestamp(all - 1)));
    }
}
