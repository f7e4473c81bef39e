//! How far the loops of an execution have come, for people who watch it. Counts nothing itself: the phase of a running loop has
//! its counts, the output of one that has ended has them too. So no task of an item or round is read for it.

use serde::Deserialize;
use updraft_protocol::{Json, StepId, TaskDocument, TaskId};

use super::Machine;
use super::task::{Phase, Task};
use crate::plan::{PlannedKind, UPDRAFT};

/// The kinds of steps that are loops, as documents name them.
const LOOPS: [&str; 2] = ["for_each", "repeat"];

/// How far a loop has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoopProgress {
    /// A `for_each`.
    Items {
        /// How many items there are.
        items: u64,
        /// How many have completed.
        completed: u64,
        /// How many have failed.
        failed: u64,
    },
    /// A `while` or `until`.
    Rounds {
        /// How many rounds have begun.
        rounds: u64,
        /// How many there may be; `None` once the loop has ended.
        at_most: Option<u64>,
    },
}

/// A loop that has not ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunningLoop {
    /// Its task.
    pub task_id: TaskId,
    /// Its step.
    pub step_id: StepId,
    /// How far it has come.
    pub progress: LoopProgress,
}

/// The counts in the output of a loop.
#[derive(Deserialize)]
#[serde(untagged)]
enum Counts {
    Items { items: u64, completed: u64, failed: u64 },
    Rounds { rounds: u64 },
}

impl LoopProgress {
    /// How far the loop had come that a task was; `None` of any other task, and of a loop that has no output.
    pub fn at_end(task: &TaskDocument) -> Option<Self> {
        let (integration, action) = (task.head.integration.as_str(), task.head.action.as_str());
        let is_loop = integration == UPDRAFT && LOOPS.contains(&action) && task.state.status.ended();
        Self::of_output(task.state.response.as_ref().filter(|_| is_loop)?)
    }

    fn of_output(output: &Json) -> Option<Self> {
        Some(match serde_json::from_str(output.as_str()).ok()? {
            Counts::Items { items, completed, failed } => Self::Items { items, completed, failed },
            Counts::Rounds { rounds } => Self::Rounds { rounds, at_most: None },
        })
    }
}

impl Machine {
    /// The loops that have not ended, the oldest first.
    pub fn running_loops(&self) -> Vec<RunningLoop> {
        self.tasks.iter().filter_map(|task| self.running_loop(task)).collect()
    }

    /// How far a loop came that has ended; `None` of any other task.
    pub fn ended_loop(&self, task_id: TaskId) -> Option<LoopProgress> {
        let task = self.tasks.iter().find(|task| task.id == task_id && task.phase == Phase::Ended)?;
        let is_loop =
            matches!(self.plan.step(task.step).kind, PlannedKind::ForEach(_) | PlannedKind::Repeat(_));
        LoopProgress::of_output(task.state.response.as_ref().filter(|_| is_loop)?)
    }

    fn running_loop(&self, task: &Task) -> Option<RunningLoop> {
        let step = self.plan.step(task.step);
        let progress = match (&task.phase, &step.kind) {
            (Phase::Repeating(items), _) => items.progress(),
            (Phase::Rounds(rounds), PlannedKind::Repeat(repeat)) => {
                let at_most = Some(u64::from(repeat.at_most));
                LoopProgress::Rounds { rounds: u64::from(rounds.next), at_most }
            }
            _ => return None,
        };
        Some(RunningLoop { task_id: task.id, step_id: step.id.clone(), progress })
    }
}
