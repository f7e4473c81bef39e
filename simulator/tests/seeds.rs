//! The simulator as an ordinary test: a fixed budget of seeds in which every invariant holds, runs that replay exactly,
//! and failures that shrink.

use std::io::{self, Write};

use updraft_simulator::campaign;
use updraft_simulator::scenario::{Part, Scenario};
use updraft_simulator::shrink;
use updraft_simulator::statistics::Statistics;

/// Seeds of one test; four tests run in parallel.
const SEEDS: u64 = 150;

fn holds(from: u64) -> io::Result<()> {
    let mut statistics = Statistics::default();
    for seed in from..from + SEEDS {
        let found = campaign::seed(seed, &mut statistics).err();
        let told = found.map(|finding| format!("{}: .ci/simulate {}", finding.violation, finding.replay()));
        assert_eq!(told, None, "seed {seed}");
    }
    // An event that never happened was not tested.
    for what in [
        "kills",
        "power losses",
        "takeovers",
        "recoveries",
        "stale updates",
        "completed",
        "cancelled",
        "calls that stand in line",
        "calls of tools that are left alone",
        "submissions answered by their key",
        "submissions refused for another input",
        "calls that need locks",
        "waits for locks",
        "queued executions that begin",
        "queued executions found by a start",
        "queued executions that are cancelled",
        "queued executions with another priority",
        "executions of paused scopes that are asked",
        "children that wait for a place",
    ] {
        assert!(statistics.counts.contains_key(what), "no {what} in seeds {from} to {}", from + SEEDS);
    }
    writeln!(io::stdout(), "{}", statistics.lines().join("\n"))
}

#[test]
fn every_invariant_holds_in_the_first_seeds() -> io::Result<()> {
    holds(0)
}

#[test]
fn every_invariant_holds_in_the_second_seeds() -> io::Result<()> {
    holds(SEEDS)
}

#[test]
fn every_invariant_holds_in_the_third_seeds() -> io::Result<()> {
    holds(SEEDS * 2)
}

#[test]
fn every_invariant_holds_in_the_fourth_seeds() -> io::Result<()> {
    holds(SEEDS * 3)
}

#[test]
fn a_seed_replays_to_the_byte_and_another_one_differs() {
    for seed in [3, 17, 104] {
        let scenario = Scenario::of(seed);
        let (first, again) = (campaign::run(&scenario, true), campaign::run(&Scenario::of(seed), true));
        assert_eq!(first.trace, again.trace);
        assert_eq!((first.hash, first.statistics.events), (again.hash, again.statistics.events));
        assert_eq!(campaign::run(&scenario, false).hash, first.hash, "looking changes nothing");
        assert_ne!(campaign::run(&Scenario::of(seed + 1), false).hash, first.hash);
    }
}

#[test]
fn a_failure_is_told_with_the_fewest_parts_that_bring_it_about() {
    let scenario = Scenario::of(17);
    // An invariant that breaks if order 1 and fault 0 are both there.
    let needed = [Part::Order(1), Part::Fault(0)];
    let mut runs = 0;
    let kept = shrink::smallest(&scenario, |parts| {
        runs += 1;
        needed.iter().all(|part| parts.contains(part))
    });
    assert!(needed.iter().all(|part| scenario.parts().contains(part)), "{:?}", scenario.parts());
    assert_eq!(kept, [Part::Fault(0), Part::Order(1), Part::Steps(1)].into());
    assert!(runs < 200, "{runs}");
}

#[test]
fn parts_are_read_as_they_are_written() {
    let mut parts = Scenario::of(5).parts();
    parts.insert(Part::Steps(3));
    for part in parts {
        assert_eq!(part.to_string().parse(), Ok(part));
    }
    assert!("x9".parse::<Part>().is_err());
}
