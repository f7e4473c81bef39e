//! Bugs in what runs in any case: `finally` and `on_cancel`.

use super::Mutant;

const CANCEL: &str = "kernel/src/machine/cancel.rs";
const END: &str = "kernel/src/machine/end.rs";
const FINALLY: &str = "kernel/src/machine/step/finally.rs";
const RECORDED: &str = "kernel/src/machine/recorded.rs";

/// The table.
pub const CLEANUP: &[Mutant] = &[
    Mutant {
        name: "finally-skipped-by-cancel",
        claim: "what runs in any case does not run where the execution is stopped",
        file: END,
        find: "        if !cleans_up && !self.plan.takes_back() {\n",
        replace: "        if true {\n",
    },
    Mutant {
        name: "ending-forgotten",
        claim: "an execution that was cancelled goes on after a crash, as its end was not recorded",
        file: END,
        find: "        self.write_ending(ExecutionEnding { status, error, stopped: true, since: now }, now, effects);\n",
        replace: "",
    },
    Mutant {
        name: "cleanup-cancelled-again",
        claim: "a second cancel stops what cleans up",
        file: FINALLY,
        find: "            inner.shielded = true;\n",
        replace: "            inner.shielded = false;\n",
    },
    Mutant {
        name: "cleanup-begins-anew",
        claim: "the time of a cleanup begins again after a crash",
        file: FINALLY,
        find: "        let until = recorded.as_ref().and_then(|wait| wait.until).unwrap_or(now.after(cleanup.timeout));\n",
        replace: "        let until = now.after(cleanup.timeout);\n",
    },
    Mutant {
        name: "on-cancel-skipped",
        claim: "what follows the cancel of a step does not run",
        file: CANCEL,
        find: "        if !is_unknown && self.clean_up_cancelled(task, now, effects) {\n",
        replace: "        if is_unknown && self.clean_up_cancelled(task, now, effects) {\n",
    },
    Mutant {
        name: "cleanup-dropped-by-resume",
        claim: "what is recorded of a cleanup is passed over, and begins again",
        file: RECORDED,
        find: "        let places: Vec<_> = inside.filter(|(path, _)| !is_kept(path)).cloned().collect();\n",
        replace: "        let places: Vec<_> = inside.filter(|(path, _)| !is_kept(path) || true).cloned().collect();\n",
    },
];
