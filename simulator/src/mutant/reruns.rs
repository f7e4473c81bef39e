//! Bugs in reruns: what is taken over, what runs again, and what is told of it.

use super::Mutant;

const RESULTS: &str = "kernel/src/rerun.rs";
const NOTE: &str = "kernel/src/rerun/note.rs";
const MACHINE: &str = "kernel/src/machine/rerun.rs";

/// The table.
pub const RERUNS: &[Mutant] = &[
    Mutant {
        name: "rerun-keeps-undone",
        claim: "a step that was undone counts as done",
        file: RESULTS,
        find: "            None => !self.standings.contains_key(id),\n",
        replace: "            None => self.from.is_none() || !self.standings.contains_key(id),\n",
    },
    Mutant {
        name: "rerun-keeps-for-another-input",
        claim: "the result of a call that was told of the first input is kept for another one",
        file: "kernel/src/plan/reads.rs",
        find: "self.whole_input || self.input.iter().any(|name| is_changed(name))",
        replace: "self.whole_input && self.input.iter().any(|name| is_changed(name))",
    },
    Mutant {
        name: "rerun-does-again",
        claim: "what came first and stands is done again",
        file: MACHINE,
        find: "            for (step, task) in &results {\n",
        replace: "            for (step, task) in results.iter().skip(1) {\n",
    },
    Mutant {
        name: "rerun-undoes-the-first",
        claim: "the new execution undoes what the first has done",
        file: RESULTS,
        find: "        (taken.state.undo, taken.state.registration_due) = (None, None);\n",
        replace: "",
    },
    Mutant {
        name: "rerun-keeps-the-loop-around",
        claim: "a loop counts as done, and a step in it is to run again",
        file: RESULTS,
        find: "                && !again.contains(&(head.scope.as_str(), head.step_id.as_str()))\n",
        replace: "",
    },
    Mutant {
        name: "rerun-forgets-controls",
        claim: "the note of a rerun replaces what people had asked of the execution before",
        file: NOTE,
        find: "    let controls: ControlHistory = history.unwrap_or_default().with(record);\n",
        replace: "    let controls = history.map(|_| ControlHistory::default()).unwrap_or_default().with(record);\n",
    },
];
