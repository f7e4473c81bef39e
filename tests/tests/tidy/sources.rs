//! The rules for one file at a time: how it opens, how long it is, what it may name. A rule is a function from
//! a path and a text to what is wrong there, with the reason why that is wrong.

use crate::lexer;

/// Lines that a source may have.
const LINES: usize = 400;

/// All that is wrong with a Rust source.
pub(crate) fn source(path: &str, text: &str) -> Vec<String> {
    let parts = lexer::split(text);
    let mut findings: Vec<String> = [opening(path, text), length(path, text)].into_iter().flatten().collect();
    findings.extend(markers(path, &parts.code));
    findings.extend(markers(path, &parts.comments));
    findings.extend(silenced(path, &parts.code));
    findings.extend(codec(path, &parts.code));
    findings.extend(shim(path, &parts.code));
    findings
}

/// All that is wrong with any file.
pub(crate) fn file(path: &str, text: &str) -> Vec<String> {
    let mut findings: Vec<String> = name(path).into_iter().collect();
    findings.extend(machine_paths(path, text));
    if !path.ends_with(".rs") && path != "Cargo.lock" {
        findings.extend(markers(path, text));
    }
    findings
}

fn opening(path: &str, text: &str) -> Option<String> {
    let opened = text.starts_with("//! ");
    (!opened).then(|| {
        format!("{path}: opens without `//!`: a file says first what it owns and what it never does, or nobody can tell what belongs into it")
    })
}

fn length(path: &str, text: &str) -> Option<String> {
    let lines = text.lines().count();
    (lines > LINES).then(|| {
        format!("{path}: has {lines} lines, more than {LINES}: split it by transition or by message; a file that nobody reads whole collects what belongs nowhere")
    })
}

fn name(path: &str) -> Option<String> {
    const NAMELESS: [&str; 6] = ["utils", "util", "helpers", "helper", "common", "misc"];
    let mut parts = path.split('/').map(|part| part.split('.').next().unwrap_or(part));
    let nameless = parts.find(|part| NAMELESS.contains(part))?;
    Some(format!(
        "{path}: is named `{nameless}`, which says nothing of what is in it: name the noun that it owns"
    ))
}

/// Words that stand for work that was put off.
fn markers(path: &str, text: &str) -> Vec<String> {
    const WORDS: [&str; 4] = ["TODO", "FIXME", "XXX", "HACK"];
    const CALLS: [&str; 2] = ["todo!", "unimplemented!"];
    let wrong = |line: &str| {
        let words = WORDS.into_iter().find(|word| names_word(line, word));
        words.or_else(|| CALLS.into_iter().find(|call| names_start(line, call)))
    };
    each_line(
        path,
        text,
        wrong,
        "is work put off: do it, or write an issue; in the code it is found by nobody",
    )
}

/// Lints that hide code which nobody needs.
fn silenced(path: &str, code: &str) -> Vec<String> {
    let wrong = |line: &str| {
        let silences = line.contains('#') && ["allow(", "expect("].iter().any(|open| line.contains(open));
        let unused = (silences && names_start(line, "unused")).then_some("unused");
        // A long list of lints has its attribute on another line.
        names_word(line, "dead_code").then_some("dead_code").or(unused)
    };
    each_line(path, code, wrong, "silences a lint: code that nothing calls is removed, its history keeps it")
}

fn codec(path: &str, code: &str) -> Vec<String> {
    if path == "protocol/src/codec.rs" {
        return Vec::new();
    }
    let wrong = |line: &str| names_word(line, "bincode").then_some("bincode");
    each_line(
        path,
        code,
        wrong,
        "is for protocol/src/codec.rs alone: its format is frozen and unmaintained, and is replaced in one place",
    )
}

/// Before its tests, a file of `kernel::shared` takes everything that threads share from the shim.
fn shim(path: &str, code: &str) -> Vec<String> {
    let shared = path.starts_with("kernel/src/shared/") || path == "kernel/src/shared.rs";
    if !shared || path == "kernel/src/shared/sync.rs" {
        return Vec::new();
    }
    let ships = |line: &&str| !(line.starts_with("#[cfg(") && names_word(line, "test"));
    let shipped: String = code.split_inclusive('\n').take_while(ships).collect();
    let wrong = |line: &str| {
        ["std::sync", "core::sync", "std::thread", "loom::"].into_iter().find(|name| names_start(line, name))
    };
    each_line(
        path,
        &shipped,
        wrong,
        "is for kernel/src/shared/sync.rs alone: what does not go through the shim is not checked by loom",
    )
}

/// Paths of the machine that something was written on.
fn machine_paths(path: &str, text: &str) -> Vec<String> {
    let folders = ["work", "root", "home"].map(|folder| format!("/{folder}/"));
    let wrong = |line: &str| {
        folders.iter().find(|folder| {
            line.match_indices(folder.as_str()).any(|(at, _)| {
                let before = line[..at].chars().next_back();
                !before.is_some_and(|c| c.is_alphanumeric() || "._-~}*)".contains(c))
            })
        })
    };
    each_line(path, text, wrong, "is a place on one machine: the next reader has another")
}

fn each_line<S: AsRef<str>>(
    path: &str,
    text: &str,
    wrong: impl Fn(&str) -> Option<S>,
    why: &str,
) -> Vec<String> {
    let lines = text.lines().zip(1..).filter_map(|(line, number)| wrong(line).map(|found| (found, number)));
    lines.map(|(found, number)| format!("{path}:{number}: `{}` {why}", found.as_ref())).collect()
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Whether `name` stands in the line and nothing of a word goes before it.
fn names_start(line: &str, name: &str) -> bool {
    line.match_indices(name).any(|(at, _)| !line[..at].chars().next_back().is_some_and(is_word))
}

/// Whether `word` stands in the line by itself.
fn names_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let (before, after) = (line[..at].chars().next_back(), line[at + word.len()..].chars().next());
        !before.is_some_and(is_word) && !after.is_some_and(is_word)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(findings: Vec<String>, expected: &str) {
        assert!(matches!(findings.as_slice(), [only] if only.starts_with(expected)), "{findings:#?}");
    }

    #[test]
    fn a_tidy_source_has_no_findings() {
        let text =
            "//! What it owns.\n\n/// The rest of std::sync::Arc is elsewhere.\nuse super::sync::Arc;\n";
        assert_eq!(source("kernel/src/shared/x.rs", text), Vec::<String>::new());
    }

    #[test]
    fn a_source_opens_with_what_it_owns() {
        one(source("a.rs", "use b;\n"), "a.rs: opens without `//!`");
        one(source("a.rs", ""), "a.rs: opens without `//!`");
        one(source("a.rs", "\n//! Late.\n"), "a.rs: opens without `//!`");
    }

    #[test]
    fn a_source_has_at_most_400_lines() {
        let lines = |count: usize| format!("//! Long.\n{}", "\n".repeat(count - 1));
        assert_eq!(source("a.rs", &lines(LINES)), Vec::<String>::new());
        one(source("a.rs", &lines(LINES + 1)), "a.rs: has 401 lines");
    }

    #[test]
    fn names_that_say_nothing_are_refused() {
        for path in ["a/utils.rs", "tests/common/mod.rs", "helpers.rs", "a/misc.md"] {
            assert!(!file(path, "").is_empty(), "{path}");
        }
        assert_eq!(file("a/community.rs", ""), Vec::<String>::new());
    }

    #[test]
    fn work_put_off_is_found_in_code_and_comments_but_not_in_texts() {
        one(source("a.rs", "//! A.\n// TODO: later\n"), "a.rs:2: `TODO`");
        one(source("a.rs", "//! A.\nfn f() { todo!() }\n"), "a.rs:2: `todo!`");
        one(file("a.sh", "x # FIXME\n"), "a.sh:1: `FIXME`");
        assert_eq!(source("a.rs", "//! A.\nlet x = \"TODO\"; // MASTODON\n"), Vec::<String>::new());
    }

    #[test]
    fn lints_against_dead_code_stay_on() {
        one(source("a.rs", "//! A.\n#[allow(dead_code)]\n"), "a.rs:2: `dead_code`");
        one(source("a.rs", "//! A.\n#![allow(unused_imports)]\n"), "a.rs:2: `unused`");
        one(source("a.rs", "//! A.\n#[expect(dead_code)]\n"), "a.rs:2: `dead_code`");
        one(source("a.rs", "//! A.\n#![allow(\n    dead_code,\n)]\n"), "a.rs:3: `dead_code`");
        assert_eq!(source("a.rs", "//! A.\n#[allow(clippy::x)]\nlet unused = 1;\n"), Vec::<String>::new());
    }

    #[test]
    fn bincode_is_named_by_the_codec_alone() {
        let text = "//! A.\nuse bincode::config;\n";
        one(source("storage/src/a.rs", text), "storage/src/a.rs:2: `bincode`");
        assert_eq!(source("protocol/src/codec.rs", text), Vec::<String>::new());
        assert_eq!(source("a.rs", "//! Not bincode.\n"), Vec::<String>::new());
    }

    #[test]
    fn what_threads_share_in_the_kernel_goes_through_the_shim() {
        for line in [
            "use std::sync::Mutex;",
            "use loom::sync::Arc;",
            "std::thread::park();",
            "use core::sync::atomic;",
        ] {
            let text = format!("//! A.\n{line}\n");
            one(source("kernel/src/shared/a.rs", &text), "kernel/src/shared/a.rs:2:");
            assert_eq!(source("kernel/src/shared/sync.rs", &text), Vec::<String>::new());
            assert_eq!(source("kernel/src/a.rs", &text), Vec::<String>::new());
        }
        for flag in ["test", "all(test, not(loom))"] {
            let tested = format!("//! A.\n#[cfg({flag})]\nmod tests {{ use std::sync::Barrier; }}\n");
            assert_eq!(source("kernel/src/shared/a.rs", &tested), Vec::<String>::new());
        }
        let flagged = "//! A.\n#[cfg(loom)]\nuse std::sync::Barrier;\n";
        one(source("kernel/src/shared/a.rs", flagged), "kernel/src/shared/a.rs:3:");
    }

    #[test]
    fn places_of_one_machine_are_refused_wherever_they_stand() {
        for folder in ["work", "root", "home"] {
            one(file("a.md", &format!("see /{folder}/x\n")), &format!("a.md:1: `/{folder}/`"));
            one(file("a.rs", &format!("let x = \"/{folder}/x\";")), &format!("a.rs:1: `/{folder}/`"));
        }
        assert_eq!(file("a.md", &format!("https://example.com/{}/x", "home")), Vec::<String>::new());
    }
}
