//! The tidy suite: what the compiler does not see of the repository's own rules. Each rule is tried on small
//! texts in its own file, and on the whole repository here. It reads files, and never changes one.

mod arrows;
mod commands;
mod documents;
mod lexer;
mod markdown;
mod packages;
mod sources;
mod tree;
mod types;

use arrows::Manifests;
use commands::Known;
use tree::Tree;

fn none(findings: &[String]) {
    assert!(findings.is_empty(), "{} findings:\n\n{}\n", findings.len(), findings.join("\n"));
}

#[test]
fn sources_say_what_they_own_and_stay_short() {
    let tree = Tree::read().unwrap();
    let findings: Vec<String> = tree.sources().flat_map(|(path, text)| sources::source(path, text)).collect();
    none(&findings);
}

#[test]
fn files_have_names_that_say_something_and_name_no_machine() {
    let tree = Tree::read().unwrap();
    let findings: Vec<String> =
        tree.files.iter().flat_map(|(path, text)| sources::file(path, text)).collect();
    none(&findings);
}

#[test]
fn packages_that_the_design_fixes_are_used_in_what_ships() {
    let tree = Tree::read().unwrap();
    none(&packages::unused(tree.sources()));
}

#[test]
fn a_public_type_has_a_name_of_its_own() {
    let tree = Tree::read().unwrap();
    none(&types::defined_twice(tree.sources()));
}

#[test]
fn documents_name_only_what_is_there() {
    let tree = Tree::read().unwrap();
    let packages = Manifests::read().unwrap().packages;
    let packages: Vec<&str> = packages.iter().map(String::as_str).collect();
    let program = tree.sources().filter(|(path, _)| path.starts_with("cli/src/")).map(|(_, text)| text);
    let subcommands = commands::subcommands(program);
    let subcommands: Vec<&str> = subcommands.iter().map(String::as_str).collect();
    let known = Known::of(&tree, &packages, &subcommands);
    let documents = tree.documents();
    let findings: Vec<String> =
        documents.flat_map(|(path, text)| documents::document(path, text, &tree, &known)).collect();
    none(&findings);
}

#[test]
fn no_crate_knows_another_than_it_may() {
    let manifests = Manifests::read().unwrap();
    assert!(manifests.arrows.len() > manifests.packages.len(), "cargo told of too little: {manifests:?}");
    none(&manifests.findings());
}

#[test]
fn what_decides_reaches_no_runtime() {
    let manifests = Manifests::read().unwrap();
    let tree = Tree::read().unwrap();
    none(&manifests.reached(&tree.files["Cargo.lock"]));
}
