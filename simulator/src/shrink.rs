//! Shrinking: the fewest parts of a scenario with which the same invariant still does not hold. Takes parts out by
//! halves, then one by one (Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", 2002), then
//! cuts the playbooks.

use std::collections::BTreeSet;

use crate::campaign;
use crate::scenario::{Part, Scenario};

/// The longest path that playbooks are cut to.
const STEPS: u64 = 8;

/// The smallest set of parts found within `runs` runs.
pub fn shrink(scenario: &Scenario, invariant: &'static str, mut runs: usize) -> BTreeSet<Part> {
    smallest(scenario, |parts| {
        if runs == 0 {
            return false;
        }
        runs -= 1;
        let found = campaign::run(&scenario.keep(parts), false).violation;
        found.is_some_and(|violation| violation.invariant == invariant)
    })
}

/// The smallest set of parts of which `fails` says so; none that is smaller by one part does.
pub fn smallest(scenario: &Scenario, mut fails: impl FnMut(&BTreeSet<Part>) -> bool) -> BTreeSet<Part> {
    let mut kept = scenario.parts();
    let mut size = kept.len().div_ceil(2);
    while size > 0 {
        let mut smaller = false;
        let parts: Vec<Part> = kept.iter().copied().collect();
        for taken in parts.chunks(size) {
            let rest: BTreeSet<Part> = kept.iter().copied().filter(|part| !taken.contains(part)).collect();
            if rest.len() < kept.len() && fails(&rest) {
                kept = rest;
                smaller = true;
            }
        }
        if !smaller || size > kept.len() {
            size /= 2;
        }
    }
    let cut = (1..STEPS).map(|steps| {
        let mut cut = kept.clone();
        cut.insert(Part::Steps(steps));
        cut
    });
    cut.into_iter().find(|cut| fails(cut)).unwrap_or_else(|| kept.clone())
}
