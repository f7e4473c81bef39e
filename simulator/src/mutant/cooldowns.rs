//! Bugs of the wait for a tool that is left alone.

use super::Mutant;

const COOLDOWN: &str = "kernel/src/machine/cooldown.rs";

/// The table.
pub const COOLDOWNS: &[Mutant] = &[
    Mutant {
        name: "cooldown-begins-anew",
        claim: "a step waits for a tool that does not work as long as that does not, since each wait begins anew",
        file: COOLDOWN,
        find: "let since = earlier.map_or(now, |wait| wait.since);",
        replace: "let since = earlier.map_or(now, |_| now);",
    },
    Mutant {
        name: "cooldown-counts-as-an-attempt",
        claim: "a call that was postponed counts as an attempt",
        file: COOLDOWN,
        find: "        self.write_unmade(task, failure, wait, now, effects);\n        self.wait(task, due, effects);",
        replace: "        self.write_retry(task, failure, due, now, effects);\n        self.wait(task, due, effects);",
    },
];
