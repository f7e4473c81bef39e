//! The rule for the packages that the design fixes: each does its work in code that ships, not in tests alone.

use super::lexer::split;

/// The packages, by the name that code gives them, and where each works.
const FIXED: [(&str, &[&str]); 12] = [
    ("actix", &["actors/src/"]),
    ("tokio", &["actors/src/", "storage/src/"]),
    ("mongodb", &["storage/src/"]),
    ("redis", &["redis/src/"]),
    ("bb8_redis", &["redis/src/"]),
    ("moka", &["cache/src/"]),
    ("crossbeam_channel", &["storage/src/"]),
    ("dashmap", &["actors/src/"]),
    ("bincode", &["protocol/src/"]),
    ("serde", &["protocol/src/"]),
    ("tracing", &["engine/src/", "actors/src/"]),
    ("loom", &["kernel/src/shared/"]),
];

/// The packages that no source in their place names.
pub(crate) fn unused<'a>(sources: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<String> {
    let sources: Vec<_> = sources.filter(|(path, _)| ships(path)).collect();
    let mut findings = Vec::new();
    for (package, places) in FIXED {
        for place in places {
            let mut there = sources.iter().filter(|(path, _)| path.starts_with(place));
            if !there.any(|(_, text)| names(text, package)) {
                findings
                    .push(format!("{place}: nothing that ships names `{package}`, which the design fixes"));
            }
        }
    }
    findings
}

/// Whether a source is built into what others use.
fn ships(path: &str) -> bool {
    let file = path.rsplit('/').next().unwrap_or(path);
    let in_folder = |name: &str| path.split('/').any(|folder| folder == name);
    file != "tests.rs" && !file.ends_with("_tests.rs") && !in_folder("tests") && !in_folder("testing")
}

/// Whether the code of a source before its tests names a package in a path.
fn names(text: &str, package: &str) -> bool {
    // Most do not, and need not be taken apart.
    if !text.contains(package) {
        return false;
    }
    let code = split(text).code;
    let shipped = code.split("#[cfg(test)]").next().unwrap_or_default();
    let path = format!("{package}::");
    shipped.match_indices(&path).any(|(at, _)| {
        let before = shipped[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_tracing(engine: &str, actors: &str) -> Vec<String> {
        let sources = [("engine/src/a.rs", engine), ("actors/src/b.rs", actors)];
        unused(sources.into_iter()).into_iter().filter(|finding| finding.contains("`tracing`")).collect()
    }

    #[test]
    fn a_package_that_ships_in_its_place_is_found() {
        assert!(of_tracing("use tracing::info;", "fn f() { tracing::warn!(\"x\") }").is_empty());
    }

    #[test]
    fn a_package_that_only_tests_comments_texts_or_others_name_is_missed() {
        let ships = "use tracing::info;";
        for other in [
            "// tracing::info\n",
            "const T: &str = \"tracing::info\";",
            "use my_tracing::info;",
            "use own::tracing::info;",
            "fn f() {}\n#[cfg(test)]\nmod tests { use tracing::info; }",
        ] {
            let findings = of_tracing(ships, other);
            assert!(
                matches!(findings.as_slice(), [one] if one.starts_with("actors/src/")),
                "{other}: {findings:?}"
            );
        }
        assert!(!self::ships("actors/src/shard/tests.rs") && !self::ships("redis/src/testing/server.rs"));
        assert!(self::ships("engine/src/engine.rs"));
    }
}
