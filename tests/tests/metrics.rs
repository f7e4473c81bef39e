//! `docs/metrics.md` names every metric that the code counts, and no other.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

const CRATES: [&str; 7] = ["kernel", "storage", "actors", "engine", "integrations", "redis", "cli"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The metrics that a text names: words that begin so, in quotes or backticks.
fn named(text: &str, quote: char) -> BTreeSet<String> {
    let metric = |part: &&str| {
        part.starts_with("updraft_") && !part.contains(|c: char| !c.is_ascii_lowercase() && c != '_')
    };
    text.split(quote).filter(metric).map(str::to_owned).collect()
}

fn counted(folder: &Path, found: &mut BTreeSet<String>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            counted(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.extend(named(&std::fs::read_to_string(&path)?, '"'));
        }
    }
    Ok(())
}

#[test]
fn every_metric_is_documented_and_every_documented_metric_is_counted() {
    let mut in_code = BTreeSet::new();
    for name in CRATES {
        counted(&root().join(name).join("src"), &mut in_code).unwrap();
    }
    let document = std::fs::read_to_string(root().join("docs/metrics.md")).unwrap();
    assert!(in_code.len() > 10, "{in_code:?}");
    assert_eq!(named(&document, '`'), in_code);
}
