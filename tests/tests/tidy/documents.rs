//! The rules for documents: a path that is named is there. Commands are judged by `commands`.

use crate::commands::Known;
use crate::markdown;
use crate::tree::Tree;

/// All that is wrong with a document.
pub(crate) fn document(path: &str, text: &str, tree: &Tree, known: &Known<'_>) -> Vec<String> {
    let pieces = markdown::read(text);
    let mut findings = Vec::new();
    for (line, target) in &pieces.links {
        if let Some(missing) = dead_link(path, target, tree) {
            findings.push(format!(
                "{path}:{line}: links to `{missing}`, which is not there: readers follow links"
            ));
        }
    }
    for (line, span) in &pieces.spans {
        if let Some(missing) = dead_path(path, span, tree) {
            findings.push(format!("{path}:{line}: names `{missing}`, which is not there: a document that names what is gone misleads whoever trusts it"));
        }
    }
    // A word alone is a name or a path.
    let spans = pieces.spans.iter().filter(|(_, span)| span.contains(' '));
    for (line, command) in pieces.commands.iter().chain(spans) {
        if let Some(mistake) = known.mistake(command) {
            findings.push(format!("{path}:{line}: `{command}`: {mistake}; a reader will type it"));
        }
    }
    findings
}

/// The target of a link into the repository that leads nowhere.
fn dead_link<'a>(document: &str, target: &'a str, tree: &Tree) -> Option<&'a str> {
    let file = target.split('#').next().unwrap_or_default();
    let elsewhere = file.is_empty() || file.contains("://") || file.starts_with("mailto:");
    let there = || beside(document, file).is_some_and(|path| path.is_empty() || tree.has(&path));
    (!elsewhere && !there()).then_some(target)
}

/// A code span that is a path of the repository, and leads nowhere.
fn dead_path<'a>(document: &str, span: &'a str, tree: &Tree) -> Option<&'a str> {
    const PATH: &str = "._-/*";
    if span.is_empty() || !span.chars().all(|c| c.is_ascii_alphanumeric() || PATH.contains(c) || c == ':') {
        return None;
    }
    // `file.rs:12` names a line; `a::b` is a path of Rust.
    let (path, line) = span.split_once(':').unwrap_or((span, "0"));
    if line.is_empty() || !line.chars().all(|c| c.is_ascii_digit()) {
        return None;
    }
    let path = path.trim_start_matches("./").trim_end_matches('/');
    let there = match path.split_once('/') {
        None if is_source(path) => tree.files.keys().any(|file| file.rsplit('/').next() == Some(path)),
        None if span.starts_with("./") => tree.has(path),
        None => return None,
        Some((first, _)) if !tree.folders.contains(first) && !is_source(path) => return None,
        Some(_) => {
            let near = beside(document, path);
            matches(tree, path) || near.is_some_and(|path| matches(tree, &path))
        }
    };
    (!there).then_some(span)
}

/// Files that only this repository can mean.
fn is_source(path: &str) -> bool {
    [".rs", ".md"].iter().any(|ending| path.ends_with(ending)) && !path.contains('*')
}

/// Whether a path, perhaps with a `*` in its last part, is there.
fn matches(tree: &Tree, path: &str) -> bool {
    let Some((before, after)) = path.split_once('*') else { return tree.has(path) };
    let mut all = tree.files.keys().chain(&tree.folders);
    all.any(|file| {
        file.len() > path.len() - 1 && file.starts_with(before) && file.ends_with(after.trim_matches('*'))
    })
}

/// The path of `target` as seen from the document; none where it leaves the repository.
fn beside(document: &str, target: &str) -> Option<String> {
    let folder = document.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut parts: Vec<&str> = if target.starts_with('/') { Vec::new() } else { folder.split('/').collect() };
    parts.retain(|part| !part.is_empty());
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree() -> Tree {
        Tree::of(&[
            "README.md",
            "kernel/src/machine.rs",
            "kernel/src/machine/path.rs",
            "docs/adr/0001-a.md",
            ".ci/run",
        ])
    }

    fn findings(path: &str, text: &str) -> Vec<String> {
        document(path, text, &tree(), &Known::of(&tree(), &["updraft-kernel"], &["run"]))
    }

    #[test]
    fn what_is_there_may_be_named() {
        let text = "`kernel/src/machine.rs` `kernel/src/machine.rs:7` `kernel/src/` `machine.rs` `.ci/run` `docs/adr/*.md` \
                    `kernel/src/machine/*` [a](docs/adr/0001-a.md#why) [b](./) [c](#here) [d](https://example.com/x.md)";
        assert_eq!(findings("README.md", text), Vec::<String>::new());
        assert_eq!(findings("docs/adr/0001-a.md", "[up](../../README.md) `0001-a.md`"), Vec::<String>::new());
    }

    #[test]
    fn what_is_gone_may_not_be_named() {
        for gone in [
            "kernel/src/gone.rs",
            "gone.rs",
            "docs/gone",
            "docs/adr/9*.md",
            ".ci/gone",
            "./gone",
            "gone/gone.rs",
            "kernel/src/gone.rs:7",
        ] {
            let found = findings("README.md", &format!("\nsee `{gone}`"));
            assert!(found.len() == 1 && found[0].starts_with("README.md:2: names"), "{gone}: {found:?}");
        }
        for gone in ["gone.md", "../README.md", "docs/gone.md#a"] {
            let found = findings("README.md", &format!("[x]({gone})"));
            assert!(found.len() == 1 && found[0].starts_with("README.md:1: links"), "{gone}: {found:?}");
        }
    }

    #[test]
    fn what_is_no_path_is_left_alone() {
        let text = "`application/json` `kernel::machine` `a/b` `x: 7` `target/debug/x` `./target` `1/2` `input.sender` `docs/…`";
        assert_eq!(findings("README.md", text), Vec::<String>::new());
    }

    #[test]
    fn commands_are_judged_in_fences_and_between_backticks() {
        assert_eq!(findings("README.md", "`updraft run`\n```sh\nupdraft run x\n```\n"), Vec::<String>::new());
        let found = findings("README.md", "`updraft walk`\n```sh\nupdraft walk x\n```\n");
        assert_eq!(found.len(), 2, "{found:?}");
    }
}
