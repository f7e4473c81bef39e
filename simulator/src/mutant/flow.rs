//! Bugs of what waits for places and for targets: quotas, the queue, pauses of tenants, locks.

use super::Mutant;

const PERMITS: &str = "kernel/src/shared/permits.rs";
const BACKLOG: &str = "kernel/src/backlog.rs";
const WINDOW: &str = "kernel/src/backlog/window.rs";
const HOLDERS: &str = "kernel/src/shared/lock_holders.rs";
const LOCK: &str = "simulator/src/execution/lock.rs";
const START: &str = "simulator/src/node/start.rs";

/// The table.
pub const FLOW: &[Mutant] = &[
    Mutant {
        name: "quota-off-by-one",
        claim: "a tenant has one execution in flight more than its share",
        file: PERMITS,
        find: "        if held >= counts.shares",
        replace: "        if held > counts.shares",
    },
    Mutant {
        name: "queued-lost-at-restart",
        claim: "what a start finds queued is counted, and never read",
        file: BACKLOG,
        find: "or_default().queued += queued;\n        self.look(tenant);\n",
        replace: "or_default().queued += queued;\n",
    },
    Mutant {
        name: "queued-not-found",
        claim: "a start does not look for what is queued",
        file: START,
        find: "        self.find_queued(cx);\n",
        replace: "",
    },
    Mutant {
        name: "paused-begins",
        claim: "what is queued of a paused tenant begins",
        file: WINDOW,
        find: "            && !self.paused.contains(tenant)\n",
        replace: "",
    },
    Mutant {
        name: "locks-outlive-their-execution",
        claim: "an execution that has ended, or was cancelled, keeps the locks that it has",
        file: HOLDERS,
        find: "self.release_where(peid, peid, |_| true);",
        replace: "self.release_where(peid, peid, |_| false);",
    },
    Mutant {
        name: "lock-let-go-under-a-call",
        claim: "a target is given to the next one before the call that is cancelled there is dropped",
        file: LOCK,
        find: "                && !self.has_attempt(task.task_id)\n",
        replace: "",
    },
];
