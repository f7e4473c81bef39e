//! Tasks as authors know them: those of the steps that were made for one step of a document, such as a CACAO file, are one task. Owns
//! what becomes of the others; of native playbooks nothing changes.

use std::collections::BTreeMap;

use updraft_protocol::{StepPart, TaskStatus};

use crate::answers::TaskPlace;
use crate::trace::TracedTask;

/// A task that may be part of another one.
pub(crate) trait Part {
    /// Where it stands.
    fn place(&self) -> &TaskPlace;
    /// Its status.
    fn status(&self) -> TaskStatus;
    /// Takes over what a part of it came to.
    fn take(&mut self, part: &Self);
}

/// The tasks of the steps that authors wrote, in the order in which they began. One that has completed, but for a part of it, ended
/// as that part.
pub(crate) fn whole<T: Part + Clone>(tasks: &[T]) -> Vec<T> {
    let mut whole: Vec<T> = Vec::with_capacity(tasks.len());
    let mut last: BTreeMap<TaskPlace, usize> = BTreeMap::new();
    for task in tasks {
        let place = task.place();
        let of = TaskPlace { part: StepPart::Whole, ..place.clone() };
        match last.get(&of).and_then(|at| whole.get_mut(*at)) {
            Some(step) if place.part != StepPart::Whole => step.take(task),
            // What comes before a step is told where the step never began.
            None if place.part != StepPart::Whole && task.status() == TaskStatus::Completed => {}
            _ => {
                last.insert(of, whole.len());
                whole.push(task.clone());
            }
        }
    }
    whole
}

impl Part for TracedTask {
    fn place(&self) -> &TaskPlace {
        &self.place
    }

    fn status(&self) -> TaskStatus {
        self.status
    }

    fn take(&mut self, part: &Self) {
        if matches!(part.place.part, StepPart::Call(_)) {
            (self.integration, self.action) = (part.integration.clone(), part.action.clone());
            self.attempts = self.attempts.max(part.attempts);
        }
        if self.status == TaskStatus::Completed && part.status != TaskStatus::Completed {
            (self.status, self.ended) = (part.status, part.ended);
            self.error = part.error.clone().or(self.error.take());
        }
    }
}

#[cfg(test)]
mod tests;
