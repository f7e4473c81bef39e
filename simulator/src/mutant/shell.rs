//! Bugs planted into the shipped state machines of executions and shards.

use super::Mutant;

const EXECUTION: &str = "kernel/src/execution.rs";
const SHARD: &str = "kernel/src/shard.rs";
const LOAD: &str = "kernel/src/shard/load.rs";
const COMMITS: &str = "kernel/src/shard/commits.rs";

/// Bugs in executions and shards.
pub const SHELL: &[Mutant] = &[
    Mutant {
        name: "execution-acts-first",
        claim: "acts are performed before their writes are durable",
        file: EXECUTION,
        find: "        self.committing = Some(acts);\n",
        replace: "        self.performing = acts.into_iter();\n        self.committing = Some(Vec::new());\n",
    },
    Mutant {
        name: "execution-two-commits",
        claim: "a second commit is sent before the first is durable",
        file: EXECUTION,
        find: "            if self.committing.is_some() || self.at_rest {\n",
        replace: "            if self.committing.is_some() && self.draining || self.at_rest {\n",
    },
    Mutant {
        name: "execution-unsent-is-unknown",
        claim: "a call that was withdrawn before it was sent counts as made when the execution is stopped",
        file: EXECUTION,
        find: "unsent.into_iter().chain(not_acted).for_each(|task| self.machine.unsent(task));",
        replace: "not_acted.into_iter().for_each(|task| self.machine.unsent(task));",
    },
    Mutant {
        name: "load-stale-read",
        claim: "a parked execution is read back before the store has its last write",
        file: LOAD,
        find: "stored.reached(lsn + 1)",
        replace: "stored.reached(lsn.min(1))",
    },
    Mutant {
        name: "load-unsettled",
        claim: "an execution whose actor died is read back before its commits are durable",
        file: LOAD,
        find: "settle: since == Since::Now",
        replace: "settle: false",
    },
    Mutant {
        name: "shard-parks-for-ever",
        claim: "a parked execution is not read back when it is due",
        file: SHARD,
        find: "        self.parked.insert((due, peid));\n",
        replace: "",
    },
    Mutant {
        name: "shard-forgets-alarm",
        claim: "no alarm is set for what is still parked when another was due",
        file: SHARD,
        find: "        self.alarm = None;\n",
        replace: "",
    },
    Mutant {
        name: "commits-forget",
        claim: "what is handed over while a group is on its way is forgotten",
        file: COMMITS,
        find: "        self.waiting.push((updates, need, notify));\n",
        replace: "        if !self.under_way {\n            self.waiting.push((updates, need, notify));\n        }\n",
    },
];
