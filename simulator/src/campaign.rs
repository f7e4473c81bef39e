//! A campaign: seeds run one after the other; a panic of the code under test counts as a finding. Owns how a finding is
//! reported and replayed; keeps no time.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use updraft_kernel::invariant::Violation;

use crate::scenario::{Part, Scenario};
use crate::shrink;
use crate::statistics::Statistics;
use crate::world::{self, RunReport};

/// The most runs of a shrinking.
pub const SHRINKING: usize = 600;

/// A seed that found something.
#[derive(Debug)]
pub struct SeedFinding {
    /// The seed.
    pub seed: u64,
    /// The violation.
    pub violation: Violation,
    /// The smallest set of its parts with which the violation remains.
    pub parts: BTreeSet<Part>,
    /// The number of its parts.
    pub of: usize,
}

impl SeedFinding {
    /// The arguments of `simulate` that replay it.
    pub fn replay(&self) -> String {
        let parts: Vec<String> = self.parts.iter().map(ToString::to_string).collect();
        format!("--seed {} --keep {} --trace", self.seed, parts.join(","))
    }
}

/// Runs one scenario; a panic is a violation.
pub fn run(scenario: &Scenario, tracing: bool) -> RunReport {
    match catch_unwind(AssertUnwindSafe(|| world::run(scenario, tracing))) {
        Ok(report) => report,
        Err(panic) => {
            let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
            let text = text.or(panic.downcast_ref::<String>().cloned()).unwrap_or_default();
            let violation = Some(Violation { invariant: "nothing panics", what: text });
            RunReport { violation, hash: 0, statistics: Statistics::of_one(), trace: Vec::new() }
        }
    }
}

/// Runs a seed, and shrinks its finding.
///
/// # Errors
/// The finding.
pub fn seed(seed: u64, statistics: &mut Statistics) -> Result<u64, Box<SeedFinding>> {
    let scenario = Scenario::of(seed);
    let report = run(&scenario, false);
    statistics.add(&report.statistics);
    match report.violation {
        None => Ok(report.hash),
        Some(violation) => {
            let parts = shrink::shrink(&scenario, violation.invariant, SHRINKING);
            Err(Box::new(SeedFinding { seed, violation, of: scenario.parts().len(), parts }))
        }
    }
}
