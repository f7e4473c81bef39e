//! The rules for dependencies, tried on small workspaces.

use super::*;

fn arrow(from: &str, to: &str) -> Arrow {
    Arrow { from: from.into(), to: to.into(), dev: false, target: None }
}

fn findings(arrow: Arrow) -> Vec<String> {
    let packages = MAY_KNOW.iter().map(|(name, _, _)| (*name).to_owned()).collect();
    Manifests { packages, arrows: vec![arrow] }.findings()
}

#[test]
fn arrows_to_the_left_are_fine() {
    for (from, to) in [
        ("updraft-kernel", "updraft-protocol"),
        ("updraft-actors", "updraft-protocol"),
        ("updraft", "updraft-integrations"),
        ("updraft-masking", "updraft-protocol"),
        ("updraft-integrations", "updraft-masking"),
        ("updraft-actors", "updraft-masking"),
        ("updraft", "updraft-masking"),
        ("updraft-cli", "updraft"),
        ("updraft-load", "updraft"),
        ("updraft-cli", "updraft-load"),
        ("updraft-loom-tests", "updraft-kernel"),
        ("updraft-replay", "updraft-kernel"),
        ("updraft-cli", "updraft-replay"),
        ("updraft-storage", "rusqlite"),
        ("updraft-storage", "tokio"),
    ] {
        assert_eq!(findings(arrow(from, to)), Vec::<String>::new(), "{from} → {to}");
    }
    assert_eq!(
        findings(Arrow { dev: true, ..arrow("updraft-tests", "updraft-kernel") }),
        Vec::<String>::new()
    );
}

#[test]
fn every_other_arrow_is_refused() {
    for (from, to) in [
        ("updraft-protocol", "updraft-kernel"),
        ("updraft-kernel", "updraft-storage"),
        ("updraft-kernel", "updraft-kernel"),
        ("updraft-integrations", "updraft-kernel"),
        ("updraft-masking", "updraft-kernel"),
        ("updraft-masking", "tokio"),
        ("updraft-storage", "updraft-masking"),
        ("updraft-actors", "updraft"),
        ("updraft-cli", "updraft-protocol"),
        ("updraft-load", "updraft-kernel"),
        ("updraft-loom-tests", "updraft-storage"),
        ("updraft-kernel", "tokio"),
        ("updraft-replay", "tokio"),
        ("updraft-replay", "updraft-storage"),
        ("updraft-protocol", "reqwest"),
        ("updraft-actors", "rusqlite"),
        ("updraft", "mongodb"),
        ("updraft-cli", "redis"),
        ("updraft-kernel", "loom"),
    ] {
        assert_eq!(findings(arrow(from, to)).len(), 1, "{from} → {to}");
    }
    let dev = Arrow { dev: true, ..arrow("updraft-cli", "updraft-storage") };
    assert_eq!(findings(dev).len(), 1, "a test of the program knows no more than the program");
}

#[test]
fn loom_is_there_under_its_own_flag_only() {
    let target = |target: &str| Arrow { target: Some(target.into()), ..arrow("updraft-kernel", "loom") };
    assert_eq!(findings(target("cfg(loom)")), Vec::<String>::new());
    assert_eq!(findings(target("cfg(unix)")).len(), 1);
}

#[test]
fn a_new_crate_needs_a_row() {
    let manifests = Manifests { packages: vec!["updraft-extra".into()], arrows: Vec::new() };
    assert_eq!(manifests.findings().len(), 1);
}

#[test]
fn metadata_gives_packages_and_arrows() {
    let manifests = Manifests::of(&serde_json::json!({ "packages": [{ "name": "a", "dependencies": [
        { "name": "b", "kind": null, "target": null },
        { "name": "c", "kind": "dev", "target": "cfg(unix)" },
    ] }] }));
    assert_eq!(manifests.packages, ["a"]);
    let dev = Arrow { dev: true, target: Some("cfg(unix)".into()), ..arrow("a", "c") };
    assert_eq!(manifests.arrows, [arrow("a", "b"), dev]);
}

#[test]
fn a_runtime_is_found_behind_others_but_not_behind_what_only_tests_need() {
    let lock = "[[package]]\nname = \"a\"\nversion = \"1.0.0\"\ndependencies = [\n \"b 2.0.0\",\n]\n\n\
                [[package]]\nname = \"b\"\ndependencies = [\n \"tokio\",\n \"a\",\n]\n\n[[package]]\nname = \"tokio\"\n";
    let reached = |arrow: Arrow| Manifests { packages: Vec::new(), arrows: vec![arrow] }.reached(lock);
    let found = reached(arrow("updraft-kernel", "a"));
    assert!(found.len() == 1 && found[0].starts_with("updraft-kernel → a → b → tokio:"), "{found:?}");
    assert_eq!(reached(Arrow { dev: true, ..arrow("updraft-kernel", "a") }), Vec::<String>::new());
    assert_eq!(reached(arrow("updraft-storage", "a")), Vec::<String>::new());
}
