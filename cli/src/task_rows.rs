//! The rows of tasks: what is known of each task of an execution, in the order in which it is shown, with the lines of
//! the tree before it. Applies events; draws nothing.

use std::collections::BTreeMap;

use updraft::{Event, EventKind, Failure, StepId, TaskId, TaskStatus};

use crate::step_tree::{Branch, StepPosition, StepTree};
use crate::text::{clean, duration};

/// What is known of a task.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TaskRow {
    pub(crate) step: StepId,
    pub(crate) place: StepPosition,
    pub(crate) status: TaskStatus,
    pub(crate) attempt: u32,
    pub(crate) runtime: Option<u64>,
    pub(crate) error: Option<Box<Failure>>,
}

impl TaskRow {
    /// How it went, in words: `1.2s, attempt 2: rate_limited: slow down`.
    pub(crate) fn words(&self) -> String {
        let mut words = match (self.status, self.runtime) {
            (TaskStatus::Completed, Some(runtime)) => duration(runtime),
            (status, Some(runtime)) => format!("{status} after {}", duration(runtime)),
            (TaskStatus::Executing, None) => String::new(),
            (status, None) => status.to_string(),
        };
        if self.attempt > 1 {
            let comma = if words.is_empty() { "" } else { ", " };
            words = format!("{words}{comma}attempt {}", self.attempt);
        }
        // What went wrong before is past once it is tried again, or has completed.
        let past = matches!(self.status, TaskStatus::Executing | TaskStatus::Completed);
        match self.error.as_ref().filter(|_| !past) {
            Some(error) => format!("{words}: {}", clean(&error.to_string())),
            None => words,
        }
    }
}

/// The tasks of an execution.
#[derive(Debug)]
pub(crate) struct TaskRows {
    tree: StepTree,
    /// By the position of their steps.
    rows: BTreeMap<usize, TaskRow>,
    positions: BTreeMap<TaskId, usize>,
}

impl TaskRows {
    /// No tasks yet, of a playbook with this tree.
    pub(crate) fn new(tree: StepTree) -> Self {
        Self { tree, rows: BTreeMap::new(), positions: BTreeMap::new() }
    }

    /// The row that an event is about, as it is after it; none where it is not about a task.
    pub(crate) fn apply(&mut self, event: &Event) -> Option<&TaskRow> {
        let EventKind::Task { task_id, step_id, status, attempt, runtime, error } = &event.kind else {
            return None;
        };
        if let Some(step) = step_id {
            let place = self.tree.place(step)?.clone();
            self.positions.insert(*task_id, place.position);
            let new = TaskRow {
                step: step.clone(),
                place,
                status: *status,
                attempt: *attempt,
                runtime: None,
                error: None,
            };
            self.rows.entry(new.place.position).or_insert(new);
        }
        let row = self.rows.get_mut(self.positions.get(task_id)?)?;
        (row.status, row.attempt, row.runtime) = (*status, *attempt, *runtime);
        row.error = error.clone().or(row.error.take());
        Some(row)
    }

    /// The rows in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &TaskRow> {
        self.rows.values()
    }

    /// How wide the widest step can be with what stands before it.
    pub(crate) fn width(&self) -> usize {
        self.tree.width(INDENT)
    }
}

/// Columns of the lines before a step, for each branch around it.
const INDENT: usize = 2;

/// The lines of the tree before each of these rows.
pub(crate) fn prefixes(rows: &[&TaskRow]) -> Vec<String> {
    let mut last: BTreeMap<usize, usize> = BTreeMap::new();
    for branch in rows.iter().flat_map(|row| &row.place.branches) {
        let number = last.entry(branch.parallel).or_default();
        *number = branch.number.max(*number);
    }
    let mut before: &[Branch] = &[];
    let mut prefixes = Vec::with_capacity(rows.len());
    for row in rows {
        let branches = &row.place.branches;
        let line = |(depth, branch): (usize, &Branch)| {
            let ends = last.get(&branch.parallel) == Some(&branch.number);
            match (before.get(depth) == Some(branch), ends) {
                (false, false) => "├ ",
                (false, true) => "└ ",
                (true, false) => "│ ",
                (true, true) => "  ",
            }
        };
        prefixes.push(branches.iter().enumerate().map(line).collect());
        before = branches;
    }
    prefixes
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::step_tree::tests::PLAYBOOK;
    use updraft::{ExecutionId, FailureKind, Playbook, Timestamp};

    /// An event of the task with this number.
    pub(crate) fn event(number: u8, step: Option<&str>, status: TaskStatus, attempt: u32) -> Event {
        let mut id = [0; 16];
        id[15] = number;
        Event {
            peid: ExecutionId::from_bytes([0; 16]),
            at: Timestamp(1_700_000_000_000),
            kind: EventKind::Task {
                task_id: TaskId::from_bytes(id),
                step_id: step.map(|step| StepId::new(step).unwrap()),
                status,
                attempt,
                runtime: status.ended().then_some(1_234),
                error: (status != TaskStatus::Completed && attempt > 1)
                    .then(|| Failure::new(FailureKind::Status, "503\u{1b}[2J").into()),
            },
        }
    }

    pub(crate) fn rows() -> TaskRows {
        TaskRows::new(StepTree::of(&Playbook::parse(PLAYBOOK).unwrap()))
    }

    #[test]
    fn rows_stand_under_their_parallel_however_they_come() {
        let mut rows = rows();
        for (number, step) in ["choose", "yes_", "b1", "a1", "a2", "last"].into_iter().enumerate() {
            rows.apply(&event(u8::try_from(number).unwrap(), Some(step), TaskStatus::Executing, 1)).unwrap();
        }
        let all: Vec<&TaskRow> = rows.iter().collect();
        let lines: Vec<String> =
            prefixes(&all).iter().zip(&all).map(|(prefix, row)| format!("{prefix}{}", row.step)).collect();
        assert_eq!(lines, ["choose", "yes_", "├ a1", "│ a2", "└ b1", "last"]);
        assert_eq!(prefixes(&all[2..4]), ["└ ", "  "], "of those that are shown, the last branch ends");
    }

    #[test]
    fn a_row_tells_how_its_task_went() {
        let mut rows = rows();
        assert_eq!(rows.apply(&event(1, None, TaskStatus::Executing, 1)), None);
        assert_eq!(rows.apply(&event(1, Some("a1"), TaskStatus::Executing, 1)).unwrap().words(), "");
        let retrying = rows.apply(&event(1, None, TaskStatus::Retrying, 2)).unwrap();
        assert_eq!(retrying.words(), "retrying, attempt 2: status: 503\\u{1b}[2J");
        assert_eq!(rows.apply(&event(1, None, TaskStatus::Completed, 3)).unwrap().words(), "1.2s, attempt 3");
        let failed = rows.apply(&event(1, None, TaskStatus::Failed, 3)).unwrap();
        assert!(failed.words().starts_with("failed after 1.2s, attempt 3: status: 503"));
    }
}
