//! Findings: what is warned of or refused, with the rule, the object and the place. Owns how they are told.

use std::fmt;

use thiserror::Error;
use updraft_protocol::limits::MISTAKES;

use crate::rule::{Rule, Support};

/// One thing that is warned of or refused. It never has the text of a credential or the value of a variable.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct CacaoFinding {
    /// The rule.
    pub rule: Rule,
    /// The id of the CACAO object that it is about; empty where that is the file.
    pub object: String,
    /// The place in the file: `workflow["action--…"].commands[0].command`.
    pub path: String,
    /// What it is, after the place.
    pub message: String,
    /// The line of the place, from 1; 0 where it is not known.
    pub line: u64,
    /// The column of the place, from 1; 0 where it is not known.
    pub column: u64,
}

impl CacaoFinding {
    /// A finding whose line is not known yet.
    pub fn new(
        rule: Rule,
        object: impl fmt::Display,
        path: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        let (object, path, message) = (object.to_string(), path.into(), message.into());
        Self { rule, object, path, message, line: 0, column: 0 }
    }
}

impl fmt::Display for CacaoFinding {
    /// `line 3, column 7, workflow["a"].agent: …  (rule unknown-agent)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line > 0 {
            write!(f, "line {}, column {}, ", self.line, self.column)?;
        }
        if !self.path.is_empty() {
            write!(f, "{}", self.path)?;
            f.write_str(if self.message.starts_with([':', ',']) { "" } else { ": " })?;
        }
        write!(f, "{} (rule {})", self.message, self.rule)
    }
}

/// Why a file is not taken: all that is refused, and what is warned of besides.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{}", listed(.refused, .more))]
pub struct Mistakes {
    /// What is refused, at least one; in the order of the file.
    pub refused: Vec<CacaoFinding>,
    /// What is warned of.
    pub warned: Vec<CacaoFinding>,
    /// How many more there are that are not listed.
    pub more: usize,
}

impl Mistakes {
    /// The mistakes among findings, of which `more` were not kept, at most as many as are told of a playbook; `Err` with the warnings where nothing is refused.
    ///
    /// # Errors
    /// The warnings.
    pub fn of(findings: Vec<CacaoFinding>, more: usize) -> Result<Self, Vec<CacaoFinding>> {
        let (mut refused, mut warned): (Vec<_>, Vec<_>) =
            findings.into_iter().partition(|finding| finding.rule.support() == Support::Refused);
        if refused.is_empty() {
            return Err(warned);
        }
        let all = refused.len() + warned.len();
        refused.truncate(MISTAKES);
        warned.truncate(MISTAKES);
        let more = more + all - refused.len() - warned.len();
        Ok(Self { refused, warned, more })
    }

    /// Whether the same file can be valid another time: never.
    pub fn retryable(&self) -> bool {
        false
    }
}

fn listed(refused: &[CacaoFinding], more: &usize) -> String {
    let mut all: Vec<String> = refused.iter().map(ToString::to_string).collect();
    if *more > 0 {
        all.push(format!("and {more} more"));
    }
    all.join("; ")
}
