//! The rules for commands in documents: the program's subcommands, cargo's, packages, tests and files that
//! they name are there. Never runs one.

use std::collections::BTreeSet;

use crate::lexer;
use crate::tree::Tree;

/// What commands may name.
#[derive(Debug)]
pub(crate) struct Known<'a> {
    tree: &'a Tree,
    packages: BTreeSet<String>,
    /// Of the program `updraft`, at any depth.
    subcommands: BTreeSet<String>,
    /// Test and example targets.
    targets: BTreeSet<&'a str>,
}

const CARGO: &str =
    "add bench build check clippy deny doc fetch fmt install metadata run test tree update --version";

impl<'a> Known<'a> {
    /// What this repository has.
    pub(crate) fn of(tree: &'a Tree, packages: &[&str], subcommands: &[&str]) -> Self {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let targets = tree.sources().filter_map(|(path, _)| target(path)).collect();
        Self { tree, packages: owned(packages), subcommands: owned(subcommands), targets }
    }

    /// What is wrong with a line of shell.
    pub(crate) fn mistake(&self, line: &str) -> Option<String> {
        let command = line.split(" #").next().unwrap_or(line);
        command.split(['|', ';', '&']).find_map(|command| {
            let words: Vec<&str> = command.split_whitespace().skip_while(|word| is_prefix(word)).collect();
            let (program, rest) = words.split_first()?;
            let mistake = match *program {
                "updraft" => self.updraft(rest),
                "cargo" => self.cargo(rest),
                "just" | "make" => {
                    Some(format!("there is nothing for `{program}` to read; `./test` runs the tests"))
                }
                path if path.starts_with("./") || path.starts_with(".ci/") => self.missing(path),
                _ => None,
            };
            mistake
                .or_else(|| rest.iter().filter(|word| self.is_ours(word)).find_map(|path| self.missing(path)))
        })
    }

    /// Whether a word is a path that begins in a folder of the repository.
    fn is_ours(&self, word: &str) -> bool {
        let first = word.trim_start_matches("./").split_once('/').map(|(first, _)| first);
        first.is_some_and(|first| self.tree.folders.contains(first))
    }

    fn updraft(&self, words: &[&str]) -> Option<String> {
        let subcommand = words.first()?;
        let named =
            subcommand.chars().all(|c| c.is_ascii_lowercase() || c == '-') && !subcommand.starts_with('-');
        (named && *subcommand != "help" && !self.subcommands.contains(*subcommand))
            .then(|| format!("`updraft` has no subcommand `{subcommand}`"))
    }

    fn cargo(&self, words: &[&str]) -> Option<String> {
        let mut words = words.iter().copied().skip_while(|word| word.starts_with('+'));
        let subcommand = words.next()?;
        if !CARGO.split(' ').any(|known| known == subcommand) {
            return Some(format!("the tests do not know `cargo {subcommand}`"));
        }
        let own: Vec<&str> = words.clone().take_while(|word| *word != "--").collect();
        let of_program = own
            .windows(2)
            .any(|pair| matches!(pair, ["-p" | "--package", "updraft-cli"] | ["--bin", "updraft"]));
        let program = words.skip_while(|word| *word != "--").skip(1).collect::<Vec<_>>();
        let program = if subcommand == "run" && of_program { self.updraft(&program) } else { None };
        own.windows(2).find_map(|pair| self.cargo_option(pair[0], pair[1])).or(program)
    }

    fn cargo_option(&self, option: &str, value: &str) -> Option<String> {
        let known = match option {
            "-p" | "--package" => self.packages.contains(value),
            "--test" | "--example" => self.targets.contains(value),
            "--path" | "--manifest-path" => return self.missing(value),
            _ => true,
        };
        (!known).then(|| format!("there is no `{option} {value}`"))
    }

    fn missing(&self, path: &str) -> Option<String> {
        let path = path.trim_start_matches("./").trim_end_matches('/');
        let placeholder = path.contains(['<', '$', '…', '*']);
        (!path.is_empty() && path != "." && !placeholder && !self.tree.has(path))
            .then(|| format!("there is no `{path}`"))
    }
}

/// What stands before a program: a variable, or who runs it.
fn is_prefix(word: &str) -> bool {
    matches!(word, "sudo" | "time" | "env") || word.split_once('=').is_some_and(|(name, _)| !name.is_empty())
}

/// The name of the test or example that cargo makes of a source.
fn target(path: &str) -> Option<&str> {
    let parts: Vec<&str> = path.split('/').collect();
    match parts.as_slice() {
        [_, "tests" | "examples", name] => name.strip_suffix(".rs"),
        [_, "tests" | "examples", name, "main.rs"] => Some(name),
        _ => None,
    }
}

/// The subcommands that the sources of a clap program derive, as they are typed.
pub(crate) fn subcommands<'a>(sources: impl Iterator<Item = &'a str>) -> Vec<String> {
    sources.flat_map(|source| of_source(&lexer::split(source).code)).collect()
}

fn of_source(code: &str) -> Vec<String> {
    let derives = code
        .match_indices("#[derive(")
        .filter(|(at, _)| code[*at..].split(']').next().is_some_and(|derive| derive.contains("Subcommand")));
    derives
        .flat_map(|(at, _)| code[at..].split_once("enum ").map_or(Vec::new(), |(_, item)| variants(item)))
        .collect()
}

/// The variants of the enum whose name begins `item`, in kebab case.
fn variants(item: &str) -> Vec<String> {
    let Some((_, body)) = item.split_once('{') else { return Vec::new() };
    let (mut found, mut depth, mut awaited) = (Vec::new(), 0_usize, true);
    for (at, c) in body.char_indices() {
        match c {
            '(' | '[' | '{' | '<' => depth += 1,
            '}' if depth == 0 => break,
            ')' | ']' | '}' | '>' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => awaited = true,
            c if depth == 0 && awaited && c.is_alphabetic() => {
                let name: String = body[at..].chars().take_while(|c| c.is_alphanumeric()).collect();
                found.push(kebab(&name));
                awaited = false;
            }
            _ => {}
        }
    }
    found
}

fn kebab(name: &str) -> String {
    let dashed = |(at, c): (usize, char)| {
        (at > 0 && c.is_uppercase()).then_some('-').into_iter().chain(c.to_lowercase())
    };
    name.chars().enumerate().flat_map(dashed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mistake(line: &str) -> Option<String> {
        let tree = Tree::of(&[
            "test",
            "tests/tests/tidy/main.rs",
            "kernel/tests/model.rs",
            "cli/Cargo.toml",
            ".ci/run",
            ".ci/run # all; updraft walk is no part of it",
            "updraft run playbooks/x.yaml tests/tests",
        ]);
        Known::of(&tree, &["updraft-kernel", "updraft-cli"], &["run", "validate"]).mistake(line)
    }

    #[test]
    fn commands_that_work_are_fine() {
        for line in [
            "updraft run x.yaml",
            "updraft --help",
            "updraft",
            "updraft = { path = \"x\" }",
            "RUST_LOG=debug updraft validate a | jq .b",
            "cargo test -p updraft-kernel --test model name",
            "cargo +nightly fmt",
            "cargo run -p updraft-cli -- run x.yaml",
            "cargo install --path cli",
            "./test",
            ".ci/run",
            ".ci/run # all; updraft walk is no part of it",
            "updraft run playbooks/x.yaml tests/tests",
            "curl localhost && ./target/debug/updraft run",
        ] {
            assert_eq!(mistake(line), None, "{line}");
        }
    }

    #[test]
    fn commands_that_cannot_work_are_found() {
        for line in [
            "updraft walk x.yaml",
            "echo && updraft walk",
            "cargo nextest run",
            "cargo test -p updraft-gone",
            "cargo test -p updraft-kernel --test gone",
            "cargo run -p updraft-cli -- walk",
            "cargo install --path gone",
            "just verify",
            "./gone",
            "sudo .ci/gone",
            "updraft run tests/gone.yaml",
            "diff a ./kernel/gone",
        ] {
            assert!(mistake(line).is_some(), "{line}");
        }
    }

    #[test]
    fn subcommands_are_read_from_the_enums_that_clap_derives() {
        let source = r##"
            /// Not `enum This { One }`.
            #[derive(Debug, clap::Subcommand)]
            enum Command {
                /// Runs, and more.
                #[command(about = "a, B")]
                Run(RunArguments),
                ImportAll { from: Vec<Name>, To: u8 },
                Inspect,
            }
            #[derive(Debug)]
            enum Other { No }
        "##;
        assert_eq!(subcommands([source].into_iter()), ["run", "import-all", "inspect"]);
    }
}
