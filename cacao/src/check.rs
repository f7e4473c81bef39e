//! Checks of a file: its structure, and what its parts mean for each other. Owns the order of the checks, and the verdict. Each check
//! is linear in the file; what only the translation can tell is told there.

mod address;
mod conditions;
mod definitions;
mod extensions;
mod graph;
mod metadata;
mod pointers;
mod variables;

use std::collections::BTreeSet;

use updraft_protocol::text;

use crate::finding::{CacaoFinding, Mistakes};
use crate::model::{CacaoId, CacaoPlaybook};
use crate::path::property;
use crate::read::{self, Findings};
use crate::rule::Rule;

/// A playbook that has passed the checks.
#[derive(Debug, Clone, PartialEq)]
pub struct Checked {
    /// The playbook.
    pub playbook: CacaoPlaybook,
    /// What is warned of.
    pub warnings: Vec<CacaoFinding>,
}

/// Reads a file and checks it, but for what only its translation can tell.
///
/// # Errors
/// All that is refused, and what is warned of besides.
pub fn check(bytes: &[u8]) -> Result<Checked, Mistakes> {
    let mut reading = read::read(bytes);
    if let Some(playbook) = &reading.playbook {
        let check = Check { playbook, unread: &reading.unread, findings: &mut reading.findings };
        check.all(reading.has_workflow);
    }
    let (mut kept, more) = reading.findings.into_parts();
    in_order(bytes, &mut kept);
    match (Mistakes::of(kept, more), reading.playbook) {
        (Err(warnings), Some(playbook)) => Ok(Checked { playbook, warnings }),
        (Err(warned), None) => Err(Mistakes { refused: Vec::new(), warned, more }),
        (Ok(mistakes), _) => Err(mistakes),
    }
}

/// Gives findings their lines, and brings them in the order of the file.
pub(crate) fn in_order(bytes: &[u8], findings: &mut Vec<CacaoFinding>) {
    if let Ok(text) = text::decode(bytes) {
        read::locate(&text, findings);
    }
    findings.sort_by_key(|finding| (finding.line, finding.column));
    findings.dedup();
}

/// The checks of one playbook.
struct Check<'c> {
    playbook: &'c CacaoPlaybook,
    /// Steps of which more than the pointers could not be read.
    unread: &'c BTreeSet<CacaoId>,
    findings: &'c mut Findings,
}

impl Check<'_> {
    fn all(mut self, has_workflow: bool) {
        metadata::check(&mut self);
        if has_workflow {
            pointers::check(&mut self);
            graph::check(&mut self);
        }
        conditions::check(&mut self);
        definitions::check(&mut self);
        address::check(&mut self);
        variables::check(&mut self);
        extensions::check(&mut self);
    }

    /// Tells something of the playbook itself.
    fn tell(&mut self, rule: Rule, path: &str, message: impl Into<String>) {
        self.findings.add(CacaoFinding::new(rule, &self.playbook.id, path, message));
    }

    /// Tells something of a step.
    fn tell_step(&mut self, rule: Rule, id: &CacaoId, inner: &str, message: impl Into<String>) {
        let step = property("workflow", id.as_str());
        let path = match inner {
            "" => step,
            inner if inner.starts_with('[') => format!("{step}{inner}"),
            inner => format!("{step}.{inner}"),
        };
        self.findings.add(CacaoFinding::new(rule, id, path, message));
    }
}
