//! One text with templates in it: compiled once, run for every render. The only file that runs the
//! engine.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use minijinja::machinery::{CodeGenerator, Instructions, eval, make_string_output, parse};
use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Error, ErrorKind, Value};
use updraft_protocol::limits::{
    ARGUMENTS_BYTES, TEMPLATE_FUEL, TEMPLATE_OUTPUT_BYTES, TEMPLATE_SOURCE_BYTES,
};
use updraft_protocol::{Failure, FailureKind};

use super::engine::ENGINE;
use super::json;
use super::lower::{Body, lower};
use super::root::Root;
use super::scan::scan;
use crate::plan::{Mistake, References};

/// A compiled text.
pub(super) struct Text {
    /// Where it stands: failures name it.
    path: String,
    instructions: Instructions<'static>,
    /// One whole `{{ … }}` keeps the type of its value.
    typed: bool,
    /// About what it takes in memory.
    pub(super) bytes: usize,
}

/// What the engine keeps of a compiled text, however short: room for 256 instructions and 128 lines.
const KEPT_BYTES: usize = 10 << 10;
/// What it keeps for each byte of a long one.
const KEPT_BYTES_EACH: usize = 16;

/// What a run gave and took.
pub(super) struct Run {
    pub(super) value: serde_json::Value,
    pub(super) fuel: u64,
}

impl std::fmt::Debug for Text {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Text").field("path", &self.path).field("typed", &self.typed).finish_non_exhaustive()
    }
}

impl Text {
    /// Whether there is anything to compile.
    pub(super) fn is_template(text: &str) -> bool {
        ["{{", "{%", "{#"].iter().any(|start| text.contains(start))
    }

    pub(super) fn compile(path: &str, source: &str) -> Result<(Self, References), Mistake> {
        if source.len() > TEMPLATE_SOURCE_BYTES {
            return Err(Mistake::new(path, format!("a template has at most {TEMPLATE_SOURCE_BYTES} bytes")));
        }
        let mut references = References::default();
        // The parser and the generator are given what a hostile author wrote: a panic of theirs is that
        // author's mistake, not the end of whoever checks the playbook.
        let compiled = catch_unwind(AssertUnwindSafe(|| generate(path, source, &mut references)));
        let compiled = compiled.unwrap_or_else(|_| Err("the template cannot be compiled".to_owned()));
        let (instructions, typed) = compiled.map_err(|message| Mistake::new(path, message))?;
        let bytes = KEPT_BYTES + KEPT_BYTES_EACH * source.len() + path.len();
        Ok((Self { path: path.to_owned(), instructions, typed, bytes }, references))
    }

    /// Runs the template, `depth` deep inside a value; takes what it gives from `left`.
    pub(super) fn run(&self, root: &Arc<Root>, left: &mut usize, depth: usize) -> Result<Run, Failure> {
        root.set_printable(TEMPLATE_OUTPUT_BYTES.min(*left));
        // As above, when it runs: the step fails, its execution does not lose its actor.
        let run = catch_unwind(AssertUnwindSafe(|| self.evaluate(root, left, depth)));
        let run = run.unwrap_or_else(|_| Err("the template cannot be rendered".to_owned()));
        run.map_err(|reason| self.failure(&reason))
    }

    /// The failure of a template that ran too long.
    pub(super) fn out_of_fuel(&self) -> Failure {
        self.failure(&ran_too_long())
    }

    fn failure(&self, reason: &str) -> Failure {
        Failure::new(FailureKind::Template, format!("{}: {reason}", self.path))
    }

    fn evaluate(&self, root: &Arc<Root>, left: &mut usize, depth: usize) -> Result<Run, String> {
        let mut printed = String::new();
        let (value, fuel) = {
            let mut output = make_string_output(&mut printed);
            let scope = Value::from_dyn_object(Arc::clone(root));
            let blocks = BTreeMap::new();
            let (value, state) =
                eval(&ENGINE, &self.instructions, scope, &blocks, &mut output, AutoEscape::None)
                    .map_err(|error| reason(&error))?;
            (value, state.fuel_levels().map_or(0, |(used, _)| used))
        };
        let value = if self.typed { value.unwrap_or_default() } else { Value::from(printed) };
        json::from_template(&value, left, depth)
            .map_err(|error| reason(&error))
            .map(|value| Run { value, fuel })
    }
}

fn generate(
    path: &str,
    source: &str,
    references: &mut References,
) -> Result<(Instructions<'static>, bool), String> {
    let syntax =
        SyntaxConfig::builder().keep_trailing_newline(true).build().map_err(|error| reason(&error))?;
    scan(source, syntax.clone())?;
    let template = parse(source, "template", syntax).map_err(|error| {
        let line = error.line().map(|line| format!("line {line}: ")).unwrap_or_default();
        format!("{line}{}", error.detail().unwrap_or("not a template"))
    })?;
    let mut generator = CodeGenerator::new("template", "");
    let typed = match lower(&template, path, references)? {
        Body::Value(expr) => {
            generator.compile_expr(&expr);
            true
        }
        Body::Text(statement) => {
            generator.compile_stmt(&statement);
            false
        }
    };
    Ok((generator.finish().0, typed))
}

/// The reason of an error, without data of the execution.
fn reason(error: &Error) -> String {
    match (error.kind(), error.detail()) {
        (ErrorKind::OutOfFuel, _) => ran_too_long(),
        (ErrorKind::UndefinedError, _) => "a value is undefined".to_owned(),
        // The one message of the engine that shows its operands.
        (_, Some(detail)) if detail.starts_with("unable to calculate") => "a number is too large".to_owned(),
        (_, Some(detail)) => detail.to_owned(),
        (kind, None) => kind.to_string(),
    }
}

fn ran_too_long() -> String {
    format!("ran too long: more than {TEMPLATE_FUEL} instructions")
}

const _: () = assert!(TEMPLATE_OUTPUT_BYTES <= ARGUMENTS_BYTES);
