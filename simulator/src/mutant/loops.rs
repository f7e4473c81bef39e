//! Bugs in loops and joins: rounds, items, and branches that no longer count.

use super::Mutant;

const STEP: &str = "kernel/src/machine/step.rs";
const CANCEL: &str = "kernel/src/machine/cancel.rs";
const REPEAT: &str = "kernel/src/machine/step/repeat.rs";
const FOR_EACH: &str = "kernel/src/machine/step/for_each.rs";
const FORGET: &str = "kernel/src/machine/forget.rs";

/// The table.
pub const LOOPS: &[Mutant] = &[
    Mutant {
        name: "loser-is-not-waited-for",
        claim: "a call that may act at most once is told as cancelled although it acted",
        file: CANCEL,
        find: "action.is_some_and(|action| action.at_most_once)",
        replace: "action.is_some_and(|action| action.at_most_once && false)",
    },
    Mutant {
        name: "loser-goes-on",
        claim: "a branch that no longer counts begins its next step after a resume",
        file: STEP,
        find: "self.scopes.get(scope).filter(|scope| scope.cancelled)",
        replace: "self.scopes.get(scope).filter(|scope| scope.cancelled && false)",
    },
    Mutant {
        name: "pause-begins-anew",
        claim: "the pause between two rounds begins again after a crash",
        file: REPEAT,
        find: "rounds.due = Some(recorded.unwrap_or(due));",
        replace: "rounds.due = Some(due);",
    },
    Mutant {
        name: "verify-not-awaited",
        claim: "an action counts as done after the first look, whatever that shows",
        file: REPEAT,
        find: "                self.holds(after, (scope, task), locals)?\n",
        replace: "                self.holds(after, (scope, task), locals)? || locals.is_some()\n",
    },
    Mutant {
        name: "verify-after-a-failure",
        claim: "an action counts as done where no look has shown it",
        file: REPEAT,
        find: "repeat.at_most {\n            return self.end_rounds(task, Err(too_many_rounds(repeat)), repeat, now, effects, work);\n        }\n        match repeat.pause",
        replace: "repeat.at_most {\n            return self.end_rounds(task, Ok(()), repeat, now, effects, work);\n        }\n        match repeat.pause",
    },
    Mutant {
        name: "rounds-forget-what-they-set",
        claim: "a variable that a loop has set is as it was before the loop after a resume",
        file: REPEAT,
        find: "Progress { rounds: rounds.next, set, ended_path }",
        replace: "Progress { rounds: rounds.next, set: set.filter(|_| false), ended_path }",
    },
    Mutant {
        name: "items-not-walked",
        claim: "an item that was recorded is not resumed where the bounds are reached",
        file: FOR_EACH,
        find: "        if begun.is_none() && !items.may_begin(at_once) {",
        replace: "        if !items.may_begin(at_once) {",
    },
    Mutant {
        name: "item-leaves-too-soon",
        claim: "a task leaves memory before the write of its end is handed out",
        file: FORGET,
        find: "        if !self.leaving[at..].iter().any(is_written) {",
        replace: "        if self.leaving[at..].iter().any(is_written) {",
    },
];
