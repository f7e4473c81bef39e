//! One text with templates in it, or one condition: compiled once, run for every evaluation.

use std::panic::{AssertUnwindSafe, catch_unwind};

use minijinja::machinery::ast::Stmt;
use minijinja::machinery::{parse, parse_expr};
use minijinja::syntax::SyntaxConfig;
use updraft_protocol::Json;
use updraft_protocol::limits::{ARGUMENTS_BYTES, TEMPLATE_OUTPUT_BYTES, TEMPLATE_SOURCE_BYTES};

use super::budget::Budget;
use super::code::{Base, Body, Expr, NODE_BYTES};
use super::lower::{Source, TextUse, ending_with, lower, lower_condition};
use super::root::Root;
use super::run::Run;
use super::scan::{self, scan};
use super::value::Operand;
use super::{command, html, line, one, spelling, url};
use crate::meter::Refusal;
use crate::visible::Visible;
use crate::{mistake::Mistake, references::References};

/// A compiled text.
pub(crate) struct Text {
    /// Its place, which failures name.
    path: String,
    body: Body,
    place: TextUse,
    /// Whether each item of its list is a value of its own.
    pub(super) spread: bool,
    /// Whether its field is left out where it gives `null`.
    pub(super) leaves_out: bool,
    /// The number of names that it sets.
    slots: usize,
    /// Its approximate size in memory.
    bytes: usize,
}

/// The findings in an author's text.
#[derive(Default)]
pub(super) struct TextFindings {
    pub(super) references: References,
    /// The constants that it connects to.
    pub(super) endpoints: Vec<url::Endpoint>,
    /// The filters that allow structure in it.
    pub(super) structures: Vec<&'static str>,
}

/// The cost of reading a text, and each byte of it: it is scanned, parsed and lowered.
const COMPILE_WORK: u64 = 2_000;
const COMPILE_WORK_EACH: u64 = 100;

/// The same of a byte of a command, which is followed on all ways through its statements.
const COMMAND_WORK_EACH: u64 = 1_000;

impl std::fmt::Debug for Text {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Text").field("path", &self.path).finish_non_exhaustive()
    }
}

/// What is wrong with a text, a message for each part of it.
struct Wrong(Vec<String>);

impl From<String> for Wrong {
    fn from(message: String) -> Self {
        Self(vec![message])
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
        place: TextUse,
        budget: &mut Budget,
    ) -> Result<(Self, TextFindings), Vec<Mistake>> {
        let (mut endpoints, mut structures) = (vec![], vec![]);
        let compiled = Self::compiled(path, source, "template", budget, |references, budget| {
            let syntax = SyntaxConfig::builder().keep_trailing_newline(true).build();
            let syntax = syntax.map_err(|error| error.to_string())?;
            scan(source, syntax.clone())?;
            let template = parse(source, "template", syntax.clone()).map_err(|error| {
                syntax_error(&error, "template", spelling::foreign_in_template(source, detail(&error)))
            })?;
            let children = match &template {
                Stmt::Template(template) => template.children.as_slice(),
                _ => &[],
            };
            let allowed: &[&str] = match (place, children) {
                (TextUse::Url, _) => &["path", "query"],
                (TextUse::Field, [Stmt::EmitExpr(_)]) | (TextUse::Command, _) => &["spread"],
                _ => &[],
            };
            structures = url::uses(source, syntax, allowed, |name| ending_with(name, children))?;
            let lowered = lower(&template, Source { text: source, path }, place, references, budget);
            let lowered = lowered.map_err(Wrong)?;
            match place {
                TextUse::Url => endpoints = url::endpoints(path, children)?,
                TextUse::Command => {
                    budget.work(COMMAND_WORK_EACH * source.len() as u64)?;
                    command::check(children, source.len()).map_err(Wrong)?;
                }
                TextUse::Html => {
                    // Each way through its statements is followed once.
                    budget.work(COMPILE_WORK_EACH * source.len() as u64)?;
                    html::check(children).map_err(|message| Wrong::from(message.to_owned()))?;
                }
                TextUse::Data | TextUse::Field | TextUse::Header => {}
            }
            budget.keep(endpoints.iter().map(url::Endpoint::bytes).sum())?;
            Ok(lowered)
        });
        let (text, references) = compiled?;
        let spread = place == TextUse::Field && structures.contains(&"spread");
        let is_value = matches!(place, TextUse::Data | TextUse::Field | TextUse::Header);
        let leaves_out = budget.leaves_out && is_value && matches!(text.body, Body::Operand(_));
        Ok((Self { place, spread, leaves_out, ..text }, TextFindings { references, endpoints, structures }))
    }

    /// Compiles a condition: an expression without anything around it.
    pub(crate) fn condition(
        path: &str,
        source: &str,
        budget: &mut Budget,
    ) -> Result<(Self, References), Mistake> {
        Self::compiled(path, source, "condition", budget, |references, budget| {
            if source.trim_start().starts_with("{{") {
                return Err(spelling::foreign(source, "").unwrap_or_default().into());
            }
            scan::scan_expression(source)?;
            let expr = parse_expr(source).map_err(|error| {
                syntax_error(&error, "condition", spelling::foreign(source, detail(&error)))
            })?;
            Ok((lower_condition(&expr, Source { text: source, path }, references, budget)?, 0))
        })
        .map_err(|mistakes| first(path, mistakes))
    }

    fn compiled(
        path: &str,
        source: &str,
        what: &str,
        budget: &mut Budget,
        generate: impl FnOnce(&mut References, &mut Budget) -> Result<(Body, usize), Wrong>,
    ) -> Result<(Self, References), Vec<Mistake>> {
        if source.len() > TEMPLATE_SOURCE_BYTES {
            let message = format!("a {what} has at most {TEMPLATE_SOURCE_BYTES} bytes");
            return Err(vec![Mistake::new(path, message)]);
        }
        let before = budget.left();
        let mut references = References::default();
        let start = budget
            .work(COMPILE_WORK + COMPILE_WORK_EACH * source.len() as u64)
            .and_then(|()| budget.keep(2 * NODE_BYTES + path.len()))
            .map_err(Wrong::from);
        // A hostile author may have written the parser's input: if the parser panics, that is a mistake in this
        // playbook, and the check continues.
        let compiled = start.and_then(|()| {
            catch_unwind(AssertUnwindSafe(|| generate(&mut references, budget)))
                .unwrap_or_else(|_| Err(Wrong::from(format!("the {what} cannot be compiled"))))
        });
        let told = |Wrong(messages)| -> Vec<Mistake> {
            messages.into_iter().map(|message| Mistake::new(path, message)).collect()
        };
        let (body, slots) = compiled.map_err(told)?;
        let bytes = before - budget.left();
        let (place, spread, leaves_out) = (TextUse::Data, false, false);
        Ok((Self { path: path.to_owned(), body, place, spread, leaves_out, slots, bytes }, references))
    }

    /// The value of a text that is one path to a value which is kept as its own text; `None` for any other, and where it is not
    /// there.
    pub(super) fn kept_whole(&self, visible: &dyn Visible) -> Option<Json> {
        let Body::Operand(Expr::Path(path)) = &self.body else { return None };
        match (&path.base, &path.keys[..]) {
            (Base::Input, []) => Some(visible.input().clone()),
            (Base::Constants, []) => Some(visible.constants().clone()),
            (Base::Local(name), []) => visible.local(name).cloned(),
            (Base::Variables, [key]) => {
                let set = visible.set_variables().into_iter().find(|(name, _)| key.text() == Some(name));
                set.map(|(_, value)| value)
            }
            (Base::Steps, [id, field]) if field.text() == Some("output") => {
                visible.step(id.text()?)?.output.cloned()
            }
            _ => None,
        }
    }

    /// Runs the text, which may print at most `left` bytes.
    pub(super) fn run(&self, root: &Root<'_>, left: usize) -> Result<Operand, Refusal> {
        let mut run = Run::new(root, self.place, self.slots, TEMPLATE_OUTPUT_BYTES.min(left));
        let value = match &self.body {
            Body::Operand(expr) => run.value(expr)?,
            Body::Text(statements) => {
                run.statements(statements)?;
                run.end()?;
                Operand::text(&root.meter, &run.finish())?
            }
        };
        if self.leaves_out && matches!(value, Operand::Null) {
            return Ok(value);
        }
        if self.spread {
            one::check_list(&value)?
        } else {
            one::check_at(self.place, &value)?
        }
        if let (TextUse::Header, Operand::Text(text)) = (self.place, &value) {
            root.meter.read(text)?;
            line::check(text).map_err(|message| Refusal::Said(message.into()))?;
        }
        Ok(value)
    }

    /// About how many bytes it takes in memory.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// A message with its place.
    pub(super) fn said(&self, words: impl std::fmt::Display) -> String {
        format!("{}: {words}", self.path)
    }
}

/// The mistake of a condition, which is one expression.
fn first(path: &str, mistakes: Vec<Mistake>) -> Mistake {
    mistakes.into_iter().next().unwrap_or_else(|| Mistake::new(path, "the condition cannot be compiled"))
}

/// The error of the parser, or the notation here for what it rejects.
fn syntax_error(error: &minijinja::Error, what: &str, hint: Option<String>) -> String {
    let line = error.line().map(|line| format!("line {line}: ")).unwrap_or_default();
    match (hint, error.detail()) {
        (Some(hint), _) => format!("{line}{hint}"),
        (None, Some(detail)) => format!("{line}{}", spelling::plainly(detail)),
        (None, None) => format!("{line}not a {what}"),
    }
}

fn detail(error: &minijinja::Error) -> &str {
    error.detail().unwrap_or_default()
}

const _: () = assert!(TEMPLATE_OUTPUT_BYTES <= ARGUMENTS_BYTES);
