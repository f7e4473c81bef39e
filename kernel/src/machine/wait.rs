//! Waits for an instant: the task that is due next. A heap; entries of tasks that no longer wait, or wait for another
//! instant, are dropped when they reach its top.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use updraft_protocol::{Timestamp, Wait};

use super::task::{Phase, Task};
use super::task_seq::TaskSeq;
use super::{Act, Effects, Machine, Timer};

/// When tasks are due, the earliest first.
#[derive(Debug, Default)]
pub(super) struct Waits(BinaryHeap<Reverse<(Timestamp, TaskSeq)>>);

impl Machine {
    /// A task waits until `due`.
    pub(super) fn wait(&mut self, task: TaskSeq, due: Timestamp, effects: &mut Effects) {
        self.task_mut(task).phase = Phase::Waiting(due);
        self.waits.0.push(Reverse((due, task)));
        effects.acts.push(Act::Arm(Timer::Task(task), due));
    }

    /// The phase of a task has an instant, or none any more.
    pub(super) fn wait_in_phase(&mut self, task: TaskSeq, effects: &mut Effects) {
        if let Some(due) = self.task(task).due() {
            self.waits.0.push(Reverse((due, task)));
            effects.acts.push(Act::Arm(Timer::Task(task), due));
        }
    }

    /// Drops outdated entries from the top of the heap.
    pub(super) fn settle_waits(&mut self) {
        while let Some(Reverse((due, task))) = self.waits.0.peek()
            && self.tasks.get(*task).and_then(Task::due) != Some(*due)
        {
            self.waits.0.pop();
        }
    }

    /// When the next waiting task is due.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        self.waits.0.peek().map(|Reverse((due, _))| *due)
    }

    /// The wait of a task, or its last one.
    pub(super) fn wait_of(&self, task: TaskSeq) -> Option<&Wait> {
        self.task(task).state.wait.as_deref()
    }
}
