//! One text with templates in it, or one condition: compiled once, run for every evaluation.

use std::panic::{AssertUnwindSafe, catch_unwind};

use minijinja::machinery::{parse, parse_expr};
use minijinja::syntax::SyntaxConfig;
use updraft_protocol::limits::{ARGUMENTS_BYTES, TEMPLATE_OUTPUT_BYTES, TEMPLATE_SOURCE_BYTES};

use super::budget::Budget;
use super::code::{Body, NODE_BYTES};
use super::lower::{lower, lower_condition};
use super::meter::Refusal;
use super::root::Root;
use super::run::Run;
use super::scan::{self, scan};
use super::spelling;
use super::value::Value;
use crate::plan::{Mistake, References};

/// A compiled text.
pub(crate) struct Text {
    /// Where it stands: failures name it.
    path: String,
    body: Body,
    /// The names that it sets.
    slots: usize,
    /// About what it takes in memory.
    bytes: usize,
}

/// What reading a text costs, and each byte of it: it is scanned, parsed and lowered.
const COMPILE_WORK: u64 = 2_000;
const COMPILE_WORK_EACH: u64 = 100;

impl std::fmt::Debug for Text {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Text").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Text {
    /// Whether there is anything to compile.
    pub(super) fn is_template(text: &str) -> bool {
        ["{{", "{%", "{#"].iter().any(|start| text.contains(start))
    }

    pub(super) fn compile(
        path: &str,
        source: &str,
        budget: &mut Budget,
    ) -> Result<(Self, References), Mistake> {
        Self::compiled(path, source, "template", budget, |references, budget| {
            let syntax = SyntaxConfig::builder().keep_trailing_newline(true).build();
            let syntax = syntax.map_err(|error| error.to_string())?;
            scan(source, syntax.clone())?;
            let template =
                parse(source, "template", syntax).map_err(|error| syntax_error(&error, "template"))?;
            lower(&template, path, references, budget)
        })
    }

    /// Compiles a condition: an expression without anything around it.
    pub(crate) fn condition(
        path: &str,
        source: &str,
        budget: &mut Budget,
    ) -> Result<(Self, References), Mistake> {
        Self::compiled(path, source, "condition", budget, |references, budget| {
            let foreign = || spelling::foreign(source);
            if source.trim_start().starts_with("{{") {
                return Err(foreign().unwrap_or_default());
            }
            scan::scan_expression(source)?;
            let expr = parse_expr(source)
                .map_err(|error| foreign().unwrap_or_else(|| syntax_error(&error, "condition")))?;
            Ok((lower_condition(&expr, path, references, budget)?, 0))
        })
    }

    fn compiled(
        path: &str,
        source: &str,
        what: &str,
        budget: &mut Budget,
        generate: impl FnOnce(&mut References, &mut Budget) -> Result<(Body, usize), String>,
    ) -> Result<(Self, References), Mistake> {
        if source.len() > TEMPLATE_SOURCE_BYTES {
            return Err(Mistake::new(path, format!("a {what} has at most {TEMPLATE_SOURCE_BYTES} bytes")));
        }
        let before = budget.left();
        let mut references = References::default();
        let start = budget
            .work(COMPILE_WORK + COMPILE_WORK_EACH * source.len() as u64)
            .and_then(|()| budget.keep(2 * NODE_BYTES + path.len()));
        // The parser is given what a hostile author wrote: a panic of it is that author's mistake, not the end of
        // whoever checks the playbook.
        let compiled = start.and_then(|()| {
            catch_unwind(AssertUnwindSafe(|| generate(&mut references, budget)))
                .unwrap_or_else(|_| Err(format!("the {what} cannot be compiled")))
        });
        let (body, slots) = compiled.map_err(|message| Mistake::new(path, message))?;
        let bytes = before - budget.left();
        Ok((Self { path: path.to_owned(), body, slots, bytes }, references))
    }

    /// Runs the text, where at most `left` bytes may be printed.
    pub(super) fn run(&self, root: &Root<'_>, left: usize) -> Result<Value, Refusal> {
        let mut run = Run::new(root, self.slots, TEMPLATE_OUTPUT_BYTES.min(left));
        match &self.body {
            Body::Value(expr) => run.value(expr),
            Body::Text(statements) => {
                run.statements(statements)?;
                Value::text(&root.meter, &run.finish())
            }
        }
    }

    /// About how many bytes it takes in memory.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// What is to be said of it, with its place.
    pub(super) fn said(&self, words: impl std::fmt::Display) -> String {
        format!("{}: {words}", self.path)
    }
}

fn syntax_error(error: &minijinja::Error, what: &str) -> String {
    let line = error.line().map(|line| format!("line {line}: ")).unwrap_or_default();
    match error.detail() {
        Some(detail) => format!("{line}{detail}"),
        None => format!("{line}not a {what}"),
    }
}

const _: () = assert!(TEMPLATE_OUTPUT_BYTES <= ARGUMENTS_BYTES);
