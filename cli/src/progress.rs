//! Progress: what people see of an execution while it runs and when it has ended; as a live tree on a
//! terminal, as lines elsewhere. On standard output, or on standard error where that is for JSON.

use std::io::{IsTerminal, stderr, stdout};

use updraft::{Event, EventKind, ExecutionStatus, Inspection, Json, RunningLoop};

use crate::exit::Error;
use crate::log::Screen;
use crate::output::Output;
use crate::plain_progress::PlainProgress;
use crate::step_tree::StepTree;
use crate::task_rows::TaskRows;
use crate::text::{clean, duration};
use crate::tree::Tree;

/// What people see.
pub(crate) enum Progress {
    Tree(Tree),
    PlainProgress(PlainProgress),
}

impl Progress {
    /// Nothing seen yet of an execution of a playbook with this tree.
    pub(crate) fn new(tree: StepTree, json: bool, screen: &Screen) -> Self {
        let rows = TaskRows::new(tree);
        let terminal = if json { console::Term::stderr() } else { console::Term::stdout() };
        let seen = if json { stderr().is_terminal() } else { stdout().is_terminal() };
        let output = || if json { Output::stderr() } else { Output::stdout() };
        if seen && terminal.features().is_attended() && !dumb() {
            Self::Tree(Tree::new(rows, screen.clone(), terminal, output()))
        } else {
            Self::PlainProgress(PlainProgress::new(rows, output()))
        }
    }

    /// Says which execution it is.
    pub(crate) fn begin(&mut self, line: &str) {
        self.output().line(line);
    }

    /// Shows one change.
    pub(crate) fn event(&mut self, event: &Event) {
        match self {
            Self::Tree(tree) => tree.event(event),
            Self::PlainProgress(plain) => plain.event(event),
        }
    }

    /// Shows how far loops have come.
    pub(crate) fn loops(&mut self, running: &[RunningLoop]) {
        match self {
            Self::Tree(tree) => tree.loops(running),
            Self::PlainProgress(plain) => plain.loops(running),
        }
    }

    /// Whether an event is about the run of a loop, once it was shown.
    pub(crate) fn is_of_loop(&self, event: &Event) -> bool {
        let EventKind::Task { task_id, .. } = event.kind else { return false };
        match self {
            Self::Tree(tree) => tree.rows().is_loop(task_id),
            Self::PlainProgress(plain) => plain.rows().is_loop(task_id),
        }
    }

    /// Shows that it is alive.
    pub(crate) fn tick(&self) {
        if let Self::Tree(tree) = self {
            tree.tick();
        }
    }

    /// Shows where it stands at last; what is live on the terminal becomes text.
    pub(crate) fn end(mut self, inspection: &Inspection) -> Result<(), Error> {
        if let Self::Tree(tree) = &mut self {
            inspection.tasks.iter().for_each(|task| tree.event(&Event::of_task(task)));
            tree.end();
        }
        let state = &inspection.execution.state;
        let status = state.execution_status;
        let took = state.playbook_runtime.map(|runtime| format!(" in {}", duration(runtime)));
        let mark = match status {
            ExecutionStatus::Completed => console::style("✓").green(),
            ExecutionStatus::Queued | ExecutionStatus::Executing | ExecutionStatus::Paused => {
                console::style("…").yellow()
            }
            _ => console::style("✗").red(),
        };
        let output = self.output();
        output.styled(format_args!("{mark} {status}{}", took.unwrap_or_default()));
        if let Some(error) = &state.error {
            output.line(format_args!("error: {}", clean(&error.to_string())));
        }
        if let Some(value) = state.output.as_ref().map(Json::value).filter(|value| !value.is_null()) {
            let text = format!("{value:#}");
            let lines: Vec<_> = text.lines().map(clean).collect();
            output.line(format_args!("output: {}", lines.join("\n")));
        }
        match self {
            Self::Tree(tree) => tree.finish(),
            Self::PlainProgress(plain) => plain.finish(),
        }
    }

    /// Says why it is not known where it stands; what is live on the terminal becomes text.
    pub(crate) fn leave(mut self, why: &str) {
        if let Self::Tree(tree) = &mut self {
            tree.end();
        }
        self.output().line(why);
    }

    fn output(&mut self) -> &mut Output {
        match self {
            Self::Tree(tree) => tree.output(),
            Self::PlainProgress(plain) => plain.output(),
        }
    }
}

/// A terminal that cannot move its cursor.
fn dumb() -> bool {
    crate::environment::text("TERM").is_ok_and(|term| term.is_none_or(|term| term == "dumb"))
}
