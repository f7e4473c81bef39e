//! `updraft stress`: what a run leaves, how it ends, and what it refuses.

use std::io::BufReader;
use std::process::Stdio;

use serde_json::Value;

use crate::ended::{Ended, ended, read_until, signal, updraft};

/// A short run with these options beside.
fn stress(dir: &tempfile::TempDir, options: &[&str]) -> Ended {
    let fixed = ["stress", "--concurrency", "8", "--tenants", "3", "--json", "out.json", "--data", "."];
    ended(dir.path(), &[&fixed, options].concat())
}

/// A run that is sent a signal once it has said something; it reports, and ends as interrupted.
fn interrupted(dir: &tempfile::TempDir, options: &[&str], said: &str, name: &str) -> Ended {
    let mut child =
        updraft(dir.path(), options).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut errors = BufReader::new(child.stderr.take().unwrap());
    read_until(&mut errors, said);
    signal(&child, name);
    let run: Ended = child.wait_with_output().unwrap().into();
    assert_eq!(run.code, 4, "{}", run.out);
    run
}

fn figures(dir: &tempfile::TempDir) -> Value {
    serde_json::from_slice(&std::fs::read(dir.path().join("out.json")).unwrap()).unwrap()
}

#[test]
fn a_baseline_writes_figures_and_a_page_and_leaves_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let options = ["--executions", "400", "--steps", "3", "--report", "out.html", "--assert", "errors<=0"];
    let run = stress(&dir, &options);
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    let figures = figures(&dir);
    assert_eq!((&figures["completed"], &figures["errors"]), (&400.into(), &0.into()));
    assert_eq!(figures["scenario"], "baseline");
    for key in [
        "executions_per_s",
        "steps_per_s",
        "submit_p50_us",
        "execution_p99_ms",
        "journal.fsyncs",
        "store.batches",
        "store.rows_written",
        "phase.steady.arrivals_per_s",
    ] {
        assert!(figures[key].as_f64().is_some_and(|figure| figure > 0.0), "{key}");
    }
    assert!(figures.as_object().unwrap().values().all(|value| !value.is_object() && !value.is_array()));
    assert!(figures.get("breaking_point_per_s").is_none(), "what was not measured is absent");
    let page = std::fs::read_to_string(dir.path().join("out.html")).unwrap();
    assert!(page.contains("<svg") && page.contains("What limits"), "{page}");
    assert!(!page.contains("NaN") && !page.contains("http"), "it needs nothing but itself");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2, "the data directory is removed");
}

#[test]
fn a_load_comes_over_http_too() {
    let dir = tempfile::tempdir().unwrap();
    let run = stress(&dir, &["--executions", "200", "--submit", "http", "--assert", "errors<=0"]);
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    let figures = figures(&dir);
    assert_eq!((&figures["completed"], &figures["submit"]), (&200.into(), &"http".into()));
    assert!(figures["submit_p50_us"].as_f64().is_some_and(|figure| figure > 0.0));
    let refused = stress(&dir, &["--submit", "http", "--scenario", "enrichment"]);
    assert!(refused.code == 2 && refused.err.contains("--submit http: enrichment"), "{}", refused.err);
}

#[test]
fn every_scenario_runs_to_its_end() {
    let dir = tempfile::tempdir().unwrap();
    for scenario in ["spike", "stress", "soak", "burst-tenant", "alert-storm", "backlog", "enrichment"] {
        let latency = if scenario == "alert-storm" { "1ms" } else { "0s" };
        let load = ["--executions", "200", "--steps", "1", "--latency", latency];
        let run = stress(&dir, &[&["--scenario", scenario], load.as_slice()].concat());
        assert_eq!(run.code, 0, "{scenario}: {}{}", run.out, run.err);
        let figures = figures(&dir);
        assert_eq!((&figures["scenario"], &figures["left"]), (&scenario.into(), &0.into()));
        assert_eq!(figures["submitted"], figures["completed"], "{scenario}");
        if scenario == "enrichment" {
            assert_eq!(
                (&figures["enrichment.look_ups"], &figures["enrichment.calls"]),
                (&200.into(), &5.into())
            );
        }
    }
}

#[test]
fn tools_over_http_take_their_time_fail_and_are_asked_again() {
    let dir = tempfile::tempdir().unwrap();
    let load = ["--tools", "http", "--latency", "1ms..5ms", "--width", "3", "--steps", "2"];
    let more = ["--executions", "60", "--failure-rate", "0.2"];
    let run = stress(&dir, &[load.as_slice(), &more].concat());
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    let figures = figures(&dir);
    let of = |key: &str| figures[key].as_u64().unwrap();
    assert_eq!(of("completed") + of("failed"), 60);
    assert!(of("completed") > 30, "three attempts of each call: {figures}");
    assert!(figures["execution_p50_ms"].as_f64().unwrap() >= 2.0, "two tools, one after the other");
}

#[test]
fn a_reference_ends_every_report_in_a_table_of_ratios() {
    let dir = tempfile::tempdir().unwrap();
    let options = ["--executions", "100", "--steps", "2", "--failure-rate", "0.1", "--reference"];
    let more = ["--report", "out.html", "--assert", "reference.ratio_status_changes>0"];
    let run = stress(&dir, &[options.as_slice(), &more].concat());
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    let figures = figures(&dir);
    let of = |key: &str| figures[key].as_f64().unwrap_or_else(|| panic!("{key}: {figures}"));
    for column in ["reference", "reference.ten"] {
        assert!(of(&format!("{column}.round_trips_per_execution")) >= 6.0, "a write for each status");
        let ratio = of("executions_per_s") / of(&format!("{column}.executions_per_s"));
        assert!((of(&format!("{column}.ratio_executions")) / ratio - 1.0).abs() < 0.01, "{figures}");
    }
    let last = run.out.trim_end().lines().rev().take(7).collect::<Vec<_>>();
    assert!(last[6].contains("one at a time") && last[0].starts_with("one execution"), "{}", run.out);
    let page = std::fs::read_to_string(dir.path().join("out.html")).unwrap();
    assert!(page.contains("ten at a time") && !page.contains("NaN") && !page.contains("http"));
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2, "the stores are removed");
}

#[test]
fn profiles_are_held_against_each_other_in_turn() {
    let dir = tempfile::tempdir().unwrap();
    let run = stress(&dir, &["--profiles", "--rounds", "2", "--executions", "60", "--steps", "1"]);
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    let figures = figures(&dir);
    assert_eq!((&figures["rounds"], &figures["contest"]), (&2.into(), &"baseline".into()));
    for profile in ["conservative", "balanced", "aggressive"] {
        assert!(figures[format!("{profile}.executions_per_s")].as_f64().is_some(), "{figures}");
        assert!(run.out.contains(profile), "{}", run.out);
    }
    let verdict = figures["aggressive.verdict.executions_per_s"].as_str().unwrap();
    assert!(["better", "worse", "same"].contains(&verdict));
    assert!(figures["aggressive.ratio.executions_per_s"].as_f64().unwrap() > 0.0);
    assert_eq!(figures["balanced.errors"], 0.0);
    assert!(run.err.contains("round 2 of 2: aggressive"), "who is first changes: {}", run.err);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "only the figures are left");
}

#[test]
fn an_interruption_between_rounds_ends_the_run_under_way_too() {
    let dir = tempfile::tempdir().unwrap();
    let options = ["stress", "--profiles", "--duration", "10m", "--concurrency", "4", "--data", "."];
    let run = interrupted(&dir, &options, "executions/s ended", "INT");
    assert!(run.out.contains("It was interrupted"), "{}", run.out);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "the run under way left nothing");
}

#[test]
fn a_profile_is_named_with_the_figures_of_its_run() {
    let dir = tempfile::tempdir().unwrap();
    let run =
        stress(&dir, &["--profile", "aggressive", "--executions", "40", "--width", "200", "--steps", "1"]);
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    assert_eq!(figures(&dir)["profile"], "aggressive");
}

#[test]
fn a_threshold_that_does_not_hold_exits_1_and_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let run =
        stress(&dir, &["--executions", "40", "--assert", "executions_per_s>1e9", "--assert", "errors<1"]);
    assert_eq!(run.code, 1, "{}", run.err);
    assert!(run.out.contains("NOTE executions_per_s>1e9 does not hold"), "{}", run.out);
    assert!(run.out.contains("ok   errors<1 holds"), "{}", run.out);
}

#[test]
fn an_interruption_reports_what_ran_so_far() {
    let dir = tempfile::tempdir().unwrap();
    let options = ["stress", "--duration", "10m", "--concurrency", "4", "--json", "out.json"];
    let run = interrupted(&dir, &options, "executions/s ended", "INT");
    assert!(run.out.contains("It was interrupted"), "{}", run.out);
    let figures = figures(&dir);
    assert_eq!(figures["interrupted"], true);
    assert!(figures["completed"].as_u64().unwrap() > 0 && figures["executions_per_s"].as_f64().is_some());
}

#[test]
fn an_interruption_of_the_reference_keeps_what_was_measured_of_it() {
    let dir = tempfile::tempdir().unwrap();
    // Side by side they soon end; one after another forty of them take four seconds.
    let load = ["stress", "--executions", "200", "--latency", "100ms", "--steps", "1", "--concurrency", "64"];
    let options = [load.as_slice(), &["--reference", "--json", "out.json"]].concat();
    let run = interrupted(&dir, &options, "one at a time,", "TERM");
    assert!(run.out.contains("one at a time"), "{}", run.out);
    let figures = figures(&dir);
    assert!(figures["reference.status_changes_per_s"].as_f64().is_some_and(|rate| rate > 0.0), "{figures}");
    assert!(figures.get("reference.ten.status_changes_per_s").is_none(), "that was not measured");
}

#[test]
fn nonsense_is_refused_before_anything_runs_with_what_is_allowed() {
    let dir = tempfile::tempdir().unwrap();
    for (options, said) in [
        (vec!["--scenario", "calm"], "burst-tenant"),
        (vec!["--latency", "fast"], "10ms..50ms"),
        (vec!["--failure-rate", "2"], "0 to 1"),
        (vec!["--tenants", "0"], "from 1 to 10000"),
        (vec!["--duration", "1ms"], "500ms"),
        (vec!["--duration", "1s", "--executions", "100"], "cannot be used with"),
        (vec!["--assert", "p99"], "p99<200ms"),
        (vec!["--assert", "speed>1"], "executions_per_s"),
        (vec!["--assert", "phase.spike.ended_per_s>1"], "no figure `phase.spike.ended_per_s`"),
        (vec!["--steps", "100", "--width", "100"], "at most 1000"),
        (vec!["--scenario", "burst-tenant", "--tenants", "1"], "2 or more"),
        (vec!["--scenario", "alert-storm"], "such as 20ms"),
        (vec!["--profile", "reckless"], "balanced"),
        (vec!["--profiles", "--report", "out.html"], "cannot be used with"),
        (vec!["--rounds", "2"], "--profiles"),
        (vec!["--profiles", "--rounds", "0"], "from 1 to 100"),
        (vec!["--assert", "reference.ratio_executions>1"], "--reference"),
        (vec!["--report", "nowhere/out.html"], "there is no directory nowhere"),
        (vec!["--json", "nowhere/"], "--json nowhere/"),
        (vec!["--json", "/proc/nope.json"], "--json /proc/nope.json"),
        (vec!["--json", "out", "--report", "./out"], "name the same file"),
        (vec!["--data", "/proc"], "--data"),
        (vec!["--profiles", "--store", "redis://host"], "--store: a store is `embedded`"),
        (vec!["--duration", "5"], "500ms to 7d"),
        (vec!["--assert", "p99<200ns"], "us, µs, ms, s, min"),
        (vec!["--assert", "p99=<200ms"], "one of < <= > >="),
        (vec!["--data", "nowhere"], "not a directory"),
    ] {
        let run = ended(dir.path(), &[vec!["stress"], options.clone()].concat());
        assert_eq!((run.code, run.out.as_str()), (2, ""), "{options:?}: {}", run.err);
        assert!(run.err.contains(said), "{options:?}: {}", run.err);
    }
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}
