//! The history of controls: what people have asked of an execution, when and why. Owns its form and its bound; decides nothing.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::ids::{ExecutionId, Name, TaskId};
use crate::limits::CONTROLS_RECORDED;
use crate::pause::Asked;
use crate::time::Timestamp;

/// A control that a person or a service has asked for, and that was applied.
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
    /// The signal, where one was given.
    pub signal: Option<GivenSignal>,
}

/// A signal in the history, without its payload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GivenSignal {
    /// The id that its sender gave it.
    pub id: Arc<str>,
    /// Its name.
    pub name: Name,
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
    /// The execution was given a signal.
    Signal,
    /// The execution was given another priority while it was queued.
    Reprioritise,
}

/// The controls of an execution, the newest of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ControlHistory {
    /// How many more there were before these.
    pub earlier: u32,
    /// The controls, the oldest first.
    pub newest: Vec<ControlRecord>,
}

impl ControlRecord {
    /// The record of a control that is about the whole execution.
    pub fn new(kind: ControlKind, at: Timestamp, asked: Asked) -> Self {
        Self { kind, at, asked, task: None, until: None, execution: None, signal: None }
    }
}

impl ControlHistory {
    /// The history with one control more. Where it is full, signals make room first: programs send many of them, and what
    /// people have asked must not be lost among them. One that finds only that is counted alone.
    #[must_use]
    pub fn with(mut self, record: ControlRecord) -> Self {
        if self.newest.len() >= CONTROLS_RECORDED {
            let is_signal = |record: &ControlRecord| record.kind == ControlKind::Signal;
            self.earlier = self.earlier.saturating_add(1);
            match self.newest.iter().position(is_signal) {
                None if is_signal(&record) => return self,
                oldest => self.newest.remove(oldest.unwrap_or(0)),
            };
        }
        self.newest.push(record);
        self
    }

    /// The approximate number of its bytes.
    pub(crate) fn bytes(&self) -> usize {
        let texts = |record: &ControlRecord| {
            let signal =
                record.signal.as_ref().map_or(0, |signal| signal.id.len() + signal.name.as_str().len());
            record.asked.uid.len() + record.asked.reason.len() + signal
        };
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
            Self::Signal => "signal",
            Self::Reprioritise => "reprioritise",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(kind: ControlKind, at: u64) -> ControlRecord {
        ControlRecord::new(kind, Timestamp(at), Asked { uid: "ana".into(), reason: "why".into() })
    }

    #[test]
    fn the_newest_controls_are_kept_and_the_others_counted() {
        let all = CONTROLS_RECORDED as u64 + 3;
        let history = (0..all)
            .fold(ControlHistory::default(), |history, at| history.with(record(ControlKind::Pause, at)));
        assert_eq!((history.earlier, history.newest.len()), (3, CONTROLS_RECORDED));
        assert_eq!(history.newest.first().map(|first| first.at), Some(Timestamp(3)));
        assert_eq!(history.newest.last().map(|last| last.at), Some(Timestamp(all - 1)));
    }

    #[test]
    fn signals_make_room_before_what_people_have_asked() {
        let all = CONTROLS_RECORDED as u64 * 2;
        let kind = |at: u64| if at == 1 { ControlKind::Pause } else { ControlKind::Signal };
        let history =
            (0..all).fold(ControlHistory::default(), |history, at| history.with(record(kind(at), at)));
        assert_eq!(history.newest.first().map(|first| first.at), Some(Timestamp(1)));
        assert_eq!(history.newest.last().map(|last| last.at), Some(Timestamp(all - 1)));
        assert_eq!((history.earlier as usize, history.newest.len()), (CONTROLS_RECORDED, CONTROLS_RECORDED));
    }
}
