//! The rule that a public type's name is defined once in the workspace, so that a name has one meaning wherever it is read.

use std::collections::BTreeMap;

use crate::lexer;

/// How a public type is defined.
const DEFINITIONS: [&str; 5] = ["pub struct ", "pub enum ", "pub trait ", "pub type ", "pub union "];

/// Every module names its own, and it is read with the module's name: `codec::Error`.
const PER_MODULE: &str = "Error";

/// Every public type that is defined more than once in these sources.
pub(crate) fn defined_twice<'a>(sources: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<String> {
    let mut places: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (path, text) in sources {
        for name in lexer::split(text).code.lines().filter_map(defined) {
            places.entry(name).or_default().push(path);
        }
    }
    let mut findings = Vec::new();
    for (name, paths) in places.iter().filter(|(name, paths)| paths.len() > 1 && *name != PER_MODULE) {
        let paths = paths.join(", ");
        findings
            .push(format!("{paths}: each defines a public `{name}`: a reader does not know which is meant"));
    }
    findings
}

fn defined(line: &str) -> Option<String> {
    let line = line.trim_start();
    let rest = DEFINITIONS.iter().find_map(|definition| line.strip_prefix(definition))?;
    let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    // A macro names its types where it is called.
    (!name.is_empty()).then_some(name)
}

#[test]
fn a_name_is_defined_once_but_for_errors_and_what_others_do_not_see() {
    let sources = [
        ("a.rs", "pub struct Place;\npub enum Error {}\npub(crate) struct Row;\n"),
        ("b.rs", "// pub struct Row;\npub struct Row<T>(T);\npub enum Error {}\n"),
        ("c.rs", "pub trait Place {}\n"),
    ];
    let findings = defined_twice(sources.into_iter());
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert!(findings[0].starts_with("a.rs, c.rs: each defines a public `Place`"));
}
