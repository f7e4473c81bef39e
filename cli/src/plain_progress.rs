//! Plain progress: one line for each change, for files, pipes and terminals without a cursor.

use updraft::{Event, EventKind, TaskStatus};

use crate::exit::Error;
use crate::output::Output;
use crate::task_rows::TaskRows;

/// Tells what happens, line by line.
pub(crate) struct PlainProgress {
    rows: TaskRows,
    output: Output,
}

impl PlainProgress {
    pub(crate) fn new(rows: TaskRows, output: Output) -> Self {
        Self { rows, output }
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

    /// Where words about the end go.
    pub(crate) fn output(&mut self) -> &mut Output {
        &mut self.output
    }

    /// Tells whether all was written.
    pub(crate) fn finish(self) -> Result<(), Error> {
        self.output.finish()
    }
}
