//! Shrinking: the fewest parts of a scenario that still break the same invariant. Removes parts by halves, then one by
//! one (Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", 2002), then shortens the playbooks.

use std::collections::BTreeSet;

use crate::campaign;
use crate::scenario::{Part, Scenario};

/// The longest path of shortened playbooks.
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

/// A smallest set of parts for which `fails` is true: it is false without any one of them.
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
