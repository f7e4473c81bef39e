//! The rows of tasks: what is known of each task of an execution, in the order in which it is shown, with the lines of
//! the tree before it. Applies events; draws nothing.

use std::collections::BTreeMap;

use updraft::{
    Event, EventKind, Failure, FailureKind, LoopProgress, RunningLoop, StepId, TaskId, TaskStatus,
};

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
    /// Of a loop, how far it has come.
    pub(crate) progress: Option<LoopProgress>,
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
        let attempt = (self.attempt > 1).then(|| format!("attempt {}", self.attempt));
        for further in self.progress.map(counted).into_iter().chain(attempt) {
            let comma = if words.is_empty() { "" } else { ", " };
            words = format!("{words}{comma}{further}");
        }
        match (&self.error, self.status) {
            (Some(error), TaskStatus::Completed) if error.kind == FailureKind::Cleanup => {
                format!("{words}, {}", clean(&error.message))
            }
            // What went wrong before is past once it is tried again, or has completed.
            (None, _) | (_, TaskStatus::Executing | TaskStatus::Completed) => words,
            (Some(error), _) => format!("{words}: {}", clean(&error.to_string())),
        }
    }
}

/// How far a loop has come: `17 of 200, 2 failed`, `round 3 of at most 10`.
fn counted(progress: LoopProgress) -> String {
    match progress {
        LoopProgress::Items { items, completed, failed: 0 } => format!("{completed} of {items}"),
        LoopProgress::Items { items, completed, failed } => {
            format!("{} of {items}, {failed} failed", completed + failed)
        }
        LoopProgress::Rounds { rounds, at_most: Some(at_most) } => {
            format!("round {rounds} of at most {at_most}")
        }
        LoopProgress::Rounds { rounds: 1, at_most: None } => "1 round".to_owned(),
        LoopProgress::Rounds { rounds, at_most: None } => format!("{rounds} rounds"),
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
        let EventKind::Task { task_id, step_id, status, attempt, runtime, error, progress } = &event.kind
        else {
            return None;
        };
        if let Some(step) = step_id {
            let place = self.tree.place(step)?.clone();
            let is_new = self.positions.insert(*task_id, place.position).is_none();
            let new = TaskRow {
                step: step.clone(),
                place,
                status: *status,
                attempt: *attempt,
                runtime: None,
                error: None,
                progress: None,
            };
            let row = self.rows.entry(new.place.position).or_insert_with(|| new.clone());
            if is_new {
                // Steps of a loop run again and again, and show the newest run.
                *row = new;
            }
        }
        let row = self.rows.get_mut(self.positions.get(task_id)?)?;
        (row.status, row.attempt, row.runtime) = (*status, *attempt, *runtime);
        row.error = error.clone().or(row.error.take());
        row.progress = progress.or(row.progress);
        Some(row)
    }

    /// Takes over how far a loop has come; its row, where that has changed.
    pub(crate) fn advance(&mut self, running: &RunningLoop) -> Option<&TaskRow> {
        let row = self.rows.get_mut(self.positions.get(&running.task_id)?)?;
        // It may have ended since it was asked.
        if row.status.ended() || row.progress == Some(running.progress) {
            return None;
        }
        row.progress = Some(running.progress);
        Some(row)
    }

    /// Whether a task is the run of a loop.
    pub(crate) fn is_loop(&self, task: TaskId) -> bool {
        let row = self.positions.get(&task).and_then(|position| self.rows.get(position));
        row.is_some_and(|row| row.place.is_loop)
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
    use updraft::{ExecutionId, Playbook, Timestamp};

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
                progress: None,
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

    #[test]
    fn a_completed_row_tells_that_its_cleanup_failed() {
        let mut rows = rows();
        rows.apply(&event(1, Some("a1"), TaskStatus::Executing, 1)).unwrap();
        let mut ended = event(1, None, TaskStatus::Completed, 1);
        if let EventKind::Task { error, .. } = &mut ended.kind {
            *error = Some(Failure::new(FailureKind::Cleanup, "its cleanup failed: step \"x\": no").into());
        }
        assert_eq!(rows.apply(&ended).unwrap().words(), "1.2s, its cleanup failed: step \"x\": no");
    }

    #[test]
    fn a_loop_tells_how_far_it_has_come_until_it_has_ended() {
        let items = |completed, failed| LoopProgress::Items { items: 200, completed, failed };
        let rounds = |rounds, at_most| LoopProgress::Rounds { rounds, at_most };
        assert_eq!(
            [items(17, 0), items(15, 2), rounds(3, Some(10)), rounds(1, None), rounds(2, None)].map(counted),
            ["17 of 200", "17 of 200, 2 failed", "round 3 of at most 10", "1 round", "2 rounds"]
        );
        let mut rows = rows();
        let began = event(1, Some("a1"), TaskStatus::Executing, 1);
        rows.apply(&began).unwrap();
        let EventKind::Task { task_id, .. } = began.kind else { panic!("it is of a task") };
        let step_id = StepId::new("a1").unwrap();
        let running = RunningLoop { task_id, step_id, progress: items(15, 2) };
        assert_eq!(rows.advance(&running).unwrap().words(), "17 of 200, 2 failed");
        assert_eq!(rows.advance(&running), None, "nothing has changed");
        let mut ended = event(1, None, TaskStatus::Completed, 1);
        if let EventKind::Task { progress, .. } = &mut ended.kind {
            *progress = Some(items(198, 2));
        }
        assert_eq!(rows.apply(&ended).unwrap().words(), "1.2s, 200 of 200, 2 failed");
        assert_eq!(rows.advance(&running), None, "it was asked before the end");
    }

    #[test]
    fn a_step_that_runs_again_in_a_loop_shows_its_newest_run() {
        let mut rows = rows();
        rows.apply(&event(1, Some("a1"), TaskStatus::Failed, 3)).unwrap();
        let next = rows.apply(&event(2, Some("a1"), TaskStatus::Cancelled, 1)).unwrap();
        assert_eq!(next.words(), "cancelled after 1.2s", "without what went wrong before it");
    }
}
