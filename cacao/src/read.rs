//! Reading: the bytes of a file to the model, with all that is wrong in its structure. Owns that every mistake has its place. What
//! the parts mean for each other is checked elsewhere.

mod convert;
mod place;
mod recognise;
mod shape;

use std::collections::BTreeSet;

use updraft_protocol::limits::{CACAO_FINDINGS, MISTAKES, PLAYBOOK_BYTES};
use updraft_protocol::suggest::suggestion;
use updraft_protocol::{Value, text, value};

use crate::finding::CacaoFinding;
use crate::model::{CacaoId, CacaoPlaybook};
use crate::rule::Rule;

pub(crate) use place::locate;
pub use recognise::looks_like_cacao;

/// What reading gives.
pub(crate) struct Reading {
    /// The playbook; where something is refused, with stand-ins for what could not be read, and none where nothing could be.
    pub(crate) playbook: Option<CacaoPlaybook>,
    /// What is refused and warned of.
    pub(crate) findings: Findings,
    /// Steps of which more than the pointers could not be read.
    pub(crate) unread: BTreeSet<CacaoId>,
    /// Whether there is a workflow, with or without steps.
    pub(crate) has_workflow: bool,
}

/// Reads a file.
pub(crate) fn read(bytes: &[u8]) -> Reading {
    let mut findings = Findings::default();
    let value = match tree(bytes) {
        Ok(value) => value,
        Err(finding) => {
            findings.add(finding);
            return Reading { playbook: None, findings, unread: BTreeSet::new(), has_workflow: false };
        }
    };
    shape::check(&value, &mut findings);
    let mut unread = BTreeSet::new();
    let playbook = value.as_object().map(|fields| convert::playbook(fields, &mut findings, &mut unread));
    let has_workflow = value["workflow"].as_object().is_some();
    Reading { playbook, findings, unread, has_workflow }
}

/// The tree of a file that is taken for a playbook of CACAO 2.0.
fn tree(bytes: &[u8]) -> Result<Value, CacaoFinding> {
    let whole = |rule, message: String| CacaoFinding::new(rule, "", "", message);
    if bytes.len() > PLAYBOOK_BYTES {
        let size = bytes.len();
        return Err(whole(
            Rule::FileSize,
            format!("the file has {size} bytes; at most {PLAYBOOK_BYTES} are allowed"),
        ));
    }
    let text = text::decode(bytes).map_err(|error| whole(Rule::Json, error.to_string()))?;
    let value = Value::parse(&text).map_err(|error| match error {
        value::Error::Syntax { line, column, message } => match recognise::other_text(&text) {
            Some(other) => whole(Rule::NotCacao, other),
            None => CacaoFinding { line, column, ..whole(Rule::Json, format!("not JSON: {message}")) },
        },
        value::Error::Twice { line, column, name } => {
            let name = crate::path::short(&name);
            let message =
                format!("the property {name:?} is there already: which of the two counts cannot be told");
            CacaoFinding { line, column, ..whole(Rule::DoubleProperty, message) }
        }
        error @ value::Error::Nesting => whole(Rule::Json, error.to_string()),
    })?;
    match recognise::other_value(&value) {
        Some(other) => Err(whole(Rule::NotCacao, other)),
        None => Ok(value),
    }
}

/// Findings while they are made: a bounded number of them is kept, the others are counted.
#[derive(Default)]
pub(crate) struct Findings {
    kept: Vec<CacaoFinding>,
    more: usize,
}

impl Findings {
    /// Adds one. Of those beyond the bound, one that refuses takes the place of a warning.
    pub(crate) fn add(&mut self, finding: CacaoFinding) {
        if self.kept.len() < CACAO_FINDINGS || !self.is_refused() {
            if self.kept.len() == CACAO_FINDINGS {
                self.kept.pop();
                self.more += 1;
            }
            self.kept.push(finding);
        } else {
            self.more += 1;
        }
    }

    /// Whether something is refused.
    pub(crate) fn is_refused(&self) -> bool {
        self.kept.iter().rev().any(|finding| finding.rule.support() == crate::rule::Support::Refused)
    }

    /// The most similar known word, for a message. Looked for as long as so many findings are told of: each word is compared with all
    /// that are known, and a file may have thousands of both.
    pub(crate) fn near<'k>(&self, word: &str, known: impl Iterator<Item = &'k str>) -> String {
        if self.kept.len() < MISTAKES { suggestion(word, known) } else { String::new() }
    }

    /// Whether one of these rules is told.
    pub(crate) fn tells(&self, rules: &[Rule]) -> bool {
        self.kept.iter().any(|finding| rules.contains(&finding.rule))
    }

    /// All that are kept, and how many are not.
    pub(crate) fn into_parts(self) -> (Vec<CacaoFinding>, usize) {
        (self.kept, self.more)
    }
}
