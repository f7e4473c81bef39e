//! The rules for dependencies: which crate of the workspace may know which, and what none of them may reach.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// Who may know whom: `protocol ← kernel ← storage ← actors ← engine ← cli`. For tests alone, the crates
/// after the first list.
const MAY_KNOW: [(&str, &[&str], &[&str]); 23] = [
    ("updraft-protocol", &[], &[]),
    ("updraft-kernel", &["updraft-protocol"], &[]),
    ("updraft-masking", &["updraft-protocol"], &[]),
    ("updraft-cacao", &["updraft-protocol"], &["updraft-kernel", "updraft-integrations"]),
    ("updraft-graph", &["updraft-protocol"], &[]),
    ("updraft-formatter", &["updraft-protocol"], &[]),
    ("updraft-storage", &["updraft-protocol", "updraft-kernel"], &["updraft-storage"]),
    ("updraft-redis", &["updraft-protocol"], &[]),
    ("updraft-cache", &["updraft-protocol", "updraft-kernel", "updraft-redis"], &["updraft-redis"]),
    (
        "updraft-actors",
        &["updraft-protocol", "updraft-kernel", "updraft-cache", "updraft-masking", "updraft-storage"],
        &[],
    ),
    ("updraft-integrations", &["updraft-protocol", "updraft-masking"], &[]),
    ("updraft-connectors", &["updraft-protocol", "updraft-kernel", "updraft-integrations"], &[]),
    ("updraft", BELOW_ENGINE, &[]),
    ("updraft-load", &["updraft", "updraft-webhooks"], &[]),
    ("updraft-webhooks", &["updraft"], &[]),
    ("updraft-replay", &["updraft-protocol", "updraft-kernel"], &[]),
    (
        "updraft-cli",
        &[
            "updraft",
            "updraft-formatter",
            "updraft-graph",
            "updraft-load",
            "updraft-replay",
            "updraft-webhooks",
        ],
        &["updraft-redis"],
    ),
    ("updraft-tests", &["updraft", "updraft-load"], BELOW_ENGINE),
    ("updraft-benchmarks", &["updraft", "updraft-load"], &[]),
    // What a backend would write: it depends on one crate.
    ("updraft-example-embed", &["updraft"], &[]),
    ("updraft-loom-tests", &["updraft-protocol", "updraft-kernel"], &[]),
    ("updraft-simulator", &["updraft-protocol", "updraft-kernel"], &[]),
    (
        "updraft-fuzz",
        &["updraft-protocol", "updraft-kernel", "updraft-cacao", "updraft-storage", "updraft-integrations"],
        &[],
    ),
];

const BELOW_ENGINE: &[&str] = &[
    "updraft-protocol",
    "updraft-cacao",
    "updraft-cache",
    "updraft-connectors",
    "updraft-kernel",
    "updraft-masking",
    "updraft-storage",
    "updraft-actors",
    "updraft-integrations",
    "updraft-redis",
];

/// Crates that wait, or do IO.
const RUNTIMES: &[&str] = &[
    "actix",
    "actix-rt",
    "async-std",
    "axum",
    "bb8-redis",
    "futures-executor",
    "hyper",
    "hyper-util",
    "mio",
    "mongodb",
    "redis",
    "reqwest",
    "rusqlite",
    "smol",
    "socket2",
    "tokio",
    "tokio-util",
];

/// Crates that only stores, and tests that look behind them, may name.
const DRIVERS: &[&str] = &["bb8-redis", "libsqlite3-sys", "mongodb", "redis", "rusqlite"];

/// A dependency as a manifest declares it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Arrow {
    pub(crate) from: String,
    pub(crate) to: String,
    /// Whether only tests need it.
    pub(crate) dev: bool,
    /// The platform that it is for.
    pub(crate) target: Option<String>,
}

/// What the manifests of the workspace say.
#[derive(Debug)]
pub(crate) struct Manifests {
    pub(crate) packages: Vec<String>,
    pub(crate) arrows: Vec<Arrow>,
}

impl Manifests {
    /// Asks cargo, which reads the manifests and nothing beyond them.
    pub(crate) fn read() -> Result<Self, String> {
        let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml");
        let arguments =
            ["metadata", "--no-deps", "--offline", "--format-version", "1", "--manifest-path", manifest];
        let output =
            Command::new(env!("CARGO")).args(arguments).output().map_err(|error| error.to_string())?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned());
        }
        serde_json::from_slice(&output.stdout)
            .map(|metadata| Self::of(&metadata))
            .map_err(|error| error.to_string())
    }

    fn of(metadata: &Value) -> Self {
        let packages = || metadata["packages"].as_array().into_iter().flatten();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let arrows = packages().flat_map(|package| {
            let dependencies = package["dependencies"].as_array().into_iter().flatten();
            dependencies.map(|dependency| Arrow {
                from: text(&package["name"]),
                to: text(&dependency["name"]),
                dev: dependency["kind"] == "dev",
                target: dependency["target"].as_str().map(str::to_owned),
            })
        });
        Self {
            packages: packages().map(|package| text(&package["name"])).collect(),
            arrows: arrows.collect(),
        }
    }

    /// All that is wrong with what the manifests declare.
    pub(crate) fn findings(&self) -> Vec<String> {
        let unknown = self.packages.iter().filter(|package| row(package).is_none()).map(|package| {
            format!("{package}: has no row in MAY_KNOW (tests/tests/tidy/arrows.rs): who may know a new crate is decided, not found out later")
        });
        unknown.chain(self.arrows.iter().filter_map(|arrow| self.wrong(arrow))).collect()
    }

    fn wrong(&self, Arrow { from, to, dev, target }: &Arrow) -> Option<String> {
        let (_, always, in_tests) = row(from)?;
        let ours = self.packages.contains(to);
        if ours
            && !always.contains(&to.as_str())
            && !(in_tests.contains(&to.as_str()) && (*dev || from == "updraft-tests"))
        {
            return Some(format!(
                "{from} → {to}: against the arrows protocol ← kernel ← storage ← actors ← engine ← cli: what a crate may not know cannot come to depend on it"
            ));
        }
        if decides(from) && !dev && RUNTIMES.contains(&to.as_str()) {
            return Some(format!(
                "{from} → {to}: what decides neither waits nor does IO, so that loom and property tests run it as it ships"
            ));
        }
        let may_look_behind = ["updraft-storage", "updraft-redis", "updraft-tests", "updraft-benchmarks"];
        if DRIVERS.contains(&to.as_str()) && !may_look_behind.contains(&from.as_str()) {
            return Some(format!(
                "{from} → {to}: drivers of databases are known to storage alone, that of Redis to `redis`; others know their ports"
            ));
        }
        if to == "loom" && target.as_deref() != Some("cfg(loom)") {
            return Some(format!(
                "{from} → loom: outside of `cfg(loom)` it would swap the locks of ordinary builds"
            ));
        }
        None
    }

    /// What the crates that decide reach through others, by the lock file.
    pub(crate) fn reached(&self, lock: &str) -> Vec<String> {
        let known = dependencies(lock);
        let shipped =
            self.arrows.iter().filter(|arrow| decides(&arrow.from) && !arrow.dev && arrow.target.is_none());
        let ways = shipped.flat_map(|arrow| ways_to_runtimes(&arrow.from, &arrow.to, &known));
        ways.map(|way| format!("{way}: what decides neither waits nor does IO, nor brings in what does"))
            .collect()
    }
}

fn decides(package: &str) -> bool {
    ["updraft-protocol", "updraft-kernel", "updraft-masking", "updraft-cacao", "updraft-replay"]
        .contains(&package)
}

fn row(package: &str) -> Option<&'static (&'static str, &'static [&'static str], &'static [&'static str])> {
    MAY_KNOW.iter().find(|(name, _, _)| *name == package)
}

/// The packages of a lock file with the names of what they depend on; versions of one name taken together.
fn dependencies(lock: &str) -> BTreeMap<&str, BTreeSet<&str>> {
    let mut known: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut package = "";
    for line in lock.lines() {
        let quoted = || line.split('"').nth(1).and_then(|text| text.split(' ').next());
        if line.starts_with("name = ") {
            package = quoted().unwrap_or_default();
            known.entry(package).or_default();
        } else if line.starts_with(" \"") {
            known.entry(package).or_default().extend(quoted());
        }
    }
    known
}

fn ways_to_runtimes(from: &str, first: &str, known: &BTreeMap<&str, BTreeSet<&str>>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let mut open = vec![(first, format!("{from} → {first}"))];
    let mut ways = Vec::new();
    while let Some((package, way)) = open.pop() {
        if !seen.insert(package) {
            continue;
        }
        if RUNTIMES.contains(&package) {
            ways.push(way);
        } else {
            let next = known.get(package).into_iter().flatten();
            open.extend(next.map(|next| (*next, format!("{way} → {next}"))));
        }
    }
    ways
}

#[cfg(test)]
mod tests;
