//! Forgetting: tasks of ended items leave memory, so that a loop of a hundred thousand items needs no more than those that
//! run. Owns which tasks wait to leave: the shell reads a task until the write of its end is durable.

use super::Machine;
use super::output::kept_bytes;
use super::task_seq::TaskSeq;

/// Fewer tasks than these leave one by one, each of which moves the tasks after it; more leave in one pass over all.
const FEW: usize = 8;

impl Machine {
    /// The number of tasks that may leave memory once the writes so far are durable.
    pub fn leaving(&self) -> usize {
        self.leaving.len()
    }

    /// The first `count` of the tasks that may leave memory do.
    pub fn forget(&mut self, count: usize) {
        let rest = self.leaving.split_off(count.min(self.leaving.len()));
        let leaving = std::mem::replace(&mut self.leaving, rest);
        if leaving.len() < FEW {
            return leaving.into_iter().for_each(|task| self.drop_task(task));
        }
        let output_bytes = &mut self.output_bytes;
        self.tasks.remove_all(leaving, |task| *output_bytes -= kept_bytes(&task.state));
    }

    /// Whether all tasks of the execution are in memory.
    pub fn holds_all_tasks(&self) -> bool {
        self.tasks.are_all_there()
    }

    /// The tasks of a scope have ended, and nothing in the machine reads them any more. They leave at once if nothing was
    /// written of them since a resume.
    pub(super) fn leave(&mut self, tasks: Vec<TaskSeq>) {
        let at = self.leaving.len();
        self.leaving.extend(tasks);
        let is_written = |task: &TaskSeq| self.task(*task).revision.epoch == self.epoch;
        if !self.leaving[at..].iter().any(is_written) {
            for task in self.leaving.split_off(at) {
                self.drop_task(task);
            }
        }
    }

    fn drop_task(&mut self, task: TaskSeq) {
        if let Some(task) = self.tasks.remove(task) {
            self.output_bytes -= kept_bytes(&task.state);
        }
    }
}
