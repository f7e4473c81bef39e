//! The live tree: a line for each task on the terminal, those of a branch under their `parallel` step. Owns
//! what is drawn; the rows say what.

use std::collections::BTreeMap;
use std::fmt::Write;

use console::{Term, style};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use updraft::{Event, RunningLoop, TaskStatus};

use crate::exit::Error;
use crate::log::Screen;
use crate::output::Output;
use crate::task_rows::{TaskRow, TaskRows, prefixes};
use crate::text::duration;

/// Lines of the terminal that are left to what stands above the tree, and to the cursor.
const LEFT: usize = 2;
/// Columns that a step may take before what it does stands farther right than that of others.
const STEP_COLUMNS: usize = 40;
/// Columns for what steps do.
const LABEL_COLUMNS: usize = 14;

/// The tree of an execution.
pub(crate) struct Tree {
    rows: TaskRows,
    screen: Screen,
    terminal: Term,
    output: Output,
    /// The live lines, by the position of their steps.
    lines: BTreeMap<usize, Line>,
    ended: bool,
}

struct Line {
    bar: ProgressBar,
    running: bool,
}

impl Tree {
    /// An empty tree on this terminal; `output` leads there too, for what stays.
    pub(crate) fn new(rows: TaskRows, screen: Screen, terminal: Term, output: Output) -> Self {
        console::set_colors_enabled(terminal.features().colors_supported());
        Self { rows, screen, terminal, output, lines: BTreeMap::new(), ended: false }
    }

    /// Shows one change.
    pub(crate) fn event(&mut self, event: &Event) {
        if self.rows.apply(event).is_some() && !self.ended {
            self.draw();
        }
    }

    /// Shows how far loops have come.
    pub(crate) fn loops(&mut self, running: &[RunningLoop]) {
        let changed = running.iter().filter(|running| self.rows.advance(running).is_some()).count();
        if changed > 0 && !self.ended {
            self.draw();
        }
    }

    /// The rows that it shows.
    pub(crate) fn rows(&self) -> &TaskRows {
        &self.rows
    }

    fn draw(&mut self) {
        if self.lines.is_empty() {
            // Not before: the first line of the output stands above the tree.
            let target = ProgressDrawTarget::term(self.terminal.clone(), 20);
            self.screen.lines().set_draw_target(target);
        }
        let room = usize::from(self.terminal.size().0).saturating_sub(LEFT);
        let shown = shown(self.rows.iter().collect(), room);
        let width = self.rows.width().min(STEP_COLUMNS);
        self.lines.retain(|position, line| {
            let stays = shown.binary_search_by_key(position, |row| row.place.position).is_ok();
            if !stays {
                self.screen.lines().remove(&line.bar);
            }
            stays
        });
        for (index, (row, prefix)) in shown.iter().zip(prefixes(&shown)).enumerate() {
            let line = self.lines.entry(row.place.position).or_insert_with(|| {
                let bar = self.screen.lines().insert(index, ProgressBar::new_spinner());
                Line { bar: bar.with_style(running()), running: true }
            });
            line.show(row, prefix, width);
        }
    }

    /// Turns the spinners.
    pub(crate) fn tick(&self) {
        self.lines.values().filter(|line| line.running).for_each(|line| line.bar.tick());
    }

    /// Makes text of the live lines, of those too that had no room.
    pub(crate) fn end(&mut self) {
        self.ended = true;
        // A terminal that cannot be cleared shows the lines twice.
        let _ = self.screen.lines().clear();
        self.screen.lines().set_draw_target(ProgressDrawTarget::hidden());
        for line in std::mem::take(&mut self.lines).into_values() {
            self.screen.lines().remove(&line.bar);
        }
        print(&self.rows, &mut self.output);
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

/// Writes the tree of rows that do not change any more.
pub(crate) fn print(rows: &TaskRows, output: &mut Output) {
    let width = rows.width().min(STEP_COLUMNS);
    let all: Vec<&TaskRow> = rows.iter().collect();
    for (row, prefix) in all.iter().zip(prefixes(&all)) {
        let text = settled(row, columns(&prefix, width));
        output.styled(format_args!("{}{text}", style(prefix).dim()));
    }
}

impl Line {
    fn show(&mut self, row: &TaskRow, prefix: String, width: usize) {
        let columns = columns(&prefix, width);
        if self.bar.prefix() != prefix {
            self.bar.set_prefix(prefix);
        }
        let runs = row.status == TaskStatus::Executing;
        if runs != self.running {
            self.running = runs;
            self.bar.set_style(if runs { running() } else { still() });
        }
        let text =
            if runs { format!("{} {}", name(row, columns), row.words()) } else { settled(row, columns) };
        if self.bar.message() != text {
            self.bar.set_message(text);
        }
    }
}

/// The rows that have room: those that run come before those that have ended, the older of which go first.
fn shown(rows: Vec<&TaskRow>, room: usize) -> Vec<&TaskRow> {
    let mut excess = rows.len().saturating_sub(room);
    let mut keep = |row: &&TaskRow| {
        let goes = excess > 0 && row.status.ended();
        excess -= usize::from(goes);
        !goes
    };
    let mut kept: Vec<&TaskRow> = rows.into_iter().filter(|row| keep(row)).collect();
    kept.truncate(room.max(1));
    kept
}

fn columns(prefix: &str, width: usize) -> usize {
    width.saturating_sub(prefix.chars().count())
}

/// A step and what it does.
fn name(row: &TaskRow, columns: usize) -> String {
    let label = style(format!("{:LABEL_COLUMNS$}", row.place.label)).dim();
    format!("{:columns$}  {label}", row.step.as_str())
}

/// The line of a task that does not run at the moment.
fn settled(row: &TaskRow, columns: usize) -> String {
    let mark = match row.status {
        TaskStatus::Completed => style("✓").green(),
        TaskStatus::Failed => style("✗").red(),
        TaskStatus::Retrying => style("↻").yellow(),
        TaskStatus::Cancelled => style("-").dim(),
        TaskStatus::Unknown => style("?").magenta(),
        TaskStatus::Executing | TaskStatus::Waiting => style("…").yellow(),
    };
    let words = match row.status {
        TaskStatus::Completed => style(row.words()),
        TaskStatus::Failed | TaskStatus::Unknown => style(row.words()).red(),
        TaskStatus::Retrying | TaskStatus::Executing | TaskStatus::Waiting => style(row.words()).yellow(),
        TaskStatus::Cancelled => style(row.words()).dim(),
    };
    format!("{mark} {} {words}", name(row, columns)).trim_end().to_owned()
}

fn running() -> ProgressStyle {
    let took = |state: &ProgressState, text: &mut dyn Write| {
        let millis = u64::try_from(state.elapsed().as_millis()).unwrap_or(u64::MAX);
        // A line that cannot be formatted is drawn without it.
        let _ = text.write_str(&duration(millis));
    };
    styled("{prefix:.dim}{spinner:.cyan} {msg} {took:.dim}").with_key("took", took)
}

fn still() -> ProgressStyle {
    styled("{prefix:.dim}{wide_msg}")
}

/// The templates are those above: each is one that indicatif knows.
fn styled(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task_rows::tests::{event, rows};

    #[test]
    fn where_there_is_no_room_the_oldest_that_have_ended_go_first() {
        let mut rows = rows();
        let done = TaskStatus::Completed;
        for (number, (step, status)) in
            [("choose", done), ("yes_", TaskStatus::Executing), ("a1", done), ("b1", TaskStatus::Retrying)]
                .into_iter()
                .enumerate()
        {
            rows.apply(&event(u8::try_from(number).unwrap(), Some(step), status, 1)).unwrap();
        }
        let steps = |room| -> Vec<String> {
            shown(rows.iter().collect(), room).iter().map(|row| row.step.to_string()).collect()
        };
        assert_eq!(steps(4), ["choose", "yes_", "a1", "b1"]);
        assert_eq!(steps(3), ["yes_", "a1", "b1"]);
        assert_eq!(steps(2), ["yes_", "b1"]);
        assert_eq!(steps(0), ["yes_"]);
    }
}
