//! Authored names: how the author of another document, such as a CACAO file, knows the steps and variables of the native playbook
//! that was made of it. Owns which native steps are one step of the author; makes no playbook.

use std::collections::BTreeMap;

use crate::ids::StepId;
use crate::scope::ScopePath;

/// What a native step is to the author of the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum StepPart {
    /// The step that the author wrote.
    #[default]
    Whole,
    /// One of several calls of it, from 1.
    Call(u32),
    /// What else belongs to it, such as its delay, or what keeps its results.
    Inner,
}

/// The step of the author that a native step belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthoredStep {
    /// Its id in the document.
    pub step: StepId,
    /// What of it the native step is.
    pub part: StepPart,
}

/// The names of a document's author; of a native playbook there are none, and its names are the author's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuthoredNames {
    /// By the id of the native step.
    pub steps: BTreeMap<StepId, AuthoredStep>,
    /// The native steps that do nothing but hold a step together, with a time and a handler: runs of their bodies are no scopes to
    /// the author.
    pub wraps: std::collections::BTreeSet<StepId>,
    /// By the name of the native variable.
    pub variables: BTreeMap<String, String>,
}

/// The words behind the id of a step that stands in the native playbook once more.
pub const AGAIN: &str = "again";
/// The same, where it runs after a failure too.
pub const EXCEPTION: &str = "exception";

impl AuthoredNames {
    /// Whether all names are those of the native playbook.
    pub fn is_native(&self) -> bool {
        self.steps.is_empty()
    }

    /// Adds the names of another document.
    pub fn extend(&mut self, other: &Self) {
        self.steps.extend(other.steps.iter().map(|(native, step)| (native.clone(), step.clone())));
        self.wraps.extend(other.wraps.iter().cloned());
        self.variables
            .extend(other.variables.iter().map(|(native, written)| (native.clone(), written.clone())));
    }

    /// The step of the author. One that the document does not have, such as that of an earlier version, is told by its id, which
    /// goes on behind a point: `ID.out`, `ID.2`.
    pub fn step(&self, native: &StepId) -> AuthoredStep {
        if let Some(known) = self.steps.get(native) {
            return known.clone();
        }
        let id = native.as_str();
        let ends = id.match_indices('.').map(|(end, _)| end);
        let known = ends.rev().filter_map(|end| {
            let step = StepId::new(id.get(..end)?).ok()?;
            self.is_written(&step)
                .then(|| AuthoredStep { step, part: part(id.get(end + 1..).unwrap_or_default()) })
        });
        known
            .into_iter()
            .next()
            .unwrap_or_else(|| AuthoredStep { step: native.clone(), part: StepPart::Whole })
    }

    /// Whether the author wrote a step of this id.
    pub fn is_written(&self, id: &StepId) -> bool {
        self.steps.get(id).is_some_and(|known| known.step == *id && known.part == StepPart::Whole)
    }

    /// The scope as the author knows it; `wraps` says of which native steps the rounds are no scopes.
    pub fn scope(&self, native: &ScopePath, wraps: impl Fn(&StepId) -> bool) -> ScopePath {
        let runs = native.as_str().split('/').filter_map(|run| run.split_once(':'));
        runs.fold(ScopePath::MAIN, |outer, (opener, body)| {
            let Ok(opener) = StepId::new(opener) else { return outer };
            if self.wraps.contains(&opener) || wraps(&opener) {
                return outer;
            }
            let authored = self.step(&opener).step;
            // The branches of a step are numbered, so that they stand in their order.
            let numbered =
                body.split_once('.').filter(|(number, _)| number.bytes().all(|byte| byte.is_ascii_digit()));
            let body = numbered.filter(|_| self.is_written(&authored)).map_or(body, |(_, entry)| entry);
            outer.inside(&authored, body)
        })
    }

    /// The native name of a variable that the author names.
    pub fn native_variable<'n>(&'n self, written: &'n str) -> &'n str {
        let native =
            self.variables.iter().find(|(_, name)| *name == written).map(|(native, _)| native.as_str());
        native.unwrap_or(written)
    }

    /// The name that the author has for a native variable.
    pub fn written_variable<'n>(&'n self, native: &'n str) -> &'n str {
        match self.variables.get(native) {
            // Of several with one name, the first is meant.
            Some(written) if self.native_variable(written) == native => written,
            _ => native,
        }
    }
}

/// What the words behind the id of a step say of it.
fn part(words: &str) -> StepPart {
    let mut part = StepPart::Whole;
    for word in words.split('.') {
        part = match (part, word, word.parse::<u32>()) {
            (StepPart::Whole, AGAIN | EXCEPTION, _) => StepPart::Whole,
            (StepPart::Whole, _, Ok(number)) => StepPart::Call(number),
            _ => return StepPart::Inner,
        };
    }
    part
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(id: &str) -> StepId {
        StepId::new(id).unwrap()
    }

    fn names() -> AuthoredNames {
        let mut names = AuthoredNames::default();
        for (native, step, part) in [
            ("action--a", "action--a", StepPart::Whole),
            ("action--a.1", "action--a", StepPart::Call(1)),
            ("action--v1.2", "action--v1.2", StepPart::Whole),
            ("while--w", "while--w", StepPart::Whole),
            ("parallel--p.branches", "parallel--p", StepPart::Inner),
            ("parallel--p", "parallel--p", StepPart::Whole),
        ] {
            names.steps.insert(id(native), AuthoredStep { step: id(step), part });
        }
        names.wraps.insert(id("action--a"));
        names.variables.insert("http_api__x".to_owned(), "http-api--x".to_owned());
        names.variables.insert("http_api__x2".to_owned(), "http-api--x".to_owned());
        names
    }

    #[test]
    fn a_step_of_another_version_is_told_by_its_id() {
        let names = names();
        for (native, step, part) in [
            ("action--a.2", "action--a", StepPart::Call(2)),
            ("action--a.out", "action--a", StepPart::Inner),
            ("action--a.again", "action--a", StepPart::Whole),
            ("action--a.exception.3", "action--a", StepPart::Call(3)),
            ("action--a.exception.out", "action--a", StepPart::Inner),
            ("action--v1.2", "action--v1.2", StepPart::Whole),
            ("action--v1.2.result", "action--v1.2", StepPart::Inner),
            ("action--gone.out", "action--gone.out", StepPart::Whole),
        ] {
            assert_eq!(names.step(&id(native)), AuthoredStep { step: id(step), part }, "{native}");
        }
        let native = AuthoredNames::default();
        assert_eq!(native.step(&id("a.out")), AuthoredStep { step: id("a.out"), part: StepPart::Whole });
    }

    #[test]
    fn a_scope_has_the_steps_of_the_author_alone() {
        let names = names();
        let authored = |scope: &str| {
            names.scope(&scope.parse().unwrap(), |step| *step == id("old--wrap")).as_str().to_owned()
        };
        assert_eq!(authored("while--w:3/action--a:0"), "while--w:3");
        assert_eq!(authored("parallel--p.branches:01.action--a/old--wrap:0"), "parallel--p:action--a");
        assert_eq!(authored(""), "");
        let native = AuthoredNames::default().scope(&"p:01.a/each:3".parse().unwrap(), |_| false);
        assert_eq!(native.as_str(), "p:01.a/each:3");
    }

    #[test]
    fn a_variable_has_the_name_of_the_document() {
        let names = names();
        assert_eq!(names.native_variable("http-api--x"), "http_api__x");
        assert_eq!(names.native_variable("other"), "other");
        assert_eq!(names.written_variable("http_api__x"), "http-api--x");
        assert_eq!(names.written_variable("http_api__x2"), "http_api__x2", "it would be taken for the first");
    }
}
