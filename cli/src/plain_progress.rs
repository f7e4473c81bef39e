//! Plain progress: one line for each change, for files, pipes and terminals without a cursor.

use std::time::Duration;

use tokio::time::Instant;
use updraft::{Clock, Event, EventKind, RunningLoop, SystemClock, TaskStatus};

use crate::exit::Error;
use crate::output::Output;
use crate::task_rows::TaskRows;

/// The time between two lines about loops: a file is read later, and need not be flooded.
const LOOPS_PAUSE: Duration = Duration::from_secs(5);

/// Tells what happens, line by line.
pub(crate) struct PlainProgress {
    rows: TaskRows,
    output: Output,
    /// When loops were last told of.
    loops_told: Option<Instant>,
}

impl PlainProgress {
    pub(crate) fn new(rows: TaskRows, output: Output) -> Self {
        Self { rows, output, loops_told: None }
    }

    /// Tells of one change.
    pub(crate) fn event(&mut self, event: &Event) {
        let line = match &event.kind {
            EventKind::Execution { status } => format!("execution {status}"),
            EventKind::Missed(events) => format!("({events} changes were too fast to be told)"),
            EventKind::Task { .. } => {
                let width = self.rows.width();
                let Some(row) = self.rows.apply(event) else { return };
                let status = match row.status {
                    TaskStatus::Executing => "executing ",
                    TaskStatus::Completed => "completed ",
                    // Their words say it.
                    _ => "",
                };
                let line = format!("{:width$}  {status}{}", row.step.as_str(), row.words());
                line.trim_end().to_owned()
            }
        };
        self.output.line(format_args!("{}  {line}", event.at));
    }

    /// Tells how far loops have come.
    pub(crate) fn loops(&mut self, running: &[RunningLoop]) {
        let now = Instant::now();
        if self.loops_told.is_some_and(|told| now.duration_since(told) < LOOPS_PAUSE) {
            return;
        }
        let width = self.rows.width();
        for running in running {
            let Some(row) = self.rows.advance(running) else { continue };
            let line = format!("{:width$}  {}", row.step.as_str(), row.words());
            self.output.line(format_args!("{}  {line}", SystemClock.now()));
            self.loops_told = Some(now);
        }
    }

    /// The rows that it tells of.
    pub(crate) fn rows(&self) -> &TaskRows {
        &self.rows
    }

    /// Where words about the end go.
    pub(crate) fn output(&mut self) -> &mut Output {
        &mut self.output
    }

    /// Tells whether all was written.
    pub(crate) fn finish(self) -> Result<(), Error> {
        self.output.finish()
    }
}
