//! Conditions: CEL that decides between two paths. Owns what a condition may do and what it may cost;
//! knows nothing of steps beyond their ids.
//!
//! Authors are tenants, and conditions are decided on the thread of a shard: a condition is parsed by
//! cel, rewritten so that all it does is metered (`lower`), and evaluated by cel.

mod data;
mod functions;
mod lower;
mod reason;
mod scan;
mod weight;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, LazyLock};

use cel::common::types::CelBool;
use cel::parser::{Expression, Parser};
use cel::{Context, Env, Value};
use regex::Regex;
use updraft_protocol::limits::{TEMPLATE_SOURCE_BYTES, WORK};
use updraft_protocol::{Failure, FailureKind};

use crate::plan::{Mistake, References};
use crate::scope::Scope;
use crate::template::meter::Meter;
use data::Data;

/// The standard functions, shared by all conditions.
static STANDARD: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib()));

/// A condition in CEL, compiled.
pub struct Condition {
    /// Where it stands: failures name it.
    path: String,
    /// What its author wrote: a failure shows a name that stands in it, and no other.
    source: String,
    expression: Expression,
    references: References,
    /// The patterns of its `matches`, which name them by number.
    patterns: Arc<[Regex]>,
}

impl std::fmt::Debug for Condition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Condition").field("source", &self.source).finish_non_exhaustive()
    }
}

impl Condition {
    /// Compiles a condition; `path` says where it stands in the playbook.
    ///
    /// # Errors
    /// The first mistake in it.
    pub fn compile(path: &str, source: &str) -> Result<Self, Mistake> {
        if source.len() > TEMPLATE_SOURCE_BYTES {
            let message = format!("a condition has at most {TEMPLATE_SOURCE_BYTES} bytes");
            return Err(Mistake::new(path, message));
        }
        // The parser is given what a hostile author wrote: a panic of it is that author's mistake, not
        // the end of whoever checks the playbook.
        let compiled = catch_unwind(AssertUnwindSafe(|| parse(path, source)));
        let compiled = compiled.unwrap_or_else(|_| Err("the condition cannot be compiled".to_owned()));
        compiled.map_err(|message| Mistake::new(path, message))
    }

    /// Whether it holds.
    ///
    /// # Errors
    /// A failure of the kind `Condition`. It names what is missing, and no data.
    pub fn decide(&self, scope: &dyn Scope) -> Result<bool, Failure> {
        // As above, when it is evaluated: the step fails, its execution does not lose its actor.
        let decided = catch_unwind(AssertUnwindSafe(|| self.evaluate(scope)));
        let decided = decided.unwrap_or_else(|_| Err("the condition cannot be decided".to_owned()));
        decided.map_err(|reason| Failure::new(FailureKind::Condition, format!("{}: {reason}", self.path)))
    }

    /// About how many bytes it takes in memory: a tree of some hundred bytes for each word, and its patterns.
    pub(crate) fn bytes(&self) -> usize {
        const TREE_BYTES: usize = 4 << 10;
        const TREE_BYTES_EACH: usize = 64;
        /// Of an ordinary pattern, compiled; with Unicode classes it may be ten times as much.
        const PATTERN_BYTES: usize = 16 << 10;
        TREE_BYTES + TREE_BYTES_EACH * self.source.len() + self.patterns.len() * PATTERN_BYTES
    }

    /// What it reads.
    pub(crate) fn references(&self) -> &References {
        &self.references
    }

    fn evaluate(&self, scope: &dyn Scope) -> Result<bool, String> {
        let data = Data::read(&self.references, scope)?;
        let meter = Arc::new(Meter::new());
        let mut context = Context::with_env(Arc::clone(&STANDARD));
        data.add_to(&mut context);
        functions::add(&mut context, &meter, &self.patterns).map_err(|error| error.to_string())?;
        let value = Value::resolve_val(&self.expression, &context);
        // `||` forgives an error of one side; work that was refused is not forgiven.
        if meter.exhausted() {
            return Err(format!("too much work: more than {WORK} bytes are read"));
        }
        let value = value.map_err(|error| reason::reason(&error, &self.source))?;
        let decided = value.downcast_ref::<CelBool>().map(|decided| *decided.inner());
        decided.ok_or_else(|| format!("gives a value of type {}, not bool", value.get_type().name()))
    }
}

fn parse(path: &str, source: &str) -> Result<Condition, String> {
    scan::scan(source)?;
    let mut expression = Parser::new().parse(source).map_err(|errors| reason::syntax(&errors))?;
    let lowered = lower::lower(&mut expression, path)?;
    Ok(Condition {
        path: path.to_owned(),
        source: source.to_owned(),
        expression,
        references: lowered.references,
        patterns: lowered.patterns.into(),
    })
}

#[cfg(test)]
mod tests;
